"""Applying a recipe: what changes is staged hidden, chunk by chunk, and written in one transaction. Or nothing is."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import false

from app.core.changes import chunks_of
from app.core.cleaning import Cleaner
from app.core.filters import Filters
from app.core.stored import StoredEntry, as_entry
from app.core.text import plural
from app.models import ChangeSet, Entry, db
from app.services import datasets, entries, history
from app.services.cleaning.options import CleaningOptions, without_secrets
from app.services.cleaning.outcomes import EMPTIED, KEPT, CleaningOutcome, EntryCleaner
from app.services.cleaning.previews import CleaningPreview
from app.services.cleaning.scanning import CleaningScan, can_change
from app.services.history import ACTOR, Applied
from app.services.jobs import Watch
from app.services.work import Work, work

KIND = "clean"
SIZE = 1000
REPORTED = 100
EDITED = "It was edited since the preview."
# Above this share of all pairs it is quicker to read all than to read the ones that change.
MOST = 0.25


@dataclass(frozen=True, slots=True)
class CleaningOrder:
    """What to apply: a wish, without the pairs that were left out, as a preview saw it where there was one."""

    dataset_id: int
    wish: CleaningOptions
    leave: frozenset[int] = frozenset()
    preview: CleaningPreview | None = None


@dataclass(slots=True)
class CleaningResult:
    """What a run did."""

    applied: Applied
    matched: int = 0
    emptied: int = 0
    left_out: int = 0
    kept: list[tuple[int, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """The result as programs see it."""
        step = self.applied.step
        return {
            "matched": self.matched,
            "emptied": self.emptied,
            "left_out": self.left_out,
            **history.applied_dict(self.applied),
            "changed": step.changed if step else 0,
            "created": step.created if step else 0,
            "kept": [{"entry": entry_id, "reason": reason} for entry_id, reason in self.kept],
        }


def run_cleaning(order: CleaningOrder, watch: Watch | None = None, *, actor: str = ACTOR) -> CleaningResult:
    """Apply in many small transactions and publish in one. Raises what stopped it; nothing is changed then."""
    cleaner = order.wish.compiled()
    with work(KIND, order.dataset_id, watch, actor=actor) as w:
        done = _collect(order, cleaner, w)
        with w.publishing() as publication:
            earlier = done.applied
            done.applied = w.publish(order.wish.summary)
            for one in earlier.skipped:
                done.applied.skip(one.entry_id, one.reason)
            done.applied.skipped_count += earlier.skipped_count - len(earlier.skipped)
            if done.applied.step is not None:
                publication.session.get_one(ChangeSet, done.applied.step.id).details = _details(order, done)
            publication.result.update(done.as_dict(), dataset_id=order.dataset_id, summary=_sentence(done))
    return done


def _collect(order: CleaningOrder, cleaner: Cleaner, w: Work) -> CleaningResult:
    """Keep what changes, and count it."""
    done = CleaningResult(Applied())
    washer = EntryCleaner(cleaner)
    seen = 0
    for rows in _rows(order, washer, done.applied):
        part = [one for one in washer.outcomes(rows) if _is_wanted(one, order, done)]
        seen += len(rows)
        if part:
            changes = [
                (one.entry.id, name, before, after) for one in part for name, (before, after) in one.fields.items()
            ]
            w.change(changes, sum(1 for one in part if one.fields))
            # A pair that was split off needs what the pair it comes from needed.
            w.create(
                history.new_row(record, status=one.entry.status, split=one.entry.split)
                for one in part
                for record in one.created
            )
        w.report(seen, None, "pairs looked at")
    return done


def _is_wanted(outcome: CleaningOutcome, order: CleaningOrder, done: CleaningResult) -> bool:
    if outcome.flags & KEPT:
        if len(done.kept) < REPORTED:
            done.kept.append((outcome.entry.id, outcome.kept))
        return False
    done.matched += 1
    if outcome.entry.id in order.leave:
        done.left_out += 1
        return False
    done.emptied += bool(outcome.flags & EMPTIED)
    return True


def _rows(order: CleaningOrder, washer: EntryCleaner, result: Applied) -> Iterator[list[StoredEntry]]:
    """The rows to look at: those that the preview found and that are as it saw them, or all that can change."""
    if order.preview is None:
        where = can_change(order.wish.compiled())
        return entries.stream_rows(order.dataset_id, order.wish.filters, washer.fewest, size=SIZE, where=where)
    ids = order.preview.scan.ids
    few = len(ids) < datasets.get(order.dataset_id).entry_count * MOST
    found = (_few if few else _many)(order.dataset_id, ids, washer)
    return _as_previewed(found, order.preview.scan, result)


def _few(dataset_id: int, ids: Sequence[int], washer: EntryCleaner) -> Iterator[list[StoredEntry]]:
    for part in chunks_of(ids, 500):
        query = entries.select_entries(dataset_id, Filters(ids=tuple(part)), washer.fewest).order_by(Entry.id)
        yield list(map(as_entry, db.session.execute(query)))


def _many(dataset_id: int, ids: Sequence[int], washer: EntryCleaner) -> Iterator[list[StoredEntry]]:
    where = [Entry.id >= ids[0], Entry.id <= ids[-1]] if ids else [false()]
    return entries.stream_rows(dataset_id, Filters(), washer.fewest, size=SIZE, where=where)


def _as_previewed(
    found: Iterator[list[StoredEntry]], seen: CleaningScan, result: Applied
) -> Iterator[list[StoredEntry]]:
    """The previewed rows among those found, both in id order. What was edited or deleted since is listed."""
    place = 0
    for rows in found:
        same = []
        for row in rows:
            place = _gone_before(row.id, seen, place, result)
            if place == len(seen.ids):
                break
            if seen.ids[place] != row.id:
                continue
            if seen.versions[place] == row.version:
                same.append(row)
            elif not seen.flags[place] & KEPT:
                result.skip(row.id, EDITED)
            place += 1
        yield same
    _gone_before(None, seen, place, result)


def _gone_before(entry_id: int | None, seen: CleaningScan, place: int, result: Applied) -> int:
    """List the previewed pairs before this one that were not found again; the place after them."""
    while place < len(seen.ids) and (entry_id is None or seen.ids[place] < entry_id):
        if not seen.flags[place] & KEPT:
            result.skip(seen.ids[place], "The pair was deleted.")
        place += 1
    return place


def _details(order: CleaningOrder, done: CleaningResult) -> str:
    """What the history keeps of a run: the recipe, to be used again, and what was left alone."""
    steps = [without_secrets(step).as_dict() for step in order.wish.steps]
    facts = {
        "recipe": {"name": order.wish.name, "steps": steps},
        "left_out": done.left_out,
        "skipped_count": done.applied.skipped_count,
        "skipped": [(one.entry_id, one.reason) for one in done.applied.skipped],
        "kept": done.kept,
    }
    return json.dumps(facts, ensure_ascii=False)


def _sentence(done: CleaningResult) -> str:
    step = done.applied.step
    if step is None:
        return "Nothing changed."
    skipped = f" {plural(done.applied.skipped_count, 'pair')} left alone." if done.applied.skipped_count else ""
    return f"{plural(step.changed, 'pair')} changed.{skipped}"

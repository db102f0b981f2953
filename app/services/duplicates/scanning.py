"""The scan: read, search, group, store hidden, publish. Or nothing is kept."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.core import duplicates
from app.core.changes import chunks_of
from app.core.duplicates import Family, Found, Group, Options, Pairs
from app.core.errors import LttError
from app.core.text import clip, plural
from app.models import DuplicateScan, Turns, end_reading, is_writing, transaction
from app.services import history
from app.services.duplicates import corpus, dismissed, since, storing
from app.services.duplicates.corpus import Corpus
from app.services.duplicates.storing import NewGroup, new_group
from app.services.duplicates.wishes import Wish, require_model
from app.services.jobs import Publication, Unwatched, Watch

# Shares of the work, for the progress bar.
READ, SEARCHED, GROUPED = 5, 75, 80
LONGEST_TITLE = 160


@dataclass(frozen=True, slots=True)
class Result:
    """What a search found, as groups of positions by list. ``refused`` are those that were dismissed earlier."""

    groups: dict[str, Sequence[Group | Family]]
    refused: dict[str, Sequence[Group | Family]]
    pairs: Pairs


def scan(dataset_id: int, wish: Wish, watch: Watch | None = None, job_id: int | None = None) -> DuplicateScan:
    """Search a dataset for duplicates. Raises what stopped it; nothing is kept then."""
    watch = watch or Unwatched()
    wish.check(dataset_id)
    history.rehash(dataset_id)
    began = time.monotonic()
    scan_id = _begin(dataset_id, wish, job_id)
    try:
        found, result, read = _search(dataset_id, wish, scan_id, watch)
        watch.progress(SEARCHED, 100, "groups being kept")
        _store(scan_id, result, read, watch)
        with watch.publish() as publication:
            return _publish(scan_id, found, result, read, time.monotonic() - began, publication)
    except (LttError, OSError):
        storing.discard(scan_id)
        raise


def _begin(dataset_id: int, wish: Wish, job_id: int | None) -> int:
    with transaction() as session:
        # Read before the pairs are: what is changed meanwhile counts as changed since.
        last, hidden = since.mark(dataset_id)
        row = DuplicateScan(dataset_id=dataset_id, side=wish.side, kind=wish.kind, scope=wish.scope, job_id=job_id)
        row.last_set = row.index_set = last
        row.hidden = hidden
        session.add(row)
        session.flush()
        return row.id


@dataclass(slots=True)
class _Read:
    """What is left of the corpus once it was searched."""

    corpus: Corpus
    titles: list[str]


def _search(dataset_id: int, wish: Wish, scan_id: int, watch: Watch) -> tuple[Found, Result, _Read]:
    read = corpus.read(dataset_id, wish, lambda done: watch.progress(1, 100, f"{plural(done, 'text')} read"))
    texts = read.texts

    def progress(share: float, message: str = "") -> None:
        watch.progress(READ + int(share * (SEARCHED - READ)), 100, message)

    answers = read.answers if wish.side == "question" else None
    options = Options(side=wish.side, index=wish.kind == "own")
    meaning = duplicates.semantic.meaning(require_model()) if wish.semantic else None
    found = duplicates.search(texts, answers=answers, options=options, meaning=meaning, progress=progress)
    if wish.kind == "own" and found.index is not None:
        found.index.save(storing.folder(scan_id), read.own.ids)
    watch.check_cancelled()
    refused = dismissed.known(dataset_id)
    end_reading()
    result = grouped(found, read.hashes(), read.sides(), refused, by_meaning=wish.semantic)
    return found, result, _Read(read, texts)


def grouped(found: Found, hashes: Any, sides: Any, refused: dismissed.Known, *, by_meaning: bool) -> Result:
    """The groups of what was found, and those of pairs that were said to be no duplicates."""
    wanted, unwanted = dismissed.split(found.pairs, hashes, refused)
    families = found.families if sides is None else ()
    kept = _by_list(wanted, sides, families, by_meaning)
    result = Result(kept, _by_list(unwanted, sides, (), by_meaning), found.pairs)
    result.groups["families"] = families
    return result


def _by_list(
    pairs: Pairs, sides: Any, families: Sequence[Family], by_meaning: bool
) -> dict[str, Sequence[Group | Family]]:
    return {
        what: duplicates.groups(pairs, what, sides=sides, families=families, by_meaning=by_meaning)
        for what in duplicates.WHAT
        if len(pairs)
    }


def _store(scan_id: int, result: Result, read: _Read, watch: Watch) -> None:
    joined = is_writing()
    total = sum(len(found) for one in (result.groups, result.refused) for found in one.values()) or 1
    done = 0
    with Turns() as turns:
        for part in chunks_of(new_groups(result, read.corpus, read.titles), storing.CHUNK):
            session = turns.begin()
            storing.require_staging(session, scan_id)
            storing.add_groups(session, scan_id, part)
            done += len(part)
            if not joined and turns.is_over:
                turns.pause()
            watch.progress(GROUPED + 10 * done // total, 100, f"{plural(done, 'group')} kept")
        for rows in chunks_of(pair_rows(result, read.corpus), storing.CHUNK * 4):
            storing.add_pairs(turns.begin(), scan_id, rows)
            if not joined and turns.is_over:
                turns.pause()
            watch.progress(95, 100, "pairs kept")


def new_groups(result: Result, read: Corpus, texts: Sequence[str]) -> Iterator[NewGroup]:
    """The groups as they are kept."""
    for found, state in ((result.groups, "open"), (result.refused, "dismissed")):
        for what, groups in found.items():
            for group in groups:
                members = [_member(read, position) for position in group.members]
                title = clip(texts[group.members[0]], LONGEST_TITLE)
                yield new_group(what, group, members, title=title, state=state)


def _member(read: Corpus, position: int) -> tuple[int | None, str | None]:
    other = read.other(position)
    return (None, other) if other else (read.node(position), None)


def pair_rows(result: Result, read: Corpus) -> Iterator[tuple[object, ...]]:
    """The pairs that lie in groups, as they are kept, in the order of the table."""
    import numpy as np

    pairs = result.pairs
    if not len(pairs):
        return
    grouped = np.zeros(int(pairs.right.max()) + 1, bool)
    for found in (result.groups, result.refused):
        for what, groups in found.items():
            if what != "families":
                for group in groups:
                    grouped[np.asarray(group.members, np.int64)] = True
    kept = np.flatnonzero(grouped[pairs.left] & grouped[pairs.right])
    kept = kept[np.lexsort((pairs.right[kept], pairs.left[kept]))]
    for places in np.array_split(kept, max(1, len(kept) // 50_000)):
        part = dismissed.take(pairs, places)
        columns = (part.level, part.score, part.differs, part.answer_level, part.answer_differs)
        ends = ([read.node(one) for one in side.tolist()] for side in (part.left, part.right))
        yield from zip(*ends, *(column.tolist() for column in columns), strict=True)


def _publish(
    scan_id: int, found: Found, result: Result, read: _Read, seconds: float, publication: Publication
) -> DuplicateScan:
    session = publication.session
    row = storing.require_staging(session, scan_id)
    row.entry_count, row.compared, row.seconds = len(read.corpus.own.ids), found.compared, round(seconds, 2)
    levels = {what: duplicates.counts(groups) for what, groups in result.groups.items() if what != "families"}  # type: ignore[arg-type]
    row.counts = storing.counts_dict({**levels, "families": {duplicates.FLOOR: len(found.families)}})
    if bad := getattr(read.corpus.rest, "bad", 0):
        row.scope = {**row.scope, "left_out": bad}
    storing.replace_current(session, row)
    session.flush()
    publication.result.update(result_of(row))
    return row


def result_of(row: DuplicateScan) -> dict[str, object]:
    """The result of a scan as programs see it."""
    default = str(duplicates.DEFAULT_LEVEL)
    totals = {what: levels.get(default, 0) for what, levels in row.counts.items() if what != "families"}
    totals["families"] = next(iter(row.counts.get("families", {}).values()), 0)
    copies = plural(totals.get("copies", 0), "group") + " of copies"
    return {
        "scan": row.id,
        "dataset_id": row.dataset_id,
        "side": row.side,
        "with": {"kind": row.kind, **row.scope},
        "entries": row.entry_count,
        "compared": row.compared,
        "seconds": row.seconds,
        "level": duplicates.DEFAULT_LEVEL,
        "groups": totals,
        "summary": f"{copies} and {plural(totals.get('conflicts', 0), 'conflict')} among {row.entry_count:,} pairs.",
    }

"""Settling all safe groups at once: only copies that are the same but for case, spaces and punctuation.

What counts is what the pairs hold now, not what the scan saw: of each group those are put together whose question and
answer have one normal form and whose system prompt, earlier messages, trace and worse answer are the same. One of
them is kept by a rule. Nothing that differs in anything else is ever removed here.
"""

from dataclasses import dataclass

from app.core.errors import Conflict, LttError
from app.core.text import plural
from app.models import DuplicateScan, Turns, is_writing, transaction
from app.services import datasets, history, staged
from app.services.duplicates import choosing, judging, settling
from app.services.duplicates.wishes import KIND
from app.services.history import ACTOR, Applied, Moment, StagedRow
from app.services.jobs import Publication, Unwatched, Watch

SIZE = 2_000
LONGEST_SECONDS = 1.0
CHANGED = "Pairs were changed while this ran. Nothing was removed. Try again."


@dataclass(frozen=True, slots=True)
class Preview:
    """What settling would do: in how many groups, how many pairs go, and how many members stay beside the kept."""

    groups: int = 0
    pairs: int = 0
    stay: int = 0

    @property
    def sentence(self) -> str:
        """``208 groups, 231 pairs go``."""
        return f"{plural(self.groups, 'group')}, {plural(self.pairs, 'pair')} {'goes' if self.pairs == 1 else 'go'}"


@dataclass(slots=True)
class Settled:
    """What settling did."""

    applied: Applied
    groups: int = 0
    removed: int = 0

    def as_dict(self) -> dict[str, object]:
        """The result as programs see it."""
        return {**history.applied_dict(self.applied), "groups": self.groups, "removed": self.removed}


def settle_preview(dataset_id: int, scan: DuplicateScan, level: int, rule: str) -> Preview:
    """Count exactly what ``settle_all`` would do now."""
    groups = pairs = stay = 0
    for verdict in judging.verdicts(scan, level, rule):
        if verdict.going:
            groups, pairs, stay = groups + 1, pairs + len(verdict.going), stay + verdict.stay
    return Preview(groups, pairs, stay)


def settle_all(
    dataset_id: int,
    scan: DuplicateScan,
    level: int,
    rule: str,
    watch: Watch | None = None,
    *,
    job_id: int | None = None,
    actor: str = ACTOR,
) -> Settled:
    """Keep one pair of each safe group by a rule and delete the others, in one step. Raises what stopped it.

    At level 102 only copies letter by letter are settled, at any other all that have one normal form.
    """
    watch = watch or Unwatched()
    choosing.rank(rule)
    seen = history.moment(datasets.get(dataset_id))
    set_id = staged.stage(dataset_id, kind=KIND, job_id=job_id, actor=actor)
    try:
        with Turns(LONGEST_SECONDS) as turns:
            done = _collect(scan, level, rule, set_id, turns, watch)
        with watch.publish() as publication:
            _publish(dataset_id, set_id, seen, done, publication)
        return done
    except (LttError, OSError):
        history.discard(set_id)
        raise


def settle_at_once(dataset_id: int, scan: DuplicateScan, level: int, rule: str, *, actor: str = ACTOR) -> Settled:
    """Settle in one transaction: for few pairs. While it runs nobody else can write."""
    with transaction():
        return settle_all(dataset_id, scan, level, rule, actor=actor)


def _collect(scan: DuplicateScan, level: int, rule: str, set_id: int, turns: Turns, watch: Watch) -> Settled:
    """Keep under the staged set what goes."""
    done, joined = Settled(Applied()), is_writing()
    rows: list[StagedRow] = []
    for verdict in judging.verdicts(scan, level, rule):
        done.groups += bool(verdict.going)
        done.removed += len(verdict.going)
        rows += verdict.taken
        rows += ((entry_id, "live", "1", "0") for entry_id in verdict.going)
        if len(rows) >= SIZE:
            staged.keep(turns.begin(), set_id, rows, len({row[0] for row in rows}))
            rows = []
        if not joined and (turns.is_over or not is_writing()):
            watch.progress(done.removed, None, "duplicates found")
            turns.pause()
    if rows:
        staged.keep(turns.begin(), set_id, rows, len({row[0] for row in rows}))
    return done


def _publish(dataset_id: int, set_id: int, seen: Moment, done: Settled, publication: Publication) -> None:
    # A pair whose text was edited after it was judged must not go: its deletion alone would not show that.
    if datasets.get(dataset_id).revision != seen.revision:
        raise Conflict(CHANGED, code="changed_meanwhile")
    sentence = f"Settle {plural(done.groups, 'group')} of copies, remove {plural(done.removed, 'pair')}"
    done.applied = history.publish_changes(set_id, summary=sentence, seen=seen)
    if done.applied.step is not None:
        settling.mark_settled(dataset_id, done.applied.step.id)
    summary = sentence + "." if done.applied.step else "There was nothing to settle."
    publication.result.update(done.as_dict(), dataset_id=dataset_id, summary=summary)


def sweep() -> int:
    """Discard what killed runs left staged. Returns the number of rows removed."""
    return staged.sweep(KIND)

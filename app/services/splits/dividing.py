"""Dividing a dataset, and moving together what leaks: seen before, then written as one step of the history."""

import json
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.core.errors import Conflict, Invalid
from app.core.options import encode
from app.core.record import SPLITS
from app.core.splits import (
    WHY,
    Assignment,
    Leaks,
    SplitOptions,
    SplitRows,
    assign_splits,
    costs_much,
    count_sides,
    find_leaks,
    leaks_of,
    move_together,
    name_empty,
    named_counts,
)
from app.core.splits.rows import Sides
from app.core.text import plural
from app.models import ChangeSet
from app.services import duplicates, history
from app.services.history import ACTOR
from app.services.jobs import Watch
from app.services.splits.reading import KIND, last_options, last_split, read_rows, recall_rows
from app.services.work import Work, work

MOVE_KIND = "move"
LISTED = 1000
SIZE = 5000
NO_SEARCH = "No search for duplicates was made yet, so it is not known what is alike. Search first."


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """What a division would do, and what would leak then."""

    rows: SplitRows
    assignment: Assignment
    leaks: Leaks
    keep: bool

    def side_of(self, entry_id: int) -> str:
        """The split that a pair would be in."""
        return SPLITS[int(self.assignment.after[bisect_left(self.rows.names, entry_id)]) - 1]


@dataclass(frozen=True, slots=True)
class SplitRun:
    """Which dataset to divide, and how."""

    dataset_id: int
    options: SplitOptions = field(default_factory=SplitOptions)

    def check(self) -> None:
        """Raise Conflict where duplicates are to be kept together and nobody looked for any."""
        if "duplicates" in self.options.group_by and duplicates.latest_scan(self.dataset_id) is None:
            raise Conflict(NO_SEARCH, code="no_scan")


@dataclass(frozen=True, slots=True)
class MoveRun:
    """Which leaks to mend: of these kinds, or of all that are leaks as the dataset was divided last, and with
    ``entries`` only those of these pairs.
    """

    dataset_id: int
    why: tuple[str, ...] = ()
    entries: tuple[int, ...] | None = None

    def check(self) -> None:
        """Raise Invalid for a kind of leak that there is not."""
        if unknown := [one for one in self.why if one not in WHY]:
            raise Invalid(f"There is no leak {unknown[0]!r}. Use one of {', '.join(WHY)}.", code="bad_leak")


def keeps_splits(dataset_id: int, options: SplitOptions) -> bool:
    """Whether pairs keep the split they have: as it is said, else while the rule is that of the last division."""
    if options.lock is not None:
        return options.lock
    last = last_split(dataset_id)
    return last is not None and last[1].rule == options.rule


def plan_split(dataset_id: int, options: SplitOptions) -> SplitPlan:
    """What dividing the dataset so would do. Writes nothing but missing hashes. Raises like ``SplitRun.check``."""
    SplitRun(dataset_id, options).check()
    keep, rows = keeps_splits(dataset_id, options), recall_rows(dataset_id)
    found = assign_splits(rows, options, keep=keep)
    return SplitPlan(rows, found, find_leaks(rows, found.after, leaks_of(options.group_by)), keep)


def present_leaks(dataset_id: int, group_by: Collection[str] | None = None) -> tuple[SplitRows, Leaks]:
    """What leaks between the splits as they are, where this is kept together: else what the last division kept so."""
    rows = recall_rows(dataset_id)
    if group_by is None:
        group_by = last.group_by if (last := last_options(dataset_id)) else ()
    return rows, find_leaks(rows, rows.sides(), leaks_of(group_by))


def plan_move(run: MoveRun) -> tuple[tuple[int, ...], tuple[int, ...], bool]:
    """How many pairs each split has before a move and after it, and whether it costs a split too much to do unasked."""
    run.check()
    rows = recall_rows(run.dataset_id)
    before, after = count_sides(rows.sides()), count_sides(_place_together(rows, run)[0])
    return before, after, costs_much(before, after)


def _place_together(rows: SplitRows, run: MoveRun) -> tuple[Sides, tuple[str, ...]]:
    """The splits after a move, and the kinds that are leaks."""
    options = last_options(run.dataset_id) or SplitOptions()
    why = run.why or leaks_of(options.group_by)
    only = None
    if run.entries is not None:
        places = {name: place for place, name in enumerate(rows.names)}
        only = [places[one] for one in run.entries if one in places]
    after = move_together(rows, rows.sides(), options.shares, why, options.group_by, only)
    return after, leaks_of({*options.group_by, *why})


def run_split(run: SplitRun, watch: Watch, *, actor: str = ACTOR) -> dict[str, object]:
    """Divide a dataset as one step; returns what programs see of it."""
    keep = keeps_splits(run.dataset_id, run.options)
    history.rehash(run.dataset_id)
    with work(KIND, run.dataset_id, watch, actor=actor) as w:
        rows = read_rows(run.dataset_id, lambda done: watch.progress(done, None, "pairs read"))
        found = assign_splits(rows, run.options, keep=keep)
        leaks = find_leaks(rows, found.after, leaks_of(run.options.group_by))
        facts = {**found.as_dict(), **leaks.as_dict(rows, LISTED)}
        said = f"Split {plural(len(rows), 'pair')} {run.options.title}"
        return _publish(run.dataset_id, rows, found.after, said, facts, w, {"options": encode(run.options)})


def run_move(run: MoveRun, watch: Watch, *, actor: str = ACTOR) -> dict[str, object]:
    """Put together what leaks as one step; returns what programs see of it."""
    history.rehash(run.dataset_id)
    with work(MOVE_KIND, run.dataset_id, watch, actor=actor) as w:
        rows = read_rows(run.dataset_id, lambda done: watch.progress(done, None, "pairs read"))
        after, kinds = _place_together(rows, run)
        counts = count_sides(after)
        facts: dict[str, Any] = {**named_counts(counts), "moved": int((after != rows.sides()).sum())}
        facts |= find_leaks(rows, after, kinds).as_dict(rows, LISTED)
        facts["notes"] = [note] if (note := name_empty(counts)) else []
        said = f"Move {plural(facts['moved'], 'pair')} together that leaked between splits"
        return _publish(run.dataset_id, rows, after, said, facts, w, {"why": run.why})


def _publish(
    dataset_id: int,
    rows: SplitRows,
    after: Sides,
    summary: str,
    facts: dict[str, object],
    w: Work,
    details: dict[str, object],
) -> dict[str, object]:
    """Write the splits that change as a step that knows how it was made."""
    names: Sequence[str | None] = (None, *SPLITS)
    before = rows.sides()
    changed = np.flatnonzero(before != after)
    for begin in range(0, len(changed), SIZE):
        part = changed[begin : begin + SIZE]
        sides = zip(part.tolist(), before[part].tolist(), after[part].tolist(), strict=True)
        w.change([(rows.names[place], "split", names[old], names[new]) for place, old, new in sides], len(part))
        w.report(begin + len(part), len(changed), "pairs placed")
    with w.publishing() as publication:
        applied = w.publish(summary)
        if applied.step is not None:
            publication.session.get_one(ChangeSet, applied.step.id).details = json.dumps(details)
        publication.result.update({**facts, **history.applied_dict(applied), "dataset_id": dataset_id})
        if applied.step is None:
            publication.result["summary"] = "Nothing moved."
        return dict(publication.result)

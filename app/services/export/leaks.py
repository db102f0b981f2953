"""The gate of an export by splits: what stands in several of them is told before a file is made of one."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import select

from app.core.errors import Conflict
from app.core.record import SPLITS
from app.core.splits import WHY, find_leaks, leaks_of
from app.core.text import plural
from app.models import Entry, reading
from app.services import entries, splits
from app.services.export.options import ExportOptions, find_origin, goes_out

# So many leaks are named.
NAMED = 20
WAY_OUT = (
    "Move them together on the page Splits or by ltt split --move-together, or allow it: a tick on the export page,"
    " --allow-leaks, or allow_leaks=true"
)


@dataclass(frozen=True, slots=True)
class SplitLeaks:
    """What pairs that go out share with pairs of another split: how often each kind occurs, and the first of them by
    their ids, with both splits and the kind. Without ``searched`` nobody looked for near-duplicates."""

    counts: dict[str, int]
    named: tuple[tuple[int, str, int, str, str], ...]
    searched: bool

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    def tell(self) -> str:
        """How many there are of each kind, and the first of them, in a sentence."""
        kinds = ", ".join(f"{number:,} {WHY[why].lower()}" for why, number in self.counts.items())
        left, its, right, other, _ = self.named[0]
        return (
            f"{plural(self.total, 'leak')} between splits ({kinds}): the test would ask what training has shown, as"
            f" pair {left} ({its}) and pair {right} ({other}) do."
        )

    def as_dict(self) -> dict[str, Any]:
        """The same as programs see it."""
        listed = [{"pairs": [one[0], one[2]], "splits": [one[1], one[3]], "why": one[4]} for one in self.named]
        return {"leak_counts": self.counts, "leaks": listed, "searched": self.searched}


def find_split_leaks(dataset_id: int, options: ExportOptions) -> SplitLeaks | None:
    """What leaks between the splits of an export: of the pairs that it takes, or would take of other splits.

    None where it is of no split, and writes no file for each. In a snapshot the texts are those that it holds; which
    of them are near-duplicates is told by the last search.
    """
    origin = find_origin(dataset_id, options)
    filters = options.filters
    if not (filters.splits or filters.not_splits or origin.is_divided):
        return None
    rows = splits.recall_rows(dataset_id, origin.snapshot)
    last = splits.last_options(dataset_id)
    every = replace(options, filters=replace(filters, splits=(), not_splits=()))
    with reading() as connection:
        query = select(Entry.id).where(goes_out(origin, every, connection)).order_by(Entry.id)
        parts = entries.fetch_chunks(connection, origin.find(query), 10_000)
        ids = np.array([row[0] for part in parts for row in part], np.int64)
    sides = rows.sides().copy()
    sides[~np.isin(np.array(rows.names, np.int64), ids)] = 0
    leaks = find_leaks(rows, sides, leaks_of(last.group_by if last else ()))
    asked = [one for one in SPLITS if one in (filters.splits or SPLITS) and one not in filters.not_splits]
    taken = [SPLITS.index(one) + 1 for one in asked]
    places = zip(leaks.left.tolist(), leaks.right.tolist(), leaks.why, strict=True)
    counts, named = dict.fromkeys(WHY, 0), list[tuple[int, str, int, str, str]]()
    for left, right, why in places:
        if sides[left] in taken or sides[right] in taken:
            counts[why] += 1
            if len(named) < NAMED:
                its, other = SPLITS[sides[left] - 1], SPLITS[sides[right] - 1]
                named.append((rows.names[left], its, rows.names[right], other, why))
    return SplitLeaks({why: number for why, number in counts.items() if number}, tuple(named), rows.searched)


def require_no_leaks(dataset_id: int, options: ExportOptions) -> None:
    """Raise Conflict where something leaks between splits, unless that is allowed."""
    found = None if options.allow_leaks else find_split_leaks(dataset_id, options)
    if found is not None and found.total:
        raise Conflict(f"{found.tell()} {WAY_OUT}.", code="leaks", **found.as_dict())

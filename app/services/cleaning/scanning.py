"""The pass over all pairs that a preview stands on: which change, become empty or duplicates. Texts are not kept."""

import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, func, or_

from app.core.cleaning import Cleaner
from app.core.record import dump_json
from app.core.stored import StoredEntry
from app.core.text import plural
from app.models import Entry, db
from app.services import entries, history
from app.services.cleaning import repeats
from app.services.cleaning.options import CleaningOptions
from app.services.cleaning.outcomes import (
    DELETED,
    DUPLICATE,
    EMPTIED,
    KEPT,
    CleaningOutcome,
    EntryCleaner,
    hashes_after,
)
from app.services.jobs import Unwatched, Watch

# Few rows at a time: texts may have a million characters, and what was read is still at hand.
SIZE = 50
# So few pairs may have more time than others.
FEW = 200


@dataclass(slots=True)
class CleaningScan:
    """What a recipe would do. One place in each array for each pair that is touched, in id order.

    ``complete`` is False where only the first ``seen`` of ``total`` pairs were looked at.
    """

    total: int = 0
    seen: int = 0
    complete: bool = True
    seconds: float = 0.0
    created: int = 0
    ids: "array[int]" = field(default_factory=lambda: array("q"))
    versions: "array[int]" = field(default_factory=lambda: array("q"))
    flags: "array[int]" = field(default_factory=lambda: array("B"))
    sizes: "array[int]" = field(default_factory=lambda: array("q"))
    same: "array[int]" = field(default_factory=lambda: array("q"))

    def count(self, flag: int) -> int:
        """How many touched pairs have a flag."""
        flags = self.flags.tobytes()
        return sum(flags.count(value) for value in range(1, 32) if value & flag)

    @property
    def kept(self) -> int:
        """Pairs that match but stay as they are."""
        return self.count(KEPT)

    @property
    def affected(self) -> int:
        """Pairs that change or go."""
        return len(self.ids) - self.kept

    @property
    def deleted(self) -> int:
        """Pairs that go."""
        return self.count(DELETED)

    @property
    def changed(self) -> int:
        """Pairs whose texts change."""
        return self.affected - self.deleted

    @property
    def emptied(self) -> int:
        """Pairs that lose their answer."""
        return self.count(EMPTIED)

    @property
    def duplicates(self) -> int:
        """Pairs that become exact copies of others."""
        return self.count(DUPLICATE)

    @property
    def sentence(self) -> str:
        """What would happen: ``1,204 of 38,110 pairs change; 3 become empty; 17 become exact duplicates``."""
        return "; ".join(self.parts)

    @property
    def parts(self) -> list[str]:
        """The parts of the sentence."""
        of = f" of {plural(self.seen, 'pair')}"
        parts = []
        if self.changed or not self.deleted:
            parts.append(f"{self.changed:,}{of} {_verb(self.changed, 'changes', 'change')}")
        if self.deleted:
            parts.append(f"{self.deleted:,}{'' if parts else of} {_verb(self.deleted, 'is', 'are')} deleted")
        for number, one, many in (
            (self.emptied, "becomes empty", "become empty"),
            (self.duplicates, "becomes an exact duplicate", "become exact duplicates"),
            (self.created, "pair is split off", "pairs are split off"),
            (self.kept, "stays: its question would be empty", "stay: their questions would be empty"),
        ):
            if number:
                parts.append(f"{number:,} {_verb(number, one, many)}")
        return parts


def _verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many


def scan_dataset(
    dataset_id: int,
    wish: CleaningOptions,
    *,
    watch: Watch | None = None,
    longest_seconds: float | None = None,
    few_seconds: float | None = None,
) -> CleaningScan:
    """Look at every pair of the wish. After ``longest_seconds`` it stops; what is known then holds for the first.

    Where they are few, ``few_seconds`` count instead, if given.
    """
    watch = watch or Unwatched()
    cleaner = wish.compiled()
    history.rehash(dataset_id)
    began = time.monotonic()
    found = CleaningScan(total=entries.count_entries(dataset_id, wish.filters))
    if few_seconds is not None and found.total <= FEW:
        longest_seconds = few_seconds
    after = repeats.Hashes()
    washer = EntryCleaner(cleaner)

    def is_over() -> bool:
        return longest_seconds is not None and time.monotonic() - began > longest_seconds

    def count_in_time(rows: Iterable[StoredEntry]) -> Iterator[StoredEntry]:
        for row in rows:
            found.seen += 1
            yield row
            if is_over():
                return

    for rows in entries.stream_rows(dataset_id, wish.filters, washer.columns, size=SIZE, where=can_change(cleaner)):
        before = found.seen
        _note(found, list(washer.outcomes(count_in_time(rows))), after)
        watch.progress(found.seen, found.total, "pairs looked at")
        were_last = found.seen - before == len(rows) < SIZE
        if is_over() and found.seen < found.total and not were_last:
            found.complete = False
            break
    found.seen = found.seen if not found.complete or not cleaner.needles else found.total
    found.same = repeats.mark_duplicates(dataset_id, found.ids, found.flags, after)
    found.seconds = time.monotonic() - began
    return found


def _note(found: CleaningScan, part: Sequence[CleaningOutcome], after: "repeats.Hashes") -> None:
    """Keep of the outcomes what counts: many at a time, which is quicker than one by one."""
    found.ids.extend([one.entry.id for one in part])
    found.versions.extend([one.entry.version for one in part])
    found.flags.extend([one.flags for one in part])
    found.sizes.extend([one.size for one in part])
    found.created += sum(len(one.created) for one in part)
    after.add([one.entry.content_hash for one in part], hashes_after(part))


def can_change(cleaner: Cleaner) -> list[ColumnElement[bool]]:
    """Which rows can change at all, as a condition of the database; none where that cannot be told."""
    if not cleaner.needles:
        return []
    # The longest is the rarest, mostly.
    needles = sorted(cleaner.needles, key=len, reverse=True)
    return [or_(*(and_(*(_holds(name, one, cleaner.ignore_case) for one in needles)) for name in cleaner.reads))]


def _holds(name: str, needle: str, ignore_case: bool) -> ColumnElement[bool]:
    column = getattr(Entry, name)
    if name in ("turns", "trace"):
        # Inside JSON some characters stand as escapes.
        needle = (dump_json([needle]) or "")[2:-2]
    if ignore_case:
        return column.ilike(f"%{entries.escape_like(needle)}%", escape="\\")  # type: ignore[no-any-return]
    if db.engine.dialect.name == "sqlite":
        return func.instr(column, needle) > 0
    return func.strpos(column, needle) > 0

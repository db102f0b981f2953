"""Two snapshots, or one and the dataset as it is now: which pairs came, went and changed, whatever their ids."""

import threading
from array import array
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, or_, select

from app.core.changes import FIELDS, chunks_of
from app.core.digests import PairHasher
from app.core.filters import EVERY, Filters
from app.core.options import decode
from app.core.stored import COLUMNS, PLACES, StoredEntry, as_entry
from app.models import ChangeSet, Entry, KeptEntry, Snapshot, SnapshotRange, db, reading
from app.services import datasets, entries
from app.services.jobs import Watch
from app.services.snapshots.frozen import as_frozen, is_whole
from app.services.snapshots.listing import find_snapshot, label_of

KINDS = ("changed", "added", "removed")
# So many of each kind are named where a job compared. Of more pairs than that, a request does not compare.
LISTED, MOST_AT_ONCE = 5_000, 50_000
COMPARED = tuple(name for name in FIELDS if name != "live")
SIZE = 1000
# So far go the columns that tell two pairs apart.
_LABELLED = PLACES["content_hash"]
# How many comparisons are kept at hand: a page asks for the same one again at each turn of its leaves.
_REMEMBERED = 4
_compared: "OrderedDict[tuple[Any, ...], Comparison]" = OrderedDict()
_lock = threading.Lock()
Ids = NDArray[np.int64]
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two points of a dataset, by the ids of pairs in order; None stands for now.

    A pair that went and came again with the same texts and labels is the same. ``records`` are the numbers of pairs
    before and after.
    """

    dataset_id: int
    before: Snapshot | None
    after: Snapshot | None
    filters: Filters
    records: tuple[int, int]
    ids: Mapping[str, "array[int]"]

    @property
    def counts(self) -> dict[str, int]:
        """How many pairs changed, were added and removed."""
        return {kind: len(self.ids[kind]) for kind in KINDS}

    @property
    def same(self) -> int:
        """How many pairs are the same."""
        return self.records[0] - len(self.ids["changed"]) - len(self.ids["removed"])

    @property
    def prompts(self) -> tuple[str | None, str | None]:
        """The system prompts of the dataset, before and after."""
        now = datasets.get(self.dataset_id).system_prompt
        before, after = (now if point is None else point.system_prompt for point in (self.before, self.after))
        return before or None, after or None

    def as_dict(self) -> dict[str, object]:
        """The counts as programs see them."""
        labels = [label_of(point) if point else "now" for point in (self.before, self.after)]
        return {"from": labels[0], "to": labels[1], **self.counts, "same": self.same}


@dataclass(frozen=True, slots=True)
class Difference:
    """A pair before and after; None on the side where it is not."""

    entry_id: int
    before: StoredEntry | None
    after: StoredEntry | None

    @property
    def fields(self) -> dict[str, tuple[str | None, str | None]]:
        """What changed, from what to what; nothing where it was added or removed."""
        if self.before is None or self.after is None:
            return {}
        sides = ((name, getattr(self.before, name), getattr(self.after, name)) for name in COMPARED)
        return {name: (old, new) for name, old, new in sides if old != new}


def compare(
    dataset_id: int,
    before: Snapshot | None,
    after: Snapshot | None,
    filters: Filters | None = None,
    *,
    told: Told = lambda done, total: None,
) -> Comparison:
    """What differs from one point of a dataset to another; None stands for now.

    Of now it is what the snapshot's own filters find, unless ``filters`` says otherwise.
    """
    older, newer = _in_order(before, after)
    filters = filters if filters is not None else filters_of(before if after is None else after)
    with reading() as connection:
        candidates = _candidates(connection, dataset_id, older, newer, filters)
        found: dict[str, array[int]] = {kind: array("q") for kind in KINDS}
        hashes = {"added": bytearray(), "removed": bytearray()}
        hasher = PairHasher()
        records = tuple(_count_at(connection, dataset_id, point, filters) for point in (before, after))
        for place in range(0, len(candidates), SIZE):
            ids = candidates[place : place + SIZE].tolist()
            sides = [_rows_at(connection, dataset_id, point, ids, filters) for point in (before, after)]
            for entry_id in ids:
                old, new = sides[0].get(entry_id), sides[1].get(entry_id)
                if old is not None and new is not None:
                    if old[:_LABELLED] != new[:_LABELLED] and hasher.hash_rows([old]) != hasher.hash_rows([new]):
                        found["changed"].append(entry_id)
                elif (one := old or new) is not None:
                    kind = "added" if old is None else "removed"
                    found[kind].append(entry_id)
                    hashes[kind] += hasher.hash_rows([one])
            told(place + len(ids), len(candidates))
    _leave_out_moved(found, hashes)
    return Comparison(dataset_id, before, after, filters, (records[0], records[1]), found)


def recall_comparison(
    dataset_id: int, before: Snapshot | None, after: Snapshot | None, most: int | None = None
) -> Comparison | None:
    """The same, kept at hand until the dataset changes; None where more than ``most`` pairs would be looked at."""
    dataset = datasets.get(dataset_id)
    state = () if before and after else (dataset.revision, dataset.last_number)
    key = (str(db.engine.url), dataset_id, before and before.id, after and after.id, *state)
    with _lock:
        known = _compared.get(key)
    if known is None:
        if most is not None and count_candidates(dataset_id, before, after) > most:
            return None
        known = compare(dataset_id, before, after)
        with _lock:
            _compared[key] = known
            while len(_compared) > _REMEMBERED:
                _compared.popitem(last=False)
    # Those that are kept belong to the session of whoever asked first, which is over.
    return replace(known, before=before, after=after)


def count_candidates(dataset_id: int, before: Snapshot | None, after: Snapshot | None) -> int:
    """How many pairs a comparison would look at."""
    with reading() as connection:
        filters = filters_of(before if after is None else after)
        return len(_candidates(connection, dataset_id, *_in_order(before, after), filters))


@dataclass(frozen=True, slots=True)
class CompareRun:
    """Which points of a dataset to compare, by their labels, and of which revision of it, where one is now."""

    dataset_id: int
    before: str
    after: str
    revision: int | None = None

    @staticmethod
    def of(dataset_id: int, before: Snapshot | None, after: Snapshot | None) -> "CompareRun":
        """The run that compares these points."""
        labels = [label_of(point) if point else "now" for point in (before, after)]
        revision = None if before and after else datasets.get(dataset_id).revision
        return CompareRun(dataset_id, labels[0], labels[1], revision)

    def check(self) -> None:
        """Raise NotFound where there is no such snapshot."""
        for point in (self.before, self.after):
            find_point(self.dataset_id, point)


def run_compare(run: CompareRun, watch: Watch) -> dict[str, object]:
    """Compare two points of a dataset; returns the counts, and the first pairs of each kind by their ids."""
    before, after = find_point(run.dataset_id, run.before), find_point(run.dataset_id, run.after)
    found = compare(
        run.dataset_id, before, after, told=lambda done, total: watch.progress(done, total, "pairs compared")
    )
    counts = ", ".join(f"{number:,} {kind}" for kind, number in found.counts.items())
    ids = {kind: found.ids[kind][:LISTED].tolist() for kind in KINDS}
    return {**found.as_dict(), "ids": ids, "records": list(found.records), "summary": f"{counts}."}


def find_point(dataset_id: int, which: str) -> Snapshot | None:
    """The snapshot that is called so; None for ``now``. Raises like ``find_snapshot``."""
    return None if which == "now" else find_snapshot(dataset_id, which)


def list_differences(comparison: Comparison, ids: Sequence[int]) -> list[Difference]:
    """The pairs of these ids, before and after."""
    points = comparison.before, comparison.after
    with reading() as connection:
        before, after = (
            _rows_at(connection, comparison.dataset_id, point, ids, comparison.filters) for point in points
        )
    return [Difference(one, before.get(one), after.get(one)) for one in ids]


def difference_dict(one: Difference) -> dict[str, object]:
    """A pair that differs as programs see it: its texts and labels on the side where it is, or what changed."""
    if one.fields:
        fields = {name: {"before": old, "after": new} for name, (old, new) in one.fields.items()}
        return {"id": one.entry_id, "question": one.after.question if one.after else "", "fields": fields}
    there = one.after or one.before
    said = {name: getattr(there, name) for name in COMPARED if there is not None}
    return {"id": one.entry_id, **{name: value for name, value in said.items() if value is not None}}


def filters_of(snapshot: Snapshot | None) -> Filters:
    """What was frozen, in words of a filter."""
    return EVERY if snapshot is None or is_whole(snapshot) else decode(Filters, snapshot.filters, ignore_unknown=True)


def _in_order(before: Snapshot | None, after: Snapshot | None) -> tuple[Snapshot | None, Snapshot | None]:
    """The older and the newer of two points; None, which is now, is the newest."""
    if before is None or (after is not None and after.id < before.id):
        return after, before
    return before, after


def _leave_out_moved(found: Mapping[str, "array[int]"], hashes: Mapping[str, bytearray]) -> None:
    """Take out pairs that are among the added and the removed with the same texts and labels."""
    sides = {kind: [bytes(hashes[kind][at : at + 32]) for at in range(0, len(hashes[kind]), 32)] for kind in hashes}
    if not sides["added"] or not sides["removed"]:
        return
    common = Counter(sides["added"]) & Counter(sides["removed"])
    for kind, side in sides.items():
        left = Counter(common)
        kept: list[int] = []
        for entry_id, hashed in zip(found[kind], side, strict=True):
            if left[hashed]:
                left[hashed] -= 1
            else:
                kept.append(entry_id)
        found[kind][:] = array("q", kept)


def _candidates(
    connection: Connection, dataset_id: int, older: Snapshot | None, newer: Snapshot | None, filters: Filters
) -> Ids:
    """The ids of all pairs that can differ, in order: few where little was done in between, however many there are."""
    if older is None:
        return np.empty(0, dtype=np.int64)
    written = KeptEntry.dataset_id == dataset_id, KeptEntry.upto >= older.id
    upto = () if newer is None else (KeptEntry.upto < newer.id,)
    ids = [_fetch_ids(connection, select(KeptEntry.entry_id).where(*written, *upto))]
    if filters == EVERY and is_whole(older) and (newer is None or is_whole(newer)):
        hidden = entries.hidden_sets(dataset_id, connection) if newer is None else newer.hidden
        shown = sorted(set(hidden) ^ set(older.hidden))
        ids += [_fetch_ids(connection, query) for query in _shown_between(dataset_id, older, newer, shown)]
        return np.unique(np.concatenate(ids))
    first, second = (
        _fetch_ids(connection, as_frozen(query.order_by(Entry.id), point))
        for point in (older, newer)
        for query in [entries.select_entries(dataset_id, EVERY if point else filters, (Entry.id,), connection)]
    )
    both = np.intersect1d(first, second, assume_unique=True)
    return np.union1d(np.setxor1d(first, second, assume_unique=True), np.intersect1d(both, ids[0]))


def _shown_between(
    dataset_id: int, older: Snapshot, newer: Snapshot | None, shown: Sequence[int]
) -> Iterable[Select[Any]]:
    """Entries of steps that were made in between, or undone or redone."""
    later: list[ColumnElement[bool]] = [ChangeSet.id > older.last_set]
    kept: list[ColumnElement[bool]] = [KeptEntry.created_in > older.last_set]
    if newer is not None:
        later.append(ChangeSet.id <= newer.last_set)
        kept.append(KeptEntry.created_in <= newer.last_set)
    made = or_(and_(*later), ChangeSet.id.in_(shown)), ChangeSet.first_id.is_not(None)
    within = Entry.id.between(ChangeSet.first_id, ChangeSet.last_id), Entry.created_in == ChangeSet.id
    yield select(Entry.id).join(ChangeSet, and_(*within)).where(ChangeSet.dataset_id == dataset_id, *made)
    if newer is not None:
        # The entries themselves may be gone since.
        reaches = KeptEntry.dataset_id == dataset_id, KeptEntry.upto >= newer.id
        yield select(KeptEntry.entry_id).where(*reaches, or_(and_(*kept), KeptEntry.created_in.in_(shown)))


def _fetch_ids(connection: Connection, query: Select[Any]) -> Ids:
    chunks = entries.fetch_chunks(connection, query, 50_000)
    return np.fromiter((row[0] for rows in chunks for row in rows), dtype=np.int64)


def _count_at(connection: Connection, dataset_id: int, point: Snapshot | None, filters: Filters) -> int:
    if point is not None:
        return point.records
    query = entries.select_entries(dataset_id, filters, (func.count(),), connection)
    return int(connection.execute(query).scalar_one())


def _rows_at(
    connection: Connection, dataset_id: int, point: Snapshot | None, ids: Sequence[int], filters: Filters
) -> dict[int, StoredEntry]:
    """The pairs of these ids that are there at a point."""
    if point is None:
        rows: dict[int, StoredEntry] = {}
        for part in chunks_of(ids, SIZE):
            query = entries.select_entries(dataset_id, filters, entries.COLUMNS, connection, [Entry.id.in_(part)])
            rows |= {entry.id: entry for entry in map(as_entry, connection.execute(query))}
        return rows
    held: dict[int, StoredEntry] = {}
    for part in chunks_of(ids, SIZE):
        held |= _held_rows(connection, point, part)
    return held


def _held_rows(connection: Connection, point: Snapshot, ids: Sequence[int]) -> dict[int, StoredEntry]:
    """The same of a snapshot. By the ids alone: kept entries of others may be many."""
    reaches = KeptEntry.entry_id.in_(ids), KeptEntry.upto >= point.id, KeptEntry.since <= point.id
    beside = ("created_in", "batch_id", "deleted_in")
    named = {"id": KeptEntry.entry_id.label("id"), "version": literal(1).label("version")}
    columns = [named[name] if name in named else getattr(KeptEntry, name) for name in (*COLUMNS, *beside)]
    rows = {row.id: row for row in connection.execute(select(*columns).where(*reaches))}
    others = [one for one in ids if one not in rows]
    present = select(*(getattr(Entry, name) for name in (*COLUMNS, *beside)))
    mine = Entry.dataset_id == point.dataset_id, Entry.id.in_(others)
    rows |= {row.id: row for row in connection.execute(present.where(*mine))}
    hidden = set(point.hidden)
    is_member = _membership(connection, point, sorted(rows))
    return {
        row.id: as_entry(row[: len(COLUMNS)])
        for row in rows.values()
        if row.created_in <= point.last_set
        and row.deleted_in is None
        and row.batch_id not in hidden
        and is_member(row.id)
    }


def _membership(connection: Connection, point: Snapshot, ids: Sequence[int]) -> Callable[[int], bool]:
    if is_whole(point) or not ids:
        return lambda entry_id: True
    query = select(SnapshotRange.first_id, SnapshotRange.last_id).where(
        SnapshotRange.snapshot_id == point.id, SnapshotRange.first_id <= ids[-1], SnapshotRange.last_id >= ids[0]
    )
    ranges = connection.execute(query.order_by(SnapshotRange.first_id)).all()
    firsts = np.array([one.first_id for one in ranges], dtype=np.int64)

    def is_member(entry_id: int) -> bool:
        place = int(np.searchsorted(firsts, entry_id, side="right")) - 1
        return place >= 0 and bool(ranges[place].last_id >= entry_id)

    return is_member

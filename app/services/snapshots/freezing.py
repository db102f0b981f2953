"""Freezing a dataset: a point is set at once, and what was there is hashed while others go on to write."""

import re
from array import array
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core.digests import PairHasher, hash_pairs
from app.core.errors import Conflict, Invalid
from app.core.filters import EVERY, Filters
from app.core.options import encode
from app.core.stored import PLACES
from app.models import (
    ChangeSet,
    Dataset,
    KeptEntry,
    Snapshot,
    SnapshotRange,
    SnapshotUse,
    db,
    empty_log,
    fill,
    reading,
    transaction,
)
from app.services import entries, history, jobs
from app.services.history import ACTOR
from app.services.jobs import Watch
from app.services.snapshots.frozen import is_whole, stream
from app.services.snapshots.listing import as_dict, get_snapshot, label_of, list_snapshots, uses_of
from app.services.work import hidden_work

MAX_NAME, MAX_NOTE = 200, 10_000
# These words stand for something else where a snapshot is named.
_TAKEN = re.compile(r"v?\d+|now", re.IGNORECASE)
SIZE = 5000


@dataclass(frozen=True, slots=True)
class FreezeRun:
    """Which pairs of a dataset to freeze, under which name."""

    dataset_id: int
    name: str = ""
    note: str = ""
    filters: Filters = field(default=EVERY)

    def check(self) -> None:
        """Raise Invalid for a name that cannot be, a note that is too long or a filter that is none, Conflict for a
        name that is taken."""
        clean_name(self.dataset_id, self.name)
        clean_note(self.note)
        entries.filter_conditions(self.filters)


def clean_name(dataset_id: int, name: str, own: int | None = None) -> str | None:
    """The name as it is kept; None for none. ``own`` is the id of the snapshot that may have it already."""
    name = " ".join(name.split())
    if len(name) > MAX_NAME:
        raise Invalid(f"The name is longer than {MAX_NAME} characters. Use a shorter one.", code="long_name")
    if _TAKEN.fullmatch(name):
        raise Invalid(f"A snapshot cannot be named {name!r}: that stands for another. Use a word.", code="bad_name")
    entries.check_text(name, "name")
    same = select(Snapshot.number).where(Snapshot.dataset_id == dataset_id, Snapshot.name == name, Snapshot.id != own)
    if name and (number := db.session.execute(same).scalar()) is not None:
        raise Conflict(f"Snapshot v{number} is named {name!r} already. Use another name.", code="name_taken")
    return name or None


def clean_note(note: str) -> str:
    """The note as it is kept."""
    if len(note) > MAX_NOTE:
        raise Invalid(f"The note is longer than {MAX_NOTE:,} characters. Shorten it.", code="long_note")
    entries.check_text(note, "note")
    return note.replace("\r\n", "\n").strip()


def freeze(run: FreezeRun, watch: Watch, *, actor: str = ACTOR) -> dict[str, object]:
    """Freeze what a dataset holds now; returns what programs see of the snapshot.

    Raises like ``check``, and Invalid where no pair is to be frozen.
    """
    run.check()
    snapshot_id = _begin(run, watch.job_id, actor)
    with hidden_work(watch, lambda: discard(snapshot_id)) as w:
        snapshot = db.session.get_one(Snapshot, snapshot_id)
        whole, total = is_whole(snapshot), db.session.get_one(Dataset, run.dataset_id).entry_count
        hasher, hashes = PairHasher(), list[bytes]()
        splits, statuses, ids = Counter[str | None](), Counter[str](), array("q")
        for rows in stream(snapshot, run.filters, size=SIZE):
            hashes.append(hasher.hash_rows(rows))
            splits.update(map(itemgetter(PLACES["split"]), rows))
            statuses.update(map(itemgetter(PLACES["status"]), rows))
            ids.extend(map(itemgetter(PLACES["id"]), rows))
            w.report(len(ids), total, "pairs frozen")
        if not ids:
            raise Invalid("There is nothing to freeze: no pair is chosen.", code="nothing_frozen")
        digest = hash_pairs(hashes, snapshot.system_prompt)
        ranges = iter([] if whole else _ranges_of(ids))
        while part := list(islice(ranges, SIZE)):
            columns = list(zip(("first_id", "last_id"), zip(*part, strict=True), strict=True))
            fill(w.begin().connection(), "snapshot_ranges", len(part), [("snapshot_id", snapshot_id)], columns)
            w.report(len(ids), total, "pairs frozen")
        with w.publishing() as publication:
            snapshot = publication.session.get_one(Snapshot, snapshot_id, populate_existing=True)
            snapshot.hash, snapshot.records, snapshot.state = digest, len(ids), "ready"
            snapshot.splits = {name: number for name, number in splits.items() if name is not None}
            snapshot.statuses = dict(statuses)
            publication.result.update(as_dict(snapshot), dataset_id=run.dataset_id)
        return dict(publication.result)


def _begin(run: FreezeRun, job_id: int | None, actor: str) -> int:
    """Set the point: whatever is written from here on is kept as it was before."""
    with transaction() as session:
        dataset = history.open_dataset(session, run.dataset_id)
        sets = select(ChangeSet.id).where(ChangeSet.dataset_id == dataset.id)
        dataset.last_snapshot += 1
        snapshot = Snapshot(
            dataset_id=dataset.id,
            number=dataset.last_snapshot,
            name=clean_name(dataset.id, run.name),
            note=clean_note(run.note),
            actor=actor,
            job_id=job_id,
            filters={} if run.filters == EVERY else encode(run.filters),
            system_prompt=dataset.system_prompt,
            title=dataset.name,
            revision=dataset.revision,
            last_number=history.newest_number(dataset.id),
            last_set=session.execute(sets.order_by(ChangeSet.id.desc()).limit(1)).scalar() or 0,
            hidden=list(session.execute(sets.where(ChangeSet.state.in_(("staging", "undone")))).scalars()),
        )
        session.add(snapshot)
        session.flush()
        return snapshot.id


def _ranges_of(ids: "array[int]") -> list[tuple[int, int]]:
    """Numbers in order as ranges of those that follow each other."""
    ends = [place for place in range(1, len(ids)) if ids[place] != ids[place - 1] + 1]
    return [(ids[first], ids[last - 1]) for first, last in zip([0, *ends], [*ends, len(ids)], strict=True)]


def discard(snapshot_id: int) -> None:
    """Remove a snapshot that was not frozen to its end, as if it had not been begun."""
    with transaction() as session:
        snapshot = session.get(Snapshot, snapshot_id, populate_existing=True)
        if snapshot is None or snapshot.state != "freezing":
            return
        dataset = session.get_one(Dataset, snapshot.dataset_id)
        if dataset.last_snapshot == snapshot.number:
            dataset.last_snapshot -= 1
        remove(session, snapshot)
    history.release_kept(snapshot.dataset_id)


def remove(session: Session, snapshot: Snapshot) -> None:
    """Delete the rows of a snapshot itself."""
    session.execute(delete(SnapshotRange).where(SnapshotRange.snapshot_id == snapshot.id))
    session.delete(snapshot)


def sweep() -> None:
    """Discard what killed jobs began to freeze, and let go of what was kept for it."""
    begun = select(Snapshot).where(Snapshot.state == "freezing")
    active = jobs.active_ids()
    for snapshot_id, job_id in [(one.id, one.job_id) for one in db.session.execute(begun).scalars()]:
        if job_id not in active:
            discard(snapshot_id)
    for dataset_id in list(db.session.execute(select(KeptEntry.dataset_id).distinct()).scalars()):
        history.release_kept(dataset_id)


def name_snapshot(snapshot_id: int, *, name: str | None = None, note: str | None = None) -> Snapshot:
    """Give a snapshot another name (an empty one takes it away) or note; what it holds stays. Raises like ``check``."""
    with transaction():
        snapshot = get_snapshot(snapshot_id)
        if name is not None:
            snapshot.name = clean_name(snapshot.dataset_id, name, own=snapshot_id)
        if note is not None:
            snapshot.note = clean_note(note)
        return snapshot


def delete_snapshot(snapshot_id: int, *, anyway: bool = False) -> None:
    """Delete a snapshot for good, and what was kept for it alone.

    Raises NotFound, and Conflict where something was made of it, unless ``anyway``.
    """
    with transaction() as session:
        snapshot = get_snapshot(snapshot_id)
        used = uses_of(snapshot_id)
        if used and not anyway:
            raise Conflict(
                f"Snapshot {label_of(snapshot)} is the proof of what was in “{used[0].title}”. Nothing was deleted.",
                code="snapshot_used",
            )
        dataset_id = snapshot.dataset_id
        session.execute(delete(SnapshotUse).where(SnapshotUse.snapshot_id == snapshot_id))
        remove(session, snapshot)
    history.release_kept(dataset_id)
    empty_log()


def find_damaged(dataset_id: int) -> list[str]:
    """What is wrong with the snapshots of a dataset, in sentences: each is read and hashed again."""
    problems = []
    for snapshot in list_snapshots(dataset_id, size=None):
        snapshot_id, label = snapshot.id, label_of(snapshot)
        hasher, hashes, number = PairHasher(), list[bytes](), 0
        for rows in stream(snapshot, size=SIZE):
            hashes.append(hasher.hash_rows(rows))
            number += len(rows)
        if number == snapshot.records and hash_pairs(hashes, snapshot.system_prompt) == snapshot.hash:
            continue
        with reading() as connection:
            is_there = connection.execute(select(Snapshot.id).where(Snapshot.id == snapshot_id)).first() is not None
        # One that was deleted while it was read is no damage.
        if is_there:
            problems.append(f"Snapshot {label} of dataset {dataset_id} no longer holds what was frozen.")
    return problems

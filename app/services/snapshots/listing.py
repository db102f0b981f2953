"""The snapshots of a dataset: found by what people call them, listed, named, and what was made of them."""

import re

from sqlalchemy import delete, func, select

from app.core.errors import Conflict, NotFound
from app.models import Dataset, Snapshot, SnapshotUse, db, transaction
from app.services.snapshots.frozen import is_whole

_NUMBER = re.compile(r"v?(\d{1,9})", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-f]{6,64}", re.IGNORECASE)
# So many uses of each kind are remembered of a snapshot.
USES_KEPT = 200


def label_of(snapshot: Snapshot) -> str:
    """What a snapshot is called where it has no name, and beside one: v6."""
    return f"v{snapshot.number}"


def list_snapshots(dataset_id: int, *, before: int | None = None, size: int | None = 100) -> list[Snapshot]:
    """The snapshots of a dataset, newest first; ``before`` is a number to continue from."""
    query = select(Snapshot).where(Snapshot.dataset_id == dataset_id, Snapshot.state == "ready")
    if before is not None:
        query = query.where(Snapshot.number < before)
    return list(db.session.execute(query.order_by(Snapshot.number.desc()).limit(size)).scalars())


def count_snapshots(dataset_id: int) -> int:
    """How many snapshots a dataset has."""
    query = select(func.count()).where(Snapshot.dataset_id == dataset_id, Snapshot.state == "ready")
    return int(db.session.execute(query).scalar_one())


def find_snapshot(dataset_id: int, which: str | int) -> Snapshot:
    """The snapshot of that name, else of that number (6 or v6), else whose hash begins so (six letters at least).

    Of several that hold the same pairs it is the newest. Raises NotFound, or Conflict where several hashes begin so.
    """
    of_dataset = select(Snapshot).where(Snapshot.dataset_id == dataset_id, Snapshot.state == "ready")
    said = str(which).strip()
    found = list(db.session.execute(of_dataset.where(Snapshot.name == said)).scalars())
    if not found and (number := _NUMBER.fullmatch(said)):
        found = list(db.session.execute(of_dataset.where(Snapshot.number == int(number[1]))).scalars())
    if not found and _HASH.fullmatch(said):
        found = list(
            db.session.execute(of_dataset.where(Snapshot.hash.startswith(said.lower())).order_by(Snapshot.id)).scalars()
        )
    if not found:
        raise NotFound(f"There is no snapshot {said!r} of this dataset.", snapshot=said)
    if len({one.hash for one in found}) > 1:
        labels = ", ".join(label_of(one) for one in found)
        raise Conflict(f"The hashes of {len(found)} snapshots begin so: {labels}. Say which.", code="same_hash")
    return found[-1]


def get_snapshot(snapshot_id: int) -> Snapshot:
    """The snapshot of that id, of any dataset. Raises NotFound."""
    snapshot = db.session.get(Snapshot, snapshot_id)
    if snapshot is None or snapshot.state != "ready":
        raise NotFound(f"There is no snapshot {snapshot_id}.", snapshot=snapshot_id)
    return snapshot


def newest_of(dataset_id: int, revision: int) -> Snapshot | None:
    """The newest snapshot that holds all pairs of the dataset as it was at a revision."""
    at = select(Snapshot).where(Snapshot.dataset_id == dataset_id, Snapshot.revision == revision)
    found = db.session.execute(at.where(Snapshot.state == "ready").order_by(Snapshot.id.desc())).scalars()
    return next(filter(is_whole, found), None)


def newest_of_now(dataset_id: int) -> Snapshot | None:
    """The newest snapshot that holds all pairs of the dataset as it is."""
    return newest_of(dataset_id, db.session.get_one(Dataset, dataset_id).revision)


def add_use(snapshot_id: int, kind: str, title: str) -> None:
    """Remember that something was made of a snapshot, such as the export ``Export to openai``.

    Of each kind the newest are kept.
    """
    with transaction() as session:
        session.add(SnapshotUse(snapshot_id=get_snapshot(snapshot_id).id, kind=kind, title=title))
        session.flush()
        alike = select(SnapshotUse.id).where(SnapshotUse.snapshot_id == snapshot_id, SnapshotUse.kind == kind)
        old = alike.order_by(SnapshotUse.id.desc()).offset(USES_KEPT)
        session.execute(delete(SnapshotUse).where(SnapshotUse.id.in_(old.scalar_subquery())))


def uses_of(snapshot_id: int, size: int = 20) -> list[SnapshotUse]:
    """What was made of a snapshot, newest first."""
    query = select(SnapshotUse).where(SnapshotUse.snapshot_id == snapshot_id)
    return list(db.session.execute(query.order_by(SnapshotUse.id.desc()).limit(size)).scalars())


def as_dict(snapshot: Snapshot) -> dict[str, object]:
    """The snapshot as programs see it."""
    return {
        "snapshot": label_of(snapshot),
        "number": snapshot.number,
        "name": snapshot.name,
        "note": snapshot.note,
        "hash": snapshot.hash,
        "records": snapshot.records,
        "splits": snapshot.splits,
        "statuses": snapshot.statuses,
        "filters": snapshot.filters,
        "system_prompt": snapshot.system_prompt,
        "change_set": snapshot.last_number,
        "actor": snapshot.actor,
        "created_at": snapshot.created_at.isoformat(),
    }

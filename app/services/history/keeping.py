"""What snapshots hold of entries that are about to be written to. Every write of entries that are there asks for it."""

from typing import Any

from sqlalchemy import ColumnElement, func, insert, literal, select
from sqlalchemy.orm import Session

from app.models import Entry, KeptEntry, Snapshot
from app.models.entry import EntryColumns

_COLUMNS = tuple(EntryColumns.__annotations__)


def keep_entries(session: Session, dataset_id: int, *where: ColumnElement[bool]) -> None:
    """Keep the entries of a dataset that answer the conditions as they are, where a snapshot may hold them.

    Each is kept once after each snapshot. To keep one that is not written to then harms nothing.
    """
    newest = session.execute(
        select(Snapshot.id, Snapshot.last_set)
        .where(Snapshot.dataset_id == dataset_id)
        .order_by(Snapshot.id.desc())
        .limit(1)
    ).first()
    if newest is None:
        return
    earlier = KeptEntry.entry_id == Entry.id
    is_kept = select(KeptEntry.id).where(earlier, KeptEntry.upto >= newest.id).exists()
    since = select(func.max(KeptEntry.upto) + 1).where(earlier).correlate(Entry).scalar_subquery()
    own: list[Any] = [Entry.id, func.coalesce(since, 0), literal(newest.id)]
    chosen = select(*own, *(getattr(Entry, name) for name in _COLUMNS)).where(
        Entry.dataset_id == dataset_id, Entry.created_in <= newest.last_set, ~is_kept, *where
    )
    session.execute(insert(KeptEntry).from_select(["entry_id", "since", "upto", *_COLUMNS], chosen))


def keep_hidden_batch(session: Session, dataset_id: int, set_id: int, *where: ColumnElement[bool]) -> None:
    """Keep the entries of a batch that is hidden now and goes for good, where a snapshot shows it."""
    points = session.execute(
        select(Snapshot.hidden).where(Snapshot.dataset_id == dataset_id, Snapshot.last_set >= set_id)
    )
    if any(set_id not in hidden for (hidden,) in points):
        keep_entries(session, dataset_id, *where)

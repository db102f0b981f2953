"""Content hashes of entries, and the ones that bulk changes left to be computed again."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.core.changes import chunks_of
from app.core.stored import CONTENT, content_hashes, content_of
from app.models import ChangeRow, Entry, db, end_reading, transaction
from app.services.entries import of_dataset

_CONTENT = tuple(getattr(Entry, name) for name in CONTENT)


def rehash(dataset_id: int) -> int:
    """Compute the content hashes that bulk changes left empty. Returns how many. Where there are none, nobody waits."""
    empty = of_dataset(dataset_id), Entry.content_hash.is_(None)
    total = 0
    while db.session.execute(select(Entry.id).where(*empty).limit(1)).first():
        with transaction() as session:
            rows = session.execute(select(Entry.id, *_CONTENT).where(*empty).limit(2000)).all()
            _fill(session, rows)
            total += len(rows)
    end_reading()
    return total


def rehash_step(session: Session, change_set_id: int) -> None:
    """Compute the content hashes of the entries that a small step changed, and of no others that still wait."""
    touched = select(ChangeRow.entry_id).where(ChangeRow.change_set_id == change_set_id).distinct()
    for part in chunks_of(session.execute(touched).scalars().all(), 500):
        rows = session.execute(select(Entry.id, *_CONTENT, Entry.content_hash).where(Entry.id.in_(part)))
        _fill(session, [row for row in rows if row.content_hash is None])


def _fill(session: Session, rows: Sequence[Any]) -> None:
    found = content_hashes(content_of(row) for row in rows)
    hashes = [{"entry": row.id, "hash": hash_} for row, hash_ in zip(rows, found, strict=True)]
    if hashes:
        statement = update(Entry).where(Entry.id == bindparam("entry")).values(content_hash=bindparam("hash"))
        session.connection().execute(statement, hashes)

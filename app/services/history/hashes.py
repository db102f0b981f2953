"""Content hashes of entries, and the ones that bulk changes left to be computed again."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from app.core.changes import Value, chunks_of
from app.core.record import content_hash
from app.models import ChangeRow, Entry, transaction
from app.services.entries import of_dataset

_COLUMNS = (Entry.id, Entry.system, Entry.turns, Entry.question, Entry.trace, Entry.answer, Entry.rejected_answer)


def hash_of(values: dict[str, Value]) -> int:
    """The content hash of stored values."""
    return content_hash(
        values["system"],
        values["turns"],
        values["question"] or "",
        values["trace"],
        values["answer"] or "",
        values["rejected_answer"],
    )


def rehash(dataset_id: int) -> int:
    """Compute the content hashes that bulk changes left empty. Returns how many."""
    total = 0
    while True:
        with transaction() as session:
            waiting = select(*_COLUMNS).where(of_dataset(dataset_id), Entry.content_hash.is_(None)).limit(2000)
            rows = session.execute(waiting).all()
            if not rows:
                return total
            _fill(session, rows)
            total += len(rows)


def rehash_step(session: Session, change_set_id: int) -> None:
    """Compute the content hashes of the entries that a small step changed, and of no others that still wait."""
    touched = select(ChangeRow.entry_id).where(ChangeRow.change_set_id == change_set_id).distinct()
    for part in chunks_of(session.execute(touched).scalars().all(), 500):
        rows = session.execute(select(*_COLUMNS, Entry.content_hash).where(Entry.id.in_(part)))
        _fill(session, [row[:-1] for row in rows if row[-1] is None])


def _fill(session: Session, rows: Sequence[Any]) -> None:
    hashes = [{"entry": row[0], "hash": content_hash(*row[1:])} for row in rows]
    if hashes:
        statement = update(Entry).where(Entry.id == bindparam("entry")).values(content_hash=bindparam("hash"))
        session.connection().execute(statement, hashes)

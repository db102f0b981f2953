"""Content hashes of entries, and the ones that bulk changes left to be computed again."""

from sqlalchemy import bindparam, select, update

from app.core.changes import Value
from app.core.record import content_hash
from app.models import Entry, transaction
from app.services.entries import of_dataset


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
    columns = (Entry.id, Entry.system, Entry.turns, Entry.question, Entry.trace, Entry.answer, Entry.rejected_answer)
    total = 0
    while True:
        with transaction() as session:
            waiting = select(*columns).where(of_dataset(dataset_id), Entry.content_hash.is_(None)).limit(2000)
            rows = [{"entry": row[0], "hash": content_hash(*row[1:])} for row in session.execute(waiting)]
            if not rows:
                return total
            statement = update(Entry).where(Entry.id == bindparam("entry")).values(content_hash=bindparam("hash"))
            session.connection().execute(statement, rows)
            total += len(rows)

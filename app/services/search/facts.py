"""Facts of entries in their table; on PostgreSQL with the words that a search asks for."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core.changes import chunks_of
from app.core.search.facts import Facts, facts_of
from app.core.search.texts import SOURCES
from app.core.stored import StoredEntry, as_entry
from app.models import Entry, EntryFacts, entry_columns, fill
from app.services.search.words import words_vector

# What a search looks at.
READ = entry_columns((*SOURCES, "id"))
NONE: Mapping[StoredEntry, Facts] = {}


def insert_facts(
    session: Session, dataset_id: int, entries: Sequence[StoredEntry], ready: Mapping[StoredEntry, Facts] = NONE
) -> None:
    """Write the facts of entries that have none yet. ``ready`` are those that were made already."""
    facts = [ready.get(entry) or facts_of(entry) for entry in entries]
    columns: list[tuple[str, Sequence[object]]] = [("entry_id", [one.id for one in entries])]
    columns += zip(Facts._fields, zip(*facts, strict=True), strict=True)
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        columns.append(("words", list(map(words_vector, entries))))
    fill(connection, "entry_facts", len(entries), [("dataset_id", dataset_id)], columns)


def renew_facts(
    session: Session, dataset_id: int, entry_ids: Sequence[int], ready: Mapping[StoredEntry, Facts] = NONE
) -> None:
    """Make the facts of entries anew. ``ready`` are those that were made already."""
    for part in chunks_of(entry_ids, 500):
        rows = session.execute(select(*READ).where(Entry.dataset_id == dataset_id, Entry.id.in_(part)))
        if found := list(map(as_entry, rows)):
            mine = EntryFacts.dataset_id == dataset_id, EntryFacts.entry_id.in_([one.id for one in found])
            session.execute(delete(EntryFacts).where(*mine).execution_options(synchronize_session=None))
            insert_facts(session, dataset_id, found, ready)

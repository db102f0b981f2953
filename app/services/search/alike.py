"""Entries whose question shares most of its words with a text, by the full-text index alone: a look, no search."""

import time
from collections.abc import Iterator, Sequence

from sqlalchemy import select

from app.core.search.words import fold, words_of
from app.models import Entry, SearchState, StaleEntry, db
from app.services.search.marking import MADE_BY, table_name

# Of a long text its first words are asked for.
_WORDS = 24
# So many words are left out in turn, the longest first: one may be written otherwise.
_LEFT_OUT = 6
_EACH = 100
_SECONDS = 0.04
# Of entries that the index does not know yet, the newest are looked at too.
_LATE = 1_000


def find_alike(dataset_id: int, text: str) -> list[int] | None:
    """The ids of entries that may ask nearly the same, deleted ones too; None where there is no index to ask.

    It stops when its time is over, so it may pass some over.
    """
    state = db.session.get(SearchState, dataset_id)
    if db.engine.dialect.name != "sqlite" or state is None or not state.index_number or state.made_by != MADE_BY:
        return None
    name = table_name(dataset_id, state.index_number)
    last_moment = time.monotonic() + _SECONDS
    found: dict[int, None] = {}
    words = [word for word in dict.fromkeys(words_of(fold(text))[:_WORDS]) if _ask(name, [word], 1)]
    for part in _parts_of(words):
        found.update(dict.fromkeys(_ask(name, part, _EACH)))
        if time.monotonic() > last_moment:
            break
    stale = select(StaleEntry.entry_id).where(StaleEntry.dataset_id == dataset_id)
    late = select(Entry.id).where(Entry.dataset_id == dataset_id, Entry.id > state.index_upto)
    for query in (stale.order_by(StaleEntry.entry_id.desc()), late.order_by(Entry.id.desc())):
        found.update(dict.fromkeys(db.session.scalars(query.limit(_LATE))))
    return list(found)


def _parts_of(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """All of the words, then all but one of them."""
    if words:
        yield words
    for one in sorted(words, key=len, reverse=True)[:_LEFT_OUT] if len(words) > 2 else ():
        yield [word for word in words if word != one]


def _ask(name: str, words: Sequence[str], most: int) -> list[int]:
    """The newest entries with all of these words in their question."""
    # Words are letters, marks and digits, so that no quote is among them.
    match = "question : (" + " AND ".join(f'"{word}"' for word in words) + ")"
    statement = f"SELECT rowid FROM {name} WHERE {name} MATCH ? ORDER BY rowid DESC LIMIT ?"
    return [row[0] for row in db.session.connection().exec_driver_sql(statement, (match, most))]

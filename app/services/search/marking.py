"""Who writes entries says here which: a search then looks at their texts until facts and index know them again."""

import unicodedata
from collections.abc import Sequence

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from app.core.changes import chunks_of
from app.core.search.texts import SOURCES
from app.models import ChangeRow, EntryFacts, SearchState, SearchWords, StaleEntry
from app.services.search.facts import renew_facts

# Another version of the facts, of the folding, or of Unicode, has others.
MADE_BY = f"3, Unicode {unicodedata.unidata_version}"
LOOKED_AT = frozenset((*SOURCES, "live"))
# The facts of up to so many entries of one write are made in it, those of more later.
RENEWED_AT_ONCE = 5_000
_MARK = """
INSERT INTO stale_entries (dataset_id, entry_id, build_number, facts)
SELECT :dataset_id, id, :build_number, :facts FROM entries WHERE dataset_id = :dataset_id AND id <= :upto AND {which}
ON CONFLICT (dataset_id, entry_id) DO UPDATE
SET build_number = excluded.build_number, facts = (stale_entries.facts OR excluded.facts)
"""
_OF_STEP = "id IN (SELECT entry_id FROM changes WHERE change_set_id = :set_id AND held = 0 AND field IN ({}))".format(
    ", ".join(f"'{name}'" for name in sorted(LOOKED_AT))
)


def mark_entries(session: Session, dataset_id: int, *, written: Sequence[int], deleted: Sequence[int]) -> None:
    """Say that entries got other texts or were brought back (``written``), or were deleted. Facts follow at once."""
    state = session.get(SearchState, dataset_id)
    if state is None:
        return
    renew_facts(session, dataset_id, [one for one in written if one <= state.facts_upto])
    if session.connection().dialect.name != "sqlite":
        return
    for part in chunks_of({*written, *deleted}, 500):
        _mark(session, state, f"id IN ({', '.join(map(str, map(int, part)))})", facts=False)


def mark_step(session: Session, dataset_id: int, set_id: int, changed: int) -> None:
    """Say that the changes of a step, of so many entries, were written at once. The facts of many follow later."""
    state = session.get(SearchState, dataset_id)
    if state is None:
        return
    touched = select(ChangeRow.entry_id).where(
        ChangeRow.change_set_id == set_id, ChangeRow.held == 0, ChangeRow.field.in_(LOOKED_AT)
    )
    if changed <= RENEWED_AT_ONCE:
        ids = list(session.execute(touched.distinct()).scalars())
        mark_entries(session, dataset_id, written=ids, deleted=())
    else:
        _mark(session, state, _OF_STEP, facts=True, set_id=set_id)


def _mark(session: Session, state: SearchState, which: str, *, facts: bool, **values: object) -> None:
    upto = max(state.facts_upto, state.index_upto, state.build_upto)
    newest = max(state.build_number, state.index_number)
    session.execute(
        text(_MARK.format(which=which)),
        {"dataset_id": state.dataset_id, "build_number": newest, "facts": facts, "upto": upto, **values},
    )


def remove_entries(session: Session, dataset_id: int, entry_ids: Sequence[int]) -> None:
    """Drop what is kept of entries whose rows go for good. Their words go with ``forget_index``."""
    for about in (EntryFacts, StaleEntry):
        mine = about.dataset_id == dataset_id, about.entry_id.in_(entry_ids)
        session.execute(delete(about).where(*mine).execution_options(synchronize_session=None))


def forget_index(session: Session, dataset_id: int, *, facts: bool = False) -> None:
    """Drop the index of a dataset, which may hold words of older texts; it is made anew. With ``facts`` these too."""
    forget_words(session, dataset_id)
    state = session.get(SearchState, dataset_id)
    if state is not None:
        for number in {state.index_number, state.build_number} - {0}:
            drop_index(session, table_name(dataset_id, number))
        state.index_number = state.index_upto = state.build_number = state.build_upto = 0
        of_none = update(StaleEntry).where(StaleEntry.dataset_id == dataset_id).values(build_number=0)
        session.execute(of_none.execution_options(synchronize_session=None))
        if facts:
            session.delete(state)
        session.flush()
    if facts:
        for about in (EntryFacts, StaleEntry):
            gone = delete(about).where(about.dataset_id == dataset_id)
            session.execute(gone.execution_options(synchronize_session=None))


def forget_words(session: Session, dataset_id: int) -> None:
    """Drop the list of an index's words, if there is one."""
    session.execute(
        delete(SearchWords).where(SearchWords.dataset_id == dataset_id).execution_options(synchronize_session=None)
    )


def drop_index(session: Session, name: str) -> None:
    """Drop an index and the table of its words, if they are there."""
    for one in (words_name(name), name):
        session.execute(text(f"DROP TABLE IF EXISTS {one}"))


def table_name(dataset_id: int, number: int) -> str:
    """The name of a dataset's full-text index."""
    return f"search_{int(dataset_id)}_{int(number)}"


def words_name(index: str) -> str:
    """The table that lists the words of an index."""
    return f"{index}_words"

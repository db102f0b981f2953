"""How facts and index follow the entries: a little at a time, by a worker that has nothing else to do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from app.core.search.facts import Facts, facts_of
from app.core.search.texts import FIELDS, texts_of
from app.core.search.words import BORDER, index_text
from app.core.stored import StoredEntry, as_entry
from app.models import ChangeSet, Dataset, Entry, SearchState, StaleEntry, Turns, db, end_reading
from app.services.search.facts import READ, insert_facts, renew_facts
from app.services.search.listing import list_words
from app.services.search.marking import MADE_BY, drop_index, forget_index, table_name, words_name

# Datasets of up to so many entries need no index, and one with more stale entries is made anew: all are looked at.
MOST_LOOKED_AT = 2_000
# What is written before a look at who waits: so many entries, or so many characters of stored texts.
SLICE, SLICE_CHARS = 1_000, 500_000
# How many slices are made ready for one transaction while nobody else wants to write.
SLICES = 4
_BORDER = f" {BORDER} "
# A contentless index keeps words and their places only. Their numbers are for ranking, which is not done.
_CREATE = "CREATE VIRTUAL TABLE {} USING fts5({}, content='', columnsize=0, tokenize='ascii')"
# All words of an index, each once. It holds nothing of its own.
_CREATE_WORDS = "CREATE VIRTUAL TABLE {1} USING fts5vocab({0}, row)"
# What was made of entries before the write began. Who wrote to one since finds nothing here: it is another one.
Ready = Mapping[StoredEntry, Any]


@dataclass(frozen=True, slots=True)
class Lag:
    """How many entries of a dataset facts and index do not know yet: they are looked at one by one.

    Hidden ones count wherever they get facts, or words in an index, as live ones do.
    """

    facts: int
    index: int


def find_lag(dataset_id: int) -> Lag:
    """How far facts and index of a dataset are behind. A small dataset has no index, and none is missed."""
    state = db.session.get(SearchState, dataset_id)
    stale = select(func.count()).where(StaleEntry.dataset_id == dataset_id)
    behind = _count_after(dataset_id, state.facts_upto if state else 0)
    facts = behind + int(db.session.execute(stale.where(StaleEntry.facts)).scalar_one())
    if db.engine.dialect.name != "sqlite":
        return Lag(facts, facts)
    if state and state.index_number:
        known = stale.where(StaleEntry.entry_id <= state.index_upto)
        index = _count_after(dataset_id, state.index_upto) + int(db.session.execute(known).scalar_one())
    else:
        # Hidden entries make no dataset large: no index is made for them alone, and no search looks at their texts.
        index = db.session.get_one(Dataset, dataset_id).entry_count
    return Lag(facts, index if index > MOST_LOOKED_AT else 0)


def _count_after(dataset_id: int, upto: int) -> int:
    newer = select(func.count()).where(Entry.dataset_id == dataset_id, Entry.deleted_in.is_(None), Entry.id > upto)
    return int(db.session.execute(newer).scalar_one())


def catch_up() -> bool:
    """Bring facts, index or list of words of one dataset a little further; False where nothing was left to do.

    A dataset waits while work on it is staged: what that adds may go again. What texts become is made before the write
    begins, which stands back for those that somebody waits for. Raises Busy.
    """
    for dataset_id in _find_behind():
        with Turns(trusted=True) as turns:
            ready, slices = _make_ready(db.session(), dataset_id, SLICES if turns.stand_back() else 1)
            turns.stand_back()
            session = turns.begin()
            # Who writes to the dataset meanwhile waits: PostgreSQL gives out ids before their rows are seen.
            dataset = session.get_one(Dataset, dataset_id)
            session.refresh(dataset, with_for_update={"key_share": True})
            while slices and _go_on(session, dataset, ready) and not turns.is_over:
                slices -= 1
            turns.pause()
        return True
    return list_words()


def _make_ready(session: Session, dataset_id: int, most: int) -> tuple[Ready, int]:
    """What the next slices of the work on a dataset will write of entries that stay as they are; how many slices."""
    dataset, state = session.get_one(Dataset, dataset_id), session.get(SearchState, dataset_id)
    if dataset.deleted_at is not None or (state is not None and state.made_by != MADE_BY):
        return {}, 1
    make: Callable[[StoredEntry], Any] = facts_of
    found = _read_after(session, dataset_id, state.facts_upto if state else 0)
    if not found and state is not None:
        if late := _late_facts(session, dataset_id, SLICE):
            rows = session.execute(select(*READ).where(Entry.dataset_id == dataset_id, Entry.id.in_(late)))
            found, most = list(map(as_entry, rows)), 1
        elif _has_index(session):
            make, after = _index_row, state.index_upto
            if _wants_build(session, dataset, state):
                after = state.build_upto if state.build_number else 0
            found = _read_after(session, dataset_id, after)
    ready: dict[StoredEntry, Any] = {}
    slices = 0
    while found:
        ready.update((entry, make(entry)) for entry in found)
        slices += 1
        found = _read_after(session, dataset_id, found[-1].id) if slices < most else []
    return ready, max(slices, 1)


def _find_behind() -> list[int]:
    """The datasets that have something to do, of those on which no work is staged."""
    of_dataset = Entry.dataset_id == Dataset.id, Entry.deleted_in.is_(None)
    newest = select(func.max(Entry.id)).where(*of_dataset).correlate(Dataset).scalar_subquery()
    rows = db.session.execute(
        select(Dataset, SearchState, newest).outerjoin(SearchState, SearchState.dataset_id == Dataset.id)
    ).all()
    staged = set(db.session.execute(select(ChangeSet.dataset_id).where(ChangeSet.state == "staging")).scalars())
    found = [one.id for one, state, last in rows if one.id not in staged and _is_behind(db.session(), one, state, last)]
    end_reading()
    return found


def _is_behind(session: Session, dataset: Dataset, state: SearchState | None, newest: int | None) -> bool:
    if dataset.deleted_at is not None:
        return state is not None
    if state is None:
        return newest is not None
    return (
        state.made_by != MADE_BY
        or state.facts_upto < (newest or 0)
        or bool(_late_facts(session, dataset.id, 1))
        or (_has_index(session) and (_wants_build(session, dataset, state) or 0 < state.index_upto < (newest or 0)))
    )


def _has_index(session: Session) -> bool:
    # PostgreSQL keeps the words with the facts.
    return session.connection().dialect.name == "sqlite"


def _late_facts(session: Session, dataset_id: int, most: int) -> Sequence[int]:
    late = select(StaleEntry.entry_id).where(StaleEntry.dataset_id == dataset_id, StaleEntry.facts)
    return session.execute(late.order_by(StaleEntry.entry_id).limit(most)).scalars().all()


def _wants_build(session: Session, dataset: Dataset, state: SearchState) -> bool:
    """Whether an index is being made, or has to be: there is none, or it knows too many entries as they were."""
    if state.build_number or not state.index_number:
        return bool(state.build_number) or dataset.entry_count > MOST_LOOKED_AT
    stale = select(StaleEntry.entry_id).where(StaleEntry.dataset_id == dataset.id).limit(MOST_LOOKED_AT + 1)
    return len(session.execute(stale).all()) > MOST_LOOKED_AT


def _go_on(session: Session, dataset: Dataset, ready: Ready) -> bool:
    """One slice of the work on a dataset; False where there was none."""
    state = session.get(SearchState, dataset.id)
    if dataset.deleted_at is not None or (state is not None and state.made_by != MADE_BY):
        forget_index(session, dataset.id, facts=True)
        return state is not None
    if state is None:
        state = SearchState(dataset_id=dataset.id, facts_upto=0, made_by=MADE_BY)
        state.index_number = state.index_upto = state.build_number = state.build_upto = 0
        session.add(state)
    if found := _read_after(session, dataset.id, state.facts_upto):
        insert_facts(session, dataset.id, found, ready)
        state.facts_upto = found[-1].id
    elif late := _late_facts(session, dataset.id, SLICE):
        _renew_late(session, state, late, ready)
    elif not _has_index(session):
        return False
    elif _wants_build(session, dataset, state):
        _build(session, state, ready)
    elif state.index_number and (found := _read_after(session, dataset.id, state.index_upto)):
        _add_to_index(session, table_name(dataset.id, state.index_number), found, ready)
        state.index_upto = found[-1].id
    else:
        return False
    session.flush()
    return True


def _read_after(session: Session, dataset_id: int, entry_id: int) -> list[StoredEntry]:
    """A slice of entries in the order of their ids, at least one where there is any."""
    newer = Entry.dataset_id == dataset_id, Entry.deleted_in.is_(None), Entry.id > entry_id
    found: list[StoredEntry] = []
    size = 0
    with session.execute(select(*READ).where(*newer).order_by(Entry.id).limit(SLICE)) as rows:
        for row in rows:
            found.append(as_entry(row))
            size += sum(len(cell) for cell in row if type(cell) is str)
            if size >= SLICE_CHARS:
                break
    return found


def _renew_late(session: Session, state: SearchState, late: Sequence[int], ready: Mapping[StoredEntry, Facts]) -> None:
    renew_facts(session, state.dataset_id, late, ready)
    mine = StaleEntry.dataset_id == state.dataset_id, StaleEntry.facts, StaleEntry.entry_id <= late[-1]
    unknown = update(StaleEntry).where(*mine).values(facts=False)
    statement = unknown if state.index_number or state.build_number else delete(StaleEntry).where(*mine)
    session.execute(statement.execution_options(synchronize_session=None))


def _build(session: Session, state: SearchState, ready: Ready) -> None:
    """Go on with an index that takes the place of the present one, if any; begin it, or put it in place."""
    if not state.build_number:
        state.build_number, state.build_upto = state.index_number + 1, 0
        name = table_name(state.dataset_id, state.build_number)
        drop_index(session, name)
        session.execute(text(_CREATE.format(name, ", ".join(FIELDS))))
        session.execute(text(_CREATE_WORDS.format(name, words_name(name))))
    name = table_name(state.dataset_id, state.build_number)
    if found := _read_after(session, state.dataset_id, state.build_upto):
        _add_to_index(session, name, found, ready)
        state.build_upto = found[-1].id
        return
    if state.index_number:
        drop_index(session, table_name(state.dataset_id, state.index_number))
    # What was written to before this index was begun stands in it as it is now.
    known = StaleEntry.dataset_id == state.dataset_id, StaleEntry.build_number < state.build_number, ~StaleEntry.facts
    session.execute(delete(StaleEntry).where(*known).execution_options(synchronize_session=None))
    state.index_number, state.index_upto = state.build_number, state.build_upto
    state.build_number = state.build_upto = 0


def _add_to_index(session: Session, name: str, entries: Sequence[StoredEntry], ready: Ready) -> None:
    rows = [ready.get(entry) or _index_row(entry) for entry in entries]
    marks = ", ".join(["?"] * (len(FIELDS) + 1))
    session.connection().exec_driver_sql(f"INSERT INTO {name} (rowid, {', '.join(FIELDS)}) VALUES ({marks})", rows)


def _index_row(entry: StoredEntry) -> tuple[int | str | None, ...]:
    texts = texts_of(entry)
    return (entry.id, *(_BORDER.join(map(index_text, texts[one])) if one in texts else None for one in FIELDS))

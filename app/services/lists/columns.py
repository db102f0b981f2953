"""The labels and facts of a dataset's pairs as arrays: a million of them are counted and sorted in some milliseconds.

They are read once, which takes a second or two for a million pairs, and then follow what is written: each write gives
the pairs that it touches a later ``updated_at``, and new ones higher ids. The kept counts of the dataset say whether
they are right; where they are not, all is read again.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, case, func, select

from app.core.changes import chunks_of
from app.core.record import SPLITS, STATUSES, load_json
from app.core.search.facts import facts_of
from app.core.stored import as_entry
from app.models import (
    Check,
    Comment,
    Dataset,
    Entry,
    EntryFacts,
    FoundProblem,
    SearchState,
    StaleEntry,
    Workspace,
    db,
    reading,
)
from app.services.entries import COLUMNS, fetch_chunks, hidden_sets

# Datasets of up to so many pairs are read whenever somebody looks at them.
AT_ONCE = 50_000
# Of up to so many pairs whose facts are not kept yet, they are made at each look.
MADE_AT_ONCE = 2_000
MOST_PAIRS = 5_000_000
# With more rows at a time Python's collection of garbage takes longer than all else.
_CHUNK = 1_000
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN = -1
_FACTS = ("chars", "tokens", "turns", "has_tools")
Array = NDArray[Any]


class Names:
    """Texts by small numbers, in the order in which they were met."""

    def __init__(self, *texts: str | None) -> None:
        self.texts: list[str | None] = []
        self._numbers: dict[str | None, int] = {}
        for text in texts:
            self.number(text)

    def number(self, text: str | None) -> int:
        """The number of a text."""
        if text not in self._numbers:
            self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return self._numbers[text]

    def numbers(self, texts: Sequence[str | None]) -> list[int]:
        """The numbers of many texts."""
        for text in set(texts) - self._numbers.keys():
            self.number(text)
        return [self._numbers[text] for text in texts]

    def chosen(self, is_meant: Callable[[str | None], bool]) -> Array:
        """For each number whether its text is meant."""
        return np.fromiter(map(is_meant, self.texts), bool, len(self.texts))


@dataclass
class Columns:
    """One element for each row of the dataset, by id. ``mark`` says what they were read at.

    Facts that nobody knows yet are -1: those of ``unknown`` pairs. ``found`` are the places and hashes of what the last
    check found, by its code. ``kept`` holds what was worked out from them.
    """

    mark: tuple[Any, ...]
    ids: Array
    status: Array
    split: Array
    batch: Array
    imports: Array
    live: Array
    tags: Array
    source: Array
    hashes: Array
    edited: Array
    chars: Array
    tokens: Array
    turns: Array
    has_tools: Array
    language: Array
    statuses: Names
    splits: Names
    tag_sets: Names
    sources: Names
    languages: Names
    hidden: list[int]
    found: dict[str, tuple[Array, Array]]
    unknown: int = 0
    kept: dict[Any, Any] = field(default_factory=dict)

    @property
    def visible(self) -> Array:
        """Which rows are pairs of the dataset."""
        if "visible" not in self.kept:
            visible = self.live & ~np.isin(self.batch, self.hidden) if self.hidden else self.live
            self.kept["visible"] = visible
        found: Array = self.kept["visible"]
        return found

    def find(self, ids: Sequence[int] | Array) -> tuple[Array, Array]:
        """Where these ids would stand, and which of them are there."""
        wanted = np.asarray(ids, np.int64)
        places = np.searchsorted(self.ids, wanted)
        is_there = places < len(self.ids)
        is_there[is_there] = self.ids[places[is_there]] == wanted[is_there]
        return places, is_there

    def places(self, ids: Sequence[int] | Array) -> Array:
        """Where these ids stand; those that are not there are left out."""
        places, is_there = self.find(ids)
        return places[is_there]

    def tags_of(self, number: int) -> list[str]:
        """The tags that a number of ``tags`` stands for."""
        tags: list[str] = load_json(self.tag_sets.texts[number], [])
        return tags


# The arrays among the fields of Columns, and what they hold.
_ARRAYS: dict[str, Any] = {
    "ids": np.int64,
    "status": np.int8,
    "split": np.int8,
    "batch": np.int32,
    "imports": np.int32,
    "live": bool,
    "tags": np.int32,
    "source": np.int32,
    "hashes": np.int64,
    "edited": np.int64,
    "chars": np.int32,
    "tokens": np.int32,
    "turns": np.int32,
    "has_tools": np.int8,
    "language": np.int16,
}


class _Store:
    """The columns that were read last, of the datasets of one database."""

    def __init__(self) -> None:
        self.known: OrderedDict[int, Columns] = OrderedDict()
        self.locks: dict[int, Lock] = {}
        self.lock = Lock()

    def lock_of(self, dataset_id: int) -> Lock:
        with self.lock:
            return self.locks.setdefault(dataset_id, Lock())

    def keep(self, dataset_id: int, columns: Columns) -> None:
        with self.lock:
            self.known[dataset_id] = columns
            self.known.move_to_end(dataset_id)
            while len(self.known) > 1 and sum(len(one.ids) for one in self.known.values()) > MOST_PAIRS:
                self.known.popitem(last=False)


_stores: "WeakKeyDictionary[Engine, _Store]" = WeakKeyDictionary()


def load_columns(dataset_id: int, *, read: bool = True) -> Columns | None:
    """The columns of a dataset as it is now. Without ``read`` None where they would have to be read whole first."""
    store = _stores.setdefault(db.engine, _Store())
    lock = store.lock_of(dataset_id)
    if not lock.acquire(blocking=read):
        return None
    try:
        with reading() as connection:
            mark = _read_mark(connection, dataset_id)
            known = store.known.get(dataset_id)
            if known is not None and known.mark == mark:
                return known
            found = _follow(connection, dataset_id, known, mark) if known is not None else None
            if found is None and read:
                found = _read_all(connection, dataset_id, mark)
            if found is not None:
                store.keep(dataset_id, found)
            return found
    finally:
        lock.release()


def _microseconds(moment: str | datetime) -> int:
    """A time of the database since 1970; the bare driver of SQLite gives it as text."""
    told = datetime.fromisoformat(moment).replace(tzinfo=UTC) if isinstance(moment, str) else moment
    return ((told if told.tzinfo else told.replace(tzinfo=UTC)) - _BEGIN) // timedelta(microseconds=1)


def _read_mark(connection: Connection, dataset_id: int) -> tuple[Any, ...]:
    """What tells whether columns are those of now: epoch, revision, counts, facts, the check, and the last comment."""
    epoch = connection.execute(select(Workspace.epoch)).scalar()
    row = connection.execute(select(Dataset.revision, Dataset.counts).where(Dataset.id == dataset_id)).first()
    revision, counts = row or (0, {})
    state = select(SearchState.facts_upto, SearchState.made_by).where(SearchState.dataset_id == dataset_id)
    upto, made_by = connection.execute(state).first() or (0, "")
    stale = select(func.count()).where(StaleEntry.dataset_id == dataset_id, StaleEntry.facts)
    old = int(connection.execute(stale).scalar_one())
    check = select(Check.id, Check.revision, Check.last_set).where(
        Check.dataset_id == dataset_id, Check.state == "current"
    )
    last_comment = connection.execute(select(func.max(Comment.id))).scalar()
    by_status = tuple(sorted((name, number) for name, number in (counts or {}).items() if number))
    checked = connection.execute(check.order_by(Check.id.desc()).limit(1)).first()
    return epoch, revision, by_status, (upto, made_by, old), tuple(checked or ()), last_comment


def _number_of(column: Any, texts: Sequence[str]) -> Any:
    """The place of a column's text among others, counted from 1; 0 for none."""
    return case(*((column == text, place) for place, text in enumerate(texts, 1)), else_=0)


# Numbers wherever the database can make them: reading a million texts takes longer.
_READ: tuple[Any, ...] = (
    Entry.id,
    _number_of(Entry.status, STATUSES) - 1,
    _number_of(Entry.split, SPLITS),
    func.coalesce(Entry.batch_id, 0),
    func.coalesce(Entry.import_id, 0),
    case((Entry.deleted_in.is_(None), 1), else_=0),
    Entry.tags,
    Entry.source,
    func.coalesce(Entry.content_hash, 0),
    Entry.updated_at,
)


def _read_all(connection: Connection, dataset_id: int, mark: tuple[Any, ...]) -> Columns:
    arrays: dict[str, Any] = {name: np.zeros(0, kind) for name, kind in _ARRAYS.items()}
    columns = Columns(
        mark=mark,
        statuses=Names(*STATUSES),
        splits=Names(None, *SPLITS),
        tag_sets=Names(None),
        sources=Names(None),
        languages=Names(""),
        hidden=hidden_sets(dataset_id, connection),
        found={},
        **arrays,
    )
    _take_rows(connection, columns, Entry.dataset_id == dataset_id, Entry.deleted_in.is_(None))
    _take_facts(connection, columns, dataset_id, EntryFacts.entry_id > 0)
    _finish(connection, columns, dataset_id)
    return columns


def _follow(connection: Connection, dataset_id: int, known: Columns, mark: tuple[Any, ...]) -> Columns | None:
    """The columns after what was written since; None where that is not certain."""
    epoch, _, counts, (upto, made_by, old), check, _ = mark
    was_epoch, _, _, (was_upto, was_made_by, was_old), was_check, _ = known.mark
    if epoch != was_epoch or not len(known.ids):
        return None
    columns = replace(
        known,
        mark=mark,
        hidden=hidden_sets(dataset_id, connection),
        kept={},
        **{name: getattr(known, name).copy() for name in _ARRAYS},
    )
    last, latest = int(known.ids[-1]), _BEGIN + timedelta(microseconds=int(known.edited.max()))
    mine = Entry.dataset_id == dataset_id
    touched = _take_rows(connection, columns, mine, Entry.updated_at > latest, Entry.id <= last)
    if len(columns.places(touched)) < len(touched):
        # One that was deleted when all was read is there again.
        return None
    touched += _take_rows(connection, columns, mine, Entry.id > last)
    if made_by != was_made_by or old != was_old or upto < was_upto:
        for name in (*_FACTS, "language"):
            getattr(columns, name).fill(UNKNOWN)
        _take_facts(connection, columns, dataset_id, EntryFacts.entry_id > 0)
    else:
        if upto > was_upto:
            _take_facts(connection, columns, dataset_id, EntryFacts.entry_id > was_upto)
        for part in chunks_of(touched, 500):
            _take_facts(connection, columns, dataset_id, EntryFacts.entry_id.in_(part))
    _finish(connection, columns, dataset_id, same_check=check == was_check)
    numbers = np.bincount(columns.status[columns.visible], minlength=len(STATUSES))
    seen = tuple(sorted((name, int(number)) for name, number in zip(STATUSES, numbers, strict=False) if number))
    return columns if seen == counts else None


def _take_rows(connection: Connection, columns: Columns, *where: Any) -> list[int]:
    """Read rows into the columns, new ones behind the others. Returns the ids of all."""
    taken: list[int] = []
    last = int(columns.ids[-1]) if len(columns.ids) else 0
    statement = select(*_READ).where(*where).order_by(Entry.id)
    added: dict[str, list[Array]] = {name: [] for name in _ARRAYS}
    for rows in fetch_chunks(connection, statement, _CHUNK):
        ids, status, split, batch, imports, live, tags, source, hashes, edited = zip(*rows, strict=True)
        cells: dict[str, Any] = {
            "ids": ids,
            "status": status,
            "split": split,
            "batch": batch,
            "imports": imports,
            "live": live,
            "tags": columns.tag_sets.numbers(tags),
            "source": columns.sources.numbers(source),
            "hashes": hashes,
            "edited": [0 if one is None else _microseconds(one) for one in edited],
        }
        number = len(ids)
        arrays = {name: np.array(cell, _ARRAYS[name]) for name, cell in cells.items()}
        is_new = arrays["ids"] > last
        places = np.searchsorted(columns.ids, arrays["ids"][~is_new])
        if len(places) and not np.array_equal(columns.ids[places], arrays["ids"][~is_new]):
            return [*taken, *ids]
        for name, kind in _ARRAYS.items():
            cell = arrays.get(name, np.full(number, UNKNOWN, kind))
            getattr(columns, name)[places] = cell[~is_new]
            added[name].append(cell[is_new])
        taken += ids
    for name, parts in added.items():
        if parts:
            setattr(columns, name, np.concatenate([getattr(columns, name), *parts]))
    return taken


def _take_facts(connection: Connection, columns: Columns, dataset_id: int, where: Any) -> None:
    read = (EntryFacts.entry_id, *(getattr(EntryFacts, name) for name in _FACTS), EntryFacts.language)
    mine = EntryFacts.dataset_id == dataset_id, where
    for rows in fetch_chunks(connection, select(*read).where(*mine).order_by(EntryFacts.entry_id), _CHUNK):
        ids, *facts, languages = zip(*rows, strict=True)
        places, is_there = columns.find(ids)
        for name, cells in zip(_FACTS, facts, strict=True):
            getattr(columns, name)[places[is_there]] = np.asarray(cells, np.int32)[is_there]
        codes = np.array(columns.languages.numbers(languages), np.int16)
        columns.language[places[is_there]] = codes[is_there]


def _finish(connection: Connection, columns: Columns, dataset_id: int, *, same_check: bool = False) -> None:
    """Forget old facts, make the few that are missing, and look up what the last check found."""
    stale = select(StaleEntry.entry_id).where(StaleEntry.dataset_id == dataset_id, StaleEntry.facts)
    old = columns.places(list(connection.execute(stale).scalars()))
    columns.chars[old] = UNKNOWN
    missing = columns.ids[columns.visible & (columns.chars == UNKNOWN)]
    columns.unknown = len(missing)
    if len(missing) <= MADE_AT_ONCE:
        columns.unknown = 0
        for part in chunks_of(missing.tolist(), 500):
            for row in connection.execute(select(*COLUMNS).where(Entry.id.in_(part))):
                entry = as_entry(row)
                place, facts = columns.places([entry.id]), facts_of(entry)
                for name in _FACTS:
                    getattr(columns, name)[place] = getattr(facts, name)
                columns.language[place] = columns.languages.number(facts.language)
    if same_check:
        return
    found: dict[str, list[tuple[int, int]]] = {}
    current = select(Check.id).where(Check.dataset_id == dataset_id, Check.state == "current")
    query = select(FoundProblem.code, FoundProblem.entry_id, func.coalesce(FoundProblem.content_hash, 0))
    for code, entry_id, hashed in connection.execute(query.where(FoundProblem.check_id.in_(current)).distinct()):
        found.setdefault(code, []).append((entry_id, hashed))
    columns.found = {}
    for code, pairs in found.items():
        ids, hashes = (np.asarray(one, np.int64) for one in zip(*pairs, strict=True))
        columns.found[code] = ids, hashes

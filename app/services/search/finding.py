"""What answers a query in a dataset, exactly: by index and facts what they know, and by its texts what they do not."""

import heapq
import json
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, product
from operator import attrgetter
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from flask import has_request_context
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    any_,
    bindparam,
    cast,
    column,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    table,
    true,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.selectable import Join

from app.core.errors import Invalid
from app.core.record import dump_json
from app.core.search.matching import COMPARE, MESSAGE_REASONING, Around, make_matcher
from app.core.search.query import Expression, Label, Measure, Query, Term, Words, parse_query
from app.core.search.words import TYPED, fold, words_of
from app.core.stored import StoredEntry, as_entry, content_hash, content_of
from app.core.text import BLANK_CHARACTERS
from app.models import (
    ChangeSet,
    Comment,
    Dataset,
    Entry,
    EntryFacts,
    SearchState,
    StaleEntry,
    db,
    entry_columns,
    is_writing,
    read_ids,
)
from app.services.search.listing import find_words
from app.services.search.marking import MADE_BY, table_name
from app.services.search.words import LETTERS, LONG, LONGEST

# Whoever waits for a page is told to narrow down after so long.
MOST_SECONDS = 20.0
# So many different words are looked up for letters inside words.
MOST_INSIDE = 1_000
# Of so many of them what follows is asked for as well.
MOST_FOLLOWED = 20
# How many steps SQLite takes between two looks at the time: some milliseconds.
_STEPS = 100_000
# In so many ways a text with typographic quotes and dashes is asked for one by one.
MOST_SPELLINGS = 20
# The newest that answer are remembered: as many as the largest page shows, and one more.
FIRST = 101
_FEW_IDS = 400
_MANY_IDS = 10_000
# So many rows are read before those among them that answer are given.
_ROWS = 200
_REMEMBERED = 64
_COLUMNS = entry_columns()
# Where the texts of plain entries stand. They have no messages and no tools.
_PLAIN: dict[str, Any] = {
    "question": Entry.question,
    "answer": Entry.answer,
    "system": Entry.system,
    "reasoning": Entry.reasoning,
    "rejected": Entry.rejected_answer,
}
_MEASURED: dict[str, Any] = {"len": EntryFacts.chars, "tokens": EntryFacts.tokens, "turns": EntryFacts.turns}
# From the characters that texts hold most to those that they hold least, roughly; others are as frequent as the first.
_RARE = " etaoinsrhldcumfpgwybv0123456789kxjqz"
T = TypeVar("T")
Condition = ColumnElement[bool]
Frozen = Callable[[Select[Any]], Select[Any]]


@dataclass(frozen=True, slots=True)
class Inside:
    """What the index holds, in its language, wherever letters stand anywhere in a text; where ``exact``, only there."""

    match: str
    exact: bool


_remembered: OrderedDict[tuple[object, ...], Any] = OrderedDict()
_lock = Lock()


def find(dataset_id: int, text: str, live: Condition, connection: Connection | None = None) -> "Found | None":
    """What answers the text; None where it asks for nothing. ``live`` is the condition of entries that exist.

    Raises BadUsage on a text over the limit, Invalid where a pattern, or all of it, takes too long.
    """
    query = parse_query(text)
    if not query.terms:
        return None
    found = Found(dataset_id, query, live, connection)
    return found.inside_words() if query.has_wanted_words and found.is_empty else found


def find_frozen(text: str, live: Condition, frozen: Frozen, connection: Connection | None = None) -> Condition:
    """The condition of what answers the text among the entries that a snapshot holds.

    ``frozen`` makes a query of entries one of those. Their texts are looked at one by one.
    """
    query = parse_query(text)
    if not query.terms:
        return true()
    execute = (connection or db.session).execute
    around = _look_around(query, live, frozen, execute)
    last_moment = _last_moment()
    ids: list[int] = []
    for one in (query, query.inside_words()) if query.has_wanted_words else (query,):
        if not ids:
            matches = make_matcher(one, around)
            rows = _read(frozen(select(*_COLUMNS).where(live)), execute, last_moment)
            ids = [entry.id for entry in rows if matches(entry)]
    return _is_one_of(ids)


def _is_sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"


def _look_around(query: Query, live: Condition, frozen: Frozen, execute: Any) -> Around:
    asked = {term.values[0] for term in query.terms if isinstance(term, Label) and term.name in ("is", "has")}
    duplicates = _find_duplicates(live, frozen, execute) if "duplicate" in asked else ()
    noted = execute(select(Comment.entry_id).distinct()).scalars() if "note" in asked else ()
    return Around(frozenset(duplicates), frozenset(noted))


def _find_duplicates(live: Condition, frozen: Any, execute: Any) -> list[int]:
    """The entries of which there is another one with the same content."""
    of_hash: dict[int, list[int]] = {}
    is_now = frozen is _as_it_is
    # Bulk changes leave hashes to be computed later.
    missing = Entry.content_hash.is_(None)
    unhashed = Entry.id.in_(select(Entry.id).where(missing)) if is_now else missing
    for entry in map(as_entry, execute(frozen(select(*_COLUMNS).where(live, unhashed)))):
        of_hash.setdefault(content_hash(content_of(entry)), []).append(entry.id)
    hashed = select(Entry.id, Entry.content_hash).where(live, Entry.content_hash.is_not(None))
    if is_now and not of_hash:
        # The index of hashes tells soon which come again anywhere. Mostly few do.
        again = select(Entry.content_hash).group_by(Entry.content_hash).having(func.count() > 1).subquery()
        hashed = hashed.select_from(_CrossJoin(again, Entry.__table__, again.c.content_hash == Entry.content_hash))
    for entry_id, one in execute(frozen(hashed)):
        of_hash.setdefault(one, []).append(entry_id)
    return [one for ids in of_hash.values() if len(ids) > 1 for one in ids]


def _last_moment() -> float:
    """Until when texts may be looked at: a page is not kept waiting for ever."""
    return time.monotonic() + MOST_SECONDS if has_request_context() else math.inf


def _too_slow() -> Invalid:
    return Invalid(
        f"This search was stopped after {MOST_SECONDS:.0f} seconds. No pair has just these words, or they hold marks "
        "or a pattern: all texts had to be read. Look for whole words, or narrow it down by status:, tag: or split:.",
        code="search_too_slow",
    )


def _read(statement: Select[Any], execute: Any, last_moment: float) -> Iterator[StoredEntry]:
    """The rows of a select, a few at a time. Raises Invalid when the time is over."""
    with execute(statement, execution_options={"yield_per": _ROWS}) as rows:
        for part in rows.partitions():
            yield from map(as_entry, part)
            if time.monotonic() > last_moment:
                raise _too_slow()


def _is_one_of(ids: Sequence[int]) -> Condition:
    if len(ids) <= _FEW_IDS:
        return Entry.id.in_(ids) if ids else false()
    if _is_sqlite():
        return Entry.id.in_(_listed(ids))
    return Entry.id == any_(bindparam(None, list(ids), type_=postgresql.ARRAY(Entry.id.type), unique=True))


def _listed(ids: Sequence[int]) -> Select[Any]:
    return select(func.json_each(json.dumps(ids)).table_valued("value").c.value)


class _CrossJoin(Join):
    """The rows of the left table in their order, each with its one of the right: SQLite is not to turn it round."""

    inherit_cache = True


@compiles(_CrossJoin, "sqlite")
def _cross_join(join: _CrossJoin, compiler: Any, **options: Any) -> str:
    inner: str = compiler.visit_join(join, **options)
    return inner.replace(" JOIN ", " CROSS JOIN ", 1)


@dataclass(frozen=True, slots=True)
class _Source:
    """Entries that may answer, or certainly do (``is_certain``); ``place`` has their ids where it is not their own."""

    statement: Select[Any]
    place: ColumnElement[int] | None = None
    is_certain: bool = False


class Found:
    """What answers a query in one view of a dataset. Nothing is looked for before it is asked for.

    ``inside`` says that no words were found, and that this is what holds the text anywhere, also inside words.
    """

    def __init__(self, dataset_id: int, query: Query, live: Condition, connection: Connection | None) -> None:
        self.query, self.inside = query, False
        self._id, self._live, self._connection = dataset_id, live, connection
        self._execute = (connection or db.session).execute
        self._last_moment = _last_moment()
        newest = select(func.max(Entry.id)).where(Entry.dataset_id == dataset_id, Entry.deleted_in.is_(None))
        row = self._execute(
            select(
                Dataset.revision,
                newest.scalar_subquery().label("newest"),
                exists().where(StaleEntry.dataset_id == dataset_id).label("stale"),
                func.coalesce(SearchState.facts_upto, 0).label("facts_upto"),
                func.coalesce(SearchState.index_upto, 0).label("index_upto"),
                func.coalesce(SearchState.index_number, 0).label("index_number"),
                # Comments are no writes to the dataset, and searched for as well.
                select(func.max(Comment.id)).scalar_subquery().label("comment"),
            )
            .select_from(Dataset)
            .outerjoin(SearchState, and_(SearchState.dataset_id == Dataset.id, SearchState.made_by == MADE_BY))
            .where(Dataset.id == dataset_id)
        ).one()
        self.has_stale = bool(row.stale)
        self._newest, self._facts_upto = row.newest or 0, row.facts_upto
        # PostgreSQL keeps the words with the facts.
        self._is_sqlite = _is_sqlite()
        self._number = row.index_number
        self._index = table_name(dataset_id, row.index_number) if row.index_number else ""
        self._index_upto = row.index_upto if self._is_sqlite else row.facts_upto
        self._mark = (str(db.engine.url), *row, dataset_id)

    def _recall(self, what: str, about: object = None) -> Any:
        """What was made for this view of the data before; None where nothing was."""
        with _lock:
            return _remembered.get((*self._mark, what, about or self.query))

    def _remember(self, what: str, make: Callable[[], Any], about: object = None) -> Any:
        """What was made for this view of the data before, or is now: one page asks several times."""
        key = (*self._mark, what, about or self.query)
        with _lock:
            if key in _remembered:
                return _remembered[key]
        made = make()
        if is_writing():
            # It may be taken back, and another write then has the same revision.
            return made
        with _lock:
            _remembered[key] = made
            while len(_remembered) > _REMEMBERED:
                _remembered.popitem(last=False)
        return made

    def inside_words(self) -> "Found":
        """What answers the same text where it may stand inside words."""
        found = copy(self)
        found.query, found.inside = self.query.inside_words(), True
        return found

    @property
    def is_empty(self) -> bool:
        """Whether nothing answers. Raises as ``find``."""
        return not self._first

    @property
    def condition(self) -> Condition:
        """The condition of all that answers. Raises as ``find``."""
        labels, words, measures = self._labels(), self.query.words, self._measures
        if self._asks_texts:
            return _is_one_of(self._texts)
        if not words and not measures:
            return and_(true(), *labels)
        unknown = self._unknown(words, measures)
        ids = self._looked_at(unknown)
        if self._is_sqlite and not measures and self.query.has_wanted_words:
            hits = self._hits(self._match_of(words))
            return and_(Entry.id.in_(union_all(hits, _listed(ids)) if ids else hits), *labels)
        told = and_(*(not_(one) for one in unknown), *self._told(words, measures))
        return and_(*labels, or_(told, _is_one_of(ids)) if ids else told)

    def take(
        self, most: int, where: Sequence[Condition] = (), *, descending: bool = True, beyond: int | None = None
    ) -> list[StoredEntry]:
        """The first entries by id that answer and hold to the conditions, from beyond an id. Raises as ``find``.

        What lies behind them is not looked at.
        """
        if descending and beyond is None and not where and most <= FIRST:
            return self._walk([self._of_ids(self._first[:most])], most)
        known = self._few
        sources = self._sources(first=True) if known is None else [self._of_ids(known)]
        return self._walk(sources, most, where, descending, beyond)

    def _walk(
        self,
        sources: Iterable[_Source],
        most: int,
        where: Sequence[Condition] = (),
        descending: bool = True,
        beyond: int | None = None,
    ) -> list[StoredEntry]:
        matches = self._make_matcher()

        def walk(source: _Source) -> Iterator[StoredEntry]:
            place = Entry.id if source.place is None else source.place
            statement = source.statement.where(*where).order_by(place.desc() if descending else place)
            if beyond is not None:
                statement = statement.where(place < beyond if descending else place > beyond)
            if source.is_certain:
                return map(as_entry, self._execute(statement.limit(most)))
            return (entry for entry in self._read(statement) if matches(entry))

        in_order = heapq.merge(*map(walk, sources), key=attrgetter("id"), reverse=descending)
        return list(self._in_time(islice(in_order, most)))

    @property
    def _first(self) -> tuple[int, ...]:
        """The ids of the newest that answer, as many as a page shows and one more: they are looked for once."""

        def find_first() -> tuple[int, ...]:
            return tuple(entry.id for entry in self._walk(self._sources(first=True), FIRST))

        first: tuple[int, ...] = self._remember("first", find_first)
        return first

    @property
    def _few(self) -> tuple[int, ...] | None:
        """The ids of all that answers, where they are few and remembered."""
        first = self._recall("first")
        known: tuple[int, ...] | None = first if first is not None and len(first) < FIRST else self._recall("texts")
        # Of very many the first ones are sooner found anew.
        return known if known is not None and len(known) <= _MANY_IDS else None

    def _of_ids(self, ids: Sequence[int]) -> _Source:
        return _Source(select(*_COLUMNS).where(self._live, _is_one_of(ids)), is_certain=True)

    def _sources(self, *, first: bool = False) -> list[_Source]:
        """Selects that together name each entry which may answer once; where only ``first`` ones are wanted, at once.

        Whether the words of a text with marks stand in it is quicker asked of the index for all, and of the text for a
        few.
        """
        words, measures, every = self.query.words, self._measures, self._every()
        if not self._asks_texts:
            unknown = self._unknown(words, measures) if words or measures else ()
            return [
                self._known(every, unknown, words, measures, is_certain=True),
                *(_Source(every.where(one)) for one in unknown),
            ]
        # What facts and index tell narrows it down. Words that are wanted with marks have to be there at least.
        whole = [one for one in words if one.words]
        needed = [replace(one, literal="") for one in whole if not (one.negated and one.literal)]
        literal = [one for one in words if one.literal]
        inside = [one for one in literal if not one.negated and self._find_inside(one)]
        if not self._facts_upto or (whole and not self._is_indexed):
            return [_Source(every)]
        # Whether an entry is plain is told by facts.
        unknown = self._unknown([*whole, *inside], measures or literal)
        known = self._known(every, unknown, [*needed, *inside], measures)
        rest = [_Source(every.where(one)) for one in unknown]
        if any(isinstance(term, Expression) for term in self.query.terms):
            return [known, *rest]
        mixed = select(EntryFacts.entry_id).where(EntryFacts.dataset_id == self._id, EntryFacts.is_plain.is_(False))
        if first:
            is_mixed = mixed.where(EntryFacts.entry_id == Entry.id).exists()
            wanted = [self._holds_literal(replace(one, words=())) for one in literal if not one.negated]
            return [_Source(known.statement.where(*(or_(one, is_mixed) for one in wanted)), known.place), *rest]
        holding = [_signed(term, self._holds_literal(term)) for term in literal]
        plain, others = (
            known.statement.where(Entry.id.not_in(mixed), *holding),
            known.statement.where(Entry.id.in_(mixed)),
        )
        return [_Source(plain, known.place, is_certain=True), _Source(others, known.place), *rest]

    def pick(self, ids: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Which of some ids answer, and maybe of hidden ones; None where only a look at all entries tells.

        Raises as ``find``.
        """
        words = self.query.words
        if self._asks_texts:
            return np.isin(ids, self._texts)
        if not self._is_told_by_index:
            return None
        unknown = self._unknown(words, ())
        told = np.isin(ids, read_ids(self._hits(self._match_of(words)), self._execute))
        if not self.query.has_wanted_words:
            told = ~told
            if unknown:
                told &= ~np.isin(ids, read_ids(select(Entry.id).where(self._live, or_(*unknown)), self._execute))
        return told | np.isin(ids, self._looked_at(unknown))

    def count(self) -> int | None:
        """How many live entries answer, by the index alone; None where it may hold hidden ones, or lacks some."""
        if not self._is_told_by_index:
            return None
        hidden = select(ChangeSet.id).where(
            ChangeSet.dataset_id == self._id,
            ChangeSet.state.in_(("staging", "undone")),
            ChangeSet.first_id <= self._index_upto,
        )
        if self.has_stale or self._index_upto < self._newest or self._execute(hidden.limit(1)).first():
            return None
        index = _index_table(self._index)
        holding = index.c[self._index].op("MATCH")(self._match_of(self.query.words))
        found = int(self._execute(select(func.count()).select_from(index).where(holding)).scalar_one())
        if self.query.has_wanted_words:
            return found
        counts = self._execute(select(Dataset.counts).where(Dataset.id == self._id)).scalar_one()
        return sum((counts or {}).values()) - found

    def _in_time(self, found: Iterator[T]) -> tuple[T, ...]:
        """All of what takes long to find. Raises Invalid when the time is over, also while SQLite reads texts."""
        if not self._is_sqlite or self._last_moment == math.inf:
            return tuple(found)
        driver: Any = (self._connection or db.session.connection()).connection.driver_connection
        driver.set_progress_handler(lambda: time.monotonic() > self._last_moment, _STEPS)
        try:
            return tuple(found)
        except OperationalError as error:
            if time.monotonic() > self._last_moment:
                raise _too_slow() from error
            raise
        finally:
            driver.set_progress_handler(None, 0)

    @property
    def _is_told_by_index(self) -> bool:
        """Whether SQLite's index alone tells, but for what it does not know."""
        return self._is_sqlite and len(self.query.words) == len(self.query.terms) and not self._asks_texts

    @property
    def _is_indexed(self) -> bool:
        return bool(self._index) or not self._is_sqlite

    def _unknown(self, words: Sequence[Words], measures: Sequence[Term]) -> list[Condition]:
        """Which entries index or facts cannot tell of, as conditions that together name each of them once."""
        upto = min(self._index_upto if words else self._newest, self._facts_upto if measures else self._newest)
        found: list[Condition] = [Entry.id > upto] if upto < self._newest else []
        if not self.has_stale and self._is_sqlite:
            return found
        stale = select(StaleEntry.entry_id).where(StaleEntry.dataset_id == self._id)
        if not words:
            stale = stale.where(StaleEntry.facts)
        if self.has_stale:
            # The sum keeps SQLite from a walk through all ids up to that one.
            found.append(and_(Entry.id + 0 <= upto, Entry.id.in_(stale)))
        if not self._is_sqlite and any(len(one.words) > 1 or max(map(len, one.words)) > LONGEST for one in words):
            long = and_(Entry.id <= upto, Entry.id.in_(self._with_words(f"'{LONG}'")))
            found.append(and_(long, Entry.id.not_in(stale)) if self.has_stale else long)
        return found

    def _told(self, words: Sequence[Words], measures: Sequence[Term]) -> list[Condition]:
        """The conditions of what answers, for entries of which index and facts can tell."""
        found = [_signed(term, self._holds_fact(term)) for term in measures]
        if words and self._is_sqlite:
            hits = Entry.id.in_(self._hits(self._match_of(words)))
            found.append(hits if any(not term.negated for term in words) else not_(hits))
        elif words:
            found += [_signed(term, Entry.id.in_(self._with_words(_vector_query(term)))) for term in words]
        return found

    def _known(
        self,
        every: Select[Any],
        unknown: Sequence[Condition],
        words: Sequence[Words],
        measures: Sequence[Term],
        *,
        is_certain: bool = False,
    ) -> _Source:
        """What index and facts tell of the entries that they know, as a select of ``every``."""
        known = every.where(*(not_(one) for one in unknown))
        if not self._is_sqlite or all(term.negated for term in words):
            return _Source(known.where(*self._told(words, measures)), is_certain=is_certain)
        # The index gives its hits in the order of their ids, so that the first ones are there before all are found.
        index = _index_table(self._index)
        joined = _CrossJoin(index, Entry.__table__, index.c.rowid == Entry.id)
        holding = index.c[self._index].op("MATCH")(self._match_of(words)), *self._told((), measures)
        return _Source(known.select_from(joined).where(*holding), index.c.rowid, is_certain)

    @property
    def _texts(self) -> tuple[int, ...]:
        """The ids of all that answers a query which asks the texts."""
        few = self._few
        found: tuple[int, ...] = (
            self._remember("texts", lambda: self._in_time(self._find_by_texts())) if few is None else few
        )
        return found

    def _looked_at(self, unknown: Sequence[Condition]) -> tuple[int, ...]:
        """The ids of what answers among entries of which index or facts cannot tell."""
        found: tuple[int, ...] = self._remember("unknown", lambda: self._in_time(self._find_unknown(unknown)))
        return found

    def _find_by_texts(self) -> Iterator[int]:
        """The ids of what answers a query with marks or patterns, or one of words where there is no index."""
        matches = self._make_matcher()
        for one in self._sources():
            if one.is_certain:
                yield from read_ids(one.statement.with_only_columns(Entry.id), self._execute).tolist()
            else:
                yield from (entry.id for entry in self._read(one.statement) if matches(entry))

    def _find_unknown(self, unknown: Sequence[Condition]) -> Iterator[int]:
        """The ids of what answers among entries of which index or facts cannot tell."""
        matches = self._make_matcher()
        for one in unknown:
            yield from (entry.id for entry in self._read(self._every().where(one)) if matches(entry))

    def _every(self) -> Select[Any]:
        return select(*_COLUMNS).where(self._live, *self._labels())

    def _read(self, statement: Select[Any]) -> Iterator[StoredEntry]:
        return _read(statement, self._execute, self._last_moment)

    def _make_matcher(self) -> Callable[[StoredEntry], bool]:
        return make_matcher(self.query, self._around())

    def _around(self) -> Around:
        look = partial(_look_around, self.query, self._live, _as_it_is, self._execute)
        around: Around = self._remember("around", look)
        return around

    def _labels(self) -> list[Condition]:
        terms = self.query.terms
        return [_signed(term, self._holds_label(term, self._around())) for term in terms if _is_of_columns(term)]

    @property
    def _measures(self) -> list[Term]:
        return [term for term in self.query.terms if _is_of_facts(term)]

    @property
    def _asks_texts(self) -> bool:
        """Whether texts have to be looked at for more than what index and facts do not know."""
        return any(map(self._is_of_texts, self.query.terms)) or bool(self.query.words and not self._is_indexed)

    def _is_of_texts(self, term: Term) -> bool:
        """Whether texts have to be looked at for a term."""
        if isinstance(term, Words) and term.literal:
            inside = None if term.negated else self._find_inside(term)
            return inside is None or not inside.exact
        return isinstance(term, Expression)

    def _find_inside(self, term: Words) -> Inside | None:
        """What SQLite's index holds where letters stand anywhere; None where they are in too many of its words."""
        pieces = () if term.words or not (self._is_sqlite and self._index) else tuple(words_of(term.literal))
        return self._remember("inside", lambda: self._look_inside(term, pieces), term) if pieces else None

    def _look_inside(self, term: Words, pieces: tuple[str, ...]) -> Inside | None:
        first, *rest = pieces
        begins = term.literal.endswith(pieces[-1])
        parts: list[str] = []
        if not term.literal.startswith(first):
            rest = [*pieces]
        elif (words := self._list_words(first, ends=bool(rest) or not begins)) is not None:
            # The last one is a character that no word has.
            heads = words or ["\ue002"]
            # What follows a word stands right behind it. To ask for that of many words takes longer than it saves.
            tail, rest = (tuple(rest), []) if len(heads) <= MOST_FOLLOWED else ((), rest)
            parts.append(" OR ".join(_match_one(Words("", (one, *tail), bool(tail) and begins, "")) for one in heads))
        if rest:
            parts.append(_match_one(Words("", tuple(rest), begins, "")))
        if not parts:
            return None
        field = f"{term.field} : " if term.field else ""
        return Inside(" AND ".join(f"({field}({one}))" for one in parts), exact=term.literal == first)

    def _list_words(self, letters: str, *, ends: bool) -> list[str] | None:
        """The words of the index that hold the letters, or end with them; None where they are too many to look up."""
        index = self._id, self._number, self._index_upto
        return find_words(self._execute, *index, letters, ends=ends, most=MOST_INSIDE)

    def _match_of(self, words: Iterable[Words]) -> str:
        """Words in the language of SQLite's index; where none is wanted, what finds those that are excluded."""
        signed: dict[bool, list[str]] = {False: [], True: []}
        for term in words:
            inside = self._find_inside(term)
            signed[term.negated].append(inside.match if inside else _match_one(term))
        wanted, excluded = signed[False], signed[True]
        if not wanted:
            return " OR ".join(excluded)
        return f"({' AND '.join(wanted)})" + (f" NOT ({' OR '.join(excluded)})" if excluded else "")

    def _holds_literal(self, term: Words) -> Condition:
        """Whether a plain text holds what has to stand in it as it is, and its words as well."""
        found = []
        for name, place in _PLAIN.items():
            if term.field in ("", name):
                words = self._told([Words(name, term.words, term.begins, "")], ()) if term.words else ()
                found.append(and_(place.is_not(None), _holds(place, term.literal), *words))
        return or_(false(), *found)

    def _hits(self, match: str) -> Select[Any]:
        """What the index finds, but for stale entries, of which it does not know."""
        index = _index_table(self._index)
        hits = select(index.c.rowid).where(index.c[self._index].op("MATCH")(match))
        if self._index_upto < self._newest:
            hits = hits.where(index.c.rowid <= self._index_upto)
        if self.has_stale:
            stale = select(StaleEntry.entry_id).where(StaleEntry.dataset_id == self._id)
            hits = hits.where(index.c.rowid.not_in(stale))
        return hits

    def _with_words(self, vector_query: str) -> Select[Any]:
        """The entries whose words on PostgreSQL answer a query of its full-text search."""
        holds: Any = column("words").op("@@")(cast(vector_query, postgresql.TSQUERY))
        return select(EntryFacts.entry_id).where(EntryFacts.dataset_id == self._id, holds)

    def _holds_fact(self, term: Term) -> Condition:
        if isinstance(term, Measure):
            compared: Any = COMPARE[term.sign](_MEASURED[term.name], term.number)
            holds: Condition = compared
        else:
            assert isinstance(term, Label)
            tools = term.name != "language"
            holds = EntryFacts.has_tools.is_(True) if tools else EntryFacts.language == term.values[0]
        return Entry.id.in_(select(EntryFacts.entry_id).where(EntryFacts.dataset_id == self._id, holds))

    def _holds_label(self, term: Term, around: Around) -> Condition:
        assert isinstance(term, Label)
        value = term.values[0]
        match term.name:
            case "tag":
                quoted = (dump_json([value]) or "[]")[1:-1]
                # Not LIKE, which takes upper and lower case for the same: these are other tags.
                find: Any = func.instr if self._is_sqlite else func.strpos
                return and_(Entry.tags.is_not(None), find(Entry.tags, quoted) > 0)
            case "status":
                return Entry.status.in_(term.values)
            case "split":
                return func.coalesce(Entry.split, "none").in_(term.values)
            case "source":
                sources = self._execute(select(Entry.source).where(self._live, Entry.source.is_not(None)).distinct())
                named = [one for one in sources.scalars() if one and fold(value) in fold(one)]
                return and_(Entry.source.is_not(None), Entry.source.in_(named))
        match value:
            case "duplicate":
                return _is_one_of(sorted(around.duplicates))
            case "note":
                return _is_one_of(sorted(around.noted))
            case "empty" | "answered":
                begins = or_(Entry.answer == "", func.substr(Entry.answer, 1, 1).in_(tuple(BLANK_CHARACTERS)))
                nothing = and_(begins, func.trim(Entry.answer, BLANK_CHARACTERS) == "", Entry.trace.is_(None))
                return nothing if value == "empty" else not_(nothing)
            case "reasoning":
                said = [func.coalesce(one, "").contains(MESSAGE_REASONING) for one in (Entry.turns, Entry.trace)]
                return or_(func.coalesce(Entry.reasoning, "") != "", *said)
            case "turns" | "tags":
                return (Entry.turns if value == "turns" else Entry.tags).is_not(None)
        held = {"rejected": Entry.rejected_answer, "system": Entry.system, "source": Entry.source}[value]
        return func.coalesce(held, "") != ""


def _as_it_is(statement: Select[Any]) -> Select[Any]:
    return statement


def _signed(term: Term, condition: Condition) -> Condition:
    return not_(condition) if term.negated else condition


def _is_of_facts(term: Term) -> bool:
    return isinstance(term, Measure) or (
        isinstance(term, Label) and (term.name == "language" or term.values == ("tools",))
    )


def _is_of_columns(term: Term) -> bool:
    return isinstance(term, Label) and not _is_of_facts(term)


def _index_table(name: str) -> Any:
    # A column with the name of the table stands for all of its columns.
    return table(name, column("rowid"), column(name))


def _match_one(term: Words) -> str:
    """Words in the language of SQLite's index."""
    # Words are letters, marks and digits, so that no quote is among them.
    return (f"{term.field} : " if term.field else "") + f'"{" ".join(term.words)}"' + (" *" if term.begins else "")


def _vector_query(term: Words) -> str:
    """Words in the language of PostgreSQL's full-text search."""
    if max(map(len, term.words)) > LONGEST:
        # Only entries that are looked at hold such a word.
        return "'\ue002'"
    alike = []
    for letter in [LETTERS[term.field]] if term.field else LETTERS.values():
        parts = [f"'{letter}{word}'" for word in term.words]
        alike.append(f"({' <-> '.join(parts)}{':*' if term.begins else ''})")
    return " | ".join(alike)


def _holds(place: Any, literal: str) -> Condition:
    """Whether a nearly folded text holds a folded one."""
    parts = [f"\\{char}" if char in "\\%_" else char for char in literal]
    if not _is_sqlite():
        # ILIKE knows no case but that from a to z in the collation C.
        typed = "".join(char * len(same) for char, same in TYPED.items())
        as_typed = func.translate(place, "".join(TYPED.values()), typed)
        return as_typed.collate("C").ilike(f"%{''.join(parts)}%", escape="\\")
    if literal in TYPED:
        return or_(*(func.instr(place, char) > 0 for char in (literal, *TYPED[literal])))
    # LIKE knows no case but that from a to z. It stops wherever a text has what the pattern begins with.
    rarest = max(range(max(1, len(parts) - 2)), key=lambda at: _RARE.find(literal[at]))
    nearly = ["_" if char in TYPED else char for char in parts]
    found = _is_like(place, parts)
    if nearly != parts:
        same = [(char, *TYPED.get(char, ())) for char in parts]
        if math.prod(map(len, same)) <= MOST_SPELLINGS:
            exact = or_(*(_is_like(place, spelling) for spelling in product(*same)))
        else:
            # GLOB knows which characters may stand in a place, and is slow.
            exact = place.op("GLOB")(f"*{''.join(map(_class_of, literal))}*")
        found = or_(found, and_(_is_like(place, nearly), exact))
    return and_(_is_like(place, nearly[rarest:]), found) if rarest else found


def _is_like(place: Any, parts: Sequence[str]) -> Condition:
    found: Condition = place.like(f"%{''.join(parts)}%", escape="\\")
    return found


def _class_of(char: str) -> str:
    """What a folded character may have been, in the language of GLOB."""
    if char in TYPED:
        return f"[{char}{TYPED[char]}]"
    return f"[{char}{char.upper()}]" if "a" <= char <= "z" else f"[{char}]" if char in "*?[" else char

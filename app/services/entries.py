"""Reading entries: one by one, by page, and the one bulk read that everything else streams from."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select, tuple_

from app.core import folding
from app.core.changes import chunks_of
from app.core.errors import BadUsage, Busy, Conflict, Gone, Invalid, NotFound
from app.core.filters import EVERY, HERE, QUESTIONS, Filters, check_choices
from app.core.record import dump_json
from app.core.search.facts import SOURCE_COLUMNS
from app.core.search.query import Query, parse_query
from app.core.spool import put_aside
from app.core.stored import StoredEntry, as_entry
from app.core.text import clip, is_number, plural
from app.models import (
    VERSIONS,
    ChangeRow,
    ChangeSet,
    Check,
    Entry,
    EntryFacts,
    FoundProblem,
    LedgerRow,
    SearchState,
    StaleEntry,
    db,
    entry_columns,
    reading,
)
from app.models import Dataset as DatasetRow
from app.models.database import LOG
from app.models.log import WriteAheadLog
from app.services import search

# The columns that every reader of whole entries asks for, in the order of StoredEntry.
COLUMNS = entry_columns()
ORDERS = ("newest", "oldest")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of entries, and the cursors of its neighbours (None where there is none)."""

    entries: list[StoredEntry]
    previous: str | None
    next: str | None


def hidden_sets(dataset_id: int, connection: Connection | None = None) -> list[int]:
    """Ids of change sets whose created entries do not show: staged or undone. A short list."""
    query = select(ChangeSet.id).where(
        ChangeSet.dataset_id == dataset_id, ChangeSet.state.in_(("staging", "undone")), ChangeSet.first_id.is_not(None)
    )
    return list((connection or db.session).execute(query).scalars())


def is_live(dataset_id: int, connection: Connection | None = None) -> ColumnElement[bool]:
    """The condition under which an entry of the dataset exists for its users."""
    return and_(Entry.dataset_id == dataset_id, is_visible(dataset_id, connection))


def is_visible(dataset_id: int, connection: Connection | None = None) -> ColumnElement[bool]:
    """Not deleted, and not of a hidden set: ``live`` without the dataset."""
    hidden = hidden_sets(dataset_id, connection)
    if not hidden:
        return Entry.deleted_in.is_(None)
    return and_(Entry.deleted_in.is_(None), or_(Entry.batch_id.is_(None), Entry.batch_id.not_in(hidden)))


# Of which status are the pairs that can be trained on: those that a check looks at.
TRAINABLE = ("draft", "review", "approved")


def exported_statuses(counts: Mapping[str, int] | None) -> tuple[str, ...]:
    """Pairs of which status an export takes where nobody says: approved ones once any is.

    ``counts`` say how many pairs there are of each status.
    """
    return ("approved",) if (counts or {}).get("approved") else TRAINABLE


def escape_like(text: str) -> str:
    """The text as a literal part of a LIKE pattern with ``\\`` as escape."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def holds_text(column: Any, text: str) -> ColumnElement[bool]:
    """Whether a column holds a text in any case, by ``core.folding``."""
    sqlite = db.engine.dialect.name == "sqlite"
    plain = text if text.isascii() else folding.longest_ascii(text)
    pattern = f"%{escape_like(plain)}%"
    # SQLite's LIKE knows no case from a to z, and PostgreSQL's ILIKE none but that in the collation C.
    alike = column.like(pattern, escape="\\") if sqlite else column.collate("C").ilike(pattern, escape="\\")
    if text.isascii():
        return alike  # type: ignore[no-any-return]
    if sqlite:
        exact = or_(*(column.op("GLOB")(one) for one in folding.glob_patterns(text)))
    else:
        exact = column.collate("C").op("~")(folding.regex_pattern(text))
    return and_(alike, exact) if plain else exact


def filter_conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """The filters but for the text, as conditions. Raises BadUsage on an unknown status, or a text over the limit."""
    parse_query(filters.text)
    check_choices(filters)
    found: list[ColumnElement[bool]] = []
    if filters.statuses:
        found.append(Entry.status.in_(set(filters.statuses)))
    if filters.splits:
        found.append(Entry.split.in_(set(filters.splits)))
    if filters.tags:
        found.append(_has_tag(filters.tags))
    if filters.ids is not None:
        found.append(Entry.id.in_(filters.ids))
    if filters.imports:
        found.append(_is_of_import(filters.imports))
    if filters.answered is not None:
        has_answer = or_(Entry.answer != "", Entry.trace.is_not(None))
        found.append(has_answer if filters.answered else ~has_answer)
    if filters.findings:
        listed = _select_found(filters.findings)
        # The ids alone as well: by them the planner looks pairs up instead of reading all.
        found.append(Entry.id.in_(listed.with_only_columns(FoundProblem.entry_id)))
        found.append(tuple_(Entry.id, Entry.content_hash).in_(listed))
    if filters.left_out:
        ledger, _, code = filters.left_out.partition(":")
        named = LedgerRow.ledger_id == (int(ledger) if is_number(ledger) else 0), LedgerRow.code == code
        found.append(Entry.id.in_(select(LedgerRow.entry_id).where(*named)))
    if filters.sources:
        found.append(Entry.source.in_(filters.sources))
    if filters.languages:
        found.append(_fact("language").in_(_codes(filters.languages)))
    if filters.turns:
        found.append(_has_turns(filters.turns))
    if filters.tools is not None:
        found.append(_fact("has_tools").is_(filters.tools))
    for name, low, high in (
        ("chars", filters.length_from, filters.length_to),
        ("tokens", filters.tokens_from, filters.tokens_to),
    ):
        if low is not None:
            found.append(_fact(name) >= low)
        if high is not None:
            found.append(_fact(name) <= high)
    if filters.not_statuses:
        found.append(Entry.status.not_in(set(filters.not_statuses)))
    if filters.not_splits:
        found.append(or_(Entry.split.is_(None), Entry.split.not_in(set(filters.not_splits))))
    if filters.not_tags:
        found.append(or_(Entry.tags.is_(None), ~_has_tag(filters.not_tags)))
    if filters.not_imports:
        found.append(~_is_of_import(filters.not_imports))
    if filters.not_findings:
        found.append(tuple_(Entry.id, func.coalesce(Entry.content_hash, 0)).not_in(_select_found(filters.not_findings)))
    if filters.not_sources:
        found.append(or_(Entry.source.is_(None), Entry.source.not_in(filters.not_sources)))
    if filters.not_languages:
        found.append(_fact("language").not_in(_codes(filters.not_languages)))
    if filters.not_turns:
        found.append(~_has_turns(filters.not_turns))
    return found


def _fact(name: str) -> ColumnElement[Any]:
    """A fact of an entry: the kept one, or where that is not there or old, made of its columns now.

    PostgreSQL cannot make it: ``_require_facts`` sees to it that none is missing there.
    """
    mine = EntryFacts.dataset_id == Entry.dataset_id, EntryFacts.entry_id == Entry.id
    kept = select(getattr(EntryFacts, name)).where(*mine).correlate(Entry).scalar_subquery()
    if db.engine.dialect.name != "sqlite":
        return kept
    made: Any = func.ltt_fact(name, *(getattr(Entry, column) for column in SOURCE_COLUMNS))
    old = Entry.id.in_(select(StaleEntry.entry_id).where(StaleEntry.facts))
    return case((old, made), else_=func.coalesce(kept, made))


def _require_facts(dataset_id: int, live: ColumnElement[bool], connection: Connection | None, frozen: bool) -> None:
    """Raise where a database that cannot make facts would leave out pairs whose facts are not kept."""
    if db.engine.dialect.name == "sqlite":
        return
    if frozen:
        raise Invalid(
            "On PostgreSQL no lengths and languages are kept of pairs in a snapshot. Search for len>500, tokens<=80, "
            "turns>1, has:tools or language:de instead of these filters.",
            code="no_facts",
        )
    known = select(SearchState.facts_upto).where(SearchState.dataset_id == dataset_id).scalar_subquery()
    old = select(StaleEntry.entry_id).where(StaleEntry.dataset_id == dataset_id, StaleEntry.facts)
    missing = select(Entry.id).where(live, or_(Entry.id > func.coalesce(known, 0), Entry.id.in_(old)))
    if (connection or db.session).execute(missing.limit(1)).first():
        raise Busy("Lengths and languages of some pairs are still being measured. Try again in a moment.")


def _has_turns(named: Iterable[str]) -> ColumnElement[bool]:
    return or_(*(_fact("turns").between(*QUESTIONS[one]) for one in named))


def _codes(languages: Iterable[str]) -> list[str]:
    return ["" if one == "?" else one for one in languages]


def _has_tag(tags: Iterable[str]) -> ColumnElement[bool]:
    quoted = ((dump_json([tag]) or "[]")[1:-1] for tag in tags)
    # SQLite's LIKE takes upper and lower case for the same; these are other tags.
    return or_(*(func.replace(Entry.tags, tag, "") != Entry.tags for tag in quoted))


def _is_of_import(imports: Iterable[str]) -> ColumnElement[bool]:
    """Of one of the imports, or of none; never unknown, so that it can be turned round."""
    return func.coalesce(Entry.import_id, 0).in_(import_numbers(imports))


def import_numbers(imports: Iterable[str]) -> list[int]:
    """The numbers of imports, 0 for none. Raises BadUsage for what is no number."""
    if wrong := [one for one in imports if one != HERE and not is_number(one)]:
        raise BadUsage(f"import must be a whole number or {HERE}, not {clip(wrong[0], 40)!r}.", code="no_number")
    return sorted({0 if one == HERE else int(one) for one in imports})


def _select_found(codes: Iterable[str]) -> Select[Any, Any]:
    """What the current checks found, as ids and hashes: of a pair that was written anew since, nothing is known."""
    mine = FoundProblem.check_id.in_(select(Check.id).where(Check.state == "current"))
    hashed = func.coalesce(FoundProblem.content_hash, 0)
    return select(FoundProblem.entry_id, hashed).where(mine, FoundProblem.code.in_(set(codes)))


def select_entries(
    dataset_id: int,
    filters: Filters,
    columns: Sequence[Any] = COLUMNS,
    connection: Connection | None = None,
    where: Sequence[ColumnElement[bool]] = (),
) -> Select[Any]:
    """The select behind every read of entries, unordered."""
    return select(*columns).where(*chosen(dataset_id, filters, connection), *where)


def chosen(
    dataset_id: int,
    filters: Filters,
    connection: Connection | None = None,
    frozen: search.Frozen | None = None,
) -> list[ColumnElement[bool]]:
    """The conditions of the live entries that the filters choose.

    ``frozen`` makes a query of entries one of what a snapshot holds, where that is meant.
    """
    live = is_live(dataset_id, connection)
    if filters.asks_facts:
        _require_facts(dataset_id, live, connection, frozen is not None)
    found = [live, *filter_conditions(filters)]
    if filters.text and frozen is not None:
        found.append(search.find_frozen(filters.text, live, frozen, connection))
    elif filters.text and (answer := search.find(dataset_id, filters.text, live, connection)) is not None:
        found.append(answer.condition)
    return found


@dataclass(frozen=True, slots=True)
class Searched:
    """How a text of the search box was taken: ``query``, whether only the insides of words held it (``inside``), and
    how many pairs the index does not know yet (``behind``), so that their texts are looked at one by one."""

    query: Query
    inside: bool
    behind: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """What has to be said of it to who does not see the page."""
        inside = ("No pair has these words, so that the text is looked for inside words too.",) if self.inside else ()
        return (*self.query.remarks, *inside)


def explain_search(dataset_id: int, text: str) -> Searched | None:
    """How the text is taken in a dataset; None where it asks for nothing."""
    found = find_text(dataset_id, text)
    if found is None:
        query = parse_query(text)
        return Searched(query, False, 0) if query.remarks else None
    return Searched(found.query, found.inside, search.find_lag(dataset_id).index)


def find_text(dataset_id: int, text: str) -> search.Found | None:
    """What answers a text of the search box in a dataset; None where it asks for nothing."""
    return search.find(dataset_id, text, is_live(dataset_id))


def list_page(dataset_id: int, filters: Filters, *, cursor: str = "", order: str = "newest", size: int = 50) -> Page:
    """One page by keyset. ``cursor`` is ``after:ID`` or ``before:ID`` in list order, as given by the neighbour page."""
    if order not in ORDERS:
        raise BadUsage(f"There is no order {order!r}. Use newest or oldest.")
    direction, anchor = _parse_cursor(cursor)
    backwards = direction == "before"
    rows = _take(dataset_id, filters, size + 1, descending=(order == "newest") != backwards, beyond=anchor)
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    has_previous = more if backwards else anchor is not None
    has_next = True if backwards else more
    return Page(
        rows,
        f"before:{rows[0].id}" if rows and has_previous else None,
        f"after:{rows[-1].id}" if rows and has_next else None,
    )


def _take(dataset_id: int, filters: Filters, most: int, *, descending: bool, beyond: int | None) -> list[StoredEntry]:
    """The first entries by id that the filters choose, from beyond an id."""
    if filters.text:
        found = find_text(dataset_id, filters.text)
        if found is not None:
            if filters.asks_facts:
                _require_facts(dataset_id, is_live(dataset_id), None, False)
            return found.take(most, filter_conditions(filters), descending=descending, beyond=beyond)
    statement = select_entries(dataset_id, filters)
    if beyond is not None:
        statement = statement.where(Entry.id < beyond if descending else Entry.id > beyond)
    statement = statement.order_by(Entry.id.desc() if descending else Entry.id).limit(most)
    return [as_entry(row) for row in db.session.execute(statement)]


def _parse_cursor(cursor: str) -> tuple[str, int | None]:
    if not cursor:
        return "after", None
    direction, _, anchor = cursor.partition(":")
    if direction not in ("after", "before") or not is_number(anchor):
        raise bad_cursor()
    return direction, int(anchor)


def bad_cursor() -> BadUsage:
    """What is said of a cursor that no page gave."""
    return BadUsage("This page link is damaged. Start again from the first page.", code="bad_cursor")


def count_entries(dataset_id: int, filters: Filters) -> int:
    """How many live entries match."""
    number = count_at_once(dataset_id, filters)
    if number is None:
        number = int(db.session.execute(select_entries(dataset_id, filters, (func.count(),))).scalar_one())
    return number


def count_at_once(dataset_id: int, filters: Filters) -> int | None:
    """How many live entries match, as far as the kept count or the index of searches tells it; else None."""
    if filters == EVERY:
        dataset = db.session.get(DatasetRow, dataset_id)
        return dataset.entry_count if dataset else 0
    if filters == Filters(text=filters.text):
        found = find_text(dataset_id, filters.text)
        return found.count() if found is not None else count_at_once(dataset_id, EVERY)
    return None


def status_counts(dataset_id: int, filters: Filters) -> dict[str, int]:
    """Each status with the number of live entries that have it and match all other filters."""
    others = replace(filters, statuses=())
    if others == Filters():
        dataset = db.session.get(DatasetRow, dataset_id)
        return dict(dataset.counts or {}) if dataset else {}
    statement = select_entries(dataset_id, others, (Entry.status, func.count())).group_by(Entry.status)
    rows: Iterable[tuple[str, int]] = db.session.execute(statement).all()
    return dict(rows)


def split_counts(dataset_id: int, filters: Filters = EVERY) -> dict[str, int]:
    """Each split with the number of live entries in it that match all other filters; empty where none is in any."""
    others = replace(filters, splits=())
    statement = select_entries(dataset_id, others, (Entry.split, func.count())).where(Entry.split.is_not(None))
    rows: Iterable[tuple[str, int]] = db.session.execute(statement.group_by(Entry.split)).all()
    return {**dict.fromkeys(filters.splits, 0), **dict(rows)}


def tag_counts(dataset_id: int, filters: Filters = EVERY) -> list[tuple[str, int]]:
    """Each tag with the number of live entries that carry it and match all other filters, most used first.

    A tag that is chosen is there also where nothing matches it.
    """
    others = replace(filters, tags=())
    statement = select_entries(dataset_id, others, (Entry.tags, func.count())).where(Entry.tags.is_not(None))
    totals: dict[str, int] = dict.fromkeys(filters.tags, 0)
    for tags, number in db.session.execute(statement.group_by(Entry.tags)):
        for tag in json.loads(tags):
            totals[tag] = totals.get(tag, 0) + number
    return sorted(totals.items(), key=lambda item: (-item[1], item[0]))


def get(dataset_id: int, entry_id: int) -> StoredEntry:
    """The live entry. Raises Gone where it was deleted (or its import undone), NotFound where it never was."""
    row = db.session.execute(select_entries(dataset_id, Filters(ids=(entry_id,)))).first()
    if row is not None:
        return as_entry(row)
    if db.session.execute(select(Entry.id).where(Entry.dataset_id == dataset_id, Entry.id == entry_id)).first():
        raise Gone(f"Pair {entry_id} was deleted. Undo brings it back.", entry_id=entry_id)
    raise NotFound(f"There is no pair {entry_id} in this dataset.", entry_id=entry_id)


def get_deleted(dataset_id: int, entry_id: int) -> StoredEntry:
    """The last values of an entry that is no longer live."""
    row = db.session.execute(select(*COLUMNS).where(Entry.dataset_id == dataset_id, Entry.id == entry_id)).first()
    if row is None:
        raise NotFound(f"There is no pair {entry_id} in this dataset.", entry_id=entry_id)
    return as_entry(row)


def neighbours_of(
    dataset_id: int, filters: Filters, entry_id: int, order: str = "newest"
) -> tuple[int | None, int | None]:
    """The ids before and after an entry in the list."""
    below, above = (
        next((one.id for one in _take(dataset_id, filters, 1, descending=down, beyond=entry_id)), None)
        for down in (True, False)
    )
    return (above, below) if order == "newest" else (below, above)


def stream(
    dataset_id: int,
    filters: Filters = EVERY,
    *,
    columns: Sequence[Any] = COLUMNS,
    size: int = 1000,
    where: Sequence[ColumnElement[bool]] = (),
) -> Iterator[list[Any]]:
    """All matching rows in id order, as lists of plain tuples of ``columns``, from one unchanging view of the data.

    The only bulk read: exports, scans, cleaning and digests all stand on it. Constant memory.
    """
    with reading() as connection:
        statement = select_entries(dataset_id, filters, columns, connection, where).order_by(Entry.id)
        yield from fetch_chunks(connection, statement, size)


def fetch_chunks(connection: Connection, statement: Select[Any], size: int) -> Iterator[list[Any]]:
    """The statement's rows as lists of tuples, by the bare driver cursor where that is quicker.

    When the write-ahead log grows meanwhile, the rest is put aside in a temporary file while the first chunks are
    given, and the database let go of.
    """
    if connection.dialect.name != "sqlite":
        result = connection.execution_options(stream_results=True, yield_per=size).execute(statement)
        for part in result.partitions(size):
            yield [tuple(row) for row in part]
        return
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    names = compiled.positiontup or []
    driver: Any = connection.connection.driver_connection
    cursor = driver.execute(str(compiled), tuple(compiled.params[name] for name in names))
    wal: WriteAheadLog | None = connection.info.get(LOG)
    try:
        while rows := cursor.fetchmany(size):
            if wal is not None and wal.has_grown:
                rest = chain([rows], iter(partial(cursor.fetchmany, size), []))
                yield from put_aside(rest, partial(_end_read, connection, cursor, wal))
                return
            yield rows
    finally:
        cursor.close()


def _end_read(connection: Connection, cursor: Any, wal: WriteAheadLog) -> None:
    cursor.close()
    connection.rollback()
    wal.fold_if_free()


def stream_rows(
    dataset_id: int,
    filters: Filters = EVERY,
    columns: Sequence[Any] = COLUMNS,
    *,
    size: int = 1000,
    where: Sequence[ColumnElement[bool]] = (),
) -> Iterator[list[StoredEntry]]:
    """All matching entries in id order, in lists. ``columns`` are those of ``entry_columns``; others are None."""
    for rows in stream(dataset_id, filters, columns=columns, size=size, where=where):
        yield list(map(as_entry, rows))


def stream_entries(dataset_id: int, filters: Filters = EVERY) -> Iterator[StoredEntry]:
    """All matching entries in id order, one by one."""
    for rows in stream_rows(dataset_id, filters):
        yield from rows


def of_dataset(dataset_id: int) -> ColumnElement[bool]:
    """Belonging to the dataset, for queries that go by hash: the sum keeps the planner off the dataset's index."""
    return Entry.dataset_id + 0 == dataset_id


def by_ids(dataset_id: int, ids: Iterable[int]) -> dict[int, StoredEntry]:
    """The live entries among ``ids``."""
    found: dict[int, StoredEntry] = {}
    for part in chunks_of(ids, 500):
        for row in db.session.execute(select_entries(dataset_id, Filters(ids=tuple(part)))):
            entry = as_entry(row)
            found[entry.id] = entry
    return found


def check_text(text: str | None, field: str) -> None:
    """Raise Invalid where a text holds what no database keeps: U+0000 or half a surrogate pair."""
    if text is None:
        return
    if "\x00" in text:
        raise Invalid(f"The {field} holds a NUL character (U+0000). Remove it.", code="nul")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Invalid(
            f"The {field} holds half of a character (a lone surrogate) at position {error.start + 1}. Remove it.",
            code="lone_surrogate",
        ) from error


def require_version(entry: StoredEntry, version: int) -> None:
    """Raise Conflict where somebody saved the entry since ``version`` was read."""
    if entry.version != version:
        raise Conflict(
            f"Pair {entry.id} was changed since you opened it. Nothing was saved.",
            code="stale_version",
            entry_id=entry.id,
            version=entry.version,
        )


def require_revision(dataset: DatasetRow, revision: int | None) -> None:
    """Raise Conflict where anything was written to the dataset since ``revision``. None stands for any."""
    if revision is not None and dataset.revision != revision:
        raise Conflict(
            f"The dataset “{dataset.name}” was changed since you loaded it, and holds "
            f"{plural(dataset.entry_count, 'pair')} now. Nothing was done.",
            code="stale_version",
            dataset_id=dataset.id,
            version=dataset.revision,
        )


@dataclass(frozen=True, slots=True)
class Revision:
    """One step in the life of an entry."""

    number: int | None
    summary: str
    actor: str
    at: datetime
    state: str
    fields: dict[str, tuple[str | None, str | None]]


def revisions_of(dataset_id: int, entry_id: int) -> list[Revision]:
    """What happened to one entry, newest first, its creation last."""
    rows = db.session.execute(
        select(ChangeSet, ChangeRow)
        .join(ChangeRow, ChangeRow.change_set_id == ChangeSet.id)
        .where(ChangeSet.dataset_id == dataset_id, ChangeSet.state != "staging", ChangeRow.entry_id == entry_id)
        # The order in which they were done: what was prepared for long has an older id.
        .order_by(ChangeSet.number.desc())
    )
    steps: dict[int, Revision] = {}
    for change_set, row in rows:
        step = steps.setdefault(change_set.id, _revision(change_set))
        step.fields[row.field] = (row.before, row.after)
    created = db.session.execute(
        select(ChangeSet).join(Entry, Entry.created_in == ChangeSet.id).where(Entry.id == entry_id)
    ).scalar_one_or_none()
    return [*steps.values(), *([_revision(created)] if created else [])]


def _revision(change_set: ChangeSet) -> Revision:
    return Revision(
        change_set.number, change_set.summary, change_set.actor, change_set.created_at, change_set.state, {}
    )


def value_after(dataset_id: int, entry_id: int, number: int) -> StoredEntry:
    """The live entry as it was after a step of its history, by the steps since that stand. Raises NotFound."""
    entry = get(dataset_id, entry_id)
    for revision in revisions_of(dataset_id, entry_id):
        if revision.number == number:
            return entry
        if revision.state == "applied":
            fields: Any = {name: before for name, (before, _) in revision.fields.items() if name != "live"}
            entry = entry._replace(**fields)
    raise NotFound(f"Step {number:,} did nothing to pair {entry_id}.", code="no_step")


def value_at(dataset_id: int, entry_id: int, version: int) -> StoredEntry | None:
    """The entry as it was at an older version, rebuilt from its changes: the common base of a conflict.

    None where that is not certain: where a step was undone, redone or removed from its history, each of which makes
    a version whose place among the others nothing tells; and where the version is of before a restore.
    """
    entry = get_deleted(dataset_id, entry_id)
    steps = [revision for revision in revisions_of(dataset_id, entry_id) if revision.fields]
    # A new entry has version 1, and each step that was only ever done added one.
    plain = all(step.state == "applied" for step in steps) and entry.version % VERSIONS == len(steps) + 1
    if version // VERSIONS != entry.version // VERSIONS or not plain or not 0 <= entry.version - version <= len(steps):
        return None
    for step in steps[: entry.version - version]:
        fields: Any = {name: before for name, (before, _) in step.fields.items() if name != "live"}
        entry = entry._replace(**fields)
    return entry

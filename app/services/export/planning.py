"""What an export will hold, leave out, lose and change, counted before anything is written.

The database counts what columns tell. Records with messages or other columns are looked at one by one. Of all others
it only matters what they have: they are counted by that, and one stands for each kind. Where pairs are picked by a
look at each of them, all are looked at.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, not_, or_, select

from app.core.formats import FORMATS, WriteOptions
from app.core.formats.csv import RISKY, cells_of, stream_lines
from app.core.formats.jsonl import encode_line
from app.core.formats.xlsx import CELL_LIMIT, ROW_LIMIT, length_in_cell
from app.core.layouts import CARRIES, RowError, losses
from app.core.layouts.base import messages_of
from app.core.layouts.columns import OWN
from app.core.record import Record
from app.core.stored import StoredEntry
from app.models import Entry, db
from app.providers.tokenizers import load_tokenizer
from app.services.export.leaks import SplitLeaks
from app.services.export.options import (
    REASONS,
    ExportOptions,
    find_origin,
    goes_out,
    is_chosen,
    reasons_against,
)
from app.services.export.picking import count_tokens
from app.services.export.proof import RoundTrip
from app.services.export.rendering import Rendering, in_chunks

# So many pairs of each reason are named: more than anybody looks through.
MOST_NAMED = 5_000
# The first records are shown, and of each so many characters.
SHOWN, SHOWN_CHARACTERS = 3, 2_000
# Tokens of more pairs are estimated by those of so many.
SAMPLED = 2_000
SYSTEM_ADDED, MADE_SAFE, TOO_LONG_CELL, TOO_MANY_ROWS = "system-added", "made-safe", "cell-too-long", "too-many-rows"
LEFT_OUT, LOST, CHANGED, IN_THE_WAY = "left out", "lost", "changed", "in the way"


@dataclass(frozen=True, slots=True)
class RecordCount:
    """A number of records with its reason or kind."""

    what: str
    records: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the ledger: so many pairs are left out, lose something, are changed or stand in the way, and why."""

    kind: str
    code: str
    what: str
    pairs: int


@dataclass(frozen=True, slots=True)
class Shown:
    """One of the first records: as it stands in the file, and as a reader sees it (who says what)."""

    raw: str
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Size:
    """What the file comes to. Tokens are exact only where all pairs were counted by a checked vocabulary."""

    rows: int
    bytes: int
    tokens: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an export will hold, counted before it is written. ``formulas`` are cells that a spreadsheet would run."""

    records: int
    lines: tuple[Line, ...]
    formulas: int
    shown: tuple[Shown, ...] = ()
    size: Size | None = None
    round_trip: RoundTrip | None = None
    # None where it is of no split, and writes no file for each.
    leaks: SplitLeaks | None = None

    @property
    def left_out(self) -> list[RecordCount]:
        """Chosen pairs that stay behind, by reason; each is counted once."""
        return [RecordCount(one.what, one.pairs) for one in self.lines if one.kind == LEFT_OUT]

    @property
    def losses(self) -> list[RecordCount]:
        """What the layout cannot hold of pairs that go out."""
        return [RecordCount(one.what, one.pairs) for one in self.lines if one.kind == LOST]

    @property
    def in_the_way(self) -> list[Line]:
        """Why the file cannot be written at all."""
        return [one for one in self.lines if one.kind == IN_THE_WAY]

    def as_dict(self) -> dict[str, Any]:
        """The counts as programs see them."""
        return {
            "records": self.records,
            "left_out": [{"reason": one.what, "records": one.records} for one in self.left_out],
            "losses": [{"what": one.what, "records": one.records} for one in self.losses],
            "changed": [
                {"what": one.what, "records": one.pairs} for one in self.lines if one.kind in (CHANGED, IN_THE_WAY)
            ],
            "formulas": self.formulas,
            **(self.leaks.as_dict() if self.leaks else {}),
        }


class Reckoning:
    """Counts pairs by codes, and names the first of each. ``records`` go out; ``formulas`` are cells.

    ``see`` is told of pairs that go out, ``leave`` of others.
    """

    def __init__(self, run: Rendering, *, is_naming: bool = False) -> None:
        self.run, self.is_naming = run, is_naming
        self.records = self.formulas = 0
        self.pairs = Counter[str]()
        # What a refusal says.
        self.said: dict[str, str] = {}
        self.names: dict[str, list[int]] = {}
        options = run.options
        # What begins a cell that matters.
        self.signs: tuple[str, ...] = ()
        if options.format in ("csv", "tsv"):
            self.signs = RISKY if options.spreadsheet_safe else tuple(sign for sign in RISKY if sign != "'")

    def add(self, code: str, entry_id: int) -> None:
        """Count a pair under a code."""
        self.pairs[code] += 1
        named = self.names.setdefault(code, [])
        if self.is_naming and len(named) < MOST_NAMED:
            named.append(entry_id)

    def add_many(self, code: str, number: int, query: Select[Any]) -> None:
        """Count pairs that the database counted; the query finds their ids."""
        self.pairs[code] += number
        named = self.names.setdefault(code, [])
        if number and self.is_naming and len(named) < MOST_NAMED:
            named.extend(self.run.find(query.limit(MOST_NAMED - len(named))).scalars())

    def see(self, row: StoredEntry, record: Record, rows: list[dict[str, Any]]) -> None:
        """A pair that goes out, and its rows."""
        self.records += 1
        for name in losses(record, self.run.layout, self.run.how):
            self.add(code_of_loss(name), row.id)
        if row.system is None and record.system is not None and "system" in self.run.layout.holds:
            self.add(SYSTEM_ADDED, row.id)
        for one in rows if self.signs or self.run.options.format == "xlsx" else ():
            self.see_cells(row.id, cells_of(one.values()))

    def see_cells(self, entry_id: int, cells: list[str]) -> None:
        """The cells of a row of a table."""
        if self.signs:
            number = sum(cell.startswith(self.signs) for cell in cells)
            if number and self.run.options.spreadsheet_safe:
                self.add(MADE_SAFE, entry_id)
            elif number:
                self.formulas += number
        elif any(length_in_cell(cell) > CELL_LIMIT for cell in cells):
            self.add(TOO_LONG_CELL, entry_id)

    def leave(self, row: StoredEntry, reason: str | RowError) -> None:
        """A pair that stays behind, and why."""
        code = f"refused-{reason.code}" if isinstance(reason, RowError) else reason
        if isinstance(reason, RowError):
            self.said.setdefault(code, reason.message)
        self.add(code, row.id)

    def as_plan(self) -> ExportPlan:
        """What was counted, line by line."""
        options, pairs = self.run.options, dict(self.pairs)
        if options.format == "xlsx" and self.records > ROW_LIMIT:
            pairs[TOO_MANY_ROWS] = self.records
        limits = {"max_tokens": options.max_tokens or 0, "per_tag": options.per_tag or 0}
        order = [(LEFT_OUT, code, text.format(**limits)) for code, text in REASONS.items()]
        order += [(LEFT_OUT, code, f"refused: {said}") for code, said in self.said.items()]
        order += [(LOST, code_of_loss(name), name) for name in CARRIES]
        order += [
            (CHANGED, SYSTEM_ADDED, "get the dataset’s system prompt"),
            (CHANGED, MADE_SAFE, "get an apostrophe before what a spreadsheet would run"),
            (IN_THE_WAY, TOO_LONG_CELL, f"have a text of more than the {CELL_LIMIT:,} characters that a cell holds"),
            (IN_THE_WAY, TOO_MANY_ROWS, f"are more than the {ROW_LIMIT:,} rows that a sheet holds"),
        ]
        lines = tuple(Line(kind, code, text, pairs[code]) for kind, code, text in order if pairs.get(code))
        return ExportPlan(self.records, lines, self.formulas)


def plan_export(dataset_id: int, options: ExportOptions, view: Connection | None = None) -> ExportPlan:
    """Count what goes out and what stays, in a view that is open already where one is given."""
    return count_ledger(dataset_id, options, view=view)[0]


def count_ledger(
    dataset_id: int, options: ExportOptions, *, naming: bool = False, view: Connection | None = None
) -> tuple[ExportPlan, dict[str, list[int]]]:
    """Count what goes out, what stays and what changes; with ``naming`` also the first pairs of each code, by ids."""
    # Cells of other layouts are known only when they are written.
    looks_at_all = options.picks or (FORMATS[options.format].tabular and options.layout != "columns")
    with Rendering(dataset_id, options, view=view) as run:
        tally = begin_reckoning(run, is_naming=naming)
        # Only the cell itself tells how tags begin there: these begin the list with what matters, or escape it.
        begins = func.coalesce(func.substr(Entry.tags, 3, 1), "").in_((*tally.signs, "\\") if tally.signs else ())
        is_more = or_(Entry.turns.is_not(None), Entry.trace.is_not(None), Entry.extra.is_not(None), begins)
        run.seen = tally.see
        if not looks_at_all:
            _count_plain(tally, not_(is_more))
            _count_plain_cells(tally, not_(is_more))
        for _ in run.rendered(*(() if looks_at_all else (is_more,))):
            pass
    return tally.as_plan(), tally.names


def begin_reckoning(run: Rendering, *, is_naming: bool = False) -> Reckoning:
    """A count of what a rendering gives, before it gives any: pairs whose columns tell that they stay are counted.

    It is told of others that stay; who renders tells its ``see`` of those that go out.
    """
    tally = Reckoning(run, is_naming=is_naming)
    run.left = tally.leave
    _count_left_out(tally)
    return tally


def count_by_split(dataset_id: int, options: ExportOptions) -> dict[str | None, int]:
    """How many pairs would go out, as far as columns tell, of each split that has some; under None those of none."""
    origin = find_origin(dataset_id, options)
    query = select(Entry.split, func.count()).where(goes_out(origin, options)).group_by(Entry.split)
    return {split: int(number) for split, number in db.session.execute(origin.find(query)).all()}


def code_of_loss(name: str) -> str:
    """The code under which a loss is kept."""
    return "lost-" + name.replace(" ", "-")


def _ids(run: Rendering, *where: ColumnElement[bool]) -> Any:
    return select(Entry.id).where(goes_out(run.origin, run.options, run.connection), *where).order_by(Entry.id)


def _count_left_out(tally: Reckoning) -> None:
    """Chosen pairs whose columns tell that they stay behind."""
    origin, options = tally.run.origin, tally.run.options
    conditions: dict[str, ColumnElement[bool]] = {}
    earlier: list[ColumnElement[bool]] = []
    for code, condition in reasons_against(origin, options).items():
        conditions[code] = and_(condition, *map(not_, earlier))
        earlier.append(condition)
    chosen = is_chosen(origin, options, tally.run.connection)
    counts = select(*(func.count().filter(one) for one in conditions.values())).select_from(Entry).where(chosen)
    numbers = tally.run.find(counts).one()
    for (code, condition), number in zip(conditions.items(), numbers, strict=True):
        tally.add_many(code, number, select(Entry.id).where(chosen, condition).order_by(Entry.id))


def _count_plain(tally: Reckoning, is_plain: ColumnElement[bool]) -> None:
    """Pairs that only have texts, by which of them they have."""
    run = tally.run
    beside = (Entry.rejected_answer, Entry.reasoning, Entry.tags, Entry.source, Entry.family)
    has = [column.is_not(None) for column in (Entry.system, *beside)]
    goes = goes_out(run.origin, run.options, run.connection)
    for *there, number in run.find(select(*has, func.count()).where(goes, is_plain).group_by(*has)).all():
        has_system, has_rejected, has_reasoning, has_tags, has_source, has_family = there
        record = Record(
            "q",
            "a",
            "s" if has_system else run.default,
            rejected_answer="r" if has_rejected else None,
            reasoning="r" if has_reasoning else None,
            tags=("t",) if has_tags else (),
            source="s" if has_source else None,
            family="f" if has_family else None,
        )
        tally.records += number
        query = _ids(run, is_plain, *(one if is_there else not_(one) for one, is_there in zip(has, there, strict=True)))
        for name in losses(record, run.layout, run.how):
            tally.add_many(code_of_loss(name), number, query)
        if not has_system and run.default is not None and "system" in run.layout.holds:
            tally.add_many(SYSTEM_ADDED, number, query)


def _count_plain_cells(tally: Reckoning, is_plain: ColumnElement[bool]) -> None:
    """The cells of pairs that only have texts, counted by the database."""
    run, options = tally.run, tally.run.options
    columns = (
        Entry.question,
        Entry.answer,
        Entry.system,
        Entry.reasoning,
        Entry.rejected_answer,
        *((Entry.source, Entry.family) if options.keep_extra else ()),
    )
    where = goes_out(run.origin, options, run.connection), is_plain
    starts = [func.substr(column, 1, 1).in_(tally.signs) for column in columns]
    if tally.signs and options.spreadsheet_safe:
        counts = select(func.count()).select_from(Entry).where(*where, or_(*starts))
        number = run.find(counts).scalar_one()
        tally.add_many(MADE_SAFE, number, _ids(run, is_plain, or_(*starts)))
    elif tally.signs:
        numbers = select(*(func.count().filter(one) for one in starts)).select_from(Entry).where(*where)
        tally.formulas += sum(run.find(numbers).one())
    elif options.format == "xlsx":
        # Characters beyond U+FFFF count as two there.
        wide = select(Entry.id, *columns).where(*where, or_(*(func.length(one) > CELL_LIMIT // 2 for one in columns)))
        for entry_id, *texts in run.find(wide):
            tally.see_cells(entry_id, [text for text in texts if text])


def measure_export(dataset_id: int, options: ExportOptions, records: int) -> tuple[tuple[Shown, ...], Size | None]:
    """The first records and what the file comes to, by writing it to nowhere.

    A format that must be finished first has no size before it is written.
    """
    shown, tokens, sampled = show_first(dataset_id, options), 0, 0
    tokenizer = load_tokenizer()
    step = 1 if records <= SAMPLED * 10 else records // SAMPLED
    size = rows = 0
    with Rendering(dataset_id, options) as run:
        if FORMATS[options.format].stream is None:
            return shown, None
        size = sum(map(len, in_chunks(run.pieces())))
        rows = run.rows
    with Rendering(dataset_id, options) as run:
        for number, row in enumerate(row for part in run.chunks() for row in part):
            if number % step == 0:
                tokens += count_tokens(run.complete(row), tokenizer)
                sampled += 1
    total = tokens if step == 1 else round(tokens * records / max(sampled, 1))
    return shown, Size(rows, size, total, step == 1 and tokenizer.exact)


def show_first(dataset_id: int, options: ExportOptions) -> tuple[Shown, ...]:
    """The first records, raw and as a reader sees them."""
    first: list[tuple[Record, list[dict[str, Any]]]] = []
    with Rendering(dataset_id, options, seen=lambda row, record, rows: first.append((record, rows))) as run:
        for _ in run.rendered():
            if len(first) == SHOWN:
                break
    if not FORMATS[options.format].tabular:
        return tuple(
            Shown(b"".join(map(encode_line, rows)).decode().rstrip("\n")[:SHOWN_CHARACTERS], _said_in(record))
            for record, rows in first
        )
    found = dict.fromkeys(name for _, rows in first for row in rows for name in row)
    columns = (*(name for name in OWN if name in found), *(name for name in found if name not in OWN))
    how = WriteOptions(
        columns, spreadsheet_safe=options.spreadsheet_safe, delimiter="\t" if options.format == "tsv" else ","
    )
    if not first:
        return ()
    # The names of the columns stand first; they say nothing to a reader.
    head, *_ = stream_lines([], how)
    shown = [Shown(head.decode().rstrip("\r\n")[:SHOWN_CHARACTERS], ())]
    for record, rows in first:
        _, *cells = stream_lines([[cells_of([row.get(name) for name in columns]) for row in rows]], how)
        shown.append(Shown(b"".join(cells).decode().rstrip("\r\n")[:SHOWN_CHARACTERS], _said_in(record)))
    return tuple(shown)


def _said_in(record: Record) -> tuple[tuple[str, str], ...]:
    """Who says what in a record, as it is told to people."""
    said: list[tuple[str, str]] = [] if record.system is None else [("system", record.system)]
    for message in messages_of(record):
        if message.reasoning:
            said.append(("reasoning", message.reasoning))
        if message.text:
            said.append((message.role, message.text))
        if message.tool_calls:
            said.append(("calls", msgspec.json.encode(message.tool_calls).decode()))
    if record.rejected_answer is not None:
        said.append(("worse answer", record.rejected_answer))
    return tuple((who, text[:SHOWN_CHARACTERS]) for who, text in said)

"""What an export will hold, leave out, lose and change, counted before anything is written.

The database counts what columns tell. Records with messages or other columns are looked at one by one. Of all others
it only matters what they have: they are counted by that, and one stands for each kind. Where pairs are picked by a
look at each of them, all are looked at.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select, true

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
from app.services import datasets
from app.services.export.options import REASONS, ExportOptions, goes_out, is_chosen, reasons_against
from app.services.export.picking import count_tokens
from app.services.export.rendering import Rendering, in_chunks

# So many pairs of each reason are named: more than anybody looks through.
MOST_NAMED = 5_000
# The first records are shown, and of each so many characters.
SHOWN, SHOWN_CHARACTERS = 3, 2_000
# Tokens of more pairs are estimated by those of so many.
SAMPLED = 2_000
SYSTEM_ADDED, MADE_SAFE, TOO_LONG_CELL, TOO_MANY_ROWS = "system-added", "made-safe", "cell-too-long", "too-many-rows"
LEFT_OUT, LOST, CHANGED, IN_THE_WAY = "left out", "lost", "changed", "in the way"
# How many plans are kept at hand: the page asks for them again at each look, and most of them change nothing.
_REMEMBERED = 16
_planned: OrderedDict[tuple[object, ...], "ExportPlan"] = OrderedDict()
_lock = threading.Lock()


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
        }


@dataclass
class _Tally:
    """Counts and names pairs by codes."""

    is_naming: bool
    pairs: Counter[str] = field(default_factory=Counter)
    said: dict[str, str] = field(default_factory=dict)
    names: dict[str, list[int]] = field(default_factory=dict)

    def add(self, code: str, entry_id: int, what: str = "") -> None:
        """Count a pair under a code."""
        self.pairs[code] += 1
        if what:
            self.said.setdefault(code, what)
        named = self.names.setdefault(code, [])
        if self.is_naming and len(named) < MOST_NAMED:
            named.append(entry_id)

    def add_many(self, code: str, number: int, query: Callable[[], Select[Any]]) -> None:
        """Count pairs that the database counted; ``query`` finds their ids."""
        self.pairs[code] += number
        named = self.names.setdefault(code, [])
        if number and self.is_naming and len(named) < MOST_NAMED:
            named.extend(db.session.execute(query().limit(MOST_NAMED - len(named))).scalars())


def plan_export(dataset_id: int, options: ExportOptions) -> ExportPlan:
    """Count what goes out and what stays."""
    return count_ledger(dataset_id, options)[0]


def plan_at_hand(dataset_id: int, options: ExportOptions) -> ExportPlan:
    """The same with the first records and the size, for a dataset that is small; kept at hand until it changes."""
    dataset = datasets.get(dataset_id)
    # Each write to a dataset gives it another revision. Options may hold a list of ids: they are known by their words.
    key = (str(db.engine.url), dataset.id, dataset.revision, dataset.last_number, dataset.system_prompt, repr(options))
    with _lock:
        plan = _planned.get(key)
    if plan is None:
        plan = plan_export(dataset_id, options)
        shown, size = measure_export(dataset_id, options, plan.records)
        plan = replace(plan, shown=shown, size=size)
        with _lock:
            _planned[key] = plan
            while len(_planned) > _REMEMBERED:
                _planned.popitem(last=False)
    return plan


def count_ledger(
    dataset_id: int, options: ExportOptions, *, naming: bool = False
) -> tuple[ExportPlan, dict[str, list[int]]]:
    """Count what goes out, what stays and what changes; with ``naming`` also the first pairs of each code, by ids."""
    tally = _Tally(naming)
    _count_left_out(dataset_id, options, tally)
    formulas = _count_others(dataset_id, options, tally)
    records = tally.pairs.pop("", 0)
    if options.format == "xlsx" and records > ROW_LIMIT:
        tally.add_many(TOO_MANY_ROWS, records, lambda: _ids(dataset_id, options, true()))
    refused = [code for code in tally.pairs if code.startswith("refused-")]
    texts = {code: text.format(max_tokens=options.max_tokens or 0, per_tag=options.per_tag or 0)
             for code, text in REASONS.items()}  # fmt: skip
    order: list[tuple[str, str, str]] = [(LEFT_OUT, code, text) for code, text in texts.items()]
    order += [(LEFT_OUT, code, f"refused: {tally.said[code]}") for code in refused]
    order += [(LOST, code_of_loss(name), name) for name in CARRIES]
    order += [
        (CHANGED, SYSTEM_ADDED, "get the dataset’s system prompt"),
        (CHANGED, MADE_SAFE, "get an apostrophe before what a spreadsheet would run"),
        (IN_THE_WAY, TOO_LONG_CELL, f"have a text of more than the {CELL_LIMIT:,} characters that a cell holds"),
        (IN_THE_WAY, TOO_MANY_ROWS, f"are more than the {ROW_LIMIT:,} rows that a sheet holds"),
    ]  # fmt: skip
    lines = tuple(Line(kind, code, text, tally.pairs[code]) for kind, code, text in order if tally.pairs[code])
    return ExportPlan(records, lines, formulas), tally.names


def code_of_loss(name: str) -> str:
    """The code under which a loss is kept."""
    return "lost-" + name.replace(" ", "-")


def _ids(dataset_id: int, options: ExportOptions, *where: ColumnElement[bool]) -> Select[Any]:
    return select(Entry.id).where(goes_out(dataset_id, options), *where).order_by(Entry.id)


def _count_left_out(dataset_id: int, options: ExportOptions, tally: _Tally) -> None:
    """Chosen pairs whose columns tell that they stay behind."""
    conditions: dict[str, ColumnElement[bool]] = {}
    earlier: list[ColumnElement[bool]] = []
    for code, condition in reasons_against(dataset_id, options).items():
        conditions[code] = and_(condition, *map(not_, earlier))
        earlier.append(condition)
    chosen = is_chosen(dataset_id, options)
    numbers = db.session.execute(select(*(func.count().filter(one) for one in conditions.values())).where(chosen)).one()
    for (code, condition), number in zip(conditions.items(), numbers, strict=True):
        query = select(Entry.id).where(chosen, condition).order_by(Entry.id)
        tally.add_many(code, number, lambda query=query: query)  # type: ignore[misc]


def _count_others(dataset_id: int, options: ExportOptions, tally: _Tally) -> int:
    """What goes out, under an empty code, with what is lost and changed, and what the layout refuses. Returns how many
    cells a spreadsheet would run."""
    kind, columns = FORMATS[options.format], options.layout == "columns"
    # Cells of other layouts are known only when they are written.
    looks_at_all = options.picks or (kind.tabular and not columns)
    is_more = or_(Entry.turns.is_not(None), Entry.trace.is_not(None), Entry.extra.is_not(None))
    cells = _Cells(options, tally)

    def see(row: StoredEntry, record: Record, rows: list[dict[str, Any]]) -> None:
        tally.pairs[""] += 1
        for name in losses(record, run.layout, run.how):
            tally.add(code_of_loss(name), row.id)
        if row.system is None and record.system is not None and "system" in run.layout.holds:
            tally.add(SYSTEM_ADDED, row.id)
        for one in rows:
            cells.see(row.id, cells_of(one.values()))

    def leave(row: StoredEntry, reason: str | RowError) -> None:
        if isinstance(reason, RowError):
            tally.add(f"refused-{reason.code}", row.id, reason.message)
        else:
            tally.add(reason, row.id)

    with Rendering(dataset_id, options, left=leave, seen=see) as run:
        for _ in run.rendered(*(() if looks_at_all else (is_more,))):
            pass
        if not looks_at_all:
            _count_plain(dataset_id, options, tally, run, not_(is_more))
            cells.count_plain(dataset_id, not_(is_more))
    return cells.formulas


def _count_plain(
    dataset_id: int, options: ExportOptions, tally: _Tally, run: Rendering, is_plain: ColumnElement[bool]
) -> None:
    """Pairs that only have texts, by which of them they have."""
    beside = (Entry.rejected_answer, Entry.reasoning, Entry.tags, Entry.source, Entry.family)
    columns = (Entry.system, *beside)
    has = [column.is_not(None) for column in columns]
    kinds = select(*has, func.count()).where(goes_out(dataset_id, options), is_plain).group_by(*has)
    for *there, number in db.session.execute(kinds).all():
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
        tally.pairs[""] += number
        alike = [one if is_there else not_(one) for one, is_there in zip(has, there, strict=True)]

        def query(alike: Sequence[ColumnElement[bool]] = alike) -> Select[Any]:
            return _ids(dataset_id, options, is_plain, *alike)

        for name in losses(record, run.layout, run.how):
            tally.add_many(code_of_loss(name), number, query)
        if not has_system and run.default is not None and "system" in run.layout.holds:
            tally.add_many(SYSTEM_ADDED, number, query)


@dataclass
class _Cells:
    """What becomes of the cells of a table: formulas in an exact one, apostrophes in a safe one, too long texts in a
    workbook."""

    options: ExportOptions
    tally: _Tally
    formulas: int = 0

    @property
    def signs(self) -> tuple[str, ...]:
        """What begins a cell that matters."""
        if self.options.format not in ("csv", "tsv"):
            return ()
        return RISKY if self.options.spreadsheet_safe else tuple(sign for sign in RISKY if sign != "'")

    def see(self, entry_id: int, cells: Iterable[str]) -> None:
        """The cells of one row."""
        if signs := self.signs:
            number = sum(cell.startswith(signs) for cell in cells)
            if self.options.spreadsheet_safe and number:
                self.tally.add(MADE_SAFE, entry_id)
            elif number:
                self.formulas += number
        elif self.options.format == "xlsx" and any(length_in_cell(cell) > CELL_LIMIT for cell in cells):
            self.tally.add(TOO_LONG_CELL, entry_id)

    def count_plain(self, dataset_id: int, is_plain: ColumnElement[bool]) -> None:
        """The cells of pairs that only have texts, counted by the database."""
        columns = (
            Entry.question,
            Entry.answer,
            Entry.system,
            Entry.reasoning,
            Entry.rejected_answer,
            *((Entry.source, Entry.family) if self.options.keep_extra else ()),
        )
        where = goes_out(dataset_id, self.options), is_plain
        if signs := self.signs:
            starts = [func.substr(column, 1, 1).in_(signs) for column in columns]
            if self.options.spreadsheet_safe:
                number = db.session.execute(select(func.count()).where(*where, or_(*starts))).scalar_one()
                self.tally.add_many(MADE_SAFE, number, lambda: _ids(dataset_id, self.options, is_plain, or_(*starts)))
            else:
                counts = select(*(func.count().filter(one) for one in starts)).where(*where)
                self.formulas += sum(db.session.execute(counts).one())
        elif self.options.format == "xlsx":
            # Characters beyond U+FFFF count as two there.
            long = or_(*(func.length(column) > CELL_LIMIT // 2 for column in columns))
            for entry_id, *texts in db.session.execute(select(Entry.id, *columns).where(*where, long)):
                self.see(entry_id, [text for text in texts if text])


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

"""Exports: which pairs go out, in which shape, and what that shape cannot hold. One unchanging view of the data.

By default every answered pair that is not rejected. A pair without a system prompt gets the dataset's here and nowhere
else. Trainer layouts write only their own keys; what is left out is counted.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, func, not_, or_, select

from app.core.errors import Invalid
from app.core.formats import FORMATS, WriteOptions
from app.core.formats.csv import RISKY
from app.core.layouts import LAYOUTS, NOTES, LayoutOptions
from app.core.record import SPLITS, Record
from app.core.text import is_blank
from app.models import Entry, db, reading
from app.services import datasets, entries
from app.services.entries import CONTENT, Filters

PREVIEW = 3
CHUNK_BYTES = 64 * 1024
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Options:
    """What to export and how. ``split`` is one split, or empty for all; ``extra`` None means: as the layout does."""

    format: str = "jsonl"
    layout: str = "openai"
    filters: Filters = field(default_factory=Filters)
    split: str = ""
    extra: bool | None = None
    spreadsheet_safe: bool = False
    bom: bool = False
    dataset_system: bool = True

    def checked(self) -> "Options":
        """The options themselves. Raises Invalid for names that do not exist or do not fit together."""
        if self.format not in FORMATS:
            raise Invalid(f"There is no format {self.format!r}. Use one of {', '.join(FORMATS)}.", code="no_format")
        if self.layout not in LAYOUTS:
            raise Invalid(f"There is no layout {self.layout!r}. Use one of {', '.join(LAYOUTS)}.", code="no_layout")
        if self.split and self.split not in SPLITS:
            raise Invalid(f"There is no split {self.split!r}. Use one of {', '.join(SPLITS)}.", code="no_split")
        return self

    @property
    def keep_extra(self) -> bool:
        """Whether other columns are written: on by default for columns only."""
        return self.layout == "columns" if self.extra is None else self.extra


@dataclass(frozen=True, slots=True)
class Count:
    """A number of records with its reason or kind."""

    what: str
    records: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What an export will hold, counted before it is written."""

    records: int
    left_out: list[Count]
    losses: list[Count]
    formulas: int
    preview: list[str]
    file_name: str


def plan(dataset_id: int, options: Options) -> Plan:
    """Count what goes out and what stays, and show the first records."""
    dataset = datasets.get(dataset_id)
    options = options.checked()
    return Plan(
        records=plan_count(dataset_id, options),
        left_out=_left_out(dataset_id, options),
        losses=_losses(dataset_id, options),
        formulas=_formulas(dataset_id, options),
        preview=preview(dataset_id, options),
        file_name=file_name(dataset.name, options),
    )


def _left_out(dataset_id: int, options: Options) -> list[Count]:
    """Chosen records that do not go out, by reason; each is counted once."""
    reasons: dict[str, ColumnElement[bool]] = {"without an answer": _unanswered()}
    if "rejected" not in options.filters.statuses:
        reasons = {"that are rejected": _rejected(), **reasons}
    if _needs_rejected(options):
        reasons["without a rejected answer"] = Entry.rejected_answer.is_(None)
    conditions: list[ColumnElement[bool]] = []
    earlier: list[ColumnElement[bool]] = []
    for condition in reasons.values():
        conditions.append(and_(condition, *(not_(one) for one in earlier)))
        earlier.append(condition)
    query = select(*(func.count().filter(one) for one in conditions)).where(_chosen(dataset_id, options))
    numbers = db.session.execute(query).one()
    return [Count(what, number) for what, number in zip(reasons, numbers, strict=True) if number]


def _chosen(dataset_id: int, options: Options) -> ColumnElement[bool]:
    splits = (options.split,) if options.split else options.filters.splits
    filters = replace(options.filters, splits=splits)
    return and_(entries.live(dataset_id), *entries.conditions(filters))


def _needs_rejected(options: Options) -> bool:
    return "rejected answer" in LAYOUTS[options.layout].needs


def _rejected() -> ColumnElement[bool]:
    return Entry.status == "rejected"


def _unanswered() -> ColumnElement[bool]:
    return and_(func.trim(Entry.answer) == "", Entry.trace.is_(None))


def _goes_out(dataset_id: int, options: Options) -> ColumnElement[bool]:
    asked = "rejected" in options.filters.statuses
    wanted = _chosen(dataset_id, options)
    if _needs_rejected(options):
        wanted = and_(wanted, Entry.rejected_answer.is_not(None))
    return and_(wanted, not_(_unanswered())) if asked else and_(wanted, not_(_rejected()), not_(_unanswered()))


def _losses(dataset_id: int, options: Options) -> list[Count]:
    """What the layout cannot carry, with the number of records that have it."""
    holds = LAYOUTS[options.layout].holds
    columns = {
        "system": Entry.system,
        "turns": Entry.turns,
        "trace": Entry.trace,
        "rejected answer": Entry.rejected_answer,
        "tags": Entry.tags,
    }
    missing = {name: column for name, column in columns.items() if name not in holds}
    conditions: dict[str, ColumnElement[bool]] = {name: column.is_not(None) for name, column in missing.items()}
    if not options.keep_extra:
        conditions["other columns"] = _has_other_columns(options)
    if not conditions:
        return []
    query = select(*(func.count().filter(condition) for condition in conditions.values()))
    numbers = db.session.execute(query.where(_goes_out(dataset_id, options))).one()
    return [Count(name, number) for name, number in zip(conditions, numbers, strict=True) if number]


def _has_other_columns(options: Options) -> ColumnElement[bool]:
    """Extra that holds more than layout notes and the layout's own keys, judged by its text."""
    notes_only = Entry.extra.like(f'{{"{NOTES}":%')
    own = [Entry.extra.like(f'{{"{key}":%') for key in LAYOUTS[options.layout].keys]
    return and_(Entry.extra.is_not(None), not_(or_(notes_only, *own)))


def _formulas(dataset_id: int, options: Options) -> int:
    """How many texts a spreadsheet would run as formulas, in an exact table."""
    if options.format not in ("csv", "tsv") or options.spreadsheet_safe:
        return 0
    first = [sign for sign in RISKY if sign != "'"]
    counts = [
        func.count().filter(func.substr(column, 1, 1).in_(first))
        for column in (Entry.question, Entry.answer, Entry.system)
    ]
    return sum(db.session.execute(select(*counts).where(_goes_out(dataset_id, options))).one())


def preview(dataset_id: int, options: Options) -> list[str]:
    """The first records as they will stand in the file."""
    rows = list(islice(_rows(dataset_id, options), PREVIEW))
    kind = FORMATS[options.format]
    if kind.stream is None or kind.tabular:
        kind = FORMATS["csv" if kind.tabular else "jsonl"]
    if not rows or kind.stream is None:
        return []
    columns = tuple(dict.fromkeys(name for row in rows for name in row)) if kind.tabular else ()
    pieces = b"".join(kind.stream(rows, WriteOptions(columns=columns, spreadsheet_safe=options.spreadsheet_safe)))
    return pieces.decode().rstrip("\r\n").split("\r\n" if kind.tabular else "\n")


def stream(dataset_id: int, options: Options) -> Iterator[bytes]:
    """The file in pieces of about 64 KB, from one unchanging view of the data, in constant memory.

    Raises Invalid where nothing would be written.
    """
    options = options.checked()
    kind = FORMATS[options.format]
    if kind.stream is None:
        return _finished(dataset_id, options)
    if options.format == "jsonl" and options.layout == "openai" and not options.bom:
        return _gathered(_openai_lines(dataset_id, options))
    return _gathered(kind.stream(_rows(dataset_id, options), _write_options(dataset_id, options)))


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Small pieces joined to chunks that are worth sending."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def _finished(dataset_id: int, options: Options) -> Iterator[bytes]:
    """A format that cannot be streamed, written to a temporary file first."""
    with tempfile.TemporaryDirectory(prefix="ltt-") as folder:
        path = Path(folder) / "export"
        write(dataset_id, options, path)
        with path.open("rb") as file:
            while part := file.read(CHUNK_BYTES):
                yield part


def write(dataset_id: int, options: Options, path: Path) -> int:
    """Write the file to disk; returns the number of records."""
    options = options.checked()
    kind = FORMATS[options.format]
    with path.open("wb") as out:
        if kind.stream is not None:
            for piece in stream(dataset_id, options):
                out.write(piece)
            return plan_count(dataset_id, options)
        assert kind.write is not None
        return kind.write(_rows(dataset_id, options), out, _write_options(dataset_id, options))


def plan_count(dataset_id: int, options: Options) -> int:
    """How many records go out."""
    return int(db.session.execute(select(func.count()).where(_goes_out(dataset_id, options))).scalar_one())


def _write_options(dataset_id: int, options: Options) -> WriteOptions:
    columns = _columns(dataset_id, options) if FORMATS[options.format].tabular else ()
    name = datasets.get(dataset_id).name
    return WriteOptions(columns, bom=options.bom, spreadsheet_safe=options.spreadsheet_safe, title=name)


def _chunks_of(dataset_id: int, options: Options) -> Iterator[list[Any]]:
    with reading() as connection:
        columns: list[Any] = list(CONTENT)
        statement = select(*columns).where(_goes_out(dataset_id, options)).order_by(Entry.id)
        yield from entries.fetch_chunks(connection, statement, 1000)


def _openai_lines(dataset_id: int, options: Options) -> Iterator[bytes]:
    """The quick way for OpenAI JSONL: a plain pair is a constant envelope around its texts."""
    default = _default_system(dataset_id, options)
    render = _renderer(dataset_id, options)
    encode, keep = _encode, options.keep_extra
    user, assistant, end = b'{"role":"user","content":', b'},{"role":"assistant","content":', b"}]}\n"
    for rows in _chunks_of(dataset_id, options):
        lines: list[bytes] = []
        for row in rows:
            _, _, _, _, system, question, answer, _, turns, trace, tags, extra = row
            if turns is not None or trace is not None or extra is not None or (keep and tags is not None):
                if (record := _record(row)) is not None:
                    lines.append(encode(render(record, row)) + b"\n")
                continue
            if not answer[:1].isalnum() and is_blank(answer):
                continue
            system = system if system is not None else default
            if system is None:
                lines.append(b'{"messages":[' + user + encode(question) + assistant + encode(answer) + end)
            else:
                head = b'{"messages":[{"role":"system","content":' + encode(system) + b"},"
                lines.append(head + user + encode(question) + assistant + encode(answer) + end)
        yield b"".join(lines)


def _record(row: Any) -> Record | None:
    """The record of a stored row; None where there is nothing to learn in it."""
    record = entries.from_row(row).record()
    return record if record.answered else None


def _rows(dataset_id: int, options: Options) -> Iterator[Mapping[str, Any]]:
    render = _renderer(dataset_id, options)
    for rows in _chunks_of(dataset_id, options):
        for row in rows:
            if (record := _record(row)) is not None:
                yield render(record, row)


def _default_system(dataset_id: int, options: Options) -> str | None:
    return datasets.get(dataset_id).system_prompt if options.dataset_system else None


def _renderer(dataset_id: int, options: Options) -> Callable[[Record, Any], dict[str, Any]]:
    layout = LAYOUTS[options.layout]
    layout_options = LayoutOptions(keep_extra=options.keep_extra)
    default = _default_system(dataset_id, options) if options.layout != "columns" else None

    def render(record: Record, row: Any) -> dict[str, Any]:
        if default is not None and record.system is None:
            record = replace(record, system=default)
        if options.layout == "columns" and not options.keep_extra and record.extra:
            record = replace(record, extra={})
        out = layout.render(record, layout_options)
        if options.layout == "columns" and options.keep_extra:
            return {"id": row[0], **out, "status": row[2], "split": row[3]}
        if options.keep_extra and record.tags and "tags" not in out:
            out["tags"] = list(record.tags)
        return out

    return render


def _columns(dataset_id: int, options: Options) -> tuple[str, ...]:
    """The columns of a table: ours that are in use, then every other column that some pair has."""
    if options.layout != "columns":
        seen = dict.fromkeys(name for row in _rows(dataset_id, options) for name in row)
        return tuple(seen)
    used = {
        "system": Entry.system,
        "rejected_answer": Entry.rejected_answer,
        "tags": Entry.tags,
        "turns_json": Entry.turns,
        "trace_json": Entry.trace,
    }
    query = select(*(func.count(column) for column in used.values())).where(_goes_out(dataset_id, options))
    numbers = dict(zip(used, db.session.execute(query).one(), strict=True))
    wanted = ["question", "answer", *(name for name in used if numbers[name])]
    if not options.keep_extra:
        return tuple(wanted)
    return ("id", *wanted, "status", "split", *_extra_columns(dataset_id, options, {"id", *wanted, "status", "split"}))


def _extra_columns(dataset_id: int, options: Options, taken: set[str]) -> list[str]:
    names: dict[str, None] = {}
    with reading() as connection:
        statement = select(Entry.extra).where(_goes_out(dataset_id, options), Entry.extra.is_not(None))
        for rows in entries.fetch_chunks(connection, statement.order_by(Entry.id), 1000):
            for (extra,) in rows:
                names.update(dict.fromkeys(msgspec.json.decode(extra)))
    return [name for name in names if name not in taken and name != NOTES]


def file_name(name: str, options: Options) -> str:
    """A name for the download: the dataset's, its split, and the format's extension. Safe on every system."""
    plain = re.sub(r"[^\w\-]+", "-", name, flags=re.UNICODE).strip("-_")[:80] or "dataset"
    split = f".{options.split}" if options.split else ""
    safe = ".spreadsheet-safe" if options.spreadsheet_safe else ""
    return f"{plain}{split}{safe}{FORMATS[options.format].extensions[0]}"


def differences(dataset_id: int, options: Options, path: Path) -> int:
    """How many records of a written file do not mean what was exported, read back and compared one by one."""
    from itertools import zip_longest

    from app.core import convert
    from app.core.formats import BadRow, ReadOptions, Source
    from app.core.spec import Spec

    if not path.stat().st_size or not plan_count(dataset_id, options):
        return 0
    source = Source.of_path(path)
    read_options = ReadOptions(spreadsheet_safe=options.spreadsheet_safe)
    found = convert.plan(source, Spec(options.format, options.layout), read_options, LayoutOptions())
    back = (None if isinstance(item, BadRow) else item[1] for item in convert.records(source, found))
    sent = _rows(dataset_id, options)
    parse = LAYOUTS[options.layout].parse
    wrong = 0
    for row, record in zip_longest(sent, back):
        expected = None if row is None else parse(_as_read(row, options), found.options)
        wrong += expected is None or record is None or _content(expected) != _content(record)
    return wrong


def _content(record: Record) -> tuple[object, ...]:
    """What a trainer learns from a record."""
    return (record.system, record.turns, record.question, record.trace, record.answer, record.rejected_answer)


def _as_read(row: Mapping[str, Any], options: Options) -> Mapping[str, Any]:
    """A row as a table gives it back: every cell a text."""
    if not FORMATS[options.format].tabular:
        return row
    from app.core.formats.csv import cells

    return dict(zip(row, cells(row.values(), safe_form=False), strict=True))

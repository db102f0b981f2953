"""Stored pairs as the rows of a layout, and the quick ways for what is exported most: plain pairs as chats and CSV."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, func, select

from app.core.formats import FORMATS, WriteOptions
from app.core.formats.csv import cells_of, stream_lines
from app.core.formats.jsonl import escape_line_ends
from app.core.layouts import LAYOUTS, NOTES, LayoutOptions, RowError
from app.core.layouts.columns import OWN
from app.core.record import Record
from app.core.stored import PLACES, StoredEntry, as_entry
from app.core.text import PLAIN_STARTS, all_visible, is_blank
from app.models import Entry, db, reading
from app.services import datasets, entries
from app.services.export.options import ExportOptions, goes_out, takes_rejected_alone

# Few rows at a time are still at hand when they are written.
ROWS = 100
# What a pair without turns, trace, tags and other columns consists of.
PLAIN = ("id", "status", "split", "source", "family", "system", "question", "answer", "reasoning", "rejected_answer")
_rest_of = attrgetter("turns", "trace", "tags", "extra")
_NOTHING = (None, None, None, None)
_encode = msgspec.json.Encoder().encode


def rendered_rows(dataset_id: int, options: ExportOptions) -> Iterator[Mapping[str, Any]]:
    """The rows of the layout; the plan says which records it refuses."""
    render = row_renderer(dataset_id, options)
    for rows in read_chunks(dataset_id, options):
        for row in rows:
            if (record := record_of(row, options)) is not None:
                with suppress(RowError):
                    yield from render(record, row)


def read_chunks(dataset_id: int, options: ExportOptions, *which: ColumnElement[bool]) -> Iterator[list[StoredEntry]]:
    """The stored rows that go out, some at a time, from one unchanging view of the data."""
    with reading() as connection:
        statement = select(*entries.COLUMNS).where(goes_out(dataset_id, options), *which).order_by(Entry.id)
        for rows in entries.fetch_chunks(connection, statement, ROWS):
            yield list(map(as_entry, rows))


def record_of(row: StoredEntry, options: ExportOptions) -> Record | None:
    """The record of a stored row; None where there is nothing to learn in it."""
    record = row.record()
    alone = takes_rejected_alone(options) and record.rejected_answer is not None
    return record if record.answered or alone else None


def row_renderer(dataset_id: int, options: ExportOptions) -> Callable[[Record, StoredEntry], list[dict[str, Any]]]:
    """What makes the rows of the layout, nearly always one, from a record and the stored row it comes from."""
    layout, rendering = LAYOUTS[options.layout], layout_options(options)
    default = default_system(dataset_id, options)

    def render(record: Record, row: StoredEntry) -> list[dict[str, Any]]:
        if default is not None and record.system is None:
            record = replace(record, system=default)
        if options.layout == "columns" and not options.keep_extra and record.extra:
            record = replace(record, extra={})
        written = layout.rows_of(record, rendering)
        if options.layout == "columns" and options.keep_extra:
            return [_with_labels(out, row) for out in written]
        return written

    return render


def _with_labels(out: dict[str, Any], row: StoredEntry) -> dict[str, Any]:
    """The row of a table with what stands beside its texts, in the usual order."""
    last = {name: out.pop(name) for name in ("source", "family") if getattr(row, name) is not None}
    # What a file called its split and is none of ours stands beside the pair.
    split = row.split if row.split is not None else out.pop("split", None)
    return {"id": row.id, **out, "status": row.status, "split": split, **last}


def layout_options(options: ExportOptions) -> LayoutOptions:
    """How records become rows."""
    return LayoutOptions(keep_extra=options.keep_extra)


def default_system(dataset_id: int, options: ExportOptions) -> str | None:
    """The system prompt of pairs that have none; a table of columns shows them as they are."""
    is_wanted = options.dataset_system and options.layout != "columns"
    return datasets.get(dataset_id).system_prompt if is_wanted else None


def write_options(dataset_id: int, options: ExportOptions) -> WriteOptions:
    """How the format writes this export."""
    columns = columns_of(dataset_id, options) if FORMATS[options.format].tabular else ()
    name = datasets.get(dataset_id).name
    delimiter = "\t" if options.format == "tsv" else ","
    return WriteOptions(columns, options.bom, options.spreadsheet_safe, delimiter, title=name)


def columns_of(dataset_id: int, options: ExportOptions) -> tuple[str, ...]:
    """The columns of a table: ours that are in use, then every other column that some pair has."""
    if options.layout != "columns":
        seen = dict.fromkeys(name for row in rendered_rows(dataset_id, options) for name in row)
        return tuple(seen)
    used = {
        "system": Entry.system,
        "reasoning": Entry.reasoning,
        "rejected_answer": Entry.rejected_answer,
        "tags": Entry.tags,
        "source": Entry.source,
        "family": Entry.family,
        "turns_json": Entry.turns,
        "trace_json": Entry.trace,
    }
    query = select(*(func.count(column) for column in used.values())).where(goes_out(dataset_id, options))
    numbers = dict(zip(used, db.session.execute(query).one(), strict=True))
    wanted = {"question", "answer", *(name for name in used if numbers[name])}
    if options.keep_extra:
        wanted |= {"id", "status", "split"}
    ours = tuple(name for name in OWN if name in wanted)
    if not options.keep_extra:
        return ours
    extra_names: dict[str, None] = {}
    with reading() as connection:
        statement = select(Entry.extra).where(goes_out(dataset_id, options), Entry.extra.is_not(None))
        for rows in entries.fetch_chunks(connection, statement.order_by(Entry.id), 1000):
            for (extra,) in rows:
                extra_names.update(dict.fromkeys(msgspec.json.decode(extra)))
    return (*ours, *(name for name in extra_names if name not in ours and name != NOTES))


def chat_lines(dataset_id: int, options: ExportOptions) -> Iterator[bytes]:
    """The quick way for JSONL of messages: a plain pair is a constant envelope around its texts."""
    default = default_system(dataset_id, options)
    render = row_renderer(dataset_id, options)
    encode, keep = _encode, options.keep_extra
    user, assistant, end = b'{"role":"user","content":', b'},{"role":"assistant","content":', b"}]}\n"
    for rows in read_chunks(dataset_id, options):
        lines: list[bytes] = []
        for row in rows:
            more = row.turns is not None or row.trace is not None or row.reasoning is not None
            labelled = row.tags is not None or row.source is not None or row.family is not None
            if more or row.extra is not None or (keep and labelled):
                if (record := record_of(row, options)) is not None:
                    lines.extend(encode(one) + b"\n" for one in render(record, row))
                continue
            question, answer = row.question, row.answer
            if answer[:1] not in PLAIN_STARTS and is_blank(answer):
                continue
            system = row.system if row.system is not None else default
            if system is None:
                lines.append(b'{"messages":[' + user + encode(question) + assistant + encode(answer) + end)
            else:
                head = b'{"messages":[{"role":"system","content":' + encode(system) + b"},"
                lines.append(head + user + encode(question) + assistant + encode(answer) + end)
        yield escape_line_ends(b"".join(lines))


def table_lines(dataset_id: int, options: ExportOptions) -> Iterator[bytes]:
    """The quick way for CSV and TSV of columns: the cells of a plain pair are its stored texts."""
    how = write_options(dataset_id, options)
    render = row_renderer(dataset_id, options)
    places = {name: PLACES[name] for name in PLAIN}
    if all(name in places for name in how.columns) and len(how.columns) > 1:
        plain_cells: Callable[[Any], Sequence[Any]] = itemgetter(*(places[name] for name in how.columns))
    else:
        # Columns that no plain pair has stay empty.
        plain_cells = lambda row: [row[places[name]] if name in places else None for name in how.columns]  # noqa: E731

    def row_cells(row: StoredEntry) -> Sequence[Any] | None:
        if _rest_of(row) == _NOTHING:
            return None if is_blank(row.answer) else plain_cells(row)
        if (record := record_of(row, options)) is None:
            return None
        (values,) = render(record, row)
        return cells_of([values.get(name) for name in how.columns])

    def batches() -> Iterator[list[Sequence[Any]]]:
        for rows in read_chunks(dataset_id, options):
            if all(_rest_of(row) == _NOTHING for row in rows) and all_visible([row.answer for row in rows]):
                yield list(map(plain_cells, rows))
            else:
                yield [one for row in rows if (one := row_cells(row)) is not None]

    return stream_lines(batches(), how)

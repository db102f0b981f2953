"""Stored pairs as the rows of a layout."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import func, select

from app.core.formats import FORMATS, WriteOptions
from app.core.layouts import LAYOUTS, NOTES, LayoutOptions
from app.core.record import Record
from app.core.stored import StoredEntry, as_entry
from app.models import Entry, db, reading
from app.services import datasets, entries
from app.services.export.choosing import goes_out, takes_rejected_alone
from app.services.export.options import Options

# Few rows at a time are still at hand when they are written.
ROWS = 100


def rendered(dataset_id: int, options: Options) -> Iterator[Mapping[str, Any]]:
    """The rows of the layout."""
    render = renderer(dataset_id, options)
    for rows in chunks_of(dataset_id, options):
        for row in rows:
            if (record := record_of(row, options)) is not None:
                yield from render(record, row)


def chunks_of(dataset_id: int, options: Options) -> Iterator[list[StoredEntry]]:
    with reading() as connection:
        statement = select(*entries.COLUMNS).where(goes_out(dataset_id, options)).order_by(Entry.id)
        for rows in entries.fetch_chunks(connection, statement, ROWS):
            yield list(map(as_entry, rows))


def record_of(row: StoredEntry, options: Options) -> Record | None:
    """The record of a stored row; None where there is nothing to learn in it."""
    record = row.record()
    alone = takes_rejected_alone(options) and record.rejected_answer is not None
    return record if record.answered or alone else None


def renderer(dataset_id: int, options: Options) -> Callable[[Record, StoredEntry], list[dict[str, Any]]]:
    layout = LAYOUTS[options.layout]
    layout_options = LayoutOptions(keep_extra=options.keep_extra)
    default = default_system(dataset_id, options) if options.layout != "columns" else None

    def render(record: Record, row: StoredEntry) -> list[dict[str, Any]]:
        if default is not None and record.system is None:
            record = replace(record, system=default)
        if options.layout == "columns" and not options.keep_extra and record.extra:
            record = replace(record, extra={})
        written = layout.rows_of(record, layout_options)
        if options.layout == "columns" and options.keep_extra:
            return [{"id": row.id, **out, "status": row.status, "split": row.split} for out in written]
        if options.keep_extra and record.tags:
            for out in written:
                out.setdefault("tags", list(record.tags))
        return written

    return render


def default_system(dataset_id: int, options: Options) -> str | None:
    return datasets.get(dataset_id).system_prompt if options.dataset_system else None


def write_options(dataset_id: int, options: Options) -> WriteOptions:
    columns = columns_of(dataset_id, options) if FORMATS[options.format].tabular else ()
    name = datasets.get(dataset_id).name
    delimiter = "\t" if options.format == "tsv" else ","
    return WriteOptions(columns, options.bom, options.spreadsheet_safe, delimiter, title=name)


def columns_of(dataset_id: int, options: Options) -> tuple[str, ...]:
    """The columns of a table: ours that are in use, then every other column that some pair has."""
    if options.layout != "columns":
        seen = dict.fromkeys(name for row in rendered(dataset_id, options) for name in row)
        return tuple(seen)
    used = {
        "system": Entry.system,
        "rejected_answer": Entry.rejected_answer,
        "tags": Entry.tags,
        "turns_json": Entry.turns,
        "trace_json": Entry.trace,
    }
    query = select(*(func.count(column) for column in used.values())).where(goes_out(dataset_id, options))
    numbers = dict(zip(used, db.session.execute(query).one(), strict=True))
    wanted = ["question", "answer", *(name for name in used if numbers[name])]
    if not options.keep_extra:
        return tuple(wanted)
    return ("id", *wanted, "status", "split", *_extra_columns(dataset_id, options, {"id", *wanted, "status", "split"}))


def _extra_columns(dataset_id: int, options: Options, taken: set[str]) -> list[str]:
    names: dict[str, None] = {}
    with reading() as connection:
        statement = select(Entry.extra).where(goes_out(dataset_id, options), Entry.extra.is_not(None))
        for rows in entries.fetch_chunks(connection, statement.order_by(Entry.id), 1000):
            for (extra,) in rows:
                names.update(dict.fromkeys(msgspec.json.decode(extra)))
    return [name for name in names if name not in taken and name != NOTES]

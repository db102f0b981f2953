"""From the bytes of an upload to records: the format reads rows, the layout makes records of them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from app.core.errors import Invalid
from app.core.formats import FORMATS, BadRow, Limits, ReadOptions, Row, Source
from app.core.html import to_markdown
from app.core.layouts import LAYOUTS, LayoutOptions, RowError
from app.core.record import Record
from app.services import limits
from app.services.imports.settings import Settings
from app.services.uploads import Upload

# A row of the file with the record that it became. A plain tuple: there are millions of them.
Read = tuple[Row, Record]


def source_of(upload: Upload) -> Source:
    """The upload as a source; its name may help to tell what it is."""
    return Source.of_path(upload.path, name=upload.name, limits=limits.of_files())


def read_options(settings: Settings, bounds: Limits | None = None) -> ReadOptions:
    """The settings that concern bytes and rows."""
    return ReadOptions(
        encoding=settings.encoding,
        delimiter=settings.delimiter,
        header=settings.header,
        skip_lines=settings.skip_lines,
        sheet=settings.sheet,
        spreadsheet_safe=bool(settings.spreadsheet_safe),
        limits=bounds or limits.of_files(),
    )


def layout_options(settings: Settings) -> LayoutOptions:
    """The settings that concern what a row means."""
    return LayoutOptions(
        mapping=dict(settings.mapping),
        allow_unanswered=settings.allow_unanswered,
        alpaca_input=settings.alpaca_input,
        system=settings.system,
        tags=settings.tags,
    )


def rows(source: Source, settings: Settings) -> Iterator[Row | BadRow]:
    """The rows of the file."""
    if settings.format not in FORMATS:
        raise Invalid(f"There is no format {settings.format!r}. Use one of {', '.join(FORMATS)}.", code="bad_format")
    return FORMATS[settings.format].read(source, read_options(settings, source.limits))


def records(found: Iterable[Row | BadRow], settings: Settings) -> Iterator[Read | BadRow]:
    """The records of the rows; a row that is none becomes a bad row with the reason."""
    if settings.layout not in LAYOUTS:
        raise Invalid(f"There is no layout {settings.layout!r}. Use one of {', '.join(LAYOUTS)}.", code="bad_layout")
    parse, options, skip = LAYOUTS[settings.layout].parse, layout_options(settings), settings.skip
    markdown = settings.html_to_markdown
    for row in found:
        if type(row) is BadRow:
            yield row
            continue
        values: dict[str, Any] = row[2]  # type: ignore[assignment]
        if skip:
            values = {name: cell for name, cell in values.items() if name not in skip}
        try:
            record = parse(values, options)
        except RowError as error:
            yield bad(row, error)  # type: ignore[arg-type]
        else:
            yield row, _in_markdown(record) if markdown else record  # type: ignore[misc]


def _in_markdown(record: Record) -> Record:
    return replace(record, answer=to_markdown(record.answer))


def bad(row: Row, error: Invalid) -> BadRow:
    """The row as a bad one; the reason begins with its place."""
    place = f"Row {row.number}" + (f" (line {row.line})" if row.line else "")
    return BadRow(row.number, row.line, error.code, f"{place}: {error.message}", raw_text(row))


def raw_text(row: Row) -> str:
    """The row as text: as it stands in the file, or as JSON where the file is not text."""
    return row.raw if row.raw is not None else as_json(row.values)


def as_json(values: dict[str, Any]) -> str:
    """The values of a row as one line of JSON."""
    return json.dumps(values, ensure_ascii=False, default=str)

"""From the bytes of a file to records: the format reads rows, the layout makes records of them."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from itertools import chain
from typing import Any, TypeVar

from app.core.errors import Invalid, LttError
from app.core.formats import FORMATS, BadRow, Limits, Part, ReadOptions, Row, Source
from app.core.formats.jsonl import has_nul
from app.core.formats.limits import too_many_rows
from app.core.html import to_markdown
from app.core.layouts import LAYOUTS, LayoutOptions, RowError
from app.core.layouts.base import text_of
from app.core.layouts.mapping import PROVENANCE, is_key
from app.core.layouts.paths import value_at
from app.core.reading.grouping import group_rows
from app.core.reading.settings import PartSettings, ReadSettings, settings_of_part
from app.core.reasoning import lift_thinking
from app.core.record import Record, message_to_json

NUL_REFUSED = "A text holds the character U+0000, which no database keeps. Remove it."

T = TypeVar("T")
# A row of the file with the record that it became. A plain tuple: there are millions of them.
Read = tuple[Row, Record]


# What formats and layouts are told of the settings: the options that bear the same name.
_SETTINGS = {one.name for one in fields(ReadSettings)}
_READ = [one.name for one in fields(ReadOptions) if one.name in _SETTINGS]
_LAYOUT = [one.name for one in fields(LayoutOptions) if one.name in _SETTINGS]


def read_options(settings: ReadSettings, limits: Limits) -> ReadOptions:
    """The settings that concern bytes and rows."""
    said = {name: getattr(settings, name) for name in _READ}
    return ReadOptions(**{**said, "spreadsheet_safe": bool(settings.spreadsheet_safe)}, limits=limits)


def layout_options(settings: ReadSettings) -> LayoutOptions:
    """The settings that concern what a row means."""
    return LayoutOptions(**{name: getattr(settings, name) for name in _LAYOUT})


def read_rows(source: Source, settings: ReadSettings) -> Iterator[Row | BadRow]:
    """The rows of a file. Raises Invalid where its format is not known, and what the format raises."""
    if settings.parts:
        return _read_parts(source, settings, read_rows, _numbered)
    if settings.format not in FORMATS:
        raise Invalid(f"There is no format {settings.format!r}. Use one of {', '.join(FORMATS)}.", code="no_format")
    return FORMATS[settings.format].read(source, read_options(settings, source.limits))


def read_records(source: Source, settings: ReadSettings) -> Iterator[Read | BadRow]:
    """Every row of a file as a record, or as a bad row with place and reason. Format and layout must be known."""
    if settings.parts:
        return _read_parts(source, settings, read_records, lambda read, *place: (_numbered(read[0], *place), read[1]))
    rows = read_rows(source, settings)
    layout = LAYOUTS.get(settings.layout or "")
    if layout is not None and layout.grouping is not None:
        rows = group_rows(rows, layout.grouping, layout_options(settings), source.limits)
    return records_of(rows, settings)


def records_of(rows: Iterable[Row | BadRow], settings: ReadSettings) -> Iterator[Read | BadRow]:
    """The records of some rows; a row that is none becomes a bad row with the reason."""
    if settings.layout not in LAYOUTS:
        raise Invalid(f"There is no layout {settings.layout!r}. Use one of {', '.join(LAYOUTS)}.", code="no_layout")
    parse, options, skip = LAYOUTS[settings.layout].parse, layout_options(settings), settings.skip
    markdown, is_lifted = settings.html_to_markdown, settings.lift_thinking
    # A table of columns takes them itself; beside other layouts they are columns as any.
    named = {name: settings.mapping[name] for name in PROVENANCE if settings.mapping.get(name)}
    if settings.layout == "columns":
        named = {}
    for row in rows:
        if type(row) is BadRow:
            yield row
            continue
        values: dict[str, Any] = row[2]  # type: ignore[assignment]
        if skip:
            values = {name: cell for name, cell in values.items() if name not in skip}
        try:
            record = parse(values, options)
        except RowError as error:
            yield refuse_row(row, error)  # type: ignore[arg-type]
        except UnicodeEncodeError:
            text = "A text holds half of a character (a lone surrogate). Remove it."
            yield refuse_row(row, Invalid(text, code="lone_surrogate"))  # type: ignore[arg-type]
        else:
            if is_lifted:
                record = lift_thinking(record)
            for name, column in named.items():
                if is_key(value := value_at(values, column)):
                    extra = {other: cell for other, cell in record.extra.items() if other != column}
                    key = text_of(value, name)
                    record = replace(record, source=key) if name == "source" else replace(record, family=key)
                    record = replace(record, extra=extra)
            yield row, replace(record, answer=to_markdown(record.answer)) if markdown else record  # type: ignore[misc]


def _read_parts(
    source: Source,
    settings: ReadSettings,
    read: Callable[[Source, ReadSettings], Iterator[T | BadRow]],
    place: Callable[[T, int, Part], T],
) -> Iterator[T | BadRow]:
    """What several files give, one after the other, or in the order that is kept with them."""

    def read_part(part: PartSettings) -> Iterator[tuple[Part, T | BadRow]]:
        try:
            for number, item in enumerate(read(source.open_member(part.path), settings_of_part(settings, part)), 1):
                yield Part(part.title, part.split, number), item
        except LttError as error:
            error.message = f"{part.title}: {error.message}"
            raise

    streams = {part.path: read_part(part) for part in settings.parts}
    # What a layout gathers from several rows has no place of its own among them.
    gathered = any(LAYOUTS[part.layout].grouping for part in settings.parts)
    order = None if gathered else source.read_order()
    merged = order.merge(streams) if order else chain.from_iterable(streams.values())
    for number, (part, item) in enumerate(merged, 1):
        if number > source.limits.rows:
            raise too_many_rows("These files", source.limits)
        if isinstance(item, BadRow):
            yield item._replace(number=number, reason=f"{part.file}: {item.reason}")
        else:
            yield place(item, number, part)


def _numbered(row: Row, number: int, part: Part) -> Row:
    return row._replace(number=number, part=part)


def refuse_row(row: Row, error: Invalid) -> BadRow:
    """A readable row that cannot be taken; the reason begins with its place."""
    place = f"Row {row.part.number if row.part else row.number}" + (f" (line {row.line})" if row.line else "")
    if row.part:
        place = f"{row.part.file}: {place}"
    return BadRow(row.number, row.line, error.code, f"{place}: {error.message}", raw_text(row))


def holds_nul(record: Record) -> bool:
    """Whether some text of a record, wherever it stands, holds U+0000."""
    if "\x00" in record.question or "\x00" in record.answer:
        return True
    plain = not (record.extra or record.turns or record.trace or record.tags)
    texts = [record.system, record.rejected_answer, record.reasoning, record.source, record.family]
    if plain and not any(texts):
        return False
    messages = [message_to_json(message) for message in (*record.turns, *record.trace)]
    return has_nul([[*texts, *record.tags], messages, record.extra])


def raw_text(row: Row) -> str:
    """A row as text: as it stands in the file, or as JSON where the file is not text."""
    return row.raw if row.raw is not None else json.dumps(row.values, ensure_ascii=False, default=str)


def bad_row_dict(bad: BadRow) -> dict[str, object]:
    """A bad row as programs see it, without its raw text."""
    return {"row": bad.number, "line": bad.line, "code": bad.code, "reason": bad.reason}

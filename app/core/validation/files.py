"""Validating a file: read once, row by row, without a database."""

import codecs
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from app.core.formats import BadRow, Row, Source
from app.core.formats.base import Place
from app.core.formats.jsonl import read_blocks, rows_of
from app.core.layouts import LAYOUTS, Layout, LayoutOptions
from app.core.reading import (
    Detected,
    ReadSettings,
    detect_file,
    layout_options,
    plan_reading,
    read_options,
    read_records,
    read_rows,
    require_mapping,
    resolve_settings,
)
from app.core.record import Record
from app.core.tokens import Tokenizer
from app.core.validation.checking import ValidateOptions, Validation, keys_of
from app.core.validation.profiles import Profile
from app.core.validation.rules import FileFacts
from app.core.validation.shapes import SHAPES
from app.core.validation.training import Template

_LOOKED_AT = 50


def validate_file(
    source: Source,
    settings: ReadSettings,
    options: ValidateOptions,
    profiles: Sequence[Profile],
    *,
    today: date,
    against: Source | None = None,
    load_tokenizer: Callable[[str], Tokenizer] | None = None,
    template: Template | None = None,
) -> dict[str, Any]:
    """What is wrong with a file for some targets; the result object of commands and of the API.

    A file in a target's own form is checked row by row as it is, any other as it would be exported. Raises Invalid
    where it cannot be read, or somebody has to say which column is what.
    """
    run, rows = start_validation(
        source,
        settings,
        options,
        profiles,
        today=today,
        against=against,
        load_tokenizer=load_tokenizer,
        template=template,
    )
    see_rows(run, rows)
    return run.close()


class ReadRow(NamedTuple):
    """A row of a file with its number and line, and what makes a record of it."""

    number: int
    line: int | None
    values: dict[str, Any]
    read: Callable[[bool], Record]


def see_rows(run: Validation, rows: Iterable[ReadRow | BadRow]) -> None:
    """Give a run the rows of a file, those that cannot be read among them."""
    for row in rows:
        if isinstance(row, BadRow):
            run.see_unreadable(row.number, row.line, row.reason)
        else:
            run.see(row.number, row.line, row.values, row.read)


def start_validation(
    source: Source,
    settings: ReadSettings,
    options: ValidateOptions,
    profiles: Sequence[Profile],
    *,
    today: date,
    against: Source | None = None,
    load_tokenizer: Callable[[str], Tokenizer] | None = None,
    template: Template | None = None,
) -> tuple[Validation, Iterator[ReadRow | BadRow]]:
    """A run over a file that has seen no row yet, and the rows."""
    source.keep()
    found = detect_file(source, settings)
    resolved = resolve_settings(settings, found)
    own = _own_profiles(source, settings, resolved, found, profiles)
    if len(own) < len(profiles) or against is not None:
        require_mapping(settings, found)
    facts = FileFacts(
        name="" if source.name == "-" else source.name,
        size=source.size,
        format=found.format,
        encoding=found.encoding,
        compression=source.compression,
        has_mark=source.head.startswith(codecs.BOM_UTF8),
        model=options.model,
        today=today,
    )
    other = read_keys(against) if against is not None else {}
    run = Validation(profiles, options, facts, own, other, load_tokenizer, template=template)
    return run, _read_rows(source, resolved, facts)


def _read_rows(source: Source, settings: ReadSettings, facts: FileFacts) -> Iterator[ReadRow | BadRow]:
    layout, understood = LAYOUTS[settings.layout or "columns"], layout_options(settings)
    with_blanks = replace(understood, allow_unanswered=True, allow_empty_prompt=True)
    if layout.grouping is not None:
        for item in read_records(source, settings):
            yield item if isinstance(item, BadRow) else ReadRow(*item[0][:3], partial(_itself, item[1]))
        return
    for row in _rows_of(source, settings, facts):
        yield (
            row
            if isinstance(row, BadRow)
            else ReadRow(*row[:3], partial(_parse, layout, row.values, understood, with_blanks))
        )


def read_keys(source: Source) -> dict[int, str]:
    """What the records of a file are recognised by in another one: a hash for each question, and with its answer."""
    source.keep()
    settings, _ = plan_reading(source, ReadSettings(allow_unanswered=True))
    found: dict[int, str] = {}
    for item in read_records(source, settings):
        if not isinstance(item, BadRow):
            whole, question = keys_of(item[1])
            found.setdefault(hash(question), "question")
            found[hash(whole)] = "record"
    return found


def _own_profiles(
    source: Source, settings: ReadSettings, resolved: ReadSettings, found: Detected, profiles: Sequence[Profile]
) -> dict[str, str]:
    """The profiles whose own form most of the first rows have, with that form; none where a layout or columns are said.

    Rows that mean nothing to anybody are looked at as they are: so they are wrong for each target.
    """
    if resolved.format not in ("jsonl", "json") or settings.layout or settings.mapping:
        return {}
    if LAYOUTS[resolved.layout or "columns"].grouping is not None:
        return {}
    rows = [row.values for row in islice(read_rows(source, resolved), _LOOKED_AT) if isinstance(row, Row)]
    own: dict[str, str] = {}
    for one in profiles:
        shapes = sorted((SHAPES[name] for name in one.shapes), key=lambda shape: -len(shape.keys))
        fitting = Counter(next((shape.name for shape in shapes if shape.fits(row)), "") for row in rows)
        del fitting[""]
        if 2 * fitting.total() > len(rows):
            own[one.name] = fitting.most_common(1)[0][0]
    if not own and found.confidence == "ask" and not found.named:
        return {one.name: one.shapes[0] for one in profiles}
    return own


def _rows_of(source: Source, settings: ReadSettings, facts: FileFacts) -> Iterator[Row | BadRow]:
    """The rows of a file; of JSON Lines with what is strange about its lines."""
    if settings.format != "jsonl" or settings.parts:
        yield from read_rows(source, settings)
        return
    place, before = Place(), 0
    for lines in read_blocks(source, read_options(settings, source.limits)):
        for at, line in enumerate(lines, place.line + 1):
            if not line or line.isspace():
                facts.blank_lines += 1
                facts.first_blank = facts.first_blank or at
        for row in rows_of(lines, place, source.limits):
            if row[1] == before:
                facts.crowded_lines += 1
                facts.first_crowded = facts.first_crowded or before
            before = row[1] or 0
            yield row
        facts.wrapped = place.opener is not None


def _itself(record: Record, takes_blanks: bool) -> Record:
    return record


def _parse(
    layout: Layout, row: dict[str, Any], options: LayoutOptions, with_blanks: LayoutOptions, takes_blanks: bool
) -> Record:
    return layout.parse(row, with_blanks if takes_blanks else options)

"""The rows of a file as they are stored. Files of plain pairs, as most large ones are, take a quick way."""

from collections.abc import Iterable, Iterator
from itertools import islice

from app.core.formats import BadRow, Row, Source, csv, jsonl
from app.core.formats.base import Place
from app.core.formats.limits import too_many_rows
from app.core.layouts import columns, openai
from app.core.reading import Read, read_options, read_records, records_of
from app.core.record import PlainPairs
from app.services.imports.building import Builder, Built
from app.services.imports.settings import Settings

CHUNK = 1000
# So much of a file is taken together: where one row of it is no plain pair, all go the usual way.
QUICK_LINES = 480
QUICK_CHARACTERS = 128 * 1024


def parts(source: Source, settings: Settings, import_id: int) -> Iterator[Built]:
    """The rows of a file as they are stored, chunk by chunk. Raises what is wrong with the file."""
    builder = Builder(settings, import_id)
    if is_quick(settings):
        way = _chats if settings.format == "jsonl" else _tables
        return filter(None, way(source, settings, builder))
    return _parts(read_records(source, settings), builder)


def _parts(found: Iterator[Read | BadRow], builder: Builder) -> Iterator[Built]:
    # Each row is built as soon as it is read: what it was made of is let go at once.
    while built := builder.build(islice(found, CHUNK)):
        yield built


def is_quick(settings: Settings) -> bool:
    """Whether plain pairs are stored just as they stand in the file, so that the quick way is worth a try."""
    changed = settings.skip or settings.tags or settings.system is not None or settings.html_to_markdown
    if changed or settings.on_duplicate == "update" or settings.allow_unanswered:
        return False
    if settings.format == "jsonl":
        return settings.layout == "openai"
    table = settings.format in ("csv", "tsv") and not settings.spreadsheet_safe
    return table and settings.layout == "columns" and columns.are_plain(settings.mapping)


def _chats(source: Source, settings: Settings, builder: Builder) -> Iterator[Built]:
    place, options = Place(), read_options(settings, source.limits)
    for block in jsonl.read_blocks(source, options):
        for start in range(0, len(block), QUICK_LINES):
            lines = block[start : start + QUICK_LINES]
            pairs = openai.plain_pairs(lines)
            if pairs is None:
                yield _usual(jsonl.rows_of(lines, place, options.limits), settings, builder)
            else:
                yield _quick(pairs, place.row, builder)
                place.row, place.line = place.row + len(lines), place.line + len(lines)
                if place.row > options.limits.rows:
                    raise too_many_rows(jsonl.KIND, options.limits)


def _tables(source: Source, settings: Settings, builder: Builder) -> Iterator[Built]:
    with csv.open_table(source, read_options(settings, source.limits)) as table:
        for batch in table.read_batches(QUICK_CHARACTERS):
            pairs = columns.plain_pairs(table.names, batch.records, settings.mapping)
            if pairs is None:
                yield _usual(table.rows_of(batch.lines), settings, builder)
            else:
                yield _quick(pairs, table.place.row, builder)
                table.pass_over(batch)


def _usual(rows: Iterable[Row | BadRow], settings: Settings, builder: Builder) -> Built:
    return builder.build(records_of(rows, settings))


def _quick(pairs: PlainPairs, before: int, builder: Builder) -> Built:
    return Built(plain=builder.plain(pairs, range(before + 1, before + 1 + len(pairs.answers))))

"""Exports as bytes: streamed, written to disk, previewed and read back. One unchanging view of the data."""

import codecs
import tempfile
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from sqlalchemy import func, select

from app.core.formats import FORMATS, WriteOptions
from app.core.layouts import LAYOUTS
from app.core.spool import require_space
from app.core.stored import content_of
from app.models import Entry, db
from app.services import datasets
from app.services.export.options import ExportOptions, count_records
from app.services.export.rendering import chat_lines, rendered_rows, table_lines, write_options

PREVIEW = 3
CHUNK_BYTES, LARGEST_BYTES = 64 * 1024, 256 * 1024
# For an estimate of how large a file will be: how many pairs are looked at, and what a record adds to its texts.
SAMPLE, RECORD_BYTES = 500, 100
SMALL_BYTES = 1024 * 1024


def preview_export(dataset_id: int, options: ExportOptions) -> list[str]:
    """The first records as they will stand in the file."""
    rows = list(islice(rendered_rows(dataset_id, options), PREVIEW))
    kind = FORMATS[options.format]
    if kind.stream is None or kind.tabular:
        kind = FORMATS["csv" if kind.tabular else "jsonl"]
    if not rows or kind.stream is None:
        return []
    columns = tuple(dict.fromkeys(name for row in rows for name in row)) if kind.tabular else ()
    pieces = b"".join(kind.stream(rows, WriteOptions(columns=columns, spreadsheet_safe=options.spreadsheet_safe)))
    return pieces.decode().rstrip("\r\n").split("\r\n" if kind.tabular else "\n")


def stream_export(dataset_id: int, options: ExportOptions) -> Iterator[bytes]:
    """The file in pieces of about 64 KB, from one unchanging view of the data, in constant memory.

    Raises Invalid where nothing would be written.
    """
    options = options.checked()
    kind = FORMATS[options.format]
    if kind.stream is None:
        return _stream_finished(dataset_id, options)
    if options.format == "jsonl" and LAYOUTS[options.layout].is_chat:
        mark = [codecs.BOM_UTF8] if options.bom else []
        return _join_pieces(chain(mark, chat_lines(dataset_id, options)))
    if kind.tabular and options.layout == "columns":
        return _join_pieces(table_lines(dataset_id, options))
    return _join_pieces(kind.stream(rendered_rows(dataset_id, options), write_options(dataset_id, options)))


def require_space_for(dataset_id: int) -> None:
    """Raise DiskFull where a file of all pairs would not fit into the folder for temporary files."""
    texts = func.length(Entry.question) + func.length(Entry.answer) + func.coalesce(func.length(Entry.trace), 0)
    some = select((texts + RECORD_BYTES).label("size")).where(Entry.dataset_id == dataset_id).limit(SAMPLE).subquery()
    average = db.session.execute(select(func.avg(some.c.size))).scalar() or 0
    size = int(average) * datasets.get(dataset_id).entry_count
    if size > SMALL_BYTES:
        require_space(size)


def _join_pieces(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces of any size as chunks that are worth sending, and none so large that it could not wait on a disk."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            joined = b"".join(waiting)
            yield from (joined[start : start + LARGEST_BYTES] for start in range(0, size, LARGEST_BYTES))
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def _stream_finished(dataset_id: int, options: ExportOptions) -> Iterator[bytes]:
    """A format that cannot be streamed, written to a temporary file first."""
    with tempfile.TemporaryDirectory(prefix="ltt-") as folder:
        path = Path(folder) / "export"
        write_export(dataset_id, options, path)
        with path.open("rb") as file:
            while part := file.read(CHUNK_BYTES):
                yield part


def write_export(dataset_id: int, options: ExportOptions, path: Path) -> int:
    """Write the file to disk; returns the number of records."""
    options = options.checked()
    kind = FORMATS[options.format]
    with path.open("wb") as out:
        if kind.stream is not None:
            for piece in stream_export(dataset_id, options):
                out.write(piece)
            return count_records(dataset_id, options)
        assert kind.write is not None
        return kind.write(rendered_rows(dataset_id, options), out, write_options(dataset_id, options))


def count_differences(dataset_id: int, options: ExportOptions, path: Path) -> int:
    """How many records of a written file do not mean what was exported, read back and compared one by one."""
    from itertools import zip_longest

    from app.core.formats import BadRow, Source
    from app.core.formats.csv import cells_of
    from app.core.reading import ReadSettings, layout_options, plan_reading, read_records

    if not path.stat().st_size or not count_records(dataset_id, options):
        return 0
    source = Source.of_path(path)
    settings, _ = plan_reading(
        source, ReadSettings(options.format, options.layout, spreadsheet_safe=options.spreadsheet_safe)
    )
    back = (None if isinstance(item, BadRow) else item[1] for item in read_records(source, settings))
    sent = rendered_rows(dataset_id, options)
    parse, read_as = LAYOUTS[options.layout].parse, layout_options(settings)
    tabular = FORMATS[options.format].tabular
    wrong = 0
    for row, record in zip_longest(sent, back):
        # A table gives every cell back as a text.
        read_back = dict(zip(row, cells_of(row.values()), strict=True)) if row and tabular else row
        expected = None if read_back is None else parse(read_back, read_as)
        wrong += expected is None or record is None or content_of(expected) != content_of(record)
    return wrong

"""Tables of text: comma, semicolon, tab or bar; RFC 4180 quoting, read leniently, written strictly.

Values are text as it stands in the file: no types are guessed. Written files end lines with CR LF as RFC 4180 says.
"""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, TextIO

import msgspec

from app.core.changes import chunks_of
from app.core.errors import Invalid
from app.core.formats.base import BadRow, Format, Place, ReadOptions, Row, Rows, WriteOptions, shorten, writer_of
from app.core.formats.dialect import detect_dialect
from app.core.formats.encoding import UNDECODED, detect_encoding
from app.core.formats.foreign import refuse
from app.core.formats.limits import MB, Limits, too_large, too_many_rows
from app.core.formats.lines import limit_lines
from app.core.formats.source import Source
from app.core.text import is_storable

# Cells that a spreadsheet would run as formulas, and the apostrophe that escapes them (OWASP: CSV injection).
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
_WRITE_ROWS = 200
_encode = msgspec.json.Encoder().encode
KIND = "This table"
# The limit of Python's own counts for the whole process. It is set once and never reached: texts are counted here.
csv.field_size_limit(2**31 - 1)


def read(source: Source, options: ReadOptions) -> Rows:
    """The rows of a table. Raises Invalid where it cannot be decoded or is empty, TooLarge past a limit."""
    with open_table(source, options) as table:
        yield from table.rows_of(table.text)


@contextmanager
def open_table(source: Source, options: ReadOptions) -> Iterator["Table"]:
    """The table of a file, for as long as it is read. Raises as ``read`` does."""
    if options.delimiter and (len(options.delimiter) != 1 or options.delimiter in '"\r\n\0'):
        raise Invalid("A delimiter is one character, such as , or ; or a tab.", code="bad_delimiter")
    encoding = options.encoding or detect_encoding(source.head, complete=source.complete).name
    delimiter, skip, header = options.delimiter, options.skip_lines, options.header
    if not delimiter or skip is None or header is None:
        head = source.head.decode(encoding, "replace")
        found = detect_dialect(head, complete=source.complete, preferred=preferred_delimiter(source.name))
        delimiter = delimiter or found.delimiter
        skip = found.skip if skip is None else skip
        header = found.header if header is None else header
    with source.open() as stream:
        text = io.TextIOWrapper(limit_lines(stream, options.limits, KIND), encoding, errors=UNDECODED, newline="")
        try:
            yield Table(text, delimiter=delimiter, skip=skip, header=header, options=options)
        finally:
            text.detach()


def preferred_delimiter(name: str) -> str:
    """The delimiter that a file name promises."""
    return "\t" if name.lower().endswith((".tsv", ".tab")) else ""


class _TooLong(Exception):
    """A record goes on for too long."""


class _Lines:
    """The physical lines of what is being read. A table has millions, so a generator feeds them."""

    def __init__(self, limits: Limits) -> None:
        self.taken: list[str] = []
        # Of the record at hand. Whoever takes it sets this back.
        self.size = 0
        self.ended = False
        self._most = limits.line_bytes

    def feed_lines(self, text: Iterable[str]) -> Iterator[str]:
        """The lines, each remembered until it is taken. Raises _TooLong."""
        remember, most = self.taken.append, self._most
        for line in text:
            remember(line)
            self.size += len(line)
            if self.size > most:
                raise _TooLong
            yield line
        self.ended = True


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records and the lines they stand in. ``records`` is None where rows must be made of the lines."""

    lines: list[str]
    records: list[list[str]] | None


class Table:
    """A table that is being read: the columns, once they are known, and how far it was read."""

    def __init__(self, text: TextIO, *, delimiter: str, skip: int, header: bool, options: ReadOptions) -> None:
        self.text = text
        self.names: list[str] = []
        self.place = Place(0, sum(1 for _ in islice(text, skip)))
        self._delimiter = delimiter
        self._header = header
        self._options = options

    def rows_of(self, text: Iterable[str]) -> Rows:
        """The rows of the lines that follow; they end where a record ends."""
        options = self._options
        lines, longest = _Lines(options.limits), options.limits.field_bytes
        reader = csv.reader(lines.feed_lines(text), delimiter=self._delimiter)
        names, number, before, most, empty = self.names, self.place.row, self.place.line, options.limits.rows, 0
        while True:
            start = before + reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                self.place = Place(number, before + reader.line_num)
                return
            except _TooLong as error:
                what = f"row {number + 1} (line {start}) is longer, or a quotation mark in it is never closed"
                limit = f"{options.limits.line_bytes // MB} MB a row"
                raise too_large(KIND, what, limit, "LTT_MAX_LINE_MB") from error
            except Exception as error:  # noqa: BLE001
                said = f"Row {number + 1} (line {start}) cannot be read: {{reason}}."
                refuse(error, said, csv.Error, code="bad_csv", kind=Invalid)
            raw = lines.taken[0] if len(lines.taken) == 1 else "".join(lines.taken)
            lines.taken.clear()
            lines.size = 0
            if not any(fields):
                empty += 1
                if empty > most:
                    raise too_large(KIND, f"it has more than {most:,} empty rows", f"{most:,} rows", "LTT_MAX_ROWS")
                continue
            if (
                len(raw) > longest
                and max(map(len, fields)) > longest
                and not (lines.ended and _is_open(raw, self._delimiter))
            ):
                what = f"row {number + 1} (line {start}) has a text that is longer"
                raise too_large(KIND, what, f"{longest // MB} MB a text", "LTT_MAX_FIELD_MB")
            if options.spreadsheet_safe:
                fields = [undo_safe(cell) for cell in fields]
            if not names:
                names = column_names(fields) if self._header else generated_names(len(fields))
                if len(names) > options.limits.columns:
                    limit = f"{options.limits.columns:,}"
                    raise too_large(KIND, f"it has {len(names):,} columns", limit, "LTT_MAX_COLUMNS")
                self.names = names
                if self._header:
                    continue
            number += 1
            if number > most:
                raise too_many_rows(KIND, options.limits)
            if len(fields) == len(names) and raw.isascii() and not lines.ended:
                yield Row(number, start, dict(zip(names, fields)), raw)  # noqa: B905 (the lengths were compared)
            else:
                yield _uneven_row(fields, names, number, start, raw, self._delimiter, lines.ended)

    def read_batches(self, characters: int) -> Iterator[Batch]:
        """The records in batches; ``rows_of`` or ``pass_over`` must be told of each before the next.

        A batch ends with the record that brings it to so many characters. Records come without lines that need a closer
        look: the first ones, damaged ones, and what cannot be stored.
        """
        while lines := self.text.readlines(characters):
            records = self._complete_records(lines)
            longest = self._options.limits.field_bytes
            if sum(map(len, lines)) > longest and any(len(cell) > longest for one in records or () for cell in one):
                records = None
            plain = self.names and not self._options.spreadsheet_safe and is_storable("".join(lines))
            yield Batch(lines, records if plain else None)

    def _complete_records(self, lines: list[str]) -> list[list[str]] | None:
        """The records of the lines, to which those that the last one needs are added; None where they are damaged."""
        if sum(map(len, lines)) <= self._options.limits.line_bytes:
            # Else the last record goes on behind them, or a quotation mark stands where it is only read leniently.
            with suppress(csv.Error):
                return list(csv.reader(lines, delimiter=self._delimiter, strict=True))
        fed = _Lines(self._options.limits)
        reader = csv.reader(fed.feed_lines(chain(lines.copy(), self.text)), delimiter=self._delimiter)
        records: list[list[str]] = []
        try:
            while len(fed.taken) < len(lines):
                records.append(next(reader))
                fed.size = 0
        except (csv.Error, _TooLong):
            # Whoever makes rows of these lines meets it again, and tells the place.
            return None
        finally:
            lines[:] = fed.taken
        return None if fed.ended else records

    def pass_over(self, batch: Batch) -> None:
        """Count the records of a batch that became rows elsewhere. Raises TooLarge past the limit."""
        self.place = Place(self.place.row + len(batch.records or ()), self.place.line + len(batch.lines))
        if self.place.row > self._options.limits.rows:
            raise too_many_rows(KIND, self._options.limits)


def _uneven_row(
    fields: list[str], names: list[str], number: int, line: int, raw: str, delimiter: str, ended: bool
) -> Row | BadRow:
    if ended and _is_open(raw, delimiter):
        reason = f"Row {number}: a quotation mark is opened on line {line} and never closed. Close it and import again."
        return BadRow(number, line, "open_quote", reason, shorten(raw))
    if any(fields[len(names) :]):
        reason = (
            f"Row {number} (line {line}) has {len(fields)} fields, expected {len(names)}. "
            "Put quotation marks around text that holds the delimiter."
        )
        return BadRow(number, line, "too_many_fields", reason, shorten(raw))
    try:
        raw.encode()
    except UnicodeEncodeError:
        reason = f"Row {number} (line {line}) is not valid in this encoding. Choose another encoding or repair it."
        return BadRow(number, line, "encoding", reason, shorten(raw))
    padded = fields[: len(names)] + [""] * (len(names) - len(fields))
    return Row(number, line, dict(zip(names, padded, strict=True)), raw)


def _is_open(raw: str, delimiter: str) -> bool:
    """Whether the last record of a file ends inside quotes: a line put behind it would become part of it."""
    if '"' not in raw:
        return False
    probe = csv.reader([*io.StringIO(raw, newline=""), "\nsentinel"], delimiter=delimiter)
    return any("sentinel" in cell and cell != "sentinel" for cell in next(probe, []))


def column_names(cells: list[str]) -> list[str]:
    """Column names as they stand in the header; an empty one is called by its place, a repeated one gets a number."""
    names: dict[str, None] = {}
    copies: Counter[str] = Counter()
    for place, cell in enumerate(cells, 1):
        name = cell.removeprefix("\ufeff").replace("\udcff", "\ufffd") or f"column {place}"
        unique = name
        while unique in names:
            copies[name] += 1
            unique = f"{name} ({copies[name] + 1})"
        names[unique] = None
    return list(names)


def generated_names(number: int) -> list[str]:
    """The names of columns without a header."""
    return [f"column {place}" for place in range(1, number + 1)]


def stream(rows: Iterable[Mapping[str, Any]], options: WriteOptions) -> Iterator[bytes]:
    """A table with a header, in pieces; lists and objects become JSON text."""
    coming = iter(rows)
    first = next(coming, None)
    columns = options.columns or tuple(first or ())
    there = coming if first is None else chain([first], coming)
    lines = (cells_of([row.get(name) for name in columns]) for row in there)
    return stream_lines(chunks_of(lines, _WRITE_ROWS), replace(options, columns=columns))


def stream_lines(batches: Iterable[Sequence[Sequence[Any]]], options: WriteOptions) -> Iterator[bytes]:
    """A table with a header, a piece for each batch of lines; cells are texts, whole numbers or None, in order."""
    mark = codecs.BOM_UTF8 if options.bom else b""
    for lines in chain([[options.columns]], batches):
        columns = [_write_cells(cells, options) for cells in zip(*lines, strict=True)]
        if len(columns) > 1:
            written: Iterator[str] = map(options.delimiter.join, zip(*columns, strict=True))
        else:
            # A line of one empty cell would be no line.
            written = (text or '""' for text in columns[0]) if columns else iter([""] * len(lines))
        yield mark + "".join([line + "\r\n" for line in written]).encode()
        mark = b""


def _write_cells(cells: Sequence[Any], options: WriteOptions) -> Sequence[str]:
    """The cells of a column as ``csv.writer`` writes them. That looks at each character of each, which takes longer."""
    if options.spreadsheet_safe:
        cells = [make_safe(cell) for cell in cells]
    try:
        together = "".join(cells)
    except TypeError:
        cells = [cell if type(cell) is str else "" if cell is None else str(cell) for cell in cells]
        together = "".join(cells)
    delimiter = options.delimiter
    signs = [sign for sign in ('"', delimiter, "\n", "\r") if sign in together]
    if len(signs) < 2 and '"' not in signs:
        return [f'"{cell}"' if sign in cell else cell for sign in signs for cell in cells] or cells
    return [
        '"' + cell.replace('"', '""') + '"'
        if delimiter in cell or "\n" in cell or '"' in cell or "\r" in cell
        else cell
        for cell in cells
    ]


def cells_of(values: Iterable[Any]) -> list[str]:
    """Values as cells of text; lists and objects become JSON text."""
    return [value if isinstance(value, str) else "" if value is None else _encode(value).decode() for value in values]


def make_safe(cell: Any) -> Any:
    """The cell with an apostrophe before what a spreadsheet would run; ``undo_safe`` takes exactly that away."""
    return "'" + cell if isinstance(cell, str) and cell.startswith(RISKY) else cell


def is_marked(cell: str) -> bool:
    """Whether ``make_safe`` seems to have made the cell; two apostrophes are rather a text in quotes."""
    return cell.startswith("'") and not cell.startswith("''") and undo_safe(cell) != cell


def undo_safe(cell: str) -> str:
    """The inverse of ``make_safe``."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(RISKY) else cell


def _stream_tsv(rows: Iterable[Mapping[str, Any]], options: WriteOptions) -> Iterator[bytes]:
    return stream(rows, replace(options, delimiter="\t"))


CSV = Format("csv", "CSV", (".csv", ".txt"), read, writer_of(stream), "text/csv; charset=utf-8", True, stream)
TSV = Format(
    "tsv",
    "TSV (tab-separated)",
    (".tsv", ".tab"),
    read,
    writer_of(_stream_tsv),
    "text/tab-separated-values; charset=utf-8",
    True,
    _stream_tsv,
)

"""Workbooks: .xlsx, .xls, .xlsb and .ods read by calamine, .xlsx written as text cells only.

Cells are read as the sheet shows them, by their number formats, or as they are stored: a whole number without ".0", a
date as YYYY-MM-DD. The formats of .xls and .xlsb are not known; there the two are the same.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO

from app.core.errors import BadUsage, TooLarge, WrongKind
from app.core.formats import workbook
from app.core.formats.base import BadRow, Format, ReadOptions, Row, Rows, WriteOptions
from app.core.formats.csv import cells_of, column_names, generated_names
from app.core.formats.dialect import plain_cell
from app.core.formats.limits import MB, too_large, too_many_rows
from app.core.formats.shown import show
from app.core.formats.source import Source, check_expansion, open_archive, open_member
from app.core.formats.workbook import Workbook

CELL_LIMIT = 32_767
_CREATED = datetime(2000, 1, 1, tzinfo=UTC)
ROW_LIMIT = 1_048_575
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class ErrorValue(str):
    """What a cell shows whose formula failed. A text may read the same."""


def sheet_names(source: Source) -> tuple[list[str], str]:
    """The names of the visible sheets that a workbook has, and the one that is read by default. Raises as ``read``."""
    with _open_workbook(source) as book:
        return book.visible, book.usual


def read(source: Source, options: ReadOptions) -> Rows:
    """The rows of one sheet (the first visible one with cells by default), after its title lines, under its header."""
    with _open_workbook(source) as book:
        name = options.sheet or book.usual
        if name not in book.sheets:
            raise BadUsage(f"The workbook has no sheet {name!r}. It has: {', '.join(book.sheets)}.")

        def special(value: float | str, code: str | None) -> str:
            if isinstance(value, str):
                return ErrorValue(value)
            return show(value, code or "", since_1904=book.since_1904)

        cells = book.rows(name, shown=options.cells == "shown")
        rows = ([one if type(one) is str else special(*one) for one in row] for row in cells)
        if not book.tells_errors:
            rows = ([ErrorValue(one) if one in _ERRORS else one for one in row] for row in rows)
        yield from _rows_of_sheet(rows, options)


@contextmanager
def _open_workbook(source: Source) -> Iterator[Workbook]:
    """An open workbook; anything unreadable becomes one sentence."""
    _check_archive(source)
    memory = source.limits.workbook_bytes
    try:
        with source.as_path() as path, closing(Workbook(path, memory)) as book:
            yield book
    except workbook.Encrypted as error:
        raise WrongKind("The workbook is protected by a password. Save it without one.", code="encrypted") from error
    except workbook.Damaged as error:
        raise _refusal_of(source, error) from error
    except workbook.OutOfMemory as error:
        what = "its cells need more memory, perhaps because one stands far away from the others"
        raise too_large("This workbook", what, f"{memory // MB:,} MB", "LTT_MAX_WORKBOOK_MB") from error


def _refusal_of(source: Source, error: Exception) -> WrongKind:
    if source.head.startswith(_OLE):
        return WrongKind(
            "This is an old .xls file that cannot be read, or a workbook protected by a password. "
            "Open it in Excel and save it as .xlsx without a password.",
            code="unreadable_workbook",
        )
    return WrongKind(f"The workbook is damaged and cannot be read ({error}). Save it again as .xlsx.", code="damaged")


def _check_archive(source: Source) -> None:
    """Refuse a workbook that unpacks past the limits or declares entities, before anything is parsed."""
    if not source.head.startswith(b"PK"):
        return
    packed = source.size or len(source.head)
    with source.seekable() as file, open_archive(file, "workbook") as archive:
        total = 0
        for info in archive.infolist():
            with open_member(archive, info, "workbook") as member:
                start = b""
                while part := member.read(MB):
                    start = start or part[:4096]
                    total += len(part)
                    check_expansion("workbook", total, packed, source.limits)
            if b"<!DOCTYPE" in start and info.filename.endswith((".xml", ".rels")):
                what = "The workbook declares XML entities, which no spreadsheet program writes."
                raise WrongKind(what, code="entities")


def _rows_of_sheet(rows: Iterable[list[str]], options: ReadOptions) -> Rows:
    body = _table_body(rows)
    first = next(body, None)
    if first is None:
        return
    line, fields = first
    header = _names_columns(fields) if options.header is None else options.header
    if len(fields) > options.limits.columns:
        limit = f"{options.limits.columns:,}"
        raise too_large("This sheet", f"it has {len(fields):,} columns", limit, "LTT_MAX_COLUMNS")
    names = column_names(fields) if header else generated_names(len(fields))
    number = 0
    if not header:
        number = 1
        yield _row_of_cells(names, fields, 1, line)
    for line, fields in body:
        number += 1
        if number > options.limits.rows:
            raise too_many_rows("This sheet", options.limits)
        yield _row_of_cells(names, fields, number, line)


def _row_of_cells(names: list[str], fields: list[str], number: int, line: int) -> Row | BadRow:
    error = next((cell for cell in fields if type(cell) is ErrorValue), None)
    if error:
        reason = f"Row {number} (sheet row {line}) holds the error value {error}. Repair the formula."
        return BadRow(number, line, "error_value", reason, _raw_json(names, fields))
    extra = [cell for cell in fields[len(names) :] if cell]
    if extra:
        reason = f"Row {number} (sheet row {line}) has {len(fields)} cells, expected {len(names)}."
        return BadRow(number, line, "too_many_fields", reason, _raw_json(names, fields))
    padded = fields[: len(names)] + [""] * (len(names) - len(fields))
    return Row(number, line, dict(zip(names, padded, strict=True)))


def _raw_json(names: list[str], fields: list[str]) -> str:
    """A bad row as JSON, so that it can be repaired: a cell may hold any character that could separate cells."""
    import msgspec

    more = generated_names(len(fields))[len(names) :]
    return msgspec.json.encode(dict(zip([*names, *more], map(str, fields), strict=False))).decode()


# What reads like an error, in formats that do not tell errors from texts.
_ERRORS = frozenset({"#N/A", "#VALUE!", "#REF!", "#DIV/0!", "#NUM!", "#NAME?", "#NULL!", "#GETTING_DATA"})


def _table_body(rows: Iterable[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Rows as text with their 1-based sheet row, without blank rows and without title rows above the table."""
    ahead: list[tuple[int, list[str]]] = []
    filled = ((line, fields) for line, fields in enumerate(rows, 1) if any(cell.strip() for cell in fields))
    for line, fields in filled:
        ahead.append((line, fields))
        if len(ahead) == 20:
            break
    yield from ahead[_title_rows([fields for _, fields in ahead]) :]
    yield from filled


def _title_rows(rows: list[list[str]]) -> int:
    counts = [sum(bool(cell.strip()) for cell in row) for row in rows]
    if not counts or max(counts) < 2:
        return 0
    return next(place for place, number in enumerate(counts) if number > 1)


def _names_columns(fields: list[str]) -> bool:
    """Whether the first row of a sheet names its columns: distinct short texts that are no sentences or numbers."""
    named = [plain_cell(cell) for cell in fields if cell.strip()]
    if len(named) < 2 or len(set(named)) < len(named):
        return False
    return not any(len(n) > 60 or n.endswith(("?", "？", ".", "。")) or n.replace(".", "", 1).isdigit() for n in named)


def write(rows: Iterable[Mapping[str, Any]], out: BinaryIO, options: WriteOptions) -> int:
    """Write one sheet with a header, every cell as text. Raises TooLarge before a text or the sheet would be cut."""
    import xlsxwriter

    from app.core.formats.plain_sheet import PlainSheet

    title = "".join(" " if c in "[]:*?/\\'" or ord(c) < 32 else c for c in options.title).strip()
    number = 0
    columns = options.columns
    settings = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    # What it writes goes to a file first, which it leaves behind where it does not come to its end.
    with tempfile.TemporaryDirectory(prefix="ltt-") as folder:
        book = xlsxwriter.Workbook(out, {**settings, "strings_to_numbers": False, "tmpdir": folder})
        # Without the time of its making: the same rows are the same bytes.
        book.set_properties({"created": _CREATED})
        sheet = book.add_worksheet(title[:31] or "pairs", PlainSheet)
        with closing(sheet.row_data_fh):
            for number, row in enumerate(rows, 1):
                if number == 1:
                    columns = columns or tuple(row)
                    _write_row(sheet, 0, columns)
                if number > ROW_LIMIT:
                    what = f"A sheet holds {ROW_LIMIT:,} rows at most. Export in parts, or as CSV."
                    raise TooLarge(what, code="sheet_rows")
                _write_row(sheet, number, [row.get(name) for name in columns])
            if not number:
                _write_row(sheet, 0, columns)
            book.close()
    return number


def length_in_cell(text: str) -> int:
    """How long a spreadsheet program takes a text for: it counts half characters, 😀 is two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _write_row(sheet: Any, number: int, values: Iterable[Any]) -> None:
    for column, text in enumerate(cells_of(values)):
        if (length := length_in_cell(text)) > CELL_LIMIT:
            raise TooLarge(
                f"Row {number}: a text has {length:,} characters; a cell of a workbook holds {CELL_LIMIT:,}. "
                "Export as CSV or JSONL instead.",
                code="cell_too_long",
            )
        sheet.write_string(number, column, text)


XLSX = Format(
    "xlsx",
    "Excel workbook",
    (".xlsx", ".xls", ".xlsb", ".xlsm", ".ods"),
    read,
    write,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    tabular=True,
)

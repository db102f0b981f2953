"""A workbook is opened by a process of its own: its parser reserves memory for every cell between the outermost ones,
and ends its process where there is not so much.

This module is also the program of that process. It is started by its path, so it imports nothing of this project but
``number_formats``, which stands beside it.
"""

import datetime
import importlib
import marshal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Any

CPU_SECONDS = 600
_ROWS = 500
_LENGTH = struct.Struct("!Q")
_SHEETS, _PART, _END, _ENCRYPTED, _DAMAGED, _MEMORY = range(6)


class Encrypted(Exception):
    """The workbook is protected by a password."""


class Damaged(Exception):
    """The workbook cannot be read; the message says why."""


class OutOfMemory(Exception):
    """The workbook needs more memory than it may take."""


# A text, a number and the format that it is shown by, or an error and None.
Cell = str | tuple[float, str] | tuple[str, None]


class Workbook:
    """An open workbook: all its sheets, those that people see, the first of these that is not empty.

    ``since_1904`` says from when its dates are counted, ``tells_errors`` whether they are told from texts.

    Raises Encrypted, Damaged or OutOfMemory; close it.
    """

    def __init__(self, path: Path, memory_bytes: int) -> None:
        # Without -P the folder of this module stands first on the path, and its csv.py hides the one of Python.
        program = [sys.executable, "-P", __file__, str(path), str(memory_bytes)]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        self._process = subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=nowhere)
        try:
            self.sheets: list[str]
            self.visible: list[str]
            self.usual: str
            self.since_1904: bool
            self.tells_errors: bool
            self.sheets, self.visible, self.usual, self.since_1904, self.tells_errors = self._next_content()
        except BaseException:
            self.close()
            raise

    def rows(self, sheet: str, *, shown: bool) -> Iterator[list[Cell]]:
        """The rows of a sheet, from its first row on. With ``shown`` a number comes with the format of its cell.

        Can be called once for each sheet, one at a time.
        """
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            _send_message(self._process.stdin, _PART, (sheet, shown))
        while (part := self._next_content()) is not None:
            yield from part

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.communicate()

    def _next_content(self) -> Any:
        assert self._process.stdout is not None
        what, content = _receive_message(self._process.stdout) or (_MEMORY, None)
        if what == _ENCRYPTED:
            raise Encrypted
        if what == _DAMAGED:
            raise Damaged(content)
        if what == _MEMORY:
            raise OutOfMemory
        return content


def _send_message(out: IO[bytes], what: int, content: Any) -> None:
    data = marshal.dumps((what, content))
    out.write(_LENGTH.pack(len(data)) + data)
    out.flush()


def _receive_message(source: IO[bytes]) -> Any:
    """The next message; None where the other side has ended."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    data = source.read(*_LENGTH.unpack(head))
    return marshal.loads(data) if len(data) == _LENGTH.unpack(head)[0] else None


def as_text(cell: object) -> str:
    """A cell as it is stored: a whole number without ".0", a date as YYYY-MM-DD, TRUE and FALSE."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime.datetime):
        midnight = cell.time() == datetime.time()
        return cell.date().isoformat() if midnight else cell.isoformat(sep=" ")
    return "" if cell is None else str(cell)


def _serve_workbook(path: str, memory_bytes: int) -> None:
    """What the process does: open the workbook, tell its sheets, then the rows of each sheet that is asked for."""
    import python_calamine

    _limit_process(memory_bytes)
    out = sys.stdout.buffer
    try:
        with closing(python_calamine.load_workbook(path)) as book:
            sys.path.append(str(Path(__file__).parent))
            formats = importlib.import_module("number_formats").Formats(Path(path))
            visible = [meta.name for meta in book.sheets_metadata if _is_table(meta)] or list(book.sheet_names)
            filled = (name for name in visible if len(visible) > 1 and book.get_sheet_by_name(name).height)
            usual, told = next(filled, visible[0]), (formats.since_1904, formats.tells_errors)
            _send_message(out, _SHEETS, (list(book.sheet_names), visible, usual, *told))
            while asked := _receive_message(sys.stdin.buffer):
                name, shown = asked[1]
                _send_rows(out, book.get_sheet_by_name(name), formats.cells(name, shown=shown), shown)
    except BrokenPipeError:
        return
    except MemoryError:
        _send_message(out, _MEMORY, None)
    except python_calamine.PasswordError:
        _send_message(out, _ENCRYPTED, None)
    # A parser that panics on a damaged file raises something that is no Exception.
    except BaseException as error:  # noqa: BLE001
        _send_message(
            out, _MEMORY if "ell limit exceeded" in str(error) else _DAMAGED, str(error).split("\n", 1)[0][:200]
        )


def _is_table(meta: Any) -> bool:
    """Whether people see the sheet and it holds cells, not a chart."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    return bool(meta.visible == SheetVisibleEnum.Visible and meta.typ == SheetTypeEnum.WorkSheet)


def _send_rows(out: IO[bytes], sheet: Any, special: Iterator[tuple[int, dict[int, Cell]]], shown: bool) -> None:
    """Send the rows of a sheet; the cells in ``special`` take the place of what calamine makes of them."""
    first_column = sheet.start[1] if sheet.start else 0
    place, cells = next(special, (-1, {}))
    part: list[list[Cell]] = []
    for number, row in enumerate(sheet.iter_rows()):
        texts = [_as_cell(cell, shown) for cell in row]
        while 0 <= place < number:
            place, cells = next(special, (-1, {}))
        if place == number:
            for column, cell in cells.items():
                if 0 <= column - first_column < len(texts):
                    texts[column - first_column] = cell
        part.append(texts)
        if len(part) == _ROWS:
            _send_message(out, _PART, part)
            part = []
    _send_message(out, _PART, part)
    _send_message(out, _END, None)


def _as_cell(cell: object, shown: bool) -> Cell:
    return (cell, "General") if shown and isinstance(cell, float) and not cell.is_integer() else as_text(cell)


def _limit_process(memory_bytes: int) -> None:
    """Limit memory and processor time of this process. Without effect on Windows."""
    if sys.platform == "win32":
        return
    import resource

    for what, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CPU, CPU_SECONDS)):
        _, hard = resource.getrlimit(what)
        top = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (top, top))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _serve_workbook(sys.argv[1], int(sys.argv[2]))

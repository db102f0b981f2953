"""A workbook is opened by a process of its own: its parser reserves memory for every cell between the outermost ones,
and ends its process where there is not so much.

This module is also the program of that process. It is started by its path, so it imports nothing of this project.
"""

import datetime
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


class Workbook:
    """An open workbook: all its sheets, those that people see, and the first of these that is not empty.

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
            self.sheets, self.visible, self.usual = self._next_content()
        except BaseException:
            self.close()
            raise

    def rows(self, sheet: str) -> Iterator[list[str]]:
        """The rows of a sheet as texts, from its first row on. Can be called once for each sheet, one at a time."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            _send_message(self._process.stdin, _PART, sheet)
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
    """A cell as a person sees it: a whole number without ".0", a date as YYYY-MM-DD, TRUE and FALSE."""
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
            visible = [meta.name for meta in book.sheets_metadata if _is_table(meta)] or list(book.sheet_names)
            filled = (name for name in visible if len(visible) > 1 and book.get_sheet_by_name(name).height)
            _send_message(out, _SHEETS, (list(book.sheet_names), visible, next(filled, visible[0])))
            while asked := _receive_message(sys.stdin.buffer):
                _send_rows(out, book.get_sheet_by_name(asked[1]).iter_rows())
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


def _send_rows(out: IO[bytes], rows: Iterator[Any]) -> None:
    part: list[list[str]] = []
    for row in rows:
        part.append([as_text(cell) for cell in row])
        if len(part) == _ROWS:
            _send_message(out, _PART, part)
            part = []
    _send_message(out, _PART, part)
    _send_message(out, _END, None)


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

"""The lines of a plain text, for formats that read it line by line."""

import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from app.core.formats.base import BadRow, ReadOptions, Row, shorten
from app.core.formats.encoding import UNDECODED, detect_encoding
from app.core.formats.limits import MB, Limits, too_long
from app.core.formats.source import Source


def numbered_lines(source: Source, options: ReadOptions, kind: str) -> Iterator[tuple[int, str]]:
    """The lines with their 1-based numbers, without line ends. ``kind`` is how the file is called in a refusal.

    Half characters stand for what cannot be decoded. Raises TooLarge for a line over the limit.
    """
    encoding = options.encoding or detect_encoding(source.head, complete=source.complete).name
    with source.open() as stream:
        text = io.TextIOWrapper(limit_lines(stream, options.limits, kind), encoding, errors=UNDECODED, newline=None)
        try:
            for number, line in enumerate(text, 1):
                yield number, line.rstrip("\n").removeprefix("\ufeff")
        finally:
            text.detach()


def limit_lines(stream: BinaryIO, limits: Limits, kind: str) -> BinaryIO:
    """The same bytes of a text. Raises TooLarge in a line over the limit, before anybody has it in memory."""
    return io.BufferedReader(_ShortLines(stream, limits, kind), MB)


class _ShortLines(io.RawIOBase):
    def __init__(self, stream: BinaryIO, limits: Limits, kind: str) -> None:
        self._stream = stream
        self._limits = limits
        self._kind = kind
        self._read = 0
        self._length = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._stream.read(len(buffer)) or b""
        buffer[: len(part)] = part
        end = part.rfind(b"\n")
        end = part.rfind(b"\r") if end < 0 else end
        self._length = self._length + len(part) if end < 0 else len(part) - end - 1
        self._read += len(part)
        if self._length > self._limits.line_bytes:
            # To count the lines before it would take as long as to read them.
            raise too_long(self._kind, f"the line from byte {self._read - self._length:,} on", self._limits)
        return len(part)


def row_of(number: int, line: int, values: dict[str, Any]) -> Row | BadRow:
    """A row that begins on a line; a bad one where something in it could not be decoded."""
    raw = json.dumps(values, ensure_ascii=False)
    if "\udcff" in raw:
        reason = f"Row {number} (line {line}) is not valid in this encoding. Choose another encoding or repair it."
        return BadRow(number, line, "encoding", reason, shorten(raw))
    return Row(number, line, values)


def decode_head(source: Source, options: ReadOptions) -> str:
    """The start of a text, by which it is judged."""
    encoding = options.encoding or detect_encoding(source.head, complete=source.complete).name
    return source.head.decode(encoding, "replace").removeprefix("\ufeff")

"""The lines of a plain text, for formats that read it line by line."""

import io
import json
from collections.abc import Iterator
from typing import Any

from app.core.formats.base import BadRow, ReadOptions, Row, shorten
from app.core.formats.encoding import UNDECODED, detect_encoding
from app.core.formats.limits import MB, too_large
from app.core.formats.source import Source


def numbered_lines(source: Source, options: ReadOptions, kind: str) -> Iterator[tuple[int, str]]:
    """The lines with their 1-based numbers, without line ends. ``kind`` is how the file is called in a refusal.

    Half characters stand for what cannot be decoded. Raises TooLarge for a line over the limit.
    """
    encoding = options.encoding or detect_encoding(source.head, complete=source.complete).name
    most = options.limits.line_bytes
    with source.open() as stream:
        text = io.TextIOWrapper(stream, encoding, errors=UNDECODED, newline=None)
        try:
            number = 0
            while line := text.readline(most + 1):
                number += 1
                if len(line) > most:
                    size = f"{most // MB} MB"
                    raise too_large(kind, f"line {number} is longer than {size}", size, "LTT_MAX_LINE_MB")
                yield number, line.rstrip("\n").removeprefix("\ufeff")
        finally:
            text.detach()


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

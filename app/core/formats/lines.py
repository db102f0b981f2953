"""The lines of a plain text, for formats that read it line by line."""

import io
from collections.abc import Iterator

from app.core.errors import Invalid
from app.core.formats.base import ReadOptions
from app.core.formats.encoding import detect_encoding
from app.core.formats.limits import MB, too_large
from app.core.formats.source import Source


def numbered_lines(source: Source, options: ReadOptions, kind: str) -> Iterator[tuple[int, str]]:
    """The lines with their 1-based numbers, without line ends. ``kind`` is how the file is called in a refusal.

    Raises Invalid where it is not in that encoding, TooLarge for a line over the limit.
    """
    encoding = options.encoding or detect_encoding(source.head, complete=source.complete).name
    most = options.limits.line_bytes
    with source.open() as stream:
        text = io.TextIOWrapper(stream, encoding, newline=None)
        try:
            number = 0
            while line := text.readline(most + 1):
                number += 1
                if len(line) > most:
                    size = f"{most // MB} MB"
                    raise too_large(kind, f"line {number} is longer than {size}", size, "LTT_MAX_LINE_MB")
                yield number, line.rstrip("\n").removeprefix("\ufeff")
        except UnicodeError as error:
            raise Invalid(f"The file is not {encoding}: {error}. Choose another encoding.", code="encoding") from error
        finally:
            text.detach()


def decode_head(source: Source, options: ReadOptions) -> str:
    """The start of a text, by which it is judged."""
    encoding = options.encoding or detect_encoding(source.head, complete=source.complete).name
    return source.head.decode(encoding, "replace").removeprefix("\ufeff")

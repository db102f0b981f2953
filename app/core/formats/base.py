"""What all formats share: rows, bad rows and options."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

from app.core.formats.limits import Limits
from app.core.formats.source import Source


class Part(NamedTuple):
    """Where a row of several files stands: what its file is called, the split of that, and its number there."""

    file: str
    split: str | None
    number: int


class Row(NamedTuple):
    """One record of a file: its 1-based number, the 1-based line where it starts (None without lines), its values.

    ``raw`` is the record as text where the format has one at hand. Of several files that are read as one, ``number``
    counts through all of them, and ``part`` says where it stands.
    """

    number: int
    line: int | None
    values: dict[str, Any]
    raw: str | None = None
    part: Part | None = None


class BadRow(NamedTuple):
    """A record that cannot be read: where it stands, a short code, one sentence, and its raw text (shortened)."""

    number: int
    line: int | None
    code: str
    reason: str
    raw: str = ""


# What is wrong with all rows of one code.
BAD_ROW_TITLES = {
    "open_quote": "A quote is opened and never closed",
    "too_many_fields": "More fields than columns",
    "encoding": "It is not valid in this encoding",
    "nul": "It holds the character U+0000",
    "lone_surrogate": "It holds half of a character",
    "not_object": "It is no JSON object",
    "cut_off": "A cell of it was cut off before it came here",
    "invalid_json": "It is not valid JSON",
    "too_deep": "It is nested too deeply",
    "number": "It holds a number that is out of range",
    "out_of_range": "It holds a date that is out of range",
    "too_long": "It is longer than a row may be",
    "unreadable": "It holds a value that cannot be read",
    "error_value": "A cell holds an error value",
    "no_text": "It holds no text",
}


Rows = Iterator[Row | BadRow]


@dataclass(slots=True)
class Place:
    """How many rows and lines of a file have been read, and how its lines are opened where they are no rows."""

    row: int = 0
    line: int = 0
    opener: Callable[[Any], Iterable[Any]] | None = None


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file; None means: as detected.

    ``cells`` of a workbook are read as ``shown`` or as ``stored``. ``who_answers`` in a chat export is a name; a
    conversation ends where nobody writes for ``pause_hours``.
    """

    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    skip_lines: int | None = None
    sheet: str | None = None
    cells: str = "shown"
    who_answers: str | None = None
    pause_hours: int = 8
    spreadsheet_safe: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class WriteOptions:
    """How to write a file. ``columns`` fixes the columns of a table; otherwise those of the first row."""

    columns: tuple[str, ...] = ()
    bom: bool = False
    spreadsheet_safe: bool = False
    delimiter: str = ","
    title: str = "pairs"


Reader = Callable[[Source, ReadOptions], Rows]
Writer = Callable[[Iterable[Mapping[str, Any]], BinaryIO, WriteOptions], int]
Streamer = Callable[[Iterable[Mapping[str, Any]], WriteOptions], Iterator[bytes]]


@dataclass(frozen=True)
class Format:
    """A way in which bytes are rows. ``write`` returns the number of rows.

    ``stream`` gives the same bytes piece by piece; None where a file must be finished before its first byte is known.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    read: Reader
    write: Writer | None
    media_type: str = "application/octet-stream"
    tabular: bool = False
    stream: Streamer | None = None


def writer_of(stream: Streamer) -> Writer:
    """The ``write`` of a format that can be streamed."""

    def write(rows: Iterable[Mapping[str, Any]], out: BinaryIO, options: WriteOptions) -> int:
        number = 0

        def counted() -> Iterator[Mapping[str, Any]]:
            nonlocal number
            for row in rows:
                number += 1
                yield row

        for piece in stream(counted(), options):
            out.write(piece)
        return number

    return write


_HALF = re.compile("[\ud800-\udfff]")


def shorten(raw: str, limit: int = 20_000) -> str:
    """Raw text of a bad row as it is kept: whole up to ``limit`` characters, then cut with a note; no half ones."""
    kept = raw if len(raw) <= limit else f"{raw[:limit]}… ({len(raw):,} characters in all)"
    return kept if kept.isascii() else _HALF.sub("\ufffd", kept)

"""JSON Lines: one JSON object a line, lines ended by LF only (https://jsonlines.org). Strict JSON by RFC 8259.

U+2028, U+2029 and U+0085 are legal inside strings and end no line; they are written as escapes, because readers that
split by all that Unicode calls a line end take them for one. NaN and Infinity are not JSON. Of a key that stands twice
in an object the last value counts.
"""

import codecs
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import msgspec

from app.core.changes import chunks_of
from app.core.formats import documents
from app.core.formats.base import BadRow, Format, Place, ReadOptions, Row, Rows, WriteOptions, shorten, writer_of
from app.core.formats.encoding import UNDECODED, detect_encoding
from app.core.formats.limits import MB, Limits, too_long, too_many_rows
from app.core.formats.source import Source

_new = tuple.__new__
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_CHUNK = MB
_WRITE_ROWS = 256
KIND = "This JSONL file"
_NUL = b"\\u0000"
# Line ends of Unicode that JSON writes as they are: to take them for one, a reader need only be ``str.splitlines``.
_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))


def read(source: Source, options: ReadOptions) -> Rows:
    """The objects of a file, one a line; blank lines are passed over."""
    place = Place()
    for lines in read_blocks(source, options):
        yield from rows_of(lines, place, options.limits)


def read_blocks(source: Source, options: ReadOptions) -> Iterator[list[bytes]]:
    """The lines of a file in UTF-8, without their LF, some thousand at a time.

    What cannot be decoded is no UTF-8 in them either. Raises TooLarge for a line over the limit.
    """
    encoding = options.encoding or detect_encoding(source.head, complete=source.complete).name
    with source.open() as stream:
        left, number = b"", 0
        plain = as_utf8(stream, encoding)
        while chunk := plain.read(_CHUNK):
            lines = (left + chunk).split(b"\n")
            left = lines.pop()
            number += len(lines)
            yield lines
            if len(left) > options.limits.line_bytes:
                raise too_long(KIND, f"line {number + 1}", options.limits)
        if left:
            yield [left]


def as_utf8(stream: BinaryIO, encoding: str) -> BinaryIO:
    """The stream as UTF-8 bytes without a byte-order mark; what is not in its encoding is no UTF-8 there either."""
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig"):
        mark = stream.read(3)
        rest = b"" if mark == codecs.BOM_UTF8 else mark
        return io.BufferedReader(_Prefixed(rest, stream), _CHUNK)
    return io.BufferedReader(_Recoded(stream, encoding), _CHUNK)


class _Prefixed(io.RawIOBase):
    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first = first
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._first or self._rest.read(len(buffer)) or b""
        self._first = b""
        buffer[: len(part)] = part
        return len(part)


class _Recoded(io.RawIOBase):
    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder(encoding)(UNDECODED).decode
        self._left = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left and not self._ended:
            chunk = self._stream.read(_CHUNK // 4)
            self._ended = not chunk
            self._left = self._decode(chunk, self._ended).encode("utf-8", "surrogatepass")
        part, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def rows_of(lines: Iterable[bytes], place: Place, limits: Limits) -> Rows:
    """The rows of the lines that follow ``place``, which is moved on at their end. Raises TooLarge for too many."""
    number, line_number, opener = place.row, place.line, place.opener
    for line_number, line in enumerate(lines, place.line + 1):
        if not line or line.isspace():
            continue
        number += 1
        if number > limits.rows:
            raise too_many_rows(KIND, limits)
        try:
            values = _decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
            several = _objects_on_line(line) if "trailing characters" in str(error) else []
            for number, values in enumerate(several, number):  # noqa: B020 (the count goes on)
                yield Row(number, line_number, values)
            if not several:
                code, reason = explain_json_error(line, error)
                yield BadRow(number, line_number, code, f"Line {line_number} {reason}", shorten(_line_text(line)))
            continue
        if number == 1 and opener is None:
            opener = place.opener = documents.line_opener(values)
        if opener is not None:
            number -= 1
            for item in opener(values):
                number += 1
                if bad := _row_objection(item, line, limits):
                    reason = f"Line {line_number} {bad[1]}"
                    yield BadRow(number, line_number, bad[0], reason, shorten(_line_text(line)))
                else:
                    yield Row(number, line_number, item)
            continue
        bad = _row_objection(values, line, limits)
        if bad:
            yield BadRow(number, line_number, bad[0], f"Line {line_number} {bad[1]}", shorten(_line_text(line)))
        else:
            # Several times in a microsecond: the tuple is made without its constructor.
            yield _new(Row, (number, line_number, values, None, None))
    place.row, place.line = number, line_number


def _row_objection(values: Any, line: bytes, limits: Limits) -> tuple[str, str] | None:
    """Why a line that is JSON is still no row: code and the rest of a sentence."""
    if isinstance(values, documents.CutOff):
        return "cut_off", values.reason
    if type(values) is not dict:
        return "not_object", "is not a JSON object. Each line must hold one object: {…}."
    if line.count(b"[") + line.count(b"{") > limits.depth and depth_of(values) > limits.depth:
        return "too_deep", f"is nested deeper than {limits.depth} levels (limit LTT_MAX_DEPTH). Flatten it."
    if _NUL in line and has_nul(values):
        return "nul", "holds the character U+0000, which no database keeps. Remove it."
    return None


def has_nul(value: Any) -> bool:
    """Whether some text inside a JSON value holds U+0000."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(has_nul(key) or has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(has_nul(item) for item in value)


def depth_of(value: Any) -> int:
    """How deep a JSON value is nested; a plain value has depth 0."""
    deepest, level = 0, [value]
    while level:
        # The None stands for an empty list or object, which is a level as well.
        level = [
            item
            for part in level
            if isinstance(part, (dict, list))
            for item in (*(part.values() if isinstance(part, dict) else part), None)
        ]
        deepest += bool(level)
    return deepest


def _line_text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")


def _objects_on_line(line: bytes) -> list[dict[str, Any]]:
    """The objects on a line that lost its line feed; empty unless all of it reads as objects."""
    decoder = json.JSONDecoder()
    try:
        text, place, found = line.decode().strip(), 0, []
        while place < len(text):
            _, end = decoder.raw_decode(text, place)
            found.append(_decode(text[place:end]))
            place = end + (len(text[end:]) - len(text[end:].lstrip()))
    except (ValueError, RecursionError):
        return []
    return found if all(type(values) is dict for values in found) else []


def explain_json_error(line: bytes, error: Exception) -> tuple[str, str]:
    """A code and the rest of a sentence on why text is no JSON, with the likely repair."""
    if isinstance(error, UnicodeDecodeError):
        return "encoding", "is not valid in this encoding. Save the file as UTF-8, or choose its encoding."
    if isinstance(error, RecursionError):
        return "too_deep", "is nested too deeply (limit LTT_MAX_DEPTH). Flatten it."
    message = str(error)
    if "out of range" in message:
        return "number", "holds a number that is out of range. Write it as text."
    if "surrogate" in message or (b"\\ud" in line.lower() and "truncated" in message and line.rstrip().endswith(b"}")):
        return "lone_surrogate", "holds half of a character (a lone surrogate, \\ud…). Remove it."
    stripped = line.lstrip()
    if stripped.startswith((b"{'", b"['")):
        return "invalid_json", "is not JSON: it uses single quotes, as Python prints. JSON needs double quotes."
    if stripped.startswith((b"<<<<<<<", b"=======", b">>>>>>>")):
        return "invalid_json", "is not JSON: it is a merge conflict marker. Settle the conflict and remove the line."
    if b"NaN" in line or b"Infinity" in line:
        return "invalid_json", "is not JSON: NaN and Infinity are not allowed. Use null or a text."
    return "invalid_json", f"is not valid JSON ({message.removeprefix('JSON is malformed: ')}). Repair the line."


def stream(rows: Iterable[Mapping[str, Any]], options: WriteOptions) -> Iterator[bytes]:
    """One object a line, UTF-8, no blank line at the end, in pieces."""
    mark = codecs.BOM_UTF8 if options.bom else b""
    for chunk in chunks_of(rows, _WRITE_ROWS):
        yield mark + escape_line_ends(b"\n".join(map(_encode, chunk))) + b"\n"
        mark = b""
    if mark:
        yield mark


def encode_line(value: Any) -> bytes:
    """One value as a line, with its LF."""
    return escape_line_ends(_encode(value)) + b"\n"


def escape_line_ends(json_text: bytes) -> bytes:
    """JSON in UTF-8 in which nothing but LF ends a line; inside strings the escapes mean the same."""
    if json_text.isascii():
        return json_text
    for raw, escape in _LINE_ENDS:
        if raw in json_text:
            json_text = json_text.replace(raw, escape)
    return json_text


JSONL = Format(
    "jsonl",
    "JSON Lines",
    (".jsonl", ".ndjson", ".jsonlines"),
    read,
    writer_of(stream),
    "application/jsonl",
    stream=stream,
)

"""JSON documents, whose rows stand as ``documents`` tells, and objects in sequence.

Files up to 16 MB are decoded at once; larger ones are streamed by ijson in constant memory, columns by way of
temporary files.
"""

import codecs
import contextlib
import io
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, BinaryIO, TypeVar

import msgspec

from app.core.changes import chunks_of
from app.core.errors import Invalid
from app.core.formats import documents
from app.core.formats.base import BadRow, Format, ReadOptions, Row, Rows, WriteOptions, shorten, writer_of
from app.core.formats.encoding import detect_encoding
from app.core.formats.foreign import each, refuse
from app.core.formats.jsonl import as_utf8, depth_of, explain_json_error, has_nul
from app.core.formats.limits import MB, Limits, too_many_rows
from app.core.formats.nesting import Shallow
from app.core.formats.source import Source

T = TypeVar("T")
AT_ONCE = 16 * MB
# Each is a file that is open.
_MOST_COLUMNS = 200
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def read(source: Source, options: ReadOptions) -> Rows:
    """The objects of a document. Raises Invalid, with the line, where it is no JSON or holds no list of objects."""
    encoding = options.encoding or detect_encoding(source.head, complete=source.complete).name
    with source.open() as stream:
        plain = as_utf8(stream, encoding)
        first = plain.read(AT_ONCE + 1)
        items = _document_rows(first) if len(first) <= AT_ONCE else _stream_rows(first, plain, options.limits)
        for number, item in enumerate(items, 1):
            if number > options.limits.rows:
                raise too_many_rows("This JSON file", options.limits)
            if objection := _record_objection(item, options.limits):
                raw = shorten(_encode(item.values if isinstance(item, documents.CutOff) else item).decode())
                yield BadRow(number, None, objection[0], f"Record {number} {objection[1]}", raw)
            else:
                yield Row(number, None, item)


def _record_objection(item: Any, limits: Limits) -> tuple[str, str] | None:
    if isinstance(item, documents.CutOff):
        return "cut_off", item.reason
    if not isinstance(item, dict):
        return "not_object", "is not a JSON object. Each record must be an object: {…}."
    if depth_of(item) > limits.depth:
        return "too_deep", f"is nested deeper than {limits.depth} levels (limit LTT_MAX_DEPTH). Flatten it."
    if has_nul(item):
        return "nul", "holds the character U+0000, which no database keeps. Remove it."
    return None


def _document_rows(data: bytes) -> Iterator[Any]:
    """The rows of a whole document. Raises Invalid where it holds none."""
    try:
        document = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if "trailing characters" in str(error) and (several := _objects_in_sequence(data)):
            document = several
        else:
            raise _refusal_of(data, error) from error
    except Exception as error:  # noqa: BLE001
        refuse(error, "The file is not valid JSON ({reason}).", code="invalid_json", kind=Invalid)
    if not isinstance(document, (list, dict)):
        raise Invalid("The file holds no records: it is a single JSON value.", code="no_records")
    return documents.rows_of(document)


def _objects_in_sequence(data: bytes) -> list[Any]:
    """Objects one after the other, however they are laid out; empty unless all of it reads so."""
    import json

    decoder = json.JSONDecoder()
    try:
        text, place, found = data.decode(), 0, []
        while place < len(text):
            _, end = decoder.raw_decode(text, place)
            found.append(_decode(text[place:end]))
            while end < len(text) and text[end] in " \t\r\n,":
                end += 1
            place = end
    except (ValueError, RecursionError):
        return []
    return found


def _refusal_of(data: bytes, error: Exception) -> Invalid:
    """The error with the line on which the document stops being JSON."""
    said = str(error)
    if isinstance(error, UnicodeDecodeError):
        place = error.start
    else:
        place = int(said.rsplit("(byte ", 1)[1].split(")")[0]) if "(byte " in said else len(data)
    line = data.count(b"\n", 0, place) + 1
    before = data[:place].rstrip()
    if before.endswith(b",") and data[place : place + 1] in (b"]", b"}"):
        number = data.count(b"\n", 0, len(before)) + 1
        return Invalid(f"Line {number}: a comma too many before the closing bracket. Remove it.", code="invalid_json")
    code, reason = explain_json_error(data[max(place - 200, 0) : place + 200], error)
    if "single quotes" not in reason and data.lstrip()[:2] in (b"{'", b"['"):
        reason = "is not JSON: it uses single quotes, as Python prints. JSON needs double quotes."
    return Invalid(f"Line {line} {reason}", code=code, line=line)


def _stream_rows(first: bytes, rest: BinaryIO, limits: Limits) -> Iterator[Any]:
    """The rows of a document too large to be decoded at once; its first bytes tell their shape."""
    import ijson

    start, is_sequence = _decode_start(first, limits)
    stream = Shallow(first, rest, limits)
    shape = documents.Shape("one") if is_sequence else documents.shape_of(start, complete=False)
    path = ".".join(shape.path)
    if shape.kind == "columns":
        yield from _stream_columns(_stream_members(stream, shape.path), limits)
    elif shape.kind == "splits":
        for name, item in _stream_members(stream, shape.path):
            yield from documents.with_split(name, [item])
    elif shape.kind == "keyed":
        yield from documents.rows_by_key(parsed_records(ijson.kvitems(stream, path, use_float=True), stream))
    elif shape.kind == "one":
        yield from parsed_records(ijson.items(stream, "", multiple_values=True, use_float=True), stream)
    else:
        items = parsed_records(ijson.items(stream, f"{path}.item" if path else "item", use_float=True), stream)
        yield from documents.rows_of_items(shape, items)


def parsed(items: Iterable[T], what: str = "The file is not valid JSON") -> Iterator[T]:
    """What ijson finds. Raises Invalid, which begins with ``what``, where it is no JSON."""
    import ijson

    return each(items, what + " ({reason}).", ijson.JSONError, UnicodeDecodeError, code="invalid_json", kind=Invalid)


def parsed_records(items: Iterable[T], stream: Shallow, what: str = "The file is not valid JSON") -> Iterator[T]:
    """As ``parsed``, of a stream that is told of each: none may be longer than its limit."""
    for item in parsed(items, what):
        stream.begin_record()
        yield item


def _decode_start(head: bytes, limits: Limits) -> tuple[Any, bool]:
    """What the first megabyte of a document holds, and whether it ended there: then others follow."""
    import ijson

    builder = ijson.ObjectBuilder()
    depth = 0
    with contextlib.suppress(Invalid):
        for event, value in parsed(
            ijson.basic_parse(Shallow(b"", io.BytesIO(head[:MB]), limits), use_float=True, multiple_values=True)
        ):
            builder.event(event, value)
            depth += (event in ("start_map", "start_array")) - (event in ("end_map", "end_array"))
            if not depth:
                return builder.value, True
    return builder.value, False


def _stream_members(stream: Shallow, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """The items of each list or object inside the object at the end of a path, with its key."""
    import ijson

    # The keys that lead to where the parser stands; lists have none.
    at: list[str] = []
    builder: Any = None
    inside = 0
    for event, value in parsed(ijson.basic_parse(stream, use_float=True)):
        opens, closes = event in ("start_map", "start_array"), event in ("end_map", "end_array")
        if builder is not None:
            builder.event(event, value)
            inside += opens - closes
            if not inside:
                stream.begin_record()
                yield at[-2], builder.value
                builder = None
        elif event == "map_key":
            at[-1] = value
        elif closes:
            at.pop()
        elif len(at) == len(path) + 2 and tuple(at[:-2]) == path:
            if not opens:
                stream.begin_record()
                yield at[-2], value
                continue
            builder, inside = ijson.ObjectBuilder(), 1
            builder.event(event, value)
        elif opens:
            at.append("")


def _stream_columns(cells: Iterable[tuple[str, Any]], limits: Limits) -> Iterator[dict[str, Any]]:
    """The rows of columns that follow one another, each written to a temporary file first."""
    counts: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        columns: dict[str, IO[bytes]] = {}
        for name, cell in cells:
            if name not in columns:
                if len(columns) == _MOST_COLUMNS:
                    raise Invalid(f"This JSON file is ordered by columns and has more than {_MOST_COLUMNS} of them.")
                columns[name] = stack.enter_context(tempfile.TemporaryFile())
            columns[name].write(_encode(cell) + b"\n")
            counts[name] += 1
            if counts[name] > limits.rows:
                raise too_many_rows("This JSON file", limits)
        for column in columns.values():
            column.seek(0)
        try:
            for lines in zip(*columns.values(), strict=True):
                yield dict(zip(columns, map(_decode, lines), strict=True))
        except ValueError as error:
            raise documents.uneven_columns() from error


def stream(rows: Iterable[Mapping[str, Any]], options: WriteOptions) -> Iterator[bytes]:
    """A list with one object a line, in pieces."""
    yield (codecs.BOM_UTF8 if options.bom else b"") + b"["
    before = b"\n"
    for chunk in chunks_of(rows, 256):
        yield before + b",\n".join(map(_encode, chunk))
        before = b",\n"
    yield b"]\n" if before == b"\n" else b"\n]\n"


JSON = Format("json", "JSON", (".json",), read, writer_of(stream), "application/json", stream=stream)

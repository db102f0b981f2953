"""JSON documents: a list of objects, an object that wraps one list or is keyed by id, SQuAD trees, objects in sequence.

Files up to 16 MB are decoded at once; larger ones are streamed by ijson in constant memory.
"""

import codecs
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import msgspec

from app.core.changes import chunks_of
from app.core.errors import Invalid
from app.core.formats.base import BadRow, Format, ReadOptions, Row, Rows, WriteOptions, shorten, writer_of
from app.core.formats.encoding import detect_encoding
from app.core.formats.jsonl import as_utf8, depth_of, explain_json_error, has_nul
from app.core.formats.limits import MB, Limits, too_many_rows
from app.core.formats.source import Source

AT_ONCE = 16 * MB
_MESSAGE_KEYS = frozenset({"role", "from", "content", "value", "text", "name", "weight", "tool_calls", "tool_call_id"})
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def read(source: Source, options: ReadOptions) -> Rows:
    """The objects of a document. Raises Invalid, with the line, where it is no JSON or holds no list of objects."""
    encoding = options.encoding or detect_encoding(source.head, complete=source.complete).name
    with source.open() as stream:
        plain = as_utf8(stream, encoding)
        first = plain.read(AT_ONCE + 1)
        if len(first) <= AT_ONCE:
            items: Iterator[Any] = iter(_records_of(_decode_document(first)))
        else:
            items = _stream_records(_Rest(first, plain))
        for number, item in enumerate(items, 1):
            if number > options.limits.rows:
                raise too_many_rows("This JSON file", options.limits)
            if objection := _record_objection(item, options.limits):
                raw = shorten(_encode(item).decode())
                yield BadRow(number, None, objection[0], f"Record {number} {objection[1]}", raw)
            else:
                yield Row(number, None, item)


def _record_objection(item: Any, limits: Limits) -> tuple[str, str] | None:
    if not isinstance(item, dict):
        return "not_object", "is not a JSON object. Each record must be an object: {…}."
    if has_nul(item):
        return "nul", "holds the character U+0000, which no database keeps. Remove it."
    if depth_of(item) > limits.depth:
        return "too_deep", f"is nested deeper than {limits.depth} levels (limit LTT_MAX_DEPTH). Flatten it."
    return None


def _decode_document(data: bytes) -> Any:
    try:
        return _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if "trailing characters" in str(error) and (several := _objects_in_sequence(data)):
            return several
        raise _refusal_of(data, error) from error


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
    _, reason = explain_json_error(data[max(place - 200, 0) : place + 200], error)
    if "single quotes" not in reason and data.lstrip()[:2] in (b"{'", b"['"):
        reason = "is not JSON: it uses single quotes, as Python prints. JSON needs double quotes."
    return Invalid(f"Line {line} {reason}", code="invalid_json", line=line)


def _records_of(document: Any) -> Iterable[Any]:
    """The records of a whole document."""
    if isinstance(document, list):
        if _is_squad(document):
            return _squad_questions(document)
        return document
    if isinstance(document, dict):
        lists = [value for value in document.values() if isinstance(value, list) and _holds_objects(value)]
        if "data" in document and isinstance(document["data"], list) and _is_squad(document["data"]):
            return _squad_questions(document["data"])
        if len(lists) == 1 and not _looks_like_record(document):
            return lists[0]
        if len(document) > 1 and all(isinstance(value, dict) for value in document.values()):
            return _records_by_key(document.items())
        return [document]
    raise Invalid("The file holds no records: it is a single JSON value.", code="no_records")


def _holds_objects(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, dict) for value in values[:20])


def _looks_like_record(document: dict[str, Any]) -> bool:
    """Whether the one object of a file is itself a conversation rather than a wrapper around records."""
    names = ("messages", "conversations", "conversation")
    inner = next((document[name] for name in names if isinstance(document.get(name), list)), None)
    if inner is None:
        # Whatever it is called: a list of messages is one conversation, not many records.
        return any(
            isinstance(value, list) and all(_is_bare_message(one) for one in value) for value in document.values()
        )
    return not (inner and isinstance(inner[0], dict) and any(name in inner[0] for name in names))


def _is_bare_message(value: Any) -> bool:
    """Whether a value is who says something and what, and belongs to nothing by an id or a number of its own."""
    return isinstance(value, dict) and bool(value.keys() & {"role", "from"}) and value.keys() <= _MESSAGE_KEYS


def _records_by_key(items: Iterable[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    """Records that stand under their ids; the key is kept as ``id`` unless the record has one."""
    for key, value in items:
        if isinstance(value, dict) and "id" not in value:
            yield {"id": key, **value}
        else:
            yield value


def _is_squad(articles: list[Any]) -> bool:
    return bool(articles) and isinstance(articles[0], dict) and isinstance(articles[0].get("paragraphs"), list)


def _squad_questions(articles: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The questions of a SQuAD tree, each with its passage and title (SQuAD 1.1 and 2.0 JSON layout)."""
    for article in articles:
        for paragraph in article.get("paragraphs", ()):
            for question in paragraph.get("qas", ()):
                yield {"title": article.get("title"), "context": paragraph.get("context"), **question}


class _Rest:
    """Bytes already read, then the rest of the stream, for ijson."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self.first = first
        self.rest = rest

    def read(self, size: int = -1) -> bytes:
        if self.first:
            part, self.first = self.first[:size] if size >= 0 else self.first, self.first[size:] if size >= 0 else b""
            return part
        return self.rest.read(size)


def _stream_records(stream: _Rest) -> Iterator[Any]:
    import ijson

    is_list = stream.first.lstrip()[:1] == b"["
    wrapper = "" if is_list else _wrapper_key(stream.first)
    try:
        if is_list or wrapper:
            for item in ijson.items(stream, "item" if is_list else f"{wrapper}.item", use_float=True):
                yield from _squad_questions([item]) if _is_squad([item]) else (item,)
        elif _is_sequence(stream.first):
            yield from ijson.items(stream, "", multiple_values=True, use_float=True)
        else:
            yield from _records_by_key(ijson.kvitems(stream, "", use_float=True))
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise Invalid(f"The file is not valid JSON: {error}.", code="invalid_json") from error


def _wrapper_key(head: bytes) -> str:
    """The key of the first list of objects directly inside the outermost object, judged by the first bytes."""
    import ijson

    depth_now, key = 0, ""
    try:
        for event, value in ijson.basic_parse(head, multiple_values=True):
            if event == "map_key" and depth_now == 1:
                key = str(value)
            elif event == "start_array" and depth_now == 1:
                return key
            if event in ("start_map", "start_array"):
                depth_now += 1
            elif event in ("end_map", "end_array"):
                depth_now -= 1
                if not depth_now:
                    return ""
    except ijson.JSONError:
        pass
    return ""


def _is_sequence(head: bytes) -> bool:
    import ijson

    depth_now = 0
    try:
        for event, _ in ijson.basic_parse(head, multiple_values=True):
            depth_now += (event in ("start_map", "start_array")) - (event in ("end_map", "end_array"))
            if not depth_now:
                return True
    except ijson.JSONError:
        pass
    return False


def stream(rows: Iterable[Mapping[str, Any]], options: WriteOptions) -> Iterator[bytes]:
    """A list with one object a line, in pieces."""
    yield (codecs.BOM_UTF8 if options.bom else b"") + b"["
    before = b"\n"
    for chunk in chunks_of(rows, 256):
        yield before + b",\n".join(map(_encode, chunk))
        before = b",\n"
    yield b"]\n" if before == b"\n" else b"\n]\n"


JSON = Format("json", "JSON", (".json",), read, writer_of(stream), "application/json", stream=stream)

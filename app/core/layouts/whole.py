"""Conversations of layouts whose messages are unlike ours: made into a record, with the row as it came where needed.

The row itself is noted where it would be written otherwise, and comes back as long as the record still is what it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from app.core.layouts.base import KEEPING, LayoutOptions, RowError, checked, notes_of, with_notes
from app.core.layouts.conversation import record_of
from app.core.layouts.functions import with_call_ids
from app.core.layouts.shapes import Row, unpacked
from app.core.record import Message, Record

_CAME = "whole"
_ALL = LayoutOptions(allow_unanswered=True, allow_empty_prompt=True)


def conversation_record(
    messages: Sequence[Message],
    system: str | None,
    extra: dict[str, Any],
    options: LayoutOptions,
    rejected: str | None = None,
) -> Record:
    """The record of messages, with the columns beside them. Raises RowError."""
    if not messages:
        raise RowError("There is no message in it.", code="no_messages")
    return checked(record_of(messages, system, rejected, extra, {}), options)


def note_row(record: Record, row: Row, render: Callable[[Record, LayoutOptions], Row]) -> Record:
    """The record, with its whole row in the notes where ``render`` would write it otherwise than it came."""
    if render(record, KEEPING) == row:
        return record
    return replace(record, extra=with_notes(record.extra, {**notes_of(record), _CAME: dict(row)}))


def row_as_came(record: Record, parse: Callable[[Row, LayoutOptions], Record]) -> dict[str, Any] | None:
    """The whole row as it came, where it was noted and still means this record; else None."""
    row = notes_of(record).get(_CAME)
    return dict(row) if isinstance(row, dict) and _again(row, parse) == record else None


def _again(row: Row, parse: Callable[[Row, LayoutOptions], Record]) -> Record | None:
    try:
        return parse(row, _ALL)
    except RowError:
        return None


def json_text(value: Any) -> str:
    """A value as compact JSON text; a text as it is."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def object_of(text: str | None, key: str) -> dict[str, Any]:
    """The object that a JSON text holds; any other text or value under ``key``."""
    value = unpacked(text)
    return value if isinstance(value, dict) else {key: value if value is not None else ""}


def tool_call(name: str, arguments: Any, identifier: str) -> dict[str, Any]:
    """A tool call in OpenAI's form."""
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": json_text(arguments)}}


def with_ids(messages: Sequence[Message]) -> Sequence[Message]:
    """Messages whose tool calls all have ids, each named by its result, for layouts that need them."""
    if not any(message.tool_calls for message in messages):
        return messages
    # The place keeps calls that follow one another in messages of their own.
    rows = [
        {"role": one.role, "tool_calls": one.tool_calls, "tool_call_id": one.tool_call_id, "place": place}
        for place, one in enumerate(messages)
    ]
    return [
        replace(messages[row["place"]], tool_calls=row["tool_calls"], tool_call_id=row["tool_call_id"])
        for row in with_call_ids(rows)
    ]


def function_of(call: Any) -> tuple[str, dict[str, Any], str]:
    """Name, arguments and id of a tool call in OpenAI's form. Raises RowError where it has no name."""
    function = call.get("function") if isinstance(call, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str):
        raise RowError("A tool call has no name.", code="bad_message")
    identifier = call.get("id")
    return name, object_of(function.get("arguments"), "value"), identifier if isinstance(identifier, str) else ""

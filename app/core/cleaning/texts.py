"""The texts of a record: read one by one, and changed by a function."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.core.cleaning.base import TextFunction
from app.core.record import Message, Record


def change_texts(record: Record, fields: tuple[str, ...], function: TextFunction, deep: bool) -> Record:
    """The record with the function applied to its fields; the same object when no text changed."""
    new: dict[str, Any] = {}
    for name in fields:
        value = getattr(record, name)
        if not value:
            continue
        is_text = isinstance(value, str)
        cleaned = function(value) if is_text else tuple(_change_message(one, function, deep) for one in value)
        if cleaned is not value and cleaned != value:
            new[name] = cleaned
    return replace(record, **new) if new else record


def _change_message(message: Message, function: TextFunction, deep: bool) -> Message:
    text = function(message.text) if message.text else message.text
    calls = _change_strings(message.tool_calls, function) if deep and message.tool_calls else message.tool_calls
    same = text == message.text and calls == message.tool_calls
    return message if same else replace(message, text=text, tool_calls=calls)


def _change_strings(value: Any, function: TextFunction) -> Any:
    """A JSON value with the function applied to every string in it, keys aside."""
    if isinstance(value, str):
        return function(value)
    if isinstance(value, list):
        return [_change_strings(one, function) for one in value]
    if isinstance(value, dict):
        return {key: _change_strings(one, function) for key, one in value.items()}
    return value


def texts_of(record: Record, fields: tuple[str, ...]) -> Iterator[str]:
    """The texts of those fields, those of messages one by one."""
    for name in fields:
        value = getattr(record, name)
        if isinstance(value, str):
            yield value
        elif value:
            yield from (message.text for message in value if message.text)

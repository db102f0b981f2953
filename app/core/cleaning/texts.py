"""The texts of a record: read one by one, and changed by a function."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from app.core.cleaning.base import TextFunction
from app.core.record import Message, Record


def change_texts(record: Record, fields: tuple[str, ...], function: TextFunction, deep: bool) -> Record:
    """The record with the function applied to its fields; the same object when no text changed.

    Of the trace it reaches the reasoning where that is among the fields, and all else where it goes deep.
    """
    new: dict[str, Any] = {}
    for name in fields:
        value = getattr(record, name)
        if not value:
            continue
        if isinstance(value, str):
            cleaned: Any = function(value)
        else:
            thought = name == "turns" or "reasoning" in fields
            cleaned = tuple(_change_message(one, function, deep or name == "turns", thought, deep) for one in value)
        if cleaned is not value and cleaned != value:
            new[name] = (cleaned or None) if name == "reasoning" else cleaned
    return replace(record, **new) if new else record


def _change_message(message: Message, function: TextFunction, said: bool, thought: bool, called: bool) -> Message:
    text = function(message.text) if said and message.text else message.text
    reasoning = function(message.reasoning) or None if thought and message.reasoning else message.reasoning
    calls = _change_strings(message.tool_calls, function) if called and message.tool_calls else message.tool_calls
    same = text == message.text and reasoning == message.reasoning and calls == message.tool_calls
    return message if same else replace(message, text=text, reasoning=reasoning, tool_calls=calls)


def _change_strings(value: Any, function: TextFunction) -> Any:
    """A JSON value with the function applied to every string in it, keys aside."""
    if isinstance(value, str):
        return function(value)
    if isinstance(value, list):
        return [_change_strings(one, function) for one in value]
    if isinstance(value, dict):
        return {key: _change_strings(one, function) for key, one in value.items()}
    return value


def texts_of(record: Record, fields: Collection[str], deep: bool = False) -> Iterator[str]:
    """The texts that ``change_texts`` would change, tool calls aside."""
    for name in fields:
        value = getattr(record, name)
        if isinstance(value, str):
            yield value
            continue
        for message in value or ():
            if message.text and (deep or name == "turns"):
                yield message.text
            if message.reasoning and (name == "turns" or "reasoning" in fields):
                yield message.reasoning

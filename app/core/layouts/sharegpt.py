"""ShareGPT: ``{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}], "system", "tools"}``.

Roles human, gpt, system, function_call and observation, as LLaMA-Factory reads them. A function call is JSON text; as a
record it is a tool call in OpenAI's form. The name ``conversation`` and messages with role and content are understood.
"""

from dataclasses import replace
from typing import Any

import msgspec

from app.core.layouts import swift
from app.core.layouts.base import (
    Layout,
    LayoutOptions,
    Preset,
    RowError,
    checked,
    columns_of,
    messages_of,
    notes_of,
    trailing_of,
    unpacked,
    with_columns,
    with_notes,
)
from app.core.layouts.conversation import answered_or_refuse, record_of
from app.core.layouts.functions import call_text, tool_calls
from app.core.layouts.openai import parse_messages, render_messages
from app.core.layouts.sample import Claim, Row, Sample
from app.core.record import Message, Record

_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "system": "system",
    "developer": "developer",
    "function_call": "assistant",
    "observation": "tool",
    "tool": "tool",
    "function_response": "tool",
    "function": "function",
}
_NAMES = {"user": "human", "assistant": "gpt", "tool": "observation"}
_PLAIN_KEYS = {"from", "value"}
_OWN = ("tools",)


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a ShareGPT row. Raises RowError."""
    container = "conversations" if "conversations" in row else "conversation"
    messages = unpacked(row.get(container))
    if type(messages) is not list or not messages or type(messages[0]) is not dict:
        raise RowError("There is no list of conversations.", code="no_messages")
    if len(row) == 1 and container == "conversations" and (plain := _plain(messages)):
        return checked(plain, options)
    if "role" in messages[0]:
        return _noting(parse_messages(messages, row, options, container=container), container, {"form": "openai"})
    if "human" in messages[0] and "assistant" in messages[0]:
        return swift.parse(row, options)
    return checked(_conversation(messages, row, options, container), options)


def _plain(messages: list[Any]) -> Record | None:
    """The quick way for one question and one answer with nothing but text."""
    if len(messages) != 2:
        return None
    asked, said = messages
    if type(said) is not dict or asked.keys() != _PLAIN_KEYS or said.keys() != _PLAIN_KEYS:
        return None
    if asked["from"] != "human" or said["from"] != "gpt":
        return None
    question, answer = asked["value"], said["value"]
    return Record(question, answer) if type(question) is str and type(answer) is str else None


def _noting(record: Record, container: str, more: dict[str, Any]) -> Record:
    return replace(record, extra=with_notes(record.extra, {**notes_of(record), "container": container, **more}))


def _conversation(messages: list[Any], row: Row, options: LayoutOptions, container: str) -> Record:
    extra = columns_of(row, (container,))
    notes: dict[str, Any] = {} if container == "conversations" else {"container": container}
    system = extra.get("system")
    if isinstance(system, str) and system:
        del extra["system"]
        notes["system"] = "beside"
    else:
        system = None
    record = _understood(messages, system, extra, notes)
    answered_or_refuse(record, allow_unanswered=options.allow_unanswered)
    if _written(replace(record, extra={**extra, "_layout": notes}), exact=True) != messages:
        notes["conversations"] = messages
    return replace(record, extra=with_notes(extra, notes))


def _understood(messages: list[Any], system: str | None, extra: dict[str, Any], notes: dict[str, Any]) -> Record:
    parsed = [_message(message, place) for place, message in enumerate(messages)]
    return record_of(parsed, system=system, extra=extra, notes=notes)


def _message(message: Any, place: int) -> Message:
    said = message.get("from") if type(message) is dict else None
    role = _ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        raise RowError(f"Message {place + 1} has the unknown role {said!r}. Use human and gpt.", code="bad_role")
    text = message.get("value")
    if type(text) is not str:
        raise RowError(f"Message {place + 1} has no text.", code="not_text" if text is not None else "blank_answer")
    weight = message.get("weight") if type(message.get("weight")) is int else None
    if said == "function_call" and (calls := tool_calls(text)):
        return Message("assistant", tool_calls=calls, weight=weight)
    return Message(role, text, weight=weight)


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The ShareGPT row of a record; with ``keep_extra`` an unedited one comes back as it was."""
    if not (record.turns or record.trace or record.extra) and record.system is None:
        asked, said = {"from": "human", "value": record.question}, {"from": "gpt", "value": record.answer}
        return {"conversations": [asked, said]}
    notes = notes_of(record)
    if options.keep_extra and notes.get("form") == "swift":
        return swift.render(record, options)
    if options.keep_extra and notes.get("form") == "openai":
        return _role_content_row(record, options, notes)
    name = notes.get("container", "conversations") if options.keep_extra else "conversations"
    row: dict[str, Any] = {name: _messages(record, notes, options)}
    if record.system is not None and notes.get("system") == "beside":
        row["system"] = record.system
    return with_columns(row, _with_text_tools(record), options, _OWN)


def _role_content_row(record: Record, options: LayoutOptions, notes: dict[str, Any]) -> dict[str, Any]:
    messages = render_messages(record, options)
    row: dict[str, Any] = {}
    if notes.get("system") == "beside" and record.system is not None:
        row["system"] = messages.pop(0)["content"]
    return with_columns({**row, notes["container"]: messages}, record, options, _OWN)


def _messages(record: Record, notes: dict[str, Any], options: LayoutOptions) -> list[dict[str, Any]]:
    original = notes.get("conversations")
    kept = options.keep_extra or "trailing" not in notes
    if isinstance(original, list) and kept and _still_says(original, record, notes):
        return list(original)
    return _written(record, exact=options.keep_extra)


def _still_says(original: list[Any], record: Record, notes: dict[str, Any]) -> bool:
    """Whether the conversation as it came still means what the record says now."""
    again: dict[str, Any] = {}
    was = _understood(original, record.system if notes.get("system") == "beside" else None, {}, again)
    sides = ("question", "answer", "trailing")
    return (was.system, was.turns, was.question, was.trace, was.answer) == (
        record.system,
        record.turns,
        record.question,
        record.trace,
        record.answer,
    ) and [again.get(side) for side in sides] == [notes.get(side) for side in sides]


def _written(record: Record, *, exact: bool) -> list[dict[str, Any]]:
    messages = list(messages_of(record))
    if record.system is not None and notes_of(record).get("system") != "beside":
        messages.insert(0, Message("system", record.system))
    if exact:
        messages.extend(trailing_of(record))
    return [row for message in messages for row in _rendered(message)]


def _rendered(message: Message) -> list[dict[str, Any]]:
    """A message as one row; two where an assistant says something and calls a tool."""
    rows: list[dict[str, Any]] = []
    if message.text is not None or not message.tool_calls:
        rows.append({"from": _NAMES.get(message.role, message.role), "value": message.text or ""})
    if message.tool_calls:
        rows.append({"from": "function_call", "value": call_text(message.tool_calls)})
    if message.weight is not None:
        for row in rows:
            row["weight"] = message.weight
    return rows


def _with_text_tools(record: Record) -> Record:
    """The record with its tools as JSON text, as ShareGPT keeps them."""
    tools = record.extra.get("tools")
    if not isinstance(tools, list):
        return record
    return replace(record, extra={**record.extra, "tools": msgspec.json.encode(tools).decode()})


def recognises(sample: Sample) -> Claim | None:
    """Whether each row has a list of conversations."""
    for name in ("conversations", "conversation"):
        if sample.has(name) and isinstance(unpacked(sample.rows[0].get(name)), list):
            return sample.claim(f"each row has a list “{name}”", name)
    return None


SHAREGPT = Layout(
    "sharegpt",
    "ShareGPT",
    parse,
    render,
    frozenset({"system", "turns", "trace", "tools", "weights"}),
    ("conversations", "system", "tools"),
    {
        "conversations": [
            {"from": "system", "value": "Answer briefly."},
            {"from": "human", "value": "How do I reset my password?"},
            {"from": "gpt", "value": "Choose “Forgot password”."},
        ]
    },
    recognises,
    (Preset("json", "ShareGPT", "JSON: from, value"),),
)

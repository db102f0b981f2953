"""ShareGPT: ``{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}], "system", "tools"}``.

Roles human, gpt, system, function_call and observation, as LLaMA-Factory reads them. A function call is JSON text; as a
record it is a tool call in OpenAI's form. MS-Swift's ``{"conversation": [{"human", "assistant"}]}`` is understood too.
"""

import contextlib
from typing import Any

import msgspec

from app.core.layouts.base import (
    Layout,
    LayoutOptions,
    Row,
    RowError,
    checked,
    messages_of,
    notes_of,
    other_columns,
    unpacked,
    with_notes,
)
from app.core.layouts.conversation import answered_or_refuse, record_of
from app.core.layouts.openai import parse_messages
from app.core.record import Message, Record

OWN = frozenset({"conversations", "system", "tools"})
_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "system": "system",
    "function_call": "assistant",
    "observation": "tool",
    "tool": "tool",
    "function_response": "tool",
}
_NAMES = {"user": "human", "assistant": "gpt", "tool": "observation"}


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a ShareGPT row. Raises RowError."""
    container = "conversations" if "conversations" in row else "conversation"
    messages = unpacked(row.get(container))
    if type(messages) is not list or not messages or type(messages[0]) is not dict:
        raise RowError("There is no list of conversations.", code="no_messages")
    if "role" in messages[0]:
        record = parse_messages(messages, row, options, container=container)
        return _noting(record, container, {"form": "openai"})
    if "human" in messages[0] and "assistant" in messages[0]:
        return _swift(messages, row, options, container)
    notes: dict[str, Any] = {}
    parsed = [_message(message, place, notes) for place, message in enumerate(messages)]
    extra = {key: value for key, value in row.items() if key != container}
    system = extra.get("system")
    if isinstance(system, str) and system:
        del extra["system"]
        notes["system"] = "beside"
    else:
        system = None
    record = record_of(parsed, system=system, extra=extra, notes=notes)
    answered_or_refuse(record, allow_unanswered=options.allow_unanswered)
    if "trailing" in notes:
        notes["trailing"] = messages[-notes["trailing"] :]
    if container != "conversations":
        notes["container"] = container
    if _written(record, notes) != messages:
        notes["conversations"] = messages
    return checked(_with_extra(record, with_notes(extra, notes)), options)


def _with_extra(record: Record, extra: dict[str, Any]) -> Record:
    return Record(
        record.question, record.answer, record.system, record.turns, record.trace, record.rejected_answer, (), extra
    )


def _noting(record: Record, container: str, more: dict[str, Any]) -> Record:
    from dataclasses import replace

    return replace(record, extra=with_notes(record.extra, {**notes_of(record), "container": container, **more}))


def _message(message: Any, place: int, notes: dict[str, Any]) -> Message:
    said = message.get("from") if type(message) is dict else None
    role = _ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        raise RowError(f"Message {place + 1} has the unknown role {said!r}. Use human and gpt.", code="bad_role")
    text = message.get("value")
    if type(text) is not str:
        raise RowError(f"Message {place + 1} has no text.", code="not_text" if text is not None else "blank_answer")
    weight = message.get("weight") if type(message.get("weight")) is int else None
    if said == "function_call" and (call := _tool_call(text)):
        return Message("assistant", tool_calls=call, weight=weight)
    return Message(role, text, weight=weight)


def _tool_call(text: str) -> list[dict[str, Any]] | None:
    """A function call's JSON text as tool calls in OpenAI's form (arguments as JSON text); None where it is none."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    calls = value if isinstance(value, list) else [value]
    if not calls or not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        return None
    return [
        {"type": "function", "function": {"name": call["name"], "arguments": _arguments(call.get("arguments", {}))}}
        for call in calls
    ]


def _arguments(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _swift(messages: list[Any], row: Row, options: LayoutOptions, container: str) -> Record:
    parsed: list[Message] = []
    for place, turn in enumerate(messages):
        if not all(type(turn.get(key)) is str for key in ("human", "assistant")):
            raise RowError(f"Turn {place + 1} has no human or assistant text.", code="blank_answer")
        parsed += (Message("user", turn["human"]), Message("assistant", turn["assistant"]))
    extra = {key: value for key, value in row.items() if key not in (container, "system")}
    notes: dict[str, Any] = {"container": container, "form": "swift", "conversations": messages}
    system = row.get("system") if isinstance(row.get("system"), str) else None
    if system is not None:
        notes["system"] = "beside"
    elif "system" in row:
        extra["system"] = row["system"]
    record = record_of(parsed, system=system, extra=extra, notes=notes)
    answered_or_refuse(record, allow_unanswered=options.allow_unanswered)
    return checked(_with_extra(record, with_notes(extra, notes)), options)


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The ShareGPT row of a record; an unedited one comes back as it was."""
    notes = notes_of(record)
    row: dict[str, Any] = {notes.get("container", "conversations"): _conversation(record, notes)}
    if record.system is not None and notes.get("system") == "beside":
        row["system"] = record.system
    columns = other_columns(record, options, frozenset({"tools", "system"}))
    if isinstance(columns.get("tools"), list) and "form" not in notes:
        columns["tools"] = msgspec.json.encode(columns["tools"]).decode()
    return {**row, **columns}


def _conversation(record: Record, notes: dict[str, Any]) -> list[dict[str, Any]]:
    if notes.get("form") == "openai":
        from app.core.layouts.openai import render_messages

        return render_messages(record, notes)
    original = notes.get("conversations")
    if original is not None and _still_says(original, record, notes):
        return list(original)
    return _written(record, notes)


def _still_says(original: list[Any], record: Record, notes: dict[str, Any]) -> bool:
    """Whether the conversation as it came still means what the record says now."""
    options = LayoutOptions(allow_unanswered=True)
    row: dict[str, Any] = {"conversations": original}
    if notes.get("system") == "beside":
        row["system"] = record.system
    try:
        was = _swift(original, row, options, "conversations") if notes.get("form") == "swift" else _bare(row)
    except RowError:
        return False
    same_system = was.system == record.system or notes.get("form") == "swift"
    return same_system and (was.turns, was.question, was.trace, was.answer) == (
        record.turns,
        record.question,
        record.trace,
        record.answer,
    )


def _bare(row: Row) -> Record:
    notes: dict[str, Any] = {}
    parsed = [_message(message, place, notes) for place, message in enumerate(row["conversations"])]
    return record_of(parsed, system=row.get("system"), extra={}, notes=notes)


def _written(record: Record, notes: dict[str, Any]) -> list[dict[str, Any]]:
    messages = list(messages_of(record))
    if record.system is not None and notes.get("system") != "beside":
        messages.insert(0, Message("system", record.system))
    return [_rendered(message) for message in messages] + list(notes.get("trailing", ()))


def _rendered(message: Message) -> dict[str, Any]:
    if message.tool_calls:
        return {"from": "function_call", "value": _call_text(message.tool_calls)}
    out: dict[str, Any] = {"from": _NAMES.get(message.role, message.role), "value": message.text or ""}
    if message.weight is not None:
        out["weight"] = message.weight
    return out


def _call_text(calls: list[Any]) -> str:
    plain = [_plain_call(call) for call in calls if isinstance(call, dict)]
    return msgspec.json.encode(plain[0] if len(plain) == 1 else plain).decode()


def _plain_call(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function", call)
    arguments = function.get("arguments", {})
    if isinstance(arguments, str):
        with contextlib.suppress(msgspec.MsgspecError):
            arguments = msgspec.json.decode(arguments)
    return {"name": function.get("name", ""), "arguments": arguments}


SHAREGPT = Layout(
    "sharegpt",
    "ShareGPT",
    parse,
    render,
    frozenset({"system", "turns", "trace", "tools", "weights"}),
    ("conversations", "system", "tools"),
    '{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}',
)

"""Gemini: ``{"systemInstruction": {"parts": […]}, "contents": [{"role": "user", "parts": [{"text": "…"}]}], "tools"}``.

Source: Google's description of data for supervised tuning, function calling and preference tuning. Roles are user and
model; parts are text, ``functionCall`` and ``functionResponse``, whose results stand in a message of the user. Calls
have no ids, so they get numbers. ``completions`` with scores are a better and a worse answer. Names with underscores
are understood as well.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.core.layouts.base import (
    AFTER,
    Layout,
    LayoutOptions,
    RowError,
    columns_of,
    messages_of,
    text_answer,
    trailing_of,
    with_columns,
)
from app.core.layouts.functions import tools_in
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row, unpacked
from app.core.layouts.whole import (
    conversation_record,
    function_of,
    json_text,
    note_row,
    object_of,
    row_as_came,
    tool_call,
)
from app.core.record import Message, Record

_SYSTEM = ("systemInstruction", "system_instruction")
_ROLES = {"user": "user", "model": "assistant", "assistant": "assistant", "function": "user", "tool": "user"}
_MEDIA = ("inlineData", "inline_data", "fileData", "file_data")


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a row of contents. Raises RowError."""
    contents = unpacked(row.get("contents"))
    if not isinstance(contents, list) or not contents:
        raise RowError("There is no list of contents.", code="no_messages")
    messages: list[Message] = []
    for content in contents:
        messages += _messages_of(content, messages)
    used = ["contents"]
    system_name = next((name for name in _SYSTEM if row.get(name)), "")
    system = None
    if system_name:
        system = _text_of(unpacked(row[system_name]))
        used.append(system_name)
    worse = None
    completions = unpacked(row.get("completions"))
    if isinstance(completions, list) and completions and all(_is_scored(one) for one in completions):
        used.append("completions")
        ranked = sorted(completions, key=lambda one: -one["score"])
        messages += _messages_of(ranked[0]["completion"], messages)
        worse = _text_of(ranked[-1]["completion"]) if len(ranked) > 1 else None
    tools = _tools_of(unpacked(row.get("tools")))
    extra = columns_of(row, (*used, "tools") if tools else used)
    if tools:
        extra["tools"] = tools
    return note_row(conversation_record(messages, system, extra, options, worse), row, render)


def _is_scored(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("score"), (int, float)) and "completion" in value


def _parts_of(content: Any) -> list[dict[str, Any]]:
    """The parts of a content; a text is one. Raises RowError."""
    parts = content.get("parts") if isinstance(content, dict) else content
    parts = [parts] if isinstance(parts, (dict, str)) else parts
    if not isinstance(parts, list):
        raise RowError("A content has no list of parts.", code="bad_message")
    return [part if isinstance(part, dict) else {"text": part} for part in parts]


def _text_of(content: Any) -> str:
    texts = [part.get("text") for part in _parts_of(content)]
    if not all(isinstance(text, str) for text in texts):
        raise RowError("A part of a text is no text.", code="not_text")
    return "".join(map(str, texts))


def _messages_of(content: Any, before: Sequence[Message]) -> list[Message]:
    """The messages of one content: results of tools one each, then what is said and called."""
    said = content.get("role", "user") if isinstance(content, dict) else None
    role = _ROLES.get(said.lower()) if isinstance(said, str) else None
    if role is None:
        raise RowError(f"A content has the unknown role {said!r}. Known are {', '.join(_ROLES)}.", code="bad_role")
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    results: list[Message] = []
    made = sum(len(message.tool_calls or ()) for message in before)
    for part in _parts_of(content):
        call = part.get("functionCall", part.get("function_call"))
        result = part.get("functionResponse", part.get("function_response"))
        if isinstance(call, dict) and isinstance(call.get("name"), str):
            identifier = call.get("id") or f"call_{made + len(calls) + 1}"
            calls.append(tool_call(call["name"], call.get("args", {}), str(identifier)))
        elif isinstance(result, dict):
            name = result.get("name")
            identifier = result.get("id") or _awaited(name, before, results)
            text = json_text(result.get("response", {}))
            results.append(Message("tool", text, name if isinstance(name, str) else None, tool_call_id=identifier))
        elif isinstance(part.get("text"), str):
            (thoughts if part.get("thought") is True else texts).append(part["text"])
        else:
            what = "a picture or another file" if any(key in part for key in _MEDIA) else "a part that is no text"
            raise RowError(f"A content holds {what} ({', '.join(part)}); only text can be kept.", code="not_text")
    if texts or calls or not results:
        spoken = "".join(texts) if texts or not calls else None
        return [*results, Message(role, spoken, tool_calls=calls or None, reasoning="".join(thoughts) or None)]
    return results


def _awaited(name: Any, before: Sequence[Message], results: Sequence[Message]) -> str | None:
    """The id of the first call of a function that has no result yet."""
    answered = {message.tool_call_id for message in (*before, *results)}
    for message in before:
        for call in message.tool_calls or ():
            if call["function"]["name"] == name and call["id"] not in answered:
                return str(call["id"])
    return None


def _tools_of(tools: Any) -> list[dict[str, Any]]:
    """The functions that are declared, in OpenAI's form; empty where there are none."""
    found: list[dict[str, Any]] = []
    for tool in tools if isinstance(tools, list) else ():
        declared = tool.get("functionDeclarations", tool.get("function_declarations")) if isinstance(tool, dict) else ()
        for function in declared if isinstance(declared, list) else ():
            if isinstance(function, dict):
                found.append({"type": "function", "function": _with_small_types(function)})
    return found


def _with_small_types(schema: Any) -> Any:
    """A schema with its types in lower case, as JSON Schema has them."""
    if isinstance(schema, list):
        return [_with_small_types(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.lower() if key == "type" and isinstance(value, str) else _with_small_types(value)
        for key, value in schema.items()
    }


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of contents of a record. Raises RowError for a system message in the middle, which has no place."""
    if options.keep_extra and (came := row_as_came(record, parse)) is not None:
        return came
    row: dict[str, Any] = {}
    if record.system is not None:
        row["systemInstruction"] = {"role": "system", "parts": [{"text": record.system}]}
    messages = messages_of(record)
    if options.keep_extra:
        messages = (*messages, *trailing_of(record))
    row["contents"] = _contents_of(messages)
    tools = tools_in(record.extra.get("tools"))
    if tools:
        row["tools"] = [{"functionDeclarations": [tool.get("function", tool) for tool in tools]}]
    return with_columns(row, replace(record, extra=_without_tools(record)) if tools else record, options)


def render_preference(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of a preference pair: contents that end with the user, and two completions with scores.

    Raises RowError without a worse answer.
    """
    if record.rejected_answer is None:
        raise RowError("There is no rejected answer.", code="no_rejected_answer")
    if options.keep_extra and (came := row_as_came(record, parse)) is not None:
        return came
    answer = text_answer(record, "a preference pair")
    row: dict[str, Any] = {}
    if record.system is not None:
        row["systemInstruction"] = {"role": "system", "parts": [{"text": record.system}]}
    row["contents"] = _contents_of(messages_of(record)[:-1])
    row["completions"] = [
        {"score": score, "completion": {"role": "model", "parts": [{"text": text}]}}
        for score, text in ((1, answer), (0, record.rejected_answer))
    ]
    return with_columns(row, record, options, reserved=GEMINI_PREFERENCE.keys)


def _without_tools(record: Record) -> dict[str, Any]:
    return {name: value for name, value in record.extra.items() if name != "tools"}


def _contents_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for message in messages:
        parts: list[dict[str, Any]] = []
        if message.role in ("tool", "function"):
            name = message.name or names.get(message.tool_call_id or "") or next(reversed(names.values()), "tool")
            parts.append({"functionResponse": {"name": name, "response": object_of(message.text, "result")}})
            if contents and "functionResponse" in contents[-1]["parts"][-1]:
                contents[-1]["parts"] += parts
                continue
        elif message.role not in ("user", "assistant"):
            raise RowError("There is a system message in the middle, for which Gemini has no place.", code="bad_role")
        elif message.text is not None:
            parts.append({"text": message.text})
        for call in message.tool_calls or ():
            name, arguments, identifier = function_of(call)
            names[identifier] = name
            parts.append({"functionCall": {"name": name, "args": arguments}})
        contents.append({"role": "model" if message.role == "assistant" else "user", "parts": parts})
    return contents


def recognises(sample: Sample) -> Claim | None:
    """Whether rows have contents with parts."""
    rows = sample.count(_has_contents)
    return sample.claim("each row has contents with parts, as Gemini has them", rows, "contents", *_SYSTEM, "tools")


def _has_contents(row: Row) -> bool:
    contents = unpacked(row.get("contents"))
    return isinstance(contents, list) and bool(contents) and isinstance(contents[0], dict) and "parts" in contents[0]


GEMINI = Layout(
    "gemini",
    "Gemini contents",
    parse,
    render,
    frozenset({"system", "turns", "trace", "tools"}),
    ("systemInstruction", "contents", "tools"),
    {
        "systemInstruction": {"role": "system", "parts": [{"text": "Answer briefly."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "How do I reset my password?"}]},
            {"role": "model", "parts": [{"text": "Choose “Forgot password”."}]},
        ],
    },
    recognises,
    columns=frozenset({"tools"}),
    keeps=frozenset({AFTER}),
)
GEMINI_PREFERENCE = Layout(
    "gemini-preference",
    "Preference pairs (Gemini)",
    parse,
    render_preference,
    frozenset({"system", "turns", "trace", "rejected answer"}),
    ("systemInstruction", "contents", "completions"),
    {
        "contents": [{"role": "user", "parts": [{"text": "How do I reset my password?"}]}],
        "completions": [
            {"score": 1, "completion": {"role": "model", "parts": [{"text": "Choose “Forgot password”."}]}},
            {"score": 0, "completion": {"role": "model", "parts": [{"text": "Ask."}]}},
        ],
    },
    needs=frozenset({"rejected answer"}),
    bare=frozenset({"answer", "rejected"}),
)

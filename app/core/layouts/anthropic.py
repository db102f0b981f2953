"""Anthropic's messages: ``{"system": "…", "messages": [{"role": "user", "content": "…" or blocks}], "tools": […]}``.

Source: the Messages API. Blocks are text, ``tool_use``, ``tool_result`` (in a message of the user) and ``thinking``.
Parts of type ``reasoning`` and ``tool_call``, as others write them in the same place, are understood as well. Messages
that hold nothing but text are the layout openai.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.core.layouts.base import (
    AFTER,
    IDS,
    Layout,
    LayoutOptions,
    RowError,
    columns_of,
    messages_of,
    trailing_of,
    with_columns,
)
from app.core.layouts.functions import tool_calls, tools_in
from app.core.layouts.messages import role_of
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row, unpacked
from app.core.layouts.whole import (
    conversation_record,
    function_of,
    note_row,
    row_as_came,
    tool_call,
)
from app.core.record import Message, Record

# What only these messages have, and no list of text parts.
BLOCKS = frozenset({"tool_use", "tool_result", "thinking", "redacted_thinking", "reasoning", "tool_call"})

_TEXT_KEYS = ("text", "value", "thinking", "reasoning", "data")


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a row of messages. Raises RowError."""
    found = unpacked(row.get("messages"))
    if not isinstance(found, list) or not found:
        raise RowError("There is no list of messages.", code="no_messages")
    messages = [message for place, one in enumerate(found) for message in _messages_of(one, place)]
    given = row.get("system")
    system = _text_of(given, 0) if given else None
    tools = _tools_of(unpacked(row.get("tools")))
    used = ["messages", *(["system"] if system is not None else []), *(["tools"] if tools else [])]
    extra = columns_of(row, used)
    if tools:
        extra["tools"] = tools
    record = conversation_record(messages, system, extra, options)
    return note_row(record, row, render)


def _text_of(content: Any, place: int) -> str:
    """A text, or the texts of its blocks. Raises RowError for a block that is none."""
    if isinstance(content, str):
        return content
    texts = [block.get("text") if isinstance(block, dict) else block for block in content or ()]
    if not all(isinstance(text, str) for text in texts):
        raise RowError(f"Message {place + 1} has a block inside a text that is no text.", code="not_text")
    return "".join(map(str, texts))


def _messages_of(message: Any, place: int) -> list[Message]:
    """The messages of one: results of tools one each, then what is said and called."""
    said = message.get("role") if isinstance(message, dict) else None
    role = role_of(said) if isinstance(said, str) else None
    if role is None or role == "call":
        raise RowError(f"Message {place + 1} has the unknown role {said!r}. Use user and assistant.", code="bad_role")
    rest = {key: value for key, value in message.items() if key not in ("role", "content")}
    content = message.get("content")
    if isinstance(content, str):
        return [Message(role, content, extra=rest)]
    if not isinstance(content, list):
        raise RowError(f"Message {place + 1} has no content.", code="not_text")
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[Any] = []
    results: list[Message] = []
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        text = next((block[key] for key in _TEXT_KEYS if key in block), None) if kind else None
        if kind == "tool_use" and isinstance(block.get("name"), str):
            calls.append(tool_call(block["name"], block.get("input", {}), str(block.get("id", ""))))
        elif kind == "tool_call" and isinstance(text, str) and (made := tool_calls(text)):
            calls += made
        elif kind == "tool_result":
            result = _text_of(block.get("content"), place)
            failed = {"is_error": True} if block.get("is_error") else {}
            results.append(Message("tool", result, tool_call_id=str(block.get("tool_use_id", "")), extra=failed))
        elif kind in ("thinking", "reasoning", "redacted_thinking") and isinstance(text, str):
            # What is redacted cannot be read by anybody; it comes back with the row.
            thoughts += [text] if kind != "redacted_thinking" else []
        elif kind == "text" and isinstance(text, str):
            texts.append(text)
        else:
            name = kind or "unknown"
            said = f"Message {place + 1} holds a block “{name}”; only text and tools can be kept."
            raise RowError(said, code="not_text")
    if texts or calls or not results:
        text = "".join(texts) if texts or not calls else None
        reasoning = "\n\n".join(thoughts) or None
        return [*results, Message(role, text, tool_calls=calls or None, extra=rest, reasoning=reasoning)]
    return results


def _tools_of(tools: Any) -> list[dict[str, Any]]:
    """Tools with an ``input_schema`` in OpenAI's form; empty where any is of another kind."""
    found: list[dict[str, Any]] = []
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, dict) or "input_schema" not in tool:
            return []
        function = {"parameters" if key == "input_schema" else key: value for key, value in tool.items()}
        found.append({"type": "function", "function": function})
    return found


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of messages of a record; blocks only where a text does not do."""
    if options.keep_extra and (came := row_as_came(record, parse)) is not None:
        return came
    row: dict[str, Any] = {} if record.system is None else {"system": record.system}
    messages = messages_of(record)
    if options.keep_extra:
        messages = (*messages, *trailing_of(record))
    row["messages"] = _rows_of(messages)
    tools = tools_in(record.extra.get("tools"))
    if not tools:
        return with_columns(row, record, options)
    row["tools"] = [_tool_row(tool) for tool in tools]
    rest = {name: value for name, value in record.extra.items() if name != "tools"}
    return with_columns(row, replace(record, extra=rest), options)


def _tool_row(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function", tool)
    row = {"input_schema" if key == "parameters" else key: value for key, value in function.items()}
    return row if "input_schema" in row else {**row, "input_schema": {"type": "object"}}


def _rows_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for message in messages:
        blocks: list[dict[str, Any]] = []
        if message.role in ("tool", "function"):
            block: dict[str, Any] = {
                "type": "tool_result",
                "tool_use_id": message.tool_call_id or "",
                "content": message.text or "",
            }
            if message.extra.get("is_error"):
                block["is_error"] = True
            if rows and rows[-1]["role"] == "user" and isinstance(rows[-1]["content"], list):
                rows[-1]["content"].append(block)
            else:
                rows.append({"role": "user", "content": [block]})
            continue
        if message.role not in ("user", "assistant"):
            said = "There is a system message in the middle, for which Anthropic's messages have no place."
            raise RowError(said, code="bad_role")
        if message.reasoning is not None:
            blocks.append({"type": "thinking", "thinking": message.reasoning})
        if message.text is not None and (message.text or not message.tool_calls):
            blocks.append({"type": "text", "text": message.text})
        for call in message.tool_calls or ():
            name, arguments, identifier = function_of(call)
            blocks.append({"type": "tool_use", "id": identifier, "name": name, "input": arguments})
        plain = len(blocks) == 1 and blocks[0]["type"] == "text"
        rows.append({"role": message.role, "content": message.text if plain else blocks})
    return rows


def recognises(sample: Sample) -> Claim | None:
    """Whether messages of some row hold blocks that only these messages have."""
    rows = sample.count(_has_blocks)
    claim = sample.claim("messages hold blocks, as Anthropic has them", rows, "messages", "system", "tools")
    return claim._replace(special=True) if claim else None


def _has_blocks(row: Row) -> bool:
    messages = unpacked(row.get("messages"))
    contents = [one.get("content") for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
    return any(
        isinstance(block, dict) and block.get("type") in BLOCKS
        for content in contents
        if isinstance(content, list)
        for block in content
    )


ANTHROPIC = Layout(
    "anthropic",
    "Anthropic messages",
    parse,
    render,
    frozenset({"system", "turns", "trace", "reasoning", "tools", IDS}),
    ("system", "messages", "tools"),
    {
        "system": "Answer briefly.",
        "messages": [
            {"role": "user", "content": "How do I reset my password?"},
            {"role": "assistant", "content": "Choose “Forgot password”."},
        ],
    },
    recognises,
    columns=frozenset({"tools"}),
    keeps=frozenset({AFTER}),
)

"""Amazon's Converse: ``{"schemaVersion", "system": [{"text"}], "messages": [{"role", "content": [block]}]}``.

Source: the data validator for Nova in amazon-nova-samples, and the guide to data for Nova 2. Roles are user and
assistant; blocks are text, ``reasoningContent``, ``toolUse`` and, in a message of the user, ``toolResult``. Tools stand
in ``toolConfig``.
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
    with_ids,
)
from app.core.record import Message, Record

VERSION = "bedrock-conversation-2024"
_OWN = ("schemaVersion", "system", "messages", "toolConfig")


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a row of messages with blocks. Raises RowError."""
    found = unpacked(row.get("messages"))
    if not isinstance(found, list) or not found:
        raise RowError("There is no list of messages.", code="no_messages")
    messages = [message for place, one in enumerate(found) for message in _messages_of(one, place)]
    given = unpacked(row.get("system"))
    system = _text_of(given, "The system prompt") if given else None
    tools = _tools_of(unpacked(row.get("toolConfig")))
    used = ["schemaVersion", "messages", *(["system"] if given else []), *(["toolConfig"] if tools else [])]
    extra = columns_of(row, used)
    if tools:
        extra["tools"] = tools
    return note_row(conversation_record(messages, system, extra, options), row, render)


def _text_of(blocks: Any, what: str) -> str:
    texts = [block.get("text") if isinstance(block, dict) else None for block in _list_of(blocks, what)]
    if not all(isinstance(text, str) for text in texts):
        raise RowError(f"{what} has a block that is no text.", code="not_text")
    return "".join(map(str, texts))


def _list_of(blocks: Any, what: str) -> list[Any]:
    if not isinstance(blocks, list):
        raise RowError(f"{what} has no list of blocks.", code="bad_message")
    return blocks


def _messages_of(message: Any, place: int) -> list[Message]:
    """The messages of one: results of tools one each, then what is said and called."""
    role = message.get("role") if isinstance(message, dict) else None
    what = f"Message {place + 1}"
    if role not in ("user", "assistant"):
        raise RowError(f"{what} has the unknown role {role!r}. Use user and assistant.", code="bad_role")
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    results: list[Message] = []
    for block in _list_of(message.get("content"), what):
        block = block if isinstance(block, dict) else {}
        call, result, thought = (block.get(name) for name in ("toolUse", "toolResult", "reasoningContent"))
        if isinstance(block.get("text"), str):
            texts.append(block["text"])
        elif isinstance(call, dict) and isinstance(call.get("name"), str):
            calls.append(tool_call(call["name"], call.get("input", {}), str(call.get("toolUseId", ""))))
        elif isinstance(result, dict):
            parts = [_result_text(part, what) for part in _list_of(result.get("content"), what)]
            results.append(Message("tool", "".join(parts), tool_call_id=str(result.get("toolUseId", ""))))
        elif isinstance(thought, dict) and isinstance(thought.get("reasoningText"), dict):
            thoughts.append(str(thought["reasoningText"].get("text", "")))
        else:
            name = next(iter(block), "unknown")
            raise RowError(
                f"{what} holds a block “{name}”; only text, reasoning and tools can be kept.", code="not_text"
            )
    if texts or calls or not results:
        text = "".join(texts) if texts or not calls else None
        return [*results, Message(role, text, tool_calls=calls or None, reasoning="\n\n".join(thoughts) or None)]
    return results


def _result_text(part: Any, what: str) -> str:
    value = part.get("text", part.get("json")) if isinstance(part, dict) else None
    if value is None:
        raise RowError(f"{what} has a result that is neither text nor JSON.", code="not_text")
    return json_text(value)


def _tools_of(config: Any) -> list[dict[str, Any]]:
    """The tools that are described, in OpenAI's form; empty where any is of another kind."""
    found: list[dict[str, Any]] = []
    tools = config.get("tools") if isinstance(config, dict) else None
    for tool in tools if isinstance(tools, list) else ():
        said = tool.get("toolSpec") if isinstance(tool, dict) else None
        if not isinstance(said, dict) or not isinstance(said.get("name"), str):
            return []
        schema = said.get("inputSchema")
        function = {key: value for key, value in said.items() if key != "inputSchema"}
        if isinstance(schema, dict) and "json" in schema:
            function["parameters"] = unpacked(schema["json"])
        found.append({"type": "function", "function": function})
    return found


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of a record. Raises RowError for a system message in the middle, which has no place."""
    if options.keep_extra and (came := row_as_came(record, parse)) is not None:
        return came
    row: dict[str, Any] = {"schemaVersion": VERSION}
    if record.system:
        row["system"] = [{"text": record.system}]
    messages = messages_of(record)
    if options.keep_extra:
        messages = (*messages, *trailing_of(record))
    row["messages"] = _rows_of(with_ids(messages))
    tools = tools_in(record.extra.get("tools"))
    if not tools:
        return with_columns(row, record, options, reserved=_OWN)
    row["toolConfig"] = {"tools": [{"toolSpec": _tool_row(tool)} for tool in tools]}
    rest = {name: value for name, value in record.extra.items() if name != "tools"}
    return with_columns(row, replace(record, extra=rest), options, reserved=_OWN)


def _tool_row(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function", tool)
    said = {key: value for key, value in function.items() if key in ("name", "description")}
    return {**said, "inputSchema": {"json": function.get("parameters", {"type": "object"})}}


def _rows_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for message in messages:
        blocks: list[dict[str, Any]] = []
        if message.role in ("tool", "function"):
            value = object_of(message.text, "")
            content = {"json": value} if json_text(value) == message.text else {"text": message.text or ""}
            blocks.append({"toolResult": {"toolUseId": message.tool_call_id or "", "content": [content]}})
            if rows and "toolResult" in rows[-1]["content"][-1]:
                rows[-1]["content"] += blocks
                continue
        elif message.role not in ("user", "assistant"):
            said = "There is a system message in the middle, for which Converse has no place."
            raise RowError(said, code="bad_role")
        else:
            if message.reasoning is not None:
                blocks.append({"reasoningContent": {"reasoningText": {"text": message.reasoning}}})
            if message.text is not None and (message.text or not message.tool_calls):
                blocks.append({"text": message.text})
        for call in message.tool_calls or ():
            name, arguments, identifier = function_of(call)
            blocks.append({"toolUse": {"toolUseId": identifier, "name": name, "input": arguments}})
        rows.append({"role": "assistant" if message.role == "assistant" else "user", "content": blocks})
    return rows


def recognises(sample: Sample) -> Claim | None:
    """Whether rows name this form, or their messages have blocks without a type."""
    claim = sample.claim("messages hold blocks, as Converse has them", sample.count(_has_blocks), *_OWN)
    return claim._replace(special=True) if claim else None


def _has_blocks(row: Row) -> bool:
    if isinstance(row.get("schemaVersion"), str) and "messages" in row:
        return True
    messages = unpacked(row.get("messages"))
    first = messages[0] if isinstance(messages, list) and messages else None
    content = first.get("content") if isinstance(first, dict) else None
    block = content[0] if isinstance(content, list) and content else None
    return isinstance(block, dict) and isinstance(block.get("text"), str) and "type" not in block


CONVERSE = Layout(
    "converse",
    "Converse (Amazon Nova)",
    parse,
    render,
    frozenset({"system", "turns", "trace", "reasoning", "tools", IDS}),
    _OWN,
    {
        "schemaVersion": VERSION,
        "system": [{"text": "Answer briefly."}],
        "messages": [
            {"role": "user", "content": [{"text": "How do I reset my password?"}]},
            {"role": "assistant", "content": [{"text": "Choose “Forgot password”."}]},
        ],
    },
    recognises,
    columns=frozenset({"tools"}),
    keeps=frozenset({AFTER}),
)

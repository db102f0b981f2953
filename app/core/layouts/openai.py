"""OpenAI chat: ``{"messages": [{"role", "content", …}], "tools": […]}``.

Source: FineTuneChatRequestInput of OpenAI's API description; ``weight`` is 0 or 1 on assistant messages, the arguments
of a tool call are JSON text. Accepted as well: a system prompt beside the messages (Bedrock), text parts ``{"type":
"text", "text": …}`` and ``{"type": "text", "value": …}``, arguments as objects (TRL), ``rejected_response`` (MS-Swift),
and messages in any spelling that ``messages`` knows, under another name.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from app.core.layouts.answers import ANSWERS, REJECTED, rejected_column
from app.core.layouts.base import (
    AFTER,
    CHAT,
    Layout,
    LayoutOptions,
    as_came,
    checked,
    messages_of,
    note_as_came,
    notes_of,
    with_columns,
    with_usual_names,
)
from app.core.layouts.conversation import (
    CONTAINERS,
    chat_messages,
    find_container,
    messages_in,
    parse_chat,
    take_system_beside,
)
from app.core.layouts.functions import tools_in, without_nulls
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row
from app.core.record import PlainPairs, Record
from app.core.text import all_visible

OWN = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})
_NAMES = frozenset({*OWN, "system", *REJECTED})
_PLAIN_KEYS = {"role", "content"}


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a chat row. Raises RowError with the reason."""
    container = "messages" if "messages" in row else find_container(row, "messages")
    messages = messages_in(row, container)
    if len(row) == 1 and container == "messages" and (plain := _plain_record(messages)):
        return checked(plain, options)
    if (usual := with_usual_names(row, _NAMES)) is not row:
        return note_as_came(parse(usual, options), row, "openai", render)
    record = parse_chat(messages, row, options, container)
    return checked(note_as_came(record, row, "openai", render), options)


def _plain_record(messages: list[Any]) -> Record | None:
    """The quick way for ``[system,] user, assistant`` with nothing but text."""
    if len(messages) not in (2, 3):
        return None
    for message in messages:
        if type(message) is not dict or message.keys() != _PLAIN_KEYS or type(message["content"]) is not str:
            return None
    roles = [message["role"] for message in messages]
    if roles == ["user", "assistant"]:
        return Record(messages[0]["content"], messages[1]["content"])
    if roles == ["system", "user", "assistant"]:
        return Record(messages[1]["content"], messages[2]["content"], messages[0]["content"])
    return None


class _Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: str
    content: str


class _Chat(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_Text]


_decode_chat = msgspec.json.Decoder(_Chat).decode
_NUL = b"\\u0000"


def plain_pairs(lines: Sequence[bytes]) -> PlainPairs | None:
    """The pairs of lines of JSON that ``parse`` would make of them, three times as quickly.

    None where any line is no ``[system,] user, assistant`` with nothing but text, or needs a closer look.
    """
    try:
        chats = [_decode_chat(line).messages for line in lines]
        firsts = [chat.pop(0) if len(chat) == 3 else None for chat in chats]
        users, assistants = zip(*chats, strict=True)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    roles = ({first.role for first in firsts if first}, {one.role for one in users}, {one.role for one in assistants})
    if not roles[0] <= {"system"} or roles[1:] != ({"user"}, {"assistant"}) or _NUL in b"".join(lines):
        return None
    systems = [first.content if first else None for first in firsts]
    pairs = PlainPairs(systems, [one.content for one in users], [one.content for one in assistants])
    return pairs if all_visible(pairs.questions) and all_visible(pairs.answers) else None


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The chat row of a record; with ``keep_extra`` an unedited one comes back as it was."""
    if not (record.turns or record.trace or record.extra) and record.reasoning is None:
        messages = [{"role": "user", "content": record.question}, {"role": "assistant", "content": record.answer}]
        if record.system is not None:
            messages.insert(0, {"role": "system", "content": record.system})
        return {"messages": messages}
    if not options.keep_extra:
        row: dict[str, Any] = {"messages": chat_messages(record, options)}
        for name in ("tools", "functions", "parallel_tool_calls"):
            if name not in record.extra:
                continue
            # What only bears the name of one of our keys is none.
            value: Any = record.extra[name]
            if name == "parallel_tool_calls":
                if type(value) is bool:
                    row[name] = value
            elif tools := tools_in(value):
                row[name] = without_nulls(tools)
        return row
    if (came := as_came(record, "openai", parse)) is not None:
        return came
    notes, messages = notes_of(record), chat_messages(record, options)
    row = {**take_system_beside(record, messages, options), "messages": messages}
    row.update(rejected_column(record.rejected_answer, notes, messages_of(record)[:-1]))
    with_columns(row, record, options, OWN, OWN)
    if isinstance(row.get("tools"), str) and notes.get("tools") != "text":
        row["tools"] = tools_in(row["tools"])
    return row


def recognises(sample: Sample) -> Claim | None:
    """Whether rows have a list of messages: under its usual name, or messages with roles under another."""
    for name, messages in sample.chats.items():
        if name == "messages" or (name not in CONTAINERS and "role" in messages[0] and name not in ANSWERS):
            known = (name, "tools", "system", *REJECTED)
            return sample.claim("each row has a list of messages with roles", len(messages), *known)
    return None


OPENAI = Layout(
    "openai",
    "OpenAI chat",
    parse,
    render,
    CHAT,
    ("messages", "tools", "parallel_tool_calls", "functions"),
    {
        "messages": [
            {"role": "system", "content": "Answer briefly."},
            {"role": "user", "content": "How do I reset my password?"},
            {"role": "assistant", "content": "Choose “Forgot password”."},
        ]
    },
    recognises,
    columns=frozenset({"tools", "parallel_tool_calls", "functions"}),
    keeps=frozenset({"rejected answer", AFTER}),
    came="openai",
    is_chat=True,
)

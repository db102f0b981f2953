"""A chat in one text: ``{"text": "<|im_start|>user\\n…<|im_end|>\\n<|im_start|>assistant\\n…"}``.

Which marks are known stands in ``templates``; ChatML is written, with tool calls as Hermes and Qwen have them. The
system prompt may stand in a column of its own, with or without the word SYSTEM. Where a trainer takes messages, these
are better: it puts the marks of its model around them.
"""

import re
from dataclasses import replace
from typing import Any

from app.core.layouts.base import Layout, LayoutOptions, RowError, columns_of, messages_of, with_columns
from app.core.layouts.functions import call_text, tools_in, without_nulls
from app.core.layouts.mapping import target_of
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row
from app.core.layouts.templates import Chat, read_chat
from app.core.layouts.whole import conversation_record, json_text
from app.core.reasoning import with_thinking
from app.core.record import Message, Record

_NAMES = ("text", "chat", "conversation", "conversations", "formatted_text", "formatted_chat", "prompt", "content")
_SYSTEM_MARK = re.compile(r"\s*SYSTEM:\s*")
# As it is written here; other templates have more words around their tools, and these stay text.
_TOOLS = re.compile(r"(?:\A|\n\n)<tools>\n(\[.*\])\n</tools>\Z", re.DOTALL)


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a row with a chat in one text. Raises RowError."""
    name, chat = _find_chat(row)
    if chat is None:
        said = "There is no text with a whole chat in it: no marks of a template, no USER: and ASSISTANT:."
        raise RowError(said, code="no_messages")
    used = [name]
    system = None
    given = row.get("system")
    if isinstance(given, str) and given and chat.messages[0].role != "system":
        system = _SYSTEM_MARK.sub("", given, count=1)
        used.append("system")
    extra: dict[str, Any] = columns_of(row, used)
    first, tools, messages = chat.messages[0], chat.tools, chat.messages
    if first.role == "system" and (listed := _TOOLS.search(first.text or "")) and tools_in(listed[1]):
        tools, before = listed[1], (first.text or "")[: listed.start()]
        messages = [*([Message("system", before)] if before else []), *messages[1:]]
    if tools and "tools" not in extra:
        extra["tools"] = tools
    return conversation_record(messages, system, extra, options)


def _find_chat(row: Row) -> tuple[str, Chat | None]:
    """The column that holds a whole chat, the usual names first."""
    for name in _columns_of(row):
        if (chat := read_chat(row[name])) is not None:
            return name, chat
    return "", None


def _columns_of(row: Row) -> list[str]:
    """The columns that may hold a chat, the usual names first."""
    names = dict.fromkeys((*(name for name in _NAMES if name in row), *row))
    return [name for name in names if isinstance(row[name], str) and name != "system"]


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of a record as ChatML. Tools stand as JSON in the system message, calls as ``<tool_call>``."""
    tools = tools_in(record.extra.get("tools"))
    listed = [f"<tools>\n{json_text(without_nulls(tools))}\n</tools>"] if tools else []
    system = "\n\n".join([*([] if record.system is None else [record.system]), *listed])
    messages = messages_of(record)
    if record.system is not None or tools:
        messages = (Message("system", system), *messages)
    text = "".join(f"<|im_start|>{one.role}\n{_said_in(one)}<|im_end|>\n" for one in messages)
    rest = {name: value for name, value in record.extra.items() if name != "tools"} if tools else record.extra
    return with_columns({"text": text}, replace(record, extra=rest), options, reserved=("text",))


def _said_in(message: Message) -> str:
    calls = [f"<tool_call>\n{call_text([call])}\n</tool_call>" for call in message.tool_calls or ()]
    return with_thinking(message.reasoning, "\n".join([*([message.text] if message.text else []), *calls]))


def recognises(sample: Sample) -> Claim | None:
    """Whether most rows hold a whole chat in one text, and no columns for question and answer."""
    targets = {match[0] for name in sample.columns if (match := target_of(name))}
    if {"question", "answer"} <= targets or sample.chats:
        return None
    found = [name for row in sample.rows if (name := _column_of(row))]
    if len(found) * 2 <= len(sample.rows):
        return None
    return sample.claim(f"the column “{found[0]}” holds a whole chat in one text", len(found), found[0], "system")


def _column_of(row: Row) -> str:
    """The column with marks of a chat, be it whole or not."""
    for name in _columns_of(row):
        try:
            if read_chat(row[name]) is not None:
                return name
        except RowError:
            return name
    return ""


CHAT_TEXT = Layout(
    "chat-text",
    "A chat in one text",
    parse,
    render,
    frozenset({"system", "turns", "trace", "reasoning", "tools"}),
    ("text",),
    {
        "text": "<|im_start|>user\nHow do I reset my password?<|im_end|>\n"
        "<|im_start|>assistant\nChoose “Forgot password”.<|im_end|>\n"
    },
    recognises,
    columns=frozenset({"tools"}),
)

"""OpenAI chat: ``{"messages": [{"role", "content", …}], "tools": […]}``.

Source: FineTuneChatRequestInput of OpenAI's API description; ``weight`` is 0 or 1 on assistant messages, the arguments
of a tool call are JSON text. Accepted as well: a system prompt beside the messages (Bedrock), text parts ``{"type":
"text", "text": …}`` and ``{"type": "text", "value": …}``, arguments as objects (TRL), ``developer`` and ``function``.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

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
from app.core.layouts.sample import Claim, Row, Sample
from app.core.record import Message, PlainPairs, Record
from app.core.text import all_visible

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
OWN = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})
_PLAIN_KEYS = {"role", "content"}
_TEXT_PART = {"type", "text"}


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a chat row. Raises RowError with the reason."""
    messages = unpacked(row.get("messages"))
    if type(messages) is not list or not messages:
        raise RowError("There is no list of messages.", code="no_messages")
    if len(row) == 1 and (plain := _plain(messages)):
        return checked(plain, options)
    return parse_messages(messages, row, options, container="messages")


def _plain(messages: list[Any]) -> Record | None:
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


def parse_messages(messages: list[Any], row: Row, options: LayoutOptions, *, container: str) -> Record:
    """The record of a list of role/content messages that stands under ``container`` in a row."""
    notes: dict[str, Any] = {}
    parsed = [_message(message, place, notes) for place, message in enumerate(messages)]
    extra = columns_of(row, (container,))
    system = extra.get("system") if parsed[0].role != "system" else None
    if isinstance(system, str) and system:
        del extra["system"]
        notes["system"] = "beside"
    if isinstance(extra.get("tools"), str):
        notes["tools"] = "text"
    record = record_of(parsed, system=system if notes.get("system") else None, extra=extra, notes=notes)
    answered_or_refuse(record, allow_unanswered=options.allow_unanswered)
    record = replace(record, extra=with_notes(extra, notes))
    if _as_it_came(record, notes) != messages:
        raise RowError("The messages could not be written back as they are.", code="not_exact")
    return checked(record, options)


def _message(message: Any, place: int, notes: dict[str, Any]) -> Message:
    if type(message) is not dict:
        raise RowError(f"Message {place + 1} is not an object.", code="bad_message")
    role = message.get("role")
    if role not in ROLES:
        raise RowError(f"Message {place + 1} has the unknown role {role!r}. Use {', '.join(ROLES)}.", code="bad_role")
    rest = {key: value for key, value in message.items() if key != "role"}
    text = rest.get("content")
    if isinstance(text, list):
        text = _joined(text, place, notes)
    elif text is not None and type(text) is not str:
        raise RowError(f"The content of message {place + 1} is not a text.", code="not_text")
    if text is not None:
        del rest["content"]
    known = _known(rest)
    if "tool_calls" in known and (calls := with_text_arguments(known["tool_calls"])) != known["tool_calls"]:
        notes.setdefault("calls", {})[str(place)] = known["tool_calls"]
        known["tool_calls"] = calls
    return Message(role, text, extra=rest, **known)


def _known(rest: dict[str, Any]) -> dict[str, Any]:
    """Take the message keys that have a place of their own out of ``rest``."""
    found: dict[str, Any] = {}
    for key, kind in (("name", str), ("tool_call_id", str), ("weight", int), ("tool_calls", list)):
        if key in rest and type(rest[key]) is kind and (key != "tool_calls" or rest[key]):
            found[key] = rest.pop(key)
    return found


def with_text_arguments(calls: list[Any]) -> list[Any]:
    """Tool calls whose arguments are JSON text, as OpenAI wants them."""
    written = []
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and type(function.get("arguments")) is dict:
            text = msgspec.json.encode(function["arguments"]).decode()
            call = {**call, "function": {**function, "arguments": text}}
        written.append(call)
    return written


def _joined(parts: list[Any], place: int, notes: dict[str, Any]) -> str:
    """The text of content parts. Raises RowError for a part that is no text, such as an image."""
    texts = []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        text = part.get("text", part.get("value")) if isinstance(part, dict) else None
        if kind != "text" or type(text) is not str:
            name = str(kind or "unknown").removesuffix("_url")
            article = "an" if name[0] in "aeiou" else "a"
            raise RowError(f"Message {place + 1} holds {article} {name} part; only text can be kept.", code="not_text")
        texts.append(text)
    notes.setdefault("parts", {})[str(place)] = parts
    return "".join(texts)


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The chat row of a record; with ``keep_extra`` an unedited one comes back as it was."""
    if not (record.turns or record.trace or record.extra):
        messages = [{"role": "user", "content": record.question}, {"role": "assistant", "content": record.answer}]
        if record.system is not None:
            messages.insert(0, {"role": "system", "content": record.system})
        return {"messages": messages}
    notes = notes_of(record)
    if options.keep_extra and notes.get("system") == "beside" and record.system is not None:
        row: dict[str, Any] = {"system": record.system, "messages": _as_it_came(record, notes)}
    else:
        row = {"messages": render_messages(record, options)}
    return with_columns(row, _with_own_columns(record, options), options, OWN)


def _with_own_columns(record: Record, options: LayoutOptions) -> Record:
    """The record with tools in OpenAI's form, and without what only bears the name of one of its keys."""
    own = OWN & record.extra.keys()
    if not own or (options.keep_extra and (notes_of(record).get("tools") or "tools" not in own)):
        return record
    extra = dict(record.extra)
    if isinstance(extra.get("tools"), str) and (tools := decoded_tools(extra["tools"])):
        extra["tools"] = tools
    if not options.keep_extra:
        for key in own:
            if not _fits(key, extra[key]):
                del extra[key]
    return replace(record, extra=extra)


def _fits(key: str, value: Any) -> bool:
    if key == "parallel_tool_calls":
        return type(value) is bool
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def decoded_tools(text: str) -> list[Any] | None:
    """Tools that another layout keeps as JSON text, in OpenAI's form; None where the text is no list."""
    try:
        tools = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if not isinstance(tools, list):
        return None
    return [
        tool if "function" in tool else {"type": "function", "function": tool} for tool in tools if type(tool) is dict
    ]


def render_messages(record: Record, options: LayoutOptions) -> list[dict[str, Any]]:
    """All messages of a record in OpenAI's form; with ``keep_extra`` also parts, arguments and what followed."""
    system = () if record.system is None else (Message("system", record.system),)
    notes = notes_of(record)
    # A system prompt that stood beside the messages did not count when places were noted.
    shift = 1 if notes.get("system") == "beside" and system else 0
    return _rendered((*system, *messages_of(record)), record, notes, shift, exact=options.keep_extra)


def _as_it_came(record: Record, notes: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages as they stood in the row, a system prompt beside them left out."""
    beside = notes.get("system") == "beside" or record.system is None
    system = () if beside else (Message("system", record.system),)
    return _rendered((*system, *messages_of(record)), record, notes, 0, exact=True)


def _rendered(
    messages: Sequence[Message], record: Record, notes: dict[str, Any], shift: int, *, exact: bool
) -> list[dict[str, Any]]:
    if exact:
        messages = (*messages, *trailing_of(record))
    parts, calls = notes.get("parts", {}), notes.get("calls", {}) if exact else {}
    return [
        message_row(message, parts.get(str(place)), calls.get(str(place)), exact=exact)
        for place, message in enumerate(messages, -shift)
    ]


def message_row(message: Message, parts: Any = None, calls: Any = None, *, exact: bool = False) -> dict[str, Any]:
    """A message in OpenAI's form, with its parts or calls as they came where they still say the same."""
    out: dict[str, Any] = {"role": message.role}
    if message.text is not None:
        same = parts is not None and _text_of_parts(parts) == message.text
        usual = same and parts and all(part.keys() == _TEXT_PART for part in parts)
        out["content"] = parts if usual or (same and exact) else message.text
    for key in ("name", "weight", "tool_calls", "tool_call_id"):
        value = getattr(message, key)
        if value is not None:
            out[key] = value
    if calls is not None and with_text_arguments(calls) == message.tool_calls:
        out["tool_calls"] = calls
    if message.extra:
        out.update(message.extra)
    return out


def _text_of_parts(parts: list[Any]) -> str:
    return "".join(part.get("text", part.get("value", "")) for part in parts)


def recognises(sample: Sample) -> Claim | None:
    """Whether each row has a list of messages."""
    if sample.has("messages") and isinstance(unpacked(sample.rows[0].get("messages")), list):
        return sample.claim("each row has a list of messages with roles", "messages", "tools")
    return None


OPENAI = Layout(
    "openai",
    "OpenAI chat",
    parse,
    render,
    frozenset({"system", "turns", "trace", "tools", "weights"}),
    ("messages", "tools", "parallel_tool_calls", "functions"),
    {
        "messages": [
            {"role": "system", "content": "Answer briefly."},
            {"role": "user", "content": "How do I reset my password?"},
            {"role": "assistant", "content": "Choose “Forgot password”."},
        ]
    },
    recognises,
    (Preset("jsonl", "OpenAI chat", "JSONL, one conversation a line"),),
)

"""OpenAI chat: ``{"messages": [{"role", "content", …}], "tools": […]}``.

Source: FineTuneChatRequestInput of OpenAI's API description; ``weight`` is 0 or 1 on assistant messages. Accepted as
well: a system prompt beside the messages (Bedrock), text parts ``{"type": "text", "text": …}`` and ``{"type": "text",
"value": …}``, ``developer`` and the older ``function`` role.
"""

from typing import Any

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
from app.core.record import Message, Record

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
OWN = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})


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
    first, user, reply = messages if len(messages) == 3 else (None, *messages) if len(messages) == 2 else (None,) * 3
    if type(user) is not dict or type(reply) is not dict or len(user) != 2 or len(reply) != 2:
        return None
    if user.get("role") != "user" or reply.get("role") != "assistant":
        return None
    question, answer = user.get("content"), reply.get("content")
    if type(question) is not str or type(answer) is not str:
        return None
    if first is None:
        return Record(question, answer) if len(messages) == 2 else None
    if type(first) is not dict or len(first) != 2 or first.get("role") != "system":
        return None
    system = first.get("content")
    return Record(question, answer, system) if type(system) is str else None


def parse_messages(messages: list[Any], row: Row, options: LayoutOptions, *, container: str) -> Record:
    """The record of a list of role/content messages that stands under ``container`` in a row."""
    notes: dict[str, Any] = {}
    parsed = [_message(message, place, notes) for place, message in enumerate(messages)]
    extra = {key: value for key, value in row.items() if key != container}
    system = extra.get("system") if parsed[0].role != "system" else None
    if isinstance(system, str) and system:
        del extra["system"]
        notes["system"] = "beside"
    record = record_of(parsed, system=system if notes.get("system") else None, extra=extra, notes=notes)
    answered_or_refuse(record, allow_unanswered=options.allow_unanswered)
    if "trailing" in notes:
        notes["trailing"] = messages[-notes["trailing"] :]
    if notes or record.extra is not extra:
        record = _replace_extra(record, with_notes(extra, notes))
    return checked(record, options)


def _replace_extra(record: Record, extra: dict[str, Any]) -> Record:
    return Record(
        record.question, record.answer, record.system, record.turns, record.trace, record.rejected_answer, (), extra
    )


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
    return Message(role, text, extra=rest, **_known(rest))


def _known(rest: dict[str, Any]) -> dict[str, Any]:
    """Take the message keys that have a place of their own out of ``rest``."""
    found: dict[str, Any] = {}
    for key, kind in (("name", str), ("tool_call_id", str), ("weight", int), ("tool_calls", list)):
        if key in rest and type(rest[key]) is kind and (key != "tool_calls" or rest[key]):
            found[key] = rest.pop(key)
    return found


def _joined(parts: list[Any], place: int, notes: dict[str, Any]) -> str:
    """The text of content parts. Raises RowError for a part that is no text, such as an image."""
    texts = []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        text = part.get("text", part.get("value")) if isinstance(part, dict) else None
        if kind != "text" or type(text) is not str:
            name = str(kind or "unknown").removesuffix("_url")
            raise RowError(
                f"Message {place + 1} holds an {name} part; only text can be kept."
                if name[0] in "aeiou"
                else f"Message {place + 1} holds a {name} part; only text can be kept.",
                code="not_text",
            )
        texts.append(text)
    notes.setdefault("parts", {})[str(place)] = parts
    return "".join(texts)


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The chat row of a record; an unedited one comes back as it was."""
    if not (record.turns or record.trace or record.extra):
        messages = [{"role": "user", "content": record.question}, {"role": "assistant", "content": record.answer}]
        if record.system is not None:
            messages.insert(0, {"role": "system", "content": record.system})
        return {"messages": messages}
    notes = notes_of(record)
    row: dict[str, Any] = {"messages": render_messages(record, notes)}
    row.update(_own_columns(record, options))
    if notes.get("system") == "beside" and record.system is not None and options.keep_extra:
        row["messages"].pop(0)
        row = {"system": record.system, **row}
    return row


def _own_columns(record: Record, options: LayoutOptions) -> dict[str, Any]:
    columns = other_columns(record, options, OWN)
    if isinstance(columns.get("tools"), str):
        columns["tools"] = decoded_tools(columns["tools"])
        if columns["tools"] is None:
            del columns["tools"]
    return columns


def decoded_tools(text: str) -> list[Any] | None:
    """Tools that another layout keeps as JSON text, in OpenAI's form; None where the text is no list."""
    import msgspec

    try:
        tools = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return None
    if not isinstance(tools, list):
        return None
    return [
        tool if "function" in tool else {"type": "function", "function": tool} for tool in tools if type(tool) is dict
    ]


def render_messages(record: Record, notes: dict[str, Any]) -> list[dict[str, Any]]:
    """All messages of a record in OpenAI's form, with those that followed the answer."""
    messages = list(messages_of(record))
    if record.system is not None:
        messages.insert(0, Message("system", record.system))
    parts = notes.get("parts", {})
    # A system prompt that stood beside the messages did not count when the places of parts were noted.
    shift = 1 if notes.get("system") == "beside" and record.system is not None else 0
    rendered = [_rendered(message, parts.get(str(place - shift))) for place, message in enumerate(messages)]
    return rendered + list(notes.get("trailing", ()))


def _rendered(message: Message, parts: Any) -> dict[str, Any]:
    out: dict[str, Any] = {"role": message.role}
    if message.text is not None:
        out["content"] = parts if parts and _text_of_parts(parts) == message.text else message.text
    for key in ("name", "weight", "tool_calls", "tool_call_id"):
        value = getattr(message, key)
        if value is not None:
            out[key] = value
    if message.extra:
        out.update(message.extra)
    return out


def _text_of_parts(parts: list[Any]) -> str:
    return "".join(part.get("text", part.get("value", "")) for part in parts)


OPENAI = Layout(
    "openai",
    "OpenAI chat",
    parse,
    render,
    frozenset({"system", "turns", "trace", "tools", "weights"}),
    ("messages", "tools", "parallel_tool_calls", "functions"),
    '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}',
)

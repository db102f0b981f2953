"""One message a row: ``conversation_id, turn, role, text``; read, not written.

The columns are found by their names, the role by its values as well, or said as conversation, order, role and text.
Rows of one conversation need not follow one another. Where no column tells conversations apart, rows that follow one
another are one, until a system message begins another. What all rows of a conversation say alike becomes a column of
its own; what they say each is kept under ``message_details``.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from app.core.layouts.base import Grouping, Layout, LayoutOptions, RowError, checked, not_written
from app.core.layouts.conversation import messages_in, parse_chat
from app.core.layouts.mapping import target_of
from app.core.layouts.messages import role_of
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row, unpacked
from app.core.names import normal_name
from app.core.record import Record

_NAMES = {
    "conversation": """
        conversation_id conversationid conv_id convo_id chat_id dialog_id dialogue_id thread_id session_id ticket_id
        case_id interaction_id group_id conversation_hash conversation_number conversation convo dialog dialogue session
        thread chat ticket
    """,
    "order": """
        turn_id turn turn_idx turn_index turn_number turn_no message_index message_idx message_number message_no
        msg_index msg_idx order position idx index step seq sequence utterance_id utterance_idx timestamp time
        created_at created date datetime sent_at message_id
    """,
    "role": "role speaker sender author from user_type speaker_role sender_type author_role message_role who",
    "text": "content text message value utterance body msg message_text message_content said",
}
# What a message has of its own beside role and text.
_MESSAGE_KEYS = ("tool_calls", "tool_call_id", "weight")
_SIDES = {"user", "assistant"}
_TARGETS = {target: tuple(names.split()) for target, names in _NAMES.items()}


def find_columns(row: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, str]:
    """The columns of a row by target: as said, else by their names."""
    return dict(_find_columns(tuple(row), tuple(mapping.items())))


@lru_cache(maxsize=64)
def _find_columns(columns: tuple[str, ...], mapping: tuple[tuple[str, str], ...]) -> dict[str, str]:
    # The rows of a file nearly all have the same columns.
    names = {normal_name(name): name for name in columns}
    found = {target: next((names[one] for one in known if one in names), "") for target, known in _TARGETS.items()}
    return {**found, **{target: column for target, column in mapping if column and target in _TARGETS}}


def conversation_of(row: Row, options: LayoutOptions, seen: dict[str, str]) -> str | None:
    """The conversation to which the message of a row belongs; None where the row does not say."""
    column = find_columns(row, options.mapping)["conversation"]
    value = row.get(column)
    return None if value is None or "messages" in row else str(value)


def begins(row: Row, options: LayoutOptions) -> bool:
    """Whether the message of a row begins a conversation: what a system says, and any row that is a whole one."""
    said = row.get(find_columns(row, options.mapping)["role"])
    return "messages" in row or (isinstance(said, str) and role_of(said) == "system")


def join(rows: Sequence[Row], options: LayoutOptions) -> dict[str, Any]:
    """The conversation of the messages of rows, in their order; rows that are whole conversations as they are."""
    if "messages" in rows[0]:
        return dict(rows[0])
    columns = find_columns(rows[0], options.mapping)
    order = columns["order"]
    keys = [_place(row.get(order)) for row in rows]
    if len({key[0] for key in keys}) == 1:
        rows = [row for _, row in sorted(zip(keys, rows, strict=True), key=lambda one: one[0])]
    messages = [
        {
            "role": row.get(columns["role"]),
            "content": row.get(columns["text"]),
            **{key: unpacked(row[key]) for key in _MESSAGE_KEYS if row.get(key) not in (None, "", [])},
        }
        for row in rows
    ]
    used = {columns["role"], columns["text"], *_MESSAGE_KEYS}
    names = dict.fromkeys(name for row in rows for name in row if name not in used)
    alike = {name for name in names if all(name in row and row[name] == rows[0].get(name) for row in rows)}
    details = [{name: value for name, value in row.items() if name not in used | alike} for row in rows]
    row = {"messages": messages, **{name: rows[0][name] for name in names if name in alike}}
    return {**row, "message_details": details} if any(details) else row


def _place(value: Any) -> tuple[int, Any]:
    """What rows are sorted by: numbers as numbers, dates and the like as text; kinds are not mixed."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 0, value
    text = str(value)
    return (0, int(text)) if text.isdecimal() and len(text) < 20 else (1, text)


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a conversation that was joined. Raises RowError."""
    if "messages" not in row:
        row = join([row], options)
    messages = messages_in(row, "messages")
    for place, message in enumerate(messages):
        if isinstance(message, dict) and not isinstance(message.get("role"), str):
            raise RowError(f"Message {place + 1} of the conversation has no role.", code="bad_role")
    return checked(parse_chat(messages, row, options, "messages"), options)


def recognises(sample: Sample) -> Claim | None:
    """Whether each row is one message: it says who speaks and what, and somebody asks and somebody answers."""
    if sample.chats or {"question", "answer"} <= {match[0] for name in sample.columns if (match := target_of(name))}:
        return None
    columns = find_columns(sample.columns, {})
    if any(normal_name(name) in ("parent_id", "parent_message_id") for name in sample.columns):
        # Messages that reply to any other are a tree.
        return None
    # The first rows may be all of one side, where names say enough.
    needed = 1 if columns["conversation"] else 2
    if len(_roles_of(sample, columns["role"], most=True) & _SIDES) < needed:
        columns["role"] = next((name for name in sample.columns if _roles_of(sample, name) >= _SIDES), "")
    if not columns["role"] or columns["text"] in ("", columns["role"]):
        return None
    if not columns["conversation"]:
        columns["conversation"] = next((name for name in sample.columns if _tells_apart(sample, name, columns)), "")
    said = "each row is one message" + (
        f", and “{columns['conversation']}” tells conversations apart"
        if columns["conversation"]
        else "; rows that follow one another are one conversation"
    )
    found = sample.claim(said, len(sample.rows), *sample.columns)
    mapping = {target: name for target, name in columns.items() if name}
    return found._replace(mapping=mapping) if found else None


def _roles_of(sample: Sample, name: str, *, most: bool = False) -> set[str]:
    """The roles in a column; none where some row, or with ``most`` half of them, say no known one."""
    roles = [role_of(said) if isinstance(said := row.get(name), str) else None for row in sample.rows]
    unknown = roles.count(None)
    return set() if unknown * 2 > len(roles) or (unknown and not most) else {role for role in roles if role}


def _tells_apart(sample: Sample, name: str, columns: Mapping[str, str]) -> bool:
    """Whether the values of a column that is called an id are shared by messages of both sides."""
    if not normal_name(name).endswith("id") or name in columns.values():
        return False
    sides: dict[str, set[str | None]] = {}
    for row in sample.rows:
        sides.setdefault(str(row.get(name)), set()).add(role_of(str(row.get(columns["role"]))))
    return sum(len(roles) > 1 for roles in sides.values()) * 2 >= len(sides)


MESSAGE_ROWS = Layout(
    "message-rows",
    "One message a row",
    parse,
    not_written,
    frozenset(),
    (),
    {"conversation_id": 1, "turn": 1, "role": "user", "text": "How do I reset my password?"},
    recognises,
    grouping=Grouping(conversation_of, join, begins=begins),
)

"""A row that holds a list of messages, taken apart into a record, and put together again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.core.layouts.answers import take_rejected
from app.core.layouts.base import (
    NOTED,
    LayoutOptions,
    RowError,
    columns_of,
    messages_of,
    notes_of,
    trailing_note,
    trailing_of,
    with_notes,
)
from app.core.layouts.functions import is_made_id, split_results, with_call_ids
from app.core.layouts.messages import read_message, text_of_parts
from app.core.layouts.shapes import Row, is_chat, unpacked
from app.core.reasoning import KEYS as REASONING_KEYS
from app.core.record import Message, Record
from app.core.text import is_blank

# The usual names of a column of messages, the usual one first; other names are found by their values.
CONTAINERS = ("messages", "conversations", "conversation", "dialogue", "dialog")
_TEXT_PART = {"type", "text"}


def find_container(row: Row, usual: str) -> str:
    """The column of a row that holds its messages: ``usual``, another usual name, or the first that has some."""
    if usual in row:
        return usual
    named = (name for name in (*CONTAINERS, *row) if name in row and is_chat(row[name]))
    return next(named, usual)


def parse_chat(messages: list[Any], row: Row, options: LayoutOptions, container: str) -> Record:
    """The record of the messages that stand under ``container`` in a row. Raises RowError."""
    notes: dict[str, Any] = {}
    parsed = [read_message(message, place, notes) for place, message in enumerate(messages)]
    if "parts" not in notes:
        parsed = _without_made_ids(_with_split_results(parsed))
    if options.allow_empty_prompt and all(message.role != "user" for message in parsed):
        parsed.insert(1 if parsed[0].role == "system" else 0, Message("user", ""))
    extra = columns_of(row, (container,))
    system = extra.get("system") if parsed[0].role != "system" else None
    if isinstance(system, str) and system:
        del extra["system"]
        notes["system"] = "beside"
    if isinstance(extra.get("tools"), str):
        notes["tools"] = "text"
    rejected = None if "chosen" in extra else take_rejected(extra, notes, parsed)
    record = record_of(parsed, system if notes.get("system") else None, rejected, extra, notes)
    if is_blank(record.question) and not options.allow_empty_prompt:
        raise RowError("The user message is empty.", code="blank_question")
    if not (options.allow_unanswered or record.answered or record.rejected_answer):
        raise RowError("The assistant message has no content.", code="blank_answer")
    return record


def _with_split_results(messages: list[Message]) -> list[Message]:
    """The messages with a result for each of several tool calls, where one message holds the list of them."""
    if not any(message.tool_calls and len(message.tool_calls) > 1 for message in messages):
        return messages
    split: list[Message] = []
    for place, message in enumerate(messages):
        calls = messages[place - 1].tool_calls if place else None
        is_last = place + 1 == len(messages) or messages[place + 1].role != "tool"
        texts = None
        if calls and len(calls) > 1 and is_last and message == Message("tool", message.text):
            texts = split_results(message.text or "", len(calls))
        split += [Message("tool", text) for text in texts] if texts else [message]
    return split


def record_of(
    messages: Sequence[Message],
    system: str | None,
    rejected: str | None,
    extra: dict[str, Any],
    notes: dict[str, Any],
) -> Record:
    """The record that a conversation means; what it has no place for is added to the notes.

    A leading system message is the system prompt, unless one is given. The question is the last user message that an
    assistant message follows; the answer is the last assistant message, or, where that calls a tool, it ends the trace.
    Messages behind the last assistant message are kept in the notes. Raises RowError without a user or an assistant.
    """
    start = 0
    if messages and system is None and messages[0].text is not None:
        first = messages[0]
        if first.role == "system" and first == Message(first.role, first.text):
            system, start = first.text, 1
    end = _last_of(messages, "assistant", len(messages))
    asked = _last_of(messages, "user", len(messages) if end is None else end)
    if end is None or asked is None:
        has_user = any(message.role == "user" for message in messages)
        if end is None:
            said = "There is no assistant message." if has_user else "There is no user and no assistant message."
            raise RowError(said, code="no_answer")
        said = "There is no user message before the assistant's answer." if has_user else "There is no user message."
        raise RowError(said, code="no_question")
    question, answer = messages[asked], messages[end]
    trace = tuple(messages[asked + 1 : end])
    text = ""
    if answer.tool_calls:
        trace = (*trace, answer)
    else:
        if answer.text is None:
            raise RowError("The assistant message has no content.", code="blank_answer")
        text = answer.text
        note_message(notes, "answer", answer)
    if question.text is None:
        raise RowError("The user message has no content.", code="blank_question")
    note_message(notes, "question", question)
    if end + 1 < len(messages):
        notes["trailing"] = trailing_note(messages[end + 1 :])
    return Record(
        system=system,
        turns=tuple(messages[start:asked]),
        question=question.text,
        trace=trace,
        answer=text,
        rejected_answer=rejected,
        extra=with_notes(extra, notes),
        reasoning=None if answer.tool_calls else answer.reasoning,
    )


def _last_of(messages: Sequence[Message], role: str, before: int) -> int | None:
    return next((place for place in range(before - 1, -1, -1) if messages[place].role == role), None)


def note_message(notes: dict[str, Any], side: str, message: Message) -> None:
    """Keep what the message of the question or of an answer carries besides its text."""
    note: dict[str, Any] = {key: getattr(message, key) for key in NOTED if getattr(message, key) is not None}
    if message.extra:
        note["extra"] = message.extra
    if note:
        notes[side] = note


def turns_in(history: Any) -> tuple[Message, ...]:
    """Earlier turns from a list of pairs of texts, or of messages; JSON text of one as well. Raises RowError."""
    found = unpacked(history)
    if not found:
        return ()
    if is_chat(found):
        return tuple(read_message(message, place, {}) for place, message in enumerate(found))
    turns: list[Message] = []
    for pair in found if isinstance(found, list) else [None]:
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(text) is str for text in pair)):
            raise RowError("The history is not a list of question and answer texts.", code="bad_history")
        turns += (Message("user", pair[0]), Message("assistant", pair[1]))
    return tuple(turns)


def _without_made_ids(messages: list[Message]) -> list[Message]:
    """The messages without ids that ``with_call_ids`` gives again: what was written so comes back as it was stored."""
    if not any(message.tool_calls for message in messages):
        return messages
    bare = []
    for message in messages:
        calls = message.tool_calls
        if calls and all(isinstance(call, dict) for call in calls):
            calls = [{key: one for key, one in call.items() if key != "id" or not is_made_id(one)} for call in calls]
        result = None if is_made_id(message.tool_call_id) else message.tool_call_id
        bare.append(replace(message, tool_calls=calls, tool_call_id=result))
    if bare == messages or with_call_ids(list(map(message_row, bare))) != list(map(message_row, messages)):
        return messages
    return bare


def chat_messages(record: Record, options: LayoutOptions) -> list[dict[str, Any]]:
    """All messages of a record in OpenAI's form; with ``keep_extra`` also parts as they came, and what followed.

    A system prompt that stood beside the messages stands first.
    """
    notes = notes_of(record)
    messages = messages_of(record)
    if record.system is not None:
        messages = (Message("system", record.system), *messages)
    if options.keep_extra:
        messages = (*messages, *trailing_of(record))
    # A system prompt that stood beside the messages did not count when places were noted.
    shift = 1 if notes.get("system") == "beside" and record.system is not None else 0
    parts, keys, blanks = (notes.get(name, {}) for name in ("parts", "reasoning", "no-reasoning"))
    rows = []
    for place, message in enumerate(messages, -shift):
        at = str(place)
        row = message_row(message, parts.get(at), keys.get(at, REASONING_KEYS[0]), exact=options.keep_extra)
        if options.keep_extra:
            row.update((key, value) for key, value in blanks.get(at, {}).items() if key not in row)
        rows.append(row)
    return with_call_ids(rows)


def message_row(
    message: Message, parts: Any = None, reasoning_key: str = REASONING_KEYS[0], *, exact: bool = False
) -> dict[str, Any]:
    """A message in OpenAI's form, with its parts as they came where they still say the same."""
    out: dict[str, Any] = {"role": message.role}
    if message.text is not None:
        same = parts is not None and text_of_parts(parts) == message.text
        usual = same and parts and all(part.keys() == _TEXT_PART for part in parts)
        out["content"] = parts if usual or (same and exact) else message.text
    if message.reasoning is not None:
        out[reasoning_key] = message.reasoning
    for key in ("name", "weight", "tool_calls", "tool_call_id"):
        value = getattr(message, key)
        if value is not None:
            out[key] = value
    for key, value in message.extra.items():
        # Reasoning that came before there was a field for it stands there; what was written later replaces it.
        # Tables of many rows fill in keys that say nothing; only the text beside a tool call may be missing so.
        if exact or key == "content" or (value is not None and not (key == "tool_calls" and value == [])):
            out.setdefault(key, value)
    return out


def take_system_beside(record: Record, messages: list[dict[str, Any]], options: LayoutOptions) -> dict[str, Any]:
    """The column of a system prompt that stood beside the messages, taken out of these; empty where there was none."""
    if options.keep_extra and notes_of(record).get("system") == "beside" and record.system is not None:
        return {"system": messages.pop(0)["content"]}
    return {}


def messages_in(row: Mapping[str, Any], container: str) -> list[Any]:
    """The list of messages of a row. Raises RowError where there is none."""
    messages = unpacked(row.get(container))
    if type(messages) is not list or not messages:
        raise RowError("There is no list of messages.", code="no_messages")
    return messages

"""A list of messages taken apart into a record, and put together again."""

from collections.abc import Sequence
from typing import Any

from app.core.layouts.base import NOTED, RowError, trailing_note
from app.core.record import Message, Record
from app.core.text import is_blank


def record_of(
    messages: Sequence[Message], *, system: str | None = None, extra: dict[str, Any], notes: dict[str, Any]
) -> Record:
    """The record that a conversation means; ``notes`` is filled with what the record has no place for.

    A leading system message is the system prompt, unless one is given. The question is the last user message that an
    assistant message follows; the answer is the last assistant message, or, where that calls a tool, it ends the trace.
    Messages behind the last assistant message are kept in the notes. Raises RowError without a user or an assistant.
    """
    start = 0
    if messages and messages[0].role == "system" and system is None and _is_plain(messages[0]):
        system, start = messages[0].text, 1
    end = _last(messages, "assistant", len(messages))
    asked = _last(messages, "user", end if end is not None else len(messages))
    if end is None or asked is None:
        raise RowError(_missing(messages, end is None), code="no_answer" if end is None else "no_question")
    question, answer = messages[asked], messages[end]
    trace = tuple(messages[asked + 1 : end])
    text = ""
    if answer.tool_calls:
        trace = (*trace, answer)
    else:
        if answer.text is None:
            raise RowError("The assistant message has no content.", code="blank_answer")
        text = answer.text
        _note(notes, "answer", answer)
    if question.text is None:
        raise RowError("The user message has no content.", code="blank_question")
    _note(notes, "question", question)
    if end + 1 < len(messages):
        notes["trailing"] = trailing_note(messages[end + 1 :])
    return Record(
        system=system,
        turns=tuple(messages[start:asked]),
        question=question.text,
        trace=trace,
        answer=text,
        extra=extra,
    )


def _is_plain(message: Message) -> bool:
    return message.text is not None and message == Message(message.role, message.text)


def _last(messages: Sequence[Message], role: str, before: int) -> int | None:
    return next((place for place in range(before - 1, -1, -1) if messages[place].role == role), None)


def _missing(messages: Sequence[Message], no_assistant: bool) -> str:
    has_user = any(message.role == "user" for message in messages)
    if no_assistant:
        return "There is no assistant message." if has_user else "There is no user and no assistant message."
    return "There is no user message before the assistant's answer." if has_user else "There is no user message."


def _note(notes: dict[str, Any], side: str, message: Message) -> None:
    """Keep what the question or answer message carries besides its text."""
    note: dict[str, Any] = {key: getattr(message, key) for key in NOTED if getattr(message, key) is not None}
    if message.extra:
        note["extra"] = message.extra
    if note:
        notes[side] = note


def answered_or_refuse(record: Record, *, allow_unanswered: bool) -> None:
    """Raise RowError where a conversation has a blank question, or a blank answer that is not allowed."""
    if is_blank(record.question):
        raise RowError("The user message is empty.", code="blank_question")
    if not allow_unanswered and not record.answered:
        raise RowError("The assistant message has no content.", code="blank_answer")

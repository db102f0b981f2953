"""The record: one question-answer pair as a value, the one shape between all formats, layouts and checks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from app.core.text import is_blank

STATUSES = ("draft", "review", "approved", "rejected")
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation. ``tool_calls`` keeps the source's JSON value as decoded.

    ``reasoning`` is what an assistant thought before it said ``text``, never empty. ``extra`` holds message keys that
    have no place of their own, in order, so that rendering is lossless.
    """

    role: str
    text: str | None = None
    name: str | None = None
    weight: int | None = None
    tool_calls: list[Any] | None = None
    tool_call_id: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    reasoning: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A conversation is ``system + turns + question + trace + answer``; a plain pair has only question and answer.

    ``turns`` are the messages before the question, ``trace`` those between question and answer (tool calls and
    results), ``rejected_answer`` the worse answer of a preference pair, ``reasoning`` the thinking that leads to the
    answer (None or some text), ``extra`` every key of the source row that has no place of its own. ``system=None``
    (absent) differs from ``""``. ``source`` names the document that it comes from, ``family`` is shared by other
    wordings of one pair: they tell what belongs together, and nothing is learned from them.
    """

    question: str
    answer: str = ""
    system: str | None = None
    turns: tuple[Message, ...] = ()
    trace: tuple[Message, ...] = ()
    rejected_answer: str | None = None
    tags: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    reasoning: str | None = None
    source: str | None = None
    family: str | None = None

    @property
    def answered(self) -> bool:
        """Whether there is something to learn: a visible answer, or a trace that ends with a tool call."""
        if not is_blank(self.answer):
            return True
        return bool(self.trace) and self.trace[-1].role == "assistant" and bool(self.trace[-1].tool_calls)


class PlainPairs(NamedTuple):
    """Many pairs that have nothing but texts, column by column: the quick form for millions."""

    systems: Sequence[str | None]
    questions: Sequence[str]
    answers: Sequence[str]


def message_to_json(message: Message) -> dict[str, Any]:
    """The stored JSON form of a message: only the keys that are set."""
    out: dict[str, Any] = {"role": message.role}
    for key in ("text", "reasoning", "name", "weight", "tool_calls", "tool_call_id"):
        value = getattr(message, key)
        if value is not None:
            out[key] = value
    if message.extra:
        out["extra"] = message.extra
    return out


def message_from_json(value: dict[str, Any]) -> Message:
    """The inverse of ``message_to_json``."""
    return Message(**value)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def dump_messages(messages: tuple[Message, ...]) -> str | None:
    """The stored text of a tuple of messages; None when empty."""
    return _encode([message_to_json(m) for m in messages]).decode() if messages else None


def load_messages(text: str | None) -> tuple[Message, ...]:
    """The inverse of ``dump_messages``."""
    return tuple(message_from_json(m) for m in _decode(text)) if text else ()


def dump_json(value: Any) -> str | None:
    """Compact JSON text with keys in order; None for an empty value."""
    return _encode(value).decode() if value else None


def load_json(text: str | None, default: Any) -> Any:
    """The inverse of ``dump_json``."""
    return _decode(text) if text else default

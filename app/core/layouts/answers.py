"""Better and worse answers in any shape: a text, a message, a chat that repeats its prompt, or JSON text of these."""

import re
from collections.abc import Sequence
from typing import Any

from app.core.layouts.base import RowError
from app.core.layouts.messages import read_message
from app.core.layouts.shapes import is_chat, is_message, unpacked
from app.core.reasoning import KEYS
from app.core.record import Message

BETTER = ("preferred_output", "preferred_completion", "chosen", "chosen_messages", "chosen_response", "chosen_answer")
WORSE = ("non_preferred_output", "non_preferred_completion")
REJECTED = ("rejected_response", "rejected_answer", "rejected_messages", "rejected")
# Columns whose messages are an answer or a prompt rather than a conversation.
ANSWERS = frozenset({*BETTER, *WORSE, *REJECTED, "prompt", "completion", "history", "input"})
# Anthropic's HH-RLHF: “\n\nHuman: …\n\nAssistant: …”.
_SPEAKERS = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant):[ ]?")


def unpack_answer(value: Any) -> Any:
    """The messages of an answer: a list, ``{"messages": […]}``, JSON text of these, or a transcript; else itself."""
    if isinstance(value, str) and value[:1] not in ("[", "{"):
        return ("Human:" in value and transcript_messages(value)) or value
    found = unpacked(value)
    if isinstance(found, dict) and is_chat(found.get("messages")):
        return unpacked(found["messages"])
    return found if is_chat(found) or is_message(found) else value


def transcript_messages(text: str, last: str = "Assistant") -> list[dict[str, Any]] | None:
    """The messages of a transcript in HH-RLHF's form that begins with a question; None for any other text.

    It ends with what ``last`` says; an empty answer at the end of a prompt is left away.
    """
    parts = _SPEAKERS.split(text)
    if len(parts) > 5 and parts[-2] == "Assistant" and last == "Human" and not parts[-1].strip():
        del parts[-2:]
    if len(parts) < 3 or parts[0].strip() or parts[1] != "Human" or parts[-2] != last:
        return None
    roles = {"Human": "user", "Assistant": "assistant"}
    return [{"role": roles[who], "content": said} for who, said in zip(parts[1::2], parts[2::2], strict=True)]


def is_answer(value: Any) -> bool:
    """Whether a value can be an answer: a text that is not empty, a message, or messages; never a number or a flag."""
    return (isinstance(value, str) and bool(value)) or is_message(unpacked(value)) or is_chat(unpack_answer(value))


def answer_message(value: Any, before: Sequence[Message]) -> dict[str, Any]:
    """The message that a value holds behind the messages ``before``, which it may repeat. Raises RowError."""
    found = unpack_answer(value)
    if isinstance(found, str):
        return {"role": "assistant", "content": found}
    if isinstance(found, dict) and is_message(found):
        found = [found]
    if not is_chat(found):
        raise RowError("An answer is neither a text nor a message.", code="not_text")
    if len(found) > 1:
        start = [read_message(message, place, {}) for place, message in enumerate(found[:-1])]
        if [(m.role, m.text) for m in start] != [(m.role, m.text) for m in before[-len(start) :]]:
            raise RowError("An answer has several messages; one is expected.", code="bad_message")
    return dict(found[-1])


def read_answer(value: Any, before: Sequence[Message]) -> Message:
    """The answer that a value holds, as a message with a text. Raises RowError."""
    answer = read_message(answer_message(value, before), 0, {})
    if answer.role != "assistant" or answer.text is None or answer.tool_calls:
        raise RowError("An answer has no text.", code="blank_answer")
    return answer


def keys_of(answer: Message) -> dict[str, Any]:
    """What the message of a worse answer carries besides its text; its reasoning has no field."""
    return {**answer.extra, **({KEYS[0]: answer.reasoning} if answer.reasoning is not None else {})}


def take_rejected(extra: dict[str, Any], notes: dict[str, Any], messages: Sequence[Message]) -> str | None:
    """The worse answer that stands beside a conversation or pair, taken out of ``extra``; None where there is none.

    ``messages`` end with the better answer. What is more than a text is noted.
    """
    name = next((name for name in REJECTED if name in extra and is_answer(extra[name])), None)
    if name is None:
        return None
    value = extra[name]
    before = messages[:-1] if messages and messages[-1].role == "assistant" else messages
    answer = read_answer(value, before)
    del extra[name]
    more = keys_of(answer)
    notes["rejected"] = {"column": name, **({"extra": more} if more else {})}
    if not isinstance(value, str) or answer.text != value:
        notes["rejected"]["value"] = value
    return answer.text


def rejected_column(rejected: str | None, notes: dict[str, Any], messages: Sequence[Message]) -> dict[str, Any]:
    """The column of the worse answer as it stood beside a pair, or as text where it was edited."""
    note = notes.get("rejected")
    if not isinstance(note, dict) or "column" not in note or rejected is None:
        return {}
    if "value" in note and read_answer(note["value"], messages).text == rejected:
        return {note["column"]: note["value"]}
    return {note["column"]: rejected}

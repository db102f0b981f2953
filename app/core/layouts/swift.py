"""MS-Swift's pairs of turns: ``{"system": "…", "conversation": [{"human": "…", "assistant": "…"}]}``.

Source: the format conversion tools of data-juicer. The last pair is the question and the answer.
"""

from typing import Any

from app.core.layouts.base import (
    Layout,
    LayoutOptions,
    RowError,
    checked,
    columns_of,
    notes_of,
    question_and_answer_turns,
    text_answer,
    with_columns,
    with_notes,
)
from app.core.layouts.shapes import Row, unpacked
from app.core.reasoning import with_thinking
from app.core.record import Message, Record


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a row of pairs. Raises RowError."""
    container = "conversation" if "conversation" in row else "conversations"
    pairs = unpacked(row.get(container))
    if not isinstance(pairs, list) or not pairs:
        raise RowError("There is no list of conversations.", code="no_messages")
    texts = [_texts_of_pair(pair, place) for place, pair in enumerate(pairs)]
    extra = columns_of(row, (container, "system"))
    notes: dict[str, Any] = {"form": "swift", "container": container}
    if any(len(pair) > 2 for pair in pairs):
        notes["pairs"] = pairs
    given = row.get("system")
    system = given if isinstance(given, str) and given else None
    if "system" in row and system is None:
        extra["system"] = given
    turns = tuple(
        message for asked, said in texts[:-1] for message in (Message("user", asked), Message("assistant", said))
    )
    question, answer = texts[-1]
    return checked(Record(question, answer, system, turns, extra=with_notes(extra, notes)), options)


def _texts_of_pair(pair: Any, place: int) -> tuple[str, str]:
    if not isinstance(pair, dict) or not all(type(pair.get(key)) is str for key in ("human", "assistant")):
        raise RowError(f"Turn {place + 1} has no human or assistant text.", code="blank_answer")
    return pair["human"], pair["assistant"]


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of pairs of a record. Raises RowError where the answer is a tool call."""
    notes = notes_of(record)
    texts = [
        *question_and_answer_turns(record),
        (record.question, with_thinking(record.reasoning, text_answer(record, "MS-Swift"))),
    ]
    pairs = [{"human": asked, "assistant": said} for asked, said in texts]
    original = notes.get("pairs")
    if (
        options.keep_extra
        and original
        and [_texts_of_pair(pair, place) for place, pair in enumerate(original)] == texts
    ):
        pairs = original
    own = options.keep_extra and notes.get("form") == "swift"
    row: dict[str, Any] = {} if record.system is None else {"system": record.system}
    row[notes["container"] if own else "conversation"] = pairs
    return with_columns(row, record, options)


SWIFT = Layout(
    "swift",
    "MS-Swift conversation",
    parse,
    render,
    frozenset({"system", "turns", "reasoning"}),
    ("system", "conversation"),
    {
        "system": "Answer briefly.",
        "conversation": [{"human": "How do I reset my password?", "assistant": "Choose “Forgot password”."}],
    },
    alternates=True,
)

"""Prompts with the answer that a grader compares with: ``{"messages": [… user], "reference_answer": "…", "tools"}``.

Source: FineTuneReinforcementRequestInput of OpenAI's API description, and Amazon's prompts for reinforcement. The
messages end with the user; all other keys are the grader's own.
"""

from dataclasses import replace
from typing import Any

from app.core.layouts import openai
from app.core.layouts.base import (
    CHAT,
    Layout,
    LayoutOptions,
    RowError,
    notes_of,
    text_answer,
    text_of,
    with_columns,
)
from app.core.layouts.conversation import chat_messages
from app.core.layouts.functions import tools_in, without_nulls
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row, is_chat, unpacked
from app.core.layouts.whole import note_row, row_as_came
from app.core.reasoning import KEYS as REASONING_KEYS
from app.core.record import Record

_ANSWER = "reference_answer"


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a prompt with its reference. Raises RowError."""
    messages = unpacked(row.get("messages"))
    if not is_chat(messages):
        raise RowError("There is no list of messages.", code="no_messages")
    answer = text_of(row.get(_ANSWER), "reference answer", replace(options, objects=True))
    rest = {name: value for name, value in row.items() if name != _ANSWER}
    record = openai.parse({**rest, "messages": [*messages, {"role": "assistant", "content": answer}]}, options)
    return note_row(record, row, render)


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of a record. Raises RowError where the answer is a tool call, with which nothing is compared."""
    if options.keep_extra and (came := row_as_came(record, parse)) is not None:
        return came
    answer = text_answer(record, "a reference answer")
    behind = len(notes_of(record).get("trailing", ())) if options.keep_extra else 0
    prompt = chat_messages(record, options)
    # A model that is trained to reason makes its own: none is given.
    messages = [
        {key: value for key, value in message.items() if key not in REASONING_KEYS}
        for message in prompt[: len(prompt) - behind - 1]
    ]
    row: dict[str, Any] = {"messages": messages, _ANSWER: answer}
    if tools := tools_in(record.extra.get("tools")):
        row["tools"] = without_nulls(tools)
    return with_columns(row, record, options, ("tools",), REFERENCE.keys)


def recognises(sample: Sample) -> Claim | None:
    """Whether rows have a prompt of messages with its reference."""

    def fits(row: Row) -> bool:
        return row.get(_ANSWER) is not None and is_chat(row.get("messages"))

    rows = sample.count(fits)
    return sample.claim("each prompt has a reference answer", rows, "messages", _ANSWER, "tools")


REFERENCE = Layout(
    "reference",
    "Prompts with a reference answer (RFT)",
    parse,
    render,
    CHAT - {"reasoning"},
    ("messages", _ANSWER, "tools"),
    {
        "messages": [{"role": "user", "content": "How do I reset my password?"}],
        _ANSWER: "Choose “Forgot password”.",
    },
    recognises,
    columns=frozenset({"tools"}),
    bare=frozenset({"answer"}),
)

"""Prompt and completion: two texts (OpenAI legacy, TRL standard) or two lists of messages (TRL conversational).

Source: TRL's dataset formats, OpenAI's CreateFineTuneCompletionInput. Texts are kept exactly, a leading blank of the
completion included.
"""

from dataclasses import replace
from typing import Any

from app.core.layouts.answers import REJECTED, rejected_column, take_rejected
from app.core.layouts.base import (
    Layout,
    LayoutOptions,
    Preset,
    RowError,
    as_came,
    checked,
    columns_of,
    messages_of,
    note_as_came,
    notes_of,
    take_reasoning,
    text_of,
    with_columns,
    with_notes,
    with_usual_names,
)
from app.core.layouts.conversation import chat_messages, parse_chat, take_system_beside, turns_in
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row, is_chat, unpacked
from app.core.reasoning import KEYS
from app.core.record import Message, Record

_TAKEN = ("prompt", "completion")
_NAMES = frozenset({*_TAKEN, "system", "history", "tools", *REJECTED})


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a prompt-completion row. Raises RowError."""
    prompt, completion = row.get("prompt"), row.get("completion")
    if len(row) == 2 and type(prompt) is str and type(completion) is str and prompt[:1] != "[":
        return checked(Record(prompt, completion), options)
    if (usual := with_usual_names(row, _NAMES)) is not row:
        return note_as_came(parse(usual, options), row, "prompt-completion", render)
    if prompt is None:
        raise RowError("There is no prompt text.", code="blank_question")
    if completion is None and not options.allow_unanswered:
        raise RowError("There is no completion text.", code="blank_answer")
    if is_chat(prompt) or is_chat(completion):
        asked = unpacked(prompt) if is_chat(prompt) else [{"role": "user", "content": prompt}]
        said = unpacked(completion) if is_chat(completion) else [{"role": "assistant", "content": completion}]
        rest = columns_of(row, _TAKEN)
        record = parse_chat([*asked, *said], rest, options, "")
        notes = {**notes_of(record), "completion": len(said)}
        record = replace(record, extra=with_notes(record.extra, notes))
    else:
        extra = columns_of(row, _TAKEN)
        # An empty text is how a table shows that there is none.
        system = extra.pop("system") if type(extra.get("system")) is str and extra["system"] else None
        turns = turns_in(extra.pop("history")) if isinstance(unpacked(extra.get("history")), list) else ()
        notes = {}
        question = text_of(prompt, "prompt", options, "prompt")
        rejected = take_rejected(extra, notes, [Message("user", question)])
        reasoning = take_reasoning(extra)
        answer = text_of(completion, "completion", options, "completion")
        extra = with_notes(extra, notes)
        record = Record(question, answer, system, turns, (), rejected, extra=extra, reasoning=reasoning)
    return checked(note_as_came(record, row, "prompt-completion", render), options)


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """Two texts for a plain pair, two lists of messages for a conversation or a pair that came so."""
    if options.keep_extra and (came := as_came(record, "prompt-completion", parse)) is not None:
        return came
    notes = notes_of(record)
    if not (record.turns or record.trace or "completion" in notes) and record.reasoning is None:
        row = {"prompt": record.question, "completion": record.answer}
        if record.system is not None:
            row["system"] = record.system
        if options.keep_extra:
            row.update(rejected_column(record.rejected_answer, notes, [Message("user", record.question)]))
        return with_columns(row, record, options, ("tools",))
    messages = chat_messages(record, options)
    row = take_system_beside(record, messages, options)
    if options.keep_extra:
        row.update(rejected_column(record.rejected_answer, notes, messages_of(record)[:-1]))
    behind = 0 if options.keep_extra else len(notes.get("trailing", ()))
    split = len(messages) - min(max(notes.get("completion", 1) - behind, 1), len(messages) - 1)
    return with_columns(
        {"prompt": messages[:split], "completion": messages[split:], **row}, record, options, ("tools",)
    )


def recognises(sample: Sample) -> Claim | None:
    """Whether rows have a prompt and a completion."""

    def fits(row: Row) -> bool:
        return row.get("prompt") is not None and row.get("completion") is not None

    reason = "each row has a prompt and a completion"
    return sample.claim(
        reason, sample.count(fits), "prompt", "completion", "system", "tools", "history", *REJECTED, *KEYS
    )


PROMPT_COMPLETION = Layout(
    "prompt-completion",
    "Prompt and completion",
    parse,
    render,
    frozenset({"system", "turns", "trace", "reasoning", "tools", "weights"}),
    ("prompt", "completion", "tools"),
    {"prompt": "How do I reset my password?", "completion": "Choose “Forgot password”."},
    recognises,
    (Preset("jsonl", "Prompt and completion", "JSONL for TRL and Together"),),
)

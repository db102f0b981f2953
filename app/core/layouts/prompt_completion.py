"""Prompt and completion: two texts (OpenAI legacy, TRL standard) or two lists of messages (TRL conversational).

Source: TRL's dataset formats, OpenAI's CreateFineTuneCompletionInput. Texts are kept exactly, a leading blank of the
completion included.
"""

from dataclasses import replace
from typing import Any

from app.core.layouts.base import (
    Layout,
    LayoutOptions,
    Preset,
    RowError,
    checked,
    columns_of,
    notes_of,
    unpacked,
    with_columns,
    with_notes,
)
from app.core.layouts.openai import parse_messages, render_messages
from app.core.layouts.sample import Claim, Row, Sample
from app.core.record import Record

_TAKEN = ("prompt", "completion")


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a prompt-completion row. Raises RowError."""
    prompt, completion = row.get("prompt"), row.get("completion")
    if _is_messages(unpacked(prompt)) and _is_messages(unpacked(completion)):
        return _conversational(unpacked(prompt), unpacked(completion), row, options)
    if type(prompt) is not str:
        raise RowError("There is no prompt text.", code="blank_question")
    if type(completion) is not str and not (completion is None and options.allow_unanswered):
        raise RowError("There is no completion text.", code="blank_answer")
    extra = columns_of(row, _TAKEN)
    # An empty text is how a table shows that there is none.
    system = extra.pop("system") if type(extra.get("system")) is str and extra["system"] else None
    return checked(Record(prompt, completion or "", system, extra=extra), options)


def _is_messages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and "role" in one for one in value)


def _conversational(prompt: list[Any], completion: list[Any], row: Row, options: LayoutOptions) -> Record:
    rest = columns_of(row, _TAKEN)
    record = parse_messages(prompt + completion, rest, options, container="")
    notes = {**notes_of(record), "completion": len(completion)}
    return replace(record, extra=with_notes(record.extra, notes))


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """Two texts for a plain pair, two lists of messages for a conversation or a pair that came so."""
    notes = notes_of(record)
    if not (record.turns or record.trace or "completion" in notes):
        row = {"prompt": record.question, "completion": record.answer}
        if record.system is not None:
            row["system"] = record.system
        return with_columns(row, record, options, ("tools",))
    messages = render_messages(record, options)
    row = {}
    if options.keep_extra and notes.get("system") == "beside" and record.system is not None:
        row["system"] = messages.pop(0)["content"]
    behind = 0 if options.keep_extra else len(notes.get("trailing", ()))
    split = len(messages) - min(max(notes.get("completion", 1) - behind, 1), len(messages) - 1)
    return with_columns(
        {"prompt": messages[:split], "completion": messages[split:], **row}, record, options, ("tools",)
    )


def recognises(sample: Sample) -> Claim | None:
    """Whether each row has a prompt and a completion."""
    if sample.has("prompt", "completion"):
        return sample.claim("each row has a prompt and a completion", "prompt", "completion")
    return None


PROMPT_COMPLETION = Layout(
    "prompt-completion",
    "Prompt and completion",
    parse,
    render,
    frozenset({"system", "turns", "trace", "tools", "weights"}),
    ("prompt", "completion", "tools"),
    {"prompt": "How do I reset my password?", "completion": "Choose “Forgot password”."},
    recognises,
    (Preset("jsonl", "Prompt and completion", "JSONL for TRL and Together"),),
)

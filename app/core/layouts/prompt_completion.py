"""Prompt and completion: two texts (OpenAI legacy, TRL standard) or two lists of messages (TRL conversational).

Source: TRL's dataset formats, OpenAI's CreateFineTuneCompletionInput. Texts are kept exactly, a leading blank of the
completion included.
"""

from typing import Any

from app.core.layouts.base import (
    Layout,
    LayoutOptions,
    Row,
    RowError,
    checked,
    notes_of,
    other_columns,
    unpacked,
    with_notes,
)
from app.core.layouts.openai import parse_messages, render_messages
from app.core.record import Record

OWN = frozenset({"prompt", "completion", "tools"})


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a prompt-completion row. Raises RowError."""
    prompt, completion = row.get("prompt"), row.get("completion")
    if _is_messages(unpacked(prompt)) and _is_messages(unpacked(completion)):
        return _conversational(unpacked(prompt), unpacked(completion), row, options)
    if type(prompt) is not str:
        raise RowError("There is no prompt text.", code="blank_question")
    if type(completion) is not str and not (completion is None and options.allow_unanswered):
        raise RowError("There is no completion text.", code="blank_answer")
    extra = {key: value for key, value in row.items() if key not in ("prompt", "completion")}
    # An empty text is how a table shows that there is none.
    system = extra.pop("system") if type(extra.get("system")) is str and extra["system"] else None
    return checked(Record(prompt, completion or "", system, extra=extra), options)


def _is_messages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and "role" in one for one in value)


def _conversational(prompt: list[Any], completion: list[Any], row: Row, options: LayoutOptions) -> Record:
    rest = {key: value for key, value in row.items() if key not in ("prompt", "completion")}
    record = parse_messages(prompt + completion, rest, options, container="")
    notes = {**notes_of(record), "completion": len(completion)}
    return Record(
        record.question,
        record.answer,
        record.system,
        record.turns,
        record.trace,
        None,
        record.tags,
        with_notes(record.extra, notes),
    )


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """Two texts for a plain pair, two lists of messages for a conversation or a pair that came so."""
    notes = notes_of(record)
    columns = other_columns(record, options, frozenset({"tools"}))
    if not (record.turns or record.trace or "completion" in notes):
        system = {} if record.system is None else {"system": record.system}
        return {"prompt": record.question, "completion": record.answer, **system, **columns}
    messages = render_messages(record, notes)
    split = len(messages) - min(notes.get("completion", 1), len(messages) - 1)
    return {"prompt": messages[:split], "completion": messages[split:], **columns}


PROMPT_COMPLETION = Layout(
    "prompt-completion",
    "Prompt and completion",
    parse,
    render,
    frozenset({"system", "turns", "trace", "tools", "weights"}),
    ("prompt", "completion", "tools"),
    '{"prompt": "…", "completion": "…"}',
)

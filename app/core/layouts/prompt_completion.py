"""Prompt and completion: two lists of messages (TRL conversational), or two texts (Together, Bedrock).

Source: TRL's dataset formats, OpenAI's CreateFineTuneCompletionInput. TRL goes by the first row of a file, so that all
rows must be of one kind; lists are written, because only they meet the chat template. Texts are kept exactly, a leading
blank of the completion included.
"""

from dataclasses import replace
from typing import Any

from app.core.layouts.answers import REJECTED, rejected_column, take_rejected
from app.core.layouts.base import (
    AFTER,
    CHAT,
    NOTES,
    Layout,
    LayoutOptions,
    RowError,
    as_came,
    checked,
    columns_of,
    messages_of,
    note_as_came,
    notes_of,
    take_reasoning,
    text_answer,
    text_of,
    with_columns,
    with_notes,
    with_usual_names,
)
from app.core.layouts.conversation import chat_messages, parse_chat, take_system_beside, turns_in
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row, is_chat, unpacked
from app.core.reasoning import KEYS, with_thinking
from app.core.record import Message, Record

_TAKEN = ("prompt", "completion")
_NAMES = frozenset({*_TAKEN, "system", "history", "tools", *REJECTED})


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a prompt-completion row. Raises RowError."""
    prompt, completion = row.get("prompt"), row.get("completion")
    if len(row) == 2 and type(prompt) is str and type(completion) is str and prompt[:1] != "[":
        return checked(Record(prompt, completion, extra={NOTES: {"texts": True}}), options)
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
        notes = {"texts": True}
        question = text_of(prompt, "prompt", options, "prompt")
        rejected = take_rejected(extra, notes, [Message("user", question)])
        reasoning = take_reasoning(extra)
        answer = text_of(completion, "completion", options, "completion")
        extra = with_notes(extra, notes)
        record = Record(question, answer, system, turns, (), rejected, extra=extra, reasoning=reasoning)
    return checked(note_as_came(record, row, "prompt-completion", render), options)


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """Two lists of messages; with ``keep_extra`` an unedited one comes back as it was, two texts for instance."""
    notes = notes_of(record)
    if options.keep_extra:
        if (came := as_came(record, "prompt-completion", parse)) is not None:
            return came
        if "texts" in notes and not (record.turns or record.trace) and record.reasoning is None:
            return render_texts(record, options)
    messages = chat_messages(record, options)
    row = take_system_beside(record, messages, options)
    if options.keep_extra:
        row.update(rejected_column(record.rejected_answer, notes, messages_of(record)[:-1]))
    behind = 0 if options.keep_extra else len(notes.get("trailing", ()))
    split = len(messages) - min(max(notes.get("completion", 1) - behind, 1), len(messages) - 1)
    row = {"prompt": messages[:split], "completion": messages[split:], **row}
    return with_columns(row, record, options, PROMPT_COMPLETION.columns, PROMPT_COMPLETION.keys)


def render_texts(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """Question and answer as two texts, reasoning before the answer, with ``keep_extra`` the system prompt beside.

    Raises RowError where the answer is a tool call.
    """
    answer = with_thinking(record.reasoning, text_answer(record, "a completion as text"))
    row: dict[str, Any] = {"prompt": record.question, "completion": answer}
    if options.keep_extra:
        if record.system is not None:
            row["system"] = record.system
        row.update(rejected_column(record.rejected_answer, notes_of(record), [Message("user", record.question)]))
    return with_columns(row, record, options, reserved=PROMPT_COMPLETION_TEXT.keys)


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
    CHAT,
    ("prompt", "completion", "tools"),
    {
        "prompt": [{"role": "user", "content": "How do I reset my password?"}],
        "completion": [{"role": "assistant", "content": "Choose “Forgot password”."}],
    },
    recognises,
    columns=frozenset({"tools"}),
    keeps=frozenset({"rejected answer", AFTER}),
    came="prompt-completion",
)
PROMPT_COMPLETION_TEXT = Layout(
    "prompt-completion-text",
    "Prompt and completion as texts",
    parse,
    render_texts,
    frozenset({"reasoning"}),
    ("prompt", "completion"),
    {"prompt": "How do I reset my password?", "completion": "Choose “Forgot password”."},
    keeps=frozenset({"system", "rejected answer"}),
)

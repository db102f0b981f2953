"""KTO: a prompt, one answer, and a label whether it is good.

TRL: ``{"prompt": [message], "completion": [message], "label": true}``; LLaMA-Factory: ``{"conversations": […],
"kto_tag": true}``. The pair itself is read in every layout that a pair can have. A bad answer is the rejected answer of
a pair that has no other; both layouts write a row for the answer and one for the rejected answer.
"""

from dataclasses import replace
from typing import Any

from app.core.layouts import alpaca, columns, openai, prompt_completion, sharegpt
from app.core.layouts.base import (
    AFTER,
    KEEPING,
    KEYS,
    NOTES,
    Layout,
    LayoutOptions,
    RowError,
    checked,
    free_name,
    notes_of,
    with_notes,
)
from app.core.layouts.dialect import TRL_DIALECT, held_by, write_row
from app.core.layouts.mapping import guess_columns
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row
from app.core.record import Record

_TAGS = ("kto_tag", "kto_label", "label")
_PAIRS = {
    "openai": openai,
    "sharegpt": sharegpt,
    "alpaca": alpaca,
    "prompt-completion": prompt_completion,
    "columns": columns,
}
_KEYS = (
    "prompt", "completion", "messages", "conversations", "instruction", "input", "output", "system", "history", "tools",
)  # fmt: skip
_PAIR_COLUMNS = frozenset({"completion", "messages", "conversations", "conversation", "output"})
_LABELS = {True: True, False: False, "true": True, "false": False, "desirable": True, "undesirable": False}
# Under a name that says so, a number is a label as well; “label” may be that of a class.
_NUMBERS = {1: True, 0: False, "1": True, "0": False}


def label_of(name: str, value: Any) -> bool | None:
    """Whether a label says that the answer is good; None where it is no such label."""
    if isinstance(value, str):
        value = value.strip().lower()
    if isinstance(value, bool) or (isinstance(value, str) and value in _LABELS):
        return _LABELS[value]
    return _NUMBERS.get(value) if name != "label" and isinstance(value, (str, int)) else None


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a labelled answer. Raises RowError."""
    name = next((name for name in _TAGS if name in row), None)
    good = None if name is None else label_of(name, row[name])
    if name is None or good is None:
        raise RowError("There is no label that is true or false.", code="no_label")
    rest = {key: value for key, value in row.items() if key != name}
    layout = _pair_layout(rest)
    mapping = _pair_columns(rest) if layout == "columns" else {}
    plain = LayoutOptions(mapping=mapping, alpaca_input=options.alpaca_input, objects=options.objects)
    record = _PAIRS[layout].parse(rest, plain)
    notes = notes_of(record)
    note: dict[str, Any] = {"column": name, "value": row[name], "layout": layout}
    if mapping:
        note["mapping"] = mapping
    if not good:
        if not record.answer:
            raise RowError("A tool call cannot be a bad answer.", code="tool_call_answer")
        # What the bad answer carries is not that of the good one that somebody may write.
        if "answer" in notes:
            note["answer"] = notes["answer"]
        if record.reasoning is not None:
            note["reasoning"] = record.reasoning
        notes = {key: value for key, value in notes.items() if key != "answer"}
        record = replace(record, answer="", rejected_answer=record.answer, reasoning=None)
    return checked(replace(record, extra=with_notes(record.extra, {**notes, "label": note})), options)


def _pair_layout(row: Row) -> str:
    if "instruction" in row:
        return "alpaca"
    if "prompt" in row and "completion" in row:
        return "prompt-completion"
    if "messages" in row:
        return "openai"
    return "columns" if _pair_columns(row) else "sharegpt"


def _pair_columns(row: Row) -> dict[str, str]:
    """The columns of a question, its answer and what is told of them by their names; empty where one is missing."""
    mapping = guess_columns(Sample([row])).mapping
    return mapping if {"question", "answer"} <= mapping.keys() else {}


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of the answer in TRL's form, or where there is none, of the rejected answer."""
    return _labelled(record, options)[0]


def render_tagged(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The same in LLaMA-Factory's form."""
    return _tagged(record, options)[0]


def _labelled(record: Record, options: LayoutOptions) -> list[dict[str, Any]]:
    """A row for the answer and one for the rejected answer, prompt and completion as lists of messages."""
    rows = []
    for one, good in _answers(record):
        row = _as_noted(one, good, options)
        if row is None:
            # TRL wants lists in every row of a file, also where it came as two texts.
            notes = {key: value for key, value in notes_of(one).items() if key != "texts"}
            extra = with_notes({key: value for key, value in one.extra.items() if key != NOTES}, notes)
            row = _with_label(prompt_completion.render(replace(one, extra=extra), options), "label", good)
        rows.append(row if options.keep_extra else write_row(row, TRL_DIALECT))
    return rows


def _tagged(record: Record, options: LayoutOptions) -> list[dict[str, Any]]:
    """A row for the answer and one for the rejected answer, as conversations with a tag."""
    return [
        _as_noted(one, good, options) or _with_label(sharegpt.render(one, options), "kto_tag", good)
        for one, good in _answers(record)
    ]


def _with_label(row: dict[str, Any], name: str, good: bool) -> dict[str, Any]:
    """The row with its label; another column of that name gets a number."""
    if name in row:
        row[free_name(name, row)] = row.pop(name)
    return {**row, name: good}


def _answers(record: Record) -> list[tuple[Record, bool]]:
    """The record with its answer alone, and with its rejected answer in the place of it. Raises RowError for none."""
    found: list[tuple[Record, bool]] = []
    if record.answered:
        found.append((replace(record, rejected_answer=None), True))
    if record.rejected_answer is not None:
        # What the two answers have beside their texts is not the same.
        notes = notes_of(record)
        thought = (notes.get("label") or {}).get("reasoning")
        more = (notes.get("rejected") or {}).get("extra")
        notes = {key: value for key, value in notes.items() if key not in ("answer", "rejected")}
        notes |= {"answer": {"extra": more}} if more else {}
        extra = with_notes({key: value for key, value in record.extra.items() if key != NOTES}, notes)
        worse = replace(record, answer=record.rejected_answer, rejected_answer=None, reasoning=thought, extra=extra)
        found.append((worse, False))
    if not found:
        raise RowError("The answer is empty.", code="blank_answer")
    return found


def _as_noted(record: Record, good: bool, options: LayoutOptions) -> dict[str, Any] | None:
    """The row as it came, where that is asked for and the label is the one that it came with."""
    notes = notes_of(record)
    note = notes.get("label")
    if not options.keep_extra or not isinstance(note, dict) or label_of(note["column"], note["value"]) is not good:
        return None
    rest = {key: value for key, value in notes.items() if key != "label"}
    if "answer" in note:
        rest["answer"] = note["answer"]
    extra = {key: value for key, value in record.extra.items() if key != NOTES}
    form = replace(KEEPING, mapping=note.get("mapping", {}))
    row = _PAIRS[note["layout"]].render(replace(record, extra=with_notes(extra, rest)), form)
    return {**row, note["column"]: note["value"]}


def recognises(sample: Sample) -> Claim | None:
    """Whether rows have an answer and a label that says whether it is good."""

    def fits(row: Row) -> bool:
        is_labelled = any(label_of(name, row.get(name)) is not None for name in _TAGS)
        return is_labelled and (not _PAIR_COLUMNS.isdisjoint(row) or bool(_pair_columns(row)))

    # A table of classes may have a few that read like labels.
    if any(row.get("label") is not None and label_of("label", row["label"]) is None for row in sample.rows):
        return None
    keys = (
        *_pair_columns(sample.rows[0]).values(),
        "prompt",
        "completion",
        "messages",
        "conversations",
        "instruction",
        "input",
        "output",
        "system",
        "history",
    )
    return sample.claim("each answer has a label whether it is good", sample.count(fits), *keys, "tools", *_TAGS)


TRL_KTO = Layout(
    "trl-kto",
    "KTO labels (TRL)",
    parse,
    render,
    held_by(TRL_DIALECT, "rejected answer"),
    ("prompt", "completion", "label", "tools"),
    {
        "prompt": [{"role": "user", "content": "How do I reset my password?"}],
        "completion": [{"role": "assistant", "content": "Choose “Forgot password”."}],
        "label": True,
    },
    recognises,
    labels=_labelled,
    columns=frozenset({"tools"}),
    keeps=frozenset({AFTER, "weights", KEYS}),
    message_keys=frozenset(TRL_DIALECT.keys),
)
KTO = Layout(
    "kto",
    "KTO labels (LLaMA-Factory)",
    parse,
    render_tagged,
    frozenset({"system", "turns", "trace", "reasoning", "tools", "weights", "rejected answer"}),
    ("conversations", "system", "tools", "kto_tag"),
    {
        "conversations": [
            {"from": "human", "value": "How do I reset my password?"},
            {"from": "gpt", "value": "Choose “Forgot password”."},
        ],
        "kto_tag": True,
    },
    labels=_tagged,
    columns=frozenset({"tools"}),
    keeps=frozenset({AFTER}),
)

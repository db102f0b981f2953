"""Alpaca: ``{"instruction", "input", "output", "system", "history"}``, as LLaMA-Factory reads it.

The question is the instruction, then the input on the next line (LLaMA-Factory's rule); the parts are noted, so that an
unedited pair is written back as it was. Dolly's ``context`` and ``response`` are understood as input and output.
"""

from typing import Any

from app.core.layouts.answers import REJECTED, read_answer, rejected_column, take_rejected
from app.core.layouts.base import (
    Layout,
    LayoutOptions,
    RowError,
    answer_text,
    as_came,
    checked,
    columns_of,
    note_as_came,
    notes_of,
    paired_turns,
    take_reasoning,
    text_answer,
    text_of,
    with_columns,
    with_notes,
    with_usual_names,
)
from app.core.layouts.conversation import turns_in
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row, unpacked
from app.core.reasoning import KEYS as REASONING_KEYS
from app.core.reasoning import with_thinking
from app.core.record import Message, Record

_OUTPUTS = ("output", "response", "chosen")
_INPUTS = ("input", "context")
OWN = frozenset({"instruction", "input", "output", "system", "history"})
_NAMES = frozenset({*OWN, *_OUTPUTS, *_INPUTS, *REJECTED})
_JOINTS = {"newline": "\n", "blank-line": "\n\n"}


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of an Alpaca row. Raises RowError."""
    instruction = row.get("instruction")
    if len(row) == 3 and type(instruction) is type(row.get("output")) is str and row.get("input") == "":
        return checked(Record(row["instruction"], row["output"]), options)
    if (usual := with_usual_names(row, _NAMES)) is not row:
        return note_as_came(parse(usual, options), row, "alpaca", render)
    if instruction is None and not options.allow_empty_prompt:
        raise RowError("There is no instruction.", code="blank_question")
    names = (_first_of(row, _INPUTS), _first_of(row, _OUTPUTS))
    given, output = row.get(names[0]), row.get(names[1])
    if output is None and not options.allow_unanswered:
        raise RowError("The output is missing.", code="blank_answer")
    notes: dict[str, Any] = {}
    question, system = text_of(instruction, "instruction", options, "instruction"), row.get("system")
    if given:
        text = text_of(given, "input", options, names[0])
        notes["alpaca"] = {"instruction": question, "input": given, "joint": options.alpaca_input}
        question, system = _join(question, text, system, options)
    extra = _rest(row, names, given, notes)
    history = row.get("history")
    turns = () if _is_remark(history) else turns_in(history)
    if _is_remark(history):
        extra["history"] = history
    asked = Message("user", question)
    reasoning = take_reasoning(extra)
    if names[1] == "chosen" and not isinstance(output, str):
        chosen = read_answer(output, [asked])
        answer, reasoning = chosen.text or "", chosen.reasoning or reasoning
    else:
        answer = text_of(output, "output", options, names[1])
    rejected = take_rejected(extra, notes, [asked])
    record = Record(
        system=system if isinstance(system, str) and system else None,
        turns=turns,
        question=question,
        answer=answer,
        rejected_answer=rejected,
        extra=with_notes(extra, notes),
        reasoning=reasoning,
    )
    if not (type(instruction) is type(output) is str) or row.get("history") or reasoning:
        record = note_as_came(record, row, "alpaca", render)
    return checked(record, options)


def _first_of(row: Row, names: tuple[str, ...]) -> str:
    return next((name for name in names if name in row), names[0])


def _join(instruction: str, text: str, system: Any, options: LayoutOptions) -> tuple[str, Any]:
    if options.alpaca_input == "system":
        return instruction, f"{system}\n\n{text}" if system else text
    return f"{instruction}{_JOINTS[options.alpaca_input]}{text}" if instruction else text, system


def _is_remark(history: Any) -> bool:
    """Whether what stands under “history” are no turns but a text about something else."""
    return isinstance(history, str) and bool(history) and not isinstance(unpacked(history), list)


def _rest(row: Row, names: tuple[str, str], given: Any, notes: dict[str, Any]) -> dict[str, Any]:
    """Columns without a place, and in the notes what the plain form of a row would not show."""
    extra = columns_of(row, (*OWN, *names))
    shape: dict[str, Any] = {}
    if names != ("input", "output"):
        shape["names"] = list(names)
    if not given and row.get(names[0], None) != "":
        shape["input"] = [row[names[0]]] if names[0] in row else []
    if "system" in row and not (isinstance(row["system"], str) and row["system"]):
        shape["system"] = row["system"]
    if "history" in row and (not row["history"] or isinstance(row["history"], str)) and not _is_remark(row["history"]):
        shape["history"] = row["history"]
    if shape:
        notes["alpaca-shape"] = shape
    return extra


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The Alpaca row of a record; with ``keep_extra`` an unedited one comes back under its own names.

    Raises RowError where the answer is a tool call.
    """
    answer = with_thinking(record.reasoning, text_answer(record, "Alpaca"))
    if not (record.extra or record.turns):
        plain: dict[str, Any] = {"instruction": record.question, "input": "", "output": answer}
        if record.system is not None:
            plain["system"] = record.system
        return plain
    if options.keep_extra and (came := as_came(record, "alpaca", parse)) is not None:
        return came
    notes = notes_of(record)
    shape = notes.get("alpaca-shape", {})
    names = shape.get("names") if options.keep_extra else None
    given_name, answer_name = names or ("input", "output")
    instruction, given, system = _parts(record, notes.get("alpaca"))
    if not options.keep_extra:
        given = text_of(given, "input")
    row: dict[str, Any] = {"instruction": instruction, given_name: given, answer_name: answer}
    if given == "" and "input" in shape and (options.keep_extra or not shape["input"]):
        row.pop(given_name)
        row.update((given_name, value) for value in shape["input"])
    if system is not None:
        row["system"] = system
    elif "system" in shape:
        row["system"] = shape["system"]
    history = shape.get("history")
    if history and options.keep_extra and turns_in(history) == record.turns:
        row["history"] = history
    elif record.turns:
        row["history"] = [[asked.text, answer_text(said)] for asked, said in paired_turns(record.turns)]
    elif "history" in shape and not history:
        row["history"] = history
    if options.keep_extra:
        row.update(rejected_column(record.rejected_answer, notes, [Message("user", record.question)]))
    return with_columns(row, record, options, reserved=OWN)


def _parts(record: Record, noted: Any) -> tuple[str, Any, str | None]:
    """Instruction, input and system as they came, where joining them still gives the record's texts."""
    if isinstance(noted, dict):
        options = LayoutOptions(alpaca_input=noted.get("joint", "newline"))
        text = text_of(noted["input"], "input")
        if options.alpaca_input == "system":
            if record.question == noted["instruction"] and record.system == text:
                return record.question, noted["input"], None
            if record.system is not None and record.system.endswith("\n\n" + text):
                return record.question, noted["input"], record.system.removesuffix("\n\n" + text)
        elif _join(noted["instruction"], text, None, options)[0] == record.question:
            return noted["instruction"], noted["input"], record.system
    return record.question, "", record.system


def recognises(sample: Sample) -> Claim | None:
    """Whether rows have an instruction and an output, or answers to choose from."""

    def fits(row: Row) -> bool:
        return isinstance(row.get("instruction"), str) and any(row.get(name) is not None for name in _OUTPUTS)

    reason = "each row has an instruction and an output"
    return sample.claim(reason, sample.count(fits), *_OUTPUTS, *_INPUTS, *OWN, *REJECTED, *REASONING_KEYS)


ALPACA = Layout(
    "alpaca",
    "Alpaca",
    parse,
    render,
    frozenset({"system", "turns", "reasoning"}),
    ("instruction", "input", "output", "system", "history"),
    {
        "instruction": "How do I reset my password?",
        "input": "",
        "output": "Choose “Forgot password”.",
        "system": "Answer briefly.",
    },
    recognises,
    alternates=True,
    keeps=frozenset({"rejected answer"}),
    came="alpaca",
)

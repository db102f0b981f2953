"""Columns: one column holds the question, one the answer; others are mapped or kept as they are.

Our own tables have the columns id, system, question, answer, reasoning, rejected_answer, tags, status, split,
turns_json and trace_json.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.core.layouts.base import (
    Layout,
    LayoutOptions,
    Preset,
    RowError,
    checked,
    columns_of,
    notes_of,
    text_of,
    with_columns,
    with_notes,
)
from app.core.layouts.sample import Row
from app.core.record import SPLITS, STATUSES, PlainPairs, Record, dump_messages, load_messages
from app.core.text import all_visible

STANDARD = {
    "question": "question",
    "answer": "answer",
    "system": "system",
    "tags": "tags",
    "status": "status",
    "split": "split",
    "reasoning": "reasoning",
    "rejected_answer": "rejected_answer",
}
_TAKEN = ("question", "answer", "system", "tags", "reasoning", "rejected_answer")
OWN = (
    "id",
    "system",
    "question",
    "answer",
    "reasoning",
    "rejected_answer",
    "tags",
    "status",
    "split",
    "turns_json",
    "trace_json",
)


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a row of columns. Raises RowError."""
    mapping = options.mapping or {"question": "question", "answer": "answer"}
    question, answer = row.get(mapping["question"]), row.get(mapping.get("answer", ""))
    if type(question) is str and type(answer) is str and len(row) == 2 and len(mapping) == 2:
        return checked(Record(question, answer), options)
    if question is None and mapping["question"] not in row:
        raise RowError(f"There is no field “{mapping['question']}”.", code="blank_question")
    return checked(_record(row, mapping), options)


def are_plain(mapping: Mapping[str, str]) -> bool:
    """Whether the mapping speaks of nothing but question and answer."""
    return not mapping or mapping.keys() == {"question", "answer"}


def plain_pairs(
    names: Sequence[str], records: Sequence[Sequence[str]] | None, mapping: Mapping[str, str]
) -> PlainPairs | None:
    """The pairs of the records of a table that ``parse`` would make of their rows, several times as quickly.

    None where the table has other columns as well, or where any record has an empty text or other fields.
    """
    question, answer = mapping.get("question", "question"), mapping.get("answer", "answer")
    if not records or {*map(len, records)} != {2} or len(names) != 2 or {*names} != {question, answer}:
        return None
    questions, answers = zip(*records, strict=True)
    if names[0] == answer:
        questions, answers = answers, questions
    visible = all_visible(questions) and all_visible(answers)
    return PlainPairs([None] * len(records), questions, answers) if visible else None


def _record(row: Row, mapping: Any) -> Record:
    used = {mapping[target] for target in _TAKEN if target in mapping}
    notes: dict[str, Any] = {}
    texts = {side: _text(row, mapping.get(side), side, notes) for side in ("question", "answer", "rejected_answer")}
    question = texts["question"] or ""
    passage = mapping.get("passage")
    if passage and row.get(passage) not in (None, "", []):
        notes["passage"] = {"passage": row[passage], "question": question}
        question = _with_passage(row[passage], question)
        used.add(passage)
    turns, trace = row.get("turns_json"), row.get("trace_json")
    used.update(name for name, cell in (("turns_json", turns), ("trace_json", trace)) if cell and isinstance(cell, str))
    system, tags = row.get(mapping.get("system", "")), row.get(mapping.get("tags", ""))
    found = split_tags(tags)
    if tags is not None and tags != join_tags(found):
        notes.setdefault("values", {})["tags"] = tags
    if system is not None and not (isinstance(system, str) and system):
        notes.setdefault("values", {})["system"] = system
    reasoning = row.get(mapping.get("reasoning", ""))
    if reasoning is not None and type(reasoning) is not str:
        # Steps as objects and the like stay beside the pair.
        used.discard(mapping["reasoning"])
        reasoning = None
    elif not reasoning and mapping.get("reasoning") in row:
        notes.setdefault("values", {})["reasoning"] = reasoning
    return Record(
        question=question,
        answer=texts["answer"] or "",
        system=text_of(system, "system prompt") if system not in (None, "") else None,
        turns=_messages(turns),
        trace=_messages(trace),
        rejected_answer=texts["rejected_answer"] or None,
        tags=found,
        extra=with_notes(columns_of(row, used), notes),
        reasoning=reasoning or None,
    )


def _with_passage(passage: Any, question: str) -> str:
    return text_of(passage, "passage") + "\n\n" + question


def _text(row: Row, column: str | None, side: str, notes: dict[str, Any]) -> str | None:
    """A cell as text; what was no text is noted, so that it is written back as it was."""
    if column is None or column not in row:
        return None
    value = row[column]
    text = text_of(value, side.replace("_", " "))
    if type(value) is not str and not (value is None and side == "rejected_answer"):
        notes.setdefault("values", {})[side] = value
    return text


def _messages(cell: Any) -> Any:
    if not cell or not isinstance(cell, str):
        return ()
    try:
        return load_messages(cell)
    except (msgspec.MsgspecError, TypeError) as error:
        raise RowError("The column of earlier turns is not a list of messages.", code="bad_message") from error


def split_tags(cell: Any) -> tuple[str, ...]:
    """Tags of a cell: a list, JSON text of one, or names between semicolons (else commas)."""
    if isinstance(cell, str) and cell.startswith("["):
        with contextlib.suppress(msgspec.MsgspecError):
            cell = msgspec.json.decode(cell)
    if isinstance(cell, list):
        names = [str(item) for item in cell]
    elif isinstance(cell, str):
        names = cell.split(";" if ";" in cell else ",")
    else:
        return ()
    return tuple(dict.fromkeys(" ".join(name.split()) for name in names if name.strip()))


def join_tags(tags: tuple[str, ...]) -> str:
    """Tags as one cell that ``split_tags`` takes apart again."""
    if any(";" in tag or "," in tag for tag in tags) or (tags and tags[0].startswith("[")):
        return msgspec.json.encode(list(tags)).decode()
    return "; ".join(tags)


def status_of(row: Row, options: LayoutOptions) -> str | None:
    """The status that a row gives, where it is one of ours."""
    value = row.get(options.mapping.get("status", "status"))
    return value if value in STATUSES else None


def split_of(row: Row, options: LayoutOptions) -> str | None:
    """The split that a row gives, where it is one of ours."""
    value = row.get(options.mapping.get("split", "split"))
    return value if value in SPLITS else None


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of a record: question and answer, and of the other columns those that have something to say."""
    mapping = options.mapping or STANDARD
    names = {target: mapping.get(target, target) for target in STANDARD}
    row: dict[str, Any] = {names["question"]: record.question, names["answer"]: record.answer}
    if record.system is not None:
        row[names["system"]] = record.system
    if record.reasoning is not None:
        row[names["reasoning"]] = record.reasoning
    if not (record.turns or record.trace or record.tags or record.extra) and record.rejected_answer is None:
        return row
    if record.rejected_answer is not None:
        row[names["rejected_answer"]] = record.rejected_answer
    if record.tags:
        row[names["tags"]] = join_tags(record.tags)
    if record.turns:
        row["turns_json"] = dump_messages(record.turns)
    if record.trace:
        row["trace_json"] = dump_messages(record.trace)
    if not record.extra:
        return row
    _restore(row, names, record, mapping)
    return with_columns(row, record, _KEEPING)


_KEEPING = LayoutOptions(keep_extra=True)


def _restore(row: dict[str, Any], names: dict[str, str], record: Record, mapping: Any) -> None:
    """Put back values that were no texts, and the passage into its own column, where the record still says the same."""
    notes = notes_of(record)
    passage = notes.get("passage")
    if passage and "passage" in mapping and record.question == _with_passage(passage["passage"], passage["question"]):
        row[names["question"]], row[mapping["passage"]] = passage["question"], passage["passage"]
    for side, value in notes.get("values", {}).items():
        if _says(side, value, record, row.get(names[side])):
            row[names[side]] = value


def _says(side: str, value: Any, record: Record, shown: Any) -> bool:
    """Whether the value that stood in a cell still says what the record says."""
    if side == "tags":
        return split_tags(value) == record.tags
    return text_of(value, side) == (shown or "")


COLUMNS = Layout(
    "columns",
    "Columns",
    parse,
    render,
    frozenset({"system", "turns", "trace", "reasoning", "tools", "rejected answer", "tags", "other columns"}),
    OWN,
    {
        "id": "1",
        "question": "How do I reset my password?",
        "answer": "Choose “Forgot password”.",
        "tags": "account; login",
    },
    presets=(
        Preset("csv", "CSV", "Exact: question, answer, tags and more"),
        Preset("csv-excel", "CSV for Excel", "Marked as UTF-8, formulas made safe"),
        Preset("xlsx", "Excel workbook", "Every cell is text"),
        Preset("jsonl", "JSONL of columns", "question, answer and all other columns"),
        Preset("parquet", "Parquet", "Text columns, small files"),
        Preset("sqlite", "SQLite", "One table, with the view messages"),
    ),
)

"""Columns: one column holds the question, one the answer; others are mapped or kept as they are.

Our own tables have the columns id, system, question, answer, reasoning, rejected_answer, tags, status, split, source,
family, turns_json and trace_json.
"""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from app.core.layouts.answers import is_answer, read_answer
from app.core.layouts.base import (
    CHAT,
    KEEPING,
    Layout,
    LayoutOptions,
    RowError,
    checked,
    columns_of,
    notes_of,
    text_of,
    with_columns,
    with_notes,
)
from app.core.layouts.conversation import turns_in
from app.core.layouts.mapping import OPTIONAL, PROVENANCE, fits_target, is_key, is_translation, target_of
from app.core.layouts.paths import has_value, steps_of, value_at, with_value_at
from app.core.layouts.shapes import Row, is_history
from app.core.record import SPLITS, STATUSES, Message, PlainPairs, Record, dump_messages, load_messages
from app.core.text import all_visible

STANDARD = {
    "question": "question",
    "answer": "answer",
    "system": "system",
    "tags": "tags",
    "status": "status",
    "split": "split",
    "source": "source",
    "family": "family",
    "reasoning": "reasoning",
    "rejected_answer": "rejected_answer",
    "history": "history",
}
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
    "source",
    "family",
    "turns_json",
    "trace_json",
)


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a row of columns. Raises RowError."""
    mapping = options.mapping or {"question": "question", "answer": "answer"}
    if options.allow_empty_prompt and "question" not in mapping:
        return checked(_record_of(row, mapping, options), options)
    question, answer = row.get(mapping["question"]), row.get(mapping.get("answer", ""))
    if type(question) is str and type(answer) is str and len(row) == 2 and len(mapping) == 2:
        return checked(Record(question, answer), options)
    if options.columns is not None and not options.columns.issuperset(row):
        mapping = _with_late_columns(mapping, row, options.columns)
    return checked(_record_of(row, mapping, options), options)


def _with_late_columns(mapping: Mapping[str, str], row: Row, known: Collection[str]) -> Mapping[str, str]:
    """The mapping with the columns of a row that no row had when the mapping was made, by their names and values."""
    late: dict[str, str] = {}
    for name, value in row.items():
        target = "" if name in known else (target_of(name) or ("",))[0]
        if target == "source" and is_translation(mapping):
            continue
        if target in OPTIONAL and target not in mapping and fits_target(target, value):
            late.setdefault(target, name)
    return {**mapping, **late}


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


def _record_of(row: Row, mapping: Mapping[str, str], options: LayoutOptions) -> Record:
    notes: dict[str, Any] = {}
    values = {target: value_at(row, mapping[target]) for target in mapping}
    asked = values.get("question")
    if "question" in mapping and not has_value(row, mapping["question"]):
        raise RowError(f"There is no field “{mapping['question']}”.", code="blank_question")
    if not options.allow_unanswered and "answer" in mapping and not has_value(row, mapping["answer"]):
        raise RowError(f"There is no field “{mapping['answer']}”.", code="blank_answer")
    question = text_of(asked, "question", options, mapping.get("question", ""))
    answer = text_of(values.get("answer"), "answer", options, mapping.get("answer", ""))
    rejected, system, tags, history = (values.get(name) for name in ("rejected_answer", "system", "tags", "history"))
    reasoning = values.get("reasoning")
    # A number or a flag is no answer and no prompt, whatever its column is called: it stays beside the pair.
    taken = {"question", "answer", "tags"}
    if rejected is None or isinstance(rejected, str) or is_answer(rejected):
        taken.add("rejected_answer")
        if rejected and type(rejected) is not str:
            notes["values"] = {"rejected_answer": rejected}
            rejected = read_answer(rejected, [Message("user", question)]).text
    else:
        rejected = None
    if system is None or isinstance(system, str):
        taken.add("system")
        if system is not None and not system and "system" in mapping:
            notes.setdefault("values", {})["system"] = system
    else:
        system = None
    if reasoning is None or isinstance(reasoning, str):
        taken.add("reasoning")
        if not reasoning and mapping.get("reasoning") in row:
            notes.setdefault("values", {})["reasoning"] = reasoning
    else:
        # Steps as a list and the like stay beside the pair.
        reasoning = None
    provenance: dict[str, str] = {}
    for name in PROVENANCE:
        value = values.get(name)
        if value in (None, "") or is_key(value):
            taken.add(name)
            if value not in (None, ""):
                provenance[name] = text_of(value, name)
                if type(value) is not str:
                    notes.setdefault("values", {})[name] = value
    if is_history(history):
        taken.add("history")
        notes.setdefault("values", {})["history"] = history
    for side in ("question", "answer"):
        if side in mapping and type(values[side]) is not str and mapping[side] in row:
            notes.setdefault("values", {})[side] = values[side]
    used = {mapping[target] for target in taken if target in mapping}
    if inside := sorted(name for name in used if name not in row and steps_of(name)):
        notes["fields"] = inside
    if values.get("passage") not in (None, "", []):
        notes["passage"] = {"passage": values["passage"], "question": question}
        question = _with_passage(values["passage"], question)
        used.add(mapping["passage"])
    turns, trace = row.get("turns_json"), row.get("trace_json")
    used.update(name for name, cell in (("turns_json", turns), ("trace_json", trace)) if cell and isinstance(cell, str))
    found = split_tags(tags)
    if tags is not None and tags != join_tags(found):
        notes.setdefault("values", {})["tags"] = tags
    return Record(
        question=question,
        answer=answer,
        system=system or None,
        turns=(*(turns_in(history) if "history" in taken else ()), *_messages_of(turns)),
        trace=_messages_of(trace),
        rejected_answer=rejected or None,
        tags=found,
        extra=with_notes(columns_of(row, used), notes),
        reasoning=reasoning or None,
        **provenance,
    )


def _with_passage(passage: Any, question: str) -> str:
    return text_of(passage, "passage") + "\n\n" + question


def _messages_of(cell: Any) -> tuple[Message, ...]:
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
    for name in ("reasoning", *PROVENANCE):
        if (text := getattr(record, name)) is not None:
            row[names[name]] = text
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
    return with_columns(row, _with_fields(row, record), KEEPING)


def _restore(row: dict[str, Any], names: dict[str, str], record: Record, mapping: Mapping[str, str]) -> None:
    """Put back values that were no texts, and the passage into its own column, where the record still says the same."""
    notes = notes_of(record)
    passage = notes.get("passage")
    if passage and "passage" in mapping and record.question == _with_passage(passage["passage"], passage["question"]):
        row[names["question"]], row[mapping["passage"]] = passage["question"], passage["passage"]
    for side, value in notes.get("values", {}).items():
        if side == "tags":
            same = split_tags(value) == record.tags
        elif side == "history":
            same = turns_in(value) == record.turns
            if same:
                row.pop("turns_json", None)
        elif side == "rejected_answer" and type(value) is not str:
            same = read_answer(value, [Message("user", record.question)]).text == record.rejected_answer
        else:
            same = text_of(value, side, _OBJECTS) == (row.get(names[side]) or "")
        if same:
            row[names[side]] = value


def _with_fields(row: dict[str, Any], record: Record) -> Record:
    """The record whose nested fields say what it says; they are taken out of the row."""
    extra = record.extra
    for name in notes_of(record).get("fields", ()):
        if name in row and has_value(extra, name):
            text = row.pop(name)
            if text_of(value_at(extra, name), name, _OBJECTS) != text:
                extra = with_value_at(extra, name, text)
    return record if extra is record.extra else replace(record, extra=extra)


_OBJECTS = LayoutOptions(objects=True)


COLUMNS = Layout(
    "columns",
    "Columns",
    parse,
    render,
    CHAT | {"reasoning", "rejected answer", "tags", "source", "family", "other columns"},
    OWN,
    {
        "id": "1",
        "question": "How do I reset my password?",
        "answer": "Choose “Forgot password”.",
        "tags": "account; login",
    },
    bare=frozenset({"question", "answer", "rejected"}),
)

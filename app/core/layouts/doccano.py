"""doccano: ``{"id": 1, "text": "…", "label": ["…"]}``; the text is the question, the labels are the answer.

Source: the JSONL export of doccano, sequence to sequence and classification (``data`` in older versions). Several
labels are lines of the answer.
"""

from typing import Any

from app.core.layouts.base import (
    Layout,
    LayoutOptions,
    RowError,
    checked,
    columns_of,
    notes_of,
    text_answer,
    with_columns,
    with_notes,
)
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row, unpacked
from app.core.record import Record

_TEXTS = ("text", "data")
_LABELS = ("label", "labels")


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a labelled text. Raises RowError."""
    text_name, label_name = _names_of(row)
    text, labels = row.get(text_name), unpacked(row.get(label_name))
    if not isinstance(text, str):
        raise RowError("There is no text.", code="blank_question")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        said = "The labels of doccano are no texts: they mark parts of the text, which is no answer to it."
        raise RowError(said, code="not_text")
    if not labels and not options.allow_unanswered:
        raise RowError("There is no label in doccano, so there is no answer.", code="blank_answer")
    notes: dict[str, Any] = {"doccano": [text_name, label_name]}
    if len(labels) != 1:
        notes["labels"] = labels
    return checked(
        Record(text, "\n".join(labels), extra=with_notes(columns_of(row, (text_name, label_name)), notes)), options
    )


def _names_of(row: Row) -> tuple[str, str]:
    return tuple(next((name for name in names if name in row), names[0]) for names in (_TEXTS, _LABELS))  # type: ignore[return-value]


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The labelled text of a record; an answer that was several labels and was not edited is several again."""
    notes = notes_of(record)
    text_name, label_name = notes.get("doccano", ("text", "label")) if options.keep_extra else ("text", "label")
    answer = text_answer(record, "doccano")
    labels = notes.get("labels")
    if not isinstance(labels, list) or "\n".join(labels) != answer:
        labels = [answer] if answer else []
    row = {text_name: record.question, label_name: labels}
    return with_columns(row, record, options, DOCCANO.columns, DOCCANO.keys)


def recognises(sample: Sample) -> Claim | None:
    """Whether rows have a text and a list of labels."""
    rows = sample.count(_is_labelled)
    return sample.claim("each row is a text with a list of labels, as doccano has them", rows, *_TEXTS, *_LABELS, "id")


def _is_labelled(row: Row) -> bool:
    text, label = _names_of(row)
    labels = unpacked(row.get(label))
    return (
        isinstance(row.get(text), str)
        and isinstance(labels, list)
        and all(isinstance(one, (str, list)) for one in labels)
    )


DOCCANO = Layout(
    "doccano",
    "doccano labels",
    parse,
    render,
    frozenset(),
    ("id", "text", "label"),
    {"text": "How do I reset my password?", "label": ["Choose “Forgot password”."]},
    recognises,
    columns=frozenset({"id"}),
)

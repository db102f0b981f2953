"""SQuAD questions: ``{"question", "answers": [{"text", "answer_start"}], "context"}``; the first answer is the answer.

Source: the SQuAD 1.1 and 2.0 data files. Passage, title and positions stay beside the pair.
"""

from typing import Any

from app.core.layouts.base import (
    ANSWERS,
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

_TAKEN = ("question", "answers")


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a SQuAD question. Raises RowError."""
    question, answers = row.get("question"), unpacked(row.get("answers"))
    if type(question) is not str:
        raise RowError("There is no question.", code="blank_question")
    extra = columns_of(row, _TAKEN)
    record = Record(question, _first_text(answers), extra=with_notes(extra, {"answers": answers}))
    return checked(record, options)


def _first_text(answers: Any) -> str:
    if not isinstance(answers, list):
        raise RowError("There is no list of answers.", code="blank_answer")
    text = answers[0].get("text") if answers and isinstance(answers[0], dict) else ""
    if not isinstance(text, str):
        raise RowError("The first answer has no text.", code="not_text")
    return text


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The question with its answers as they came, or with the edited one in their place."""
    noted = notes_of(record).get("answers")
    same = isinstance(noted, list) and _first_text(noted) == record.answer
    answers = noted if same else [{"text": text_answer(record, "SQuAD"), "answer_start": -1}]
    return with_columns({"question": record.question, "answers": answers}, record, options, SQUAD.columns, SQUAD.keys)


def recognises(sample: Sample) -> Claim | None:
    """Whether rows have a question and a list of answers with their places."""

    def fits(row: Row) -> bool:
        answers = row.get("answers")
        return (
            "question" in row
            and isinstance(answers, list)
            and all(isinstance(one, dict) and "text" in one for one in answers)
        )

    reason = "each row has a question and answers with their places"
    return sample.claim(reason, sample.count(fits), "question", "answers", "context", "id")


SQUAD = Layout(
    "squad",
    "SQuAD questions",
    parse,
    render,
    frozenset({ANSWERS}),
    ("question", "answers", "id", "context"),
    {
        "question": "How do I reset my password?",
        "answers": [{"text": "Choose “Forgot password”.", "answer_start": 20}],
        "context": "Forgotten it? Choose “Forgot password”.",
    },
    recognises,
    columns=frozenset({"id", "context"}),
)

"""Label Studio: ``{"data": {"question": "…"}, "annotations": [{"result": [{"value": {"text": ["…"]}}]}]}``; read, not
written.

Source: the JSON export of Label Studio. The question is the field of ``data`` whose name says so, that the answer
points to, or the only text; a conversation there is read as one. The answer is the first annotation that was not
cancelled: its text, or the choices or rating that it holds. What else there is stays beside the pair.
"""

from typing import Any

from app.core.layouts.base import Layout, LayoutOptions, RowError, checked, columns_of, not_written, text_of
from app.core.layouts.conversation import turns_in
from app.core.layouts.mapping import target_of
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row, is_chat, unpacked
from app.core.record import Message, Record

_ANNOTATIONS = ("annotations", "completions")
# Kinds of values that can be an answer, the surest first.
_VALUES = ("text", "choices", "taxonomy", "rating", "number", "datetime")


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a task. Raises RowError for one that has no annotation."""
    data = unpacked(row.get("data"))
    name = next((name for name in _ANNOTATIONS if name in row), "annotations")
    annotations = unpacked(row.get(name))
    if not isinstance(data, dict) or not isinstance(annotations, list):
        raise RowError("This is no task of Label Studio: there are no data and annotations.", code="no_messages")
    done = [one for one in annotations if isinstance(one, dict) and not one.get("was_cancelled")]
    results = [result for result in (done[0].get("result") or () if done else ()) if isinstance(result, dict)]
    chosen = _choose(results)
    if chosen is None and any(_is_span(one) for one in results):
        said = "The annotation of Label Studio marks parts of the text, which is no answer to it."
        raise RowError(said, code="not_text")
    if chosen is None and not options.allow_unanswered:
        said = "was skipped by its annotators" if annotations and not done else "has no annotation with an answer"
        raise RowError(f"The task of Label Studio {said}.", code="blank_answer")
    answer = _answer_of(chosen) if chosen else ""
    question_name = _question_name(data, chosen or {})
    turns: tuple[Message, ...] = ()
    question = data[question_name]
    if is_chat(question):
        messages = turns_in(question)
        if messages[-1].role != "user":
            raise RowError("The conversation of the task does not end with a question.", code="no_question")
        turns, question = messages[:-1], messages[-1].text
    extra = columns_of(row, ("data", name))
    system = None
    if rest := {key: value for key, value in data.items() if key != question_name}:
        if isinstance(rest.get("system"), str):
            system = rest.pop("system") or None
        extra["data"] = rest
    # One plain answer says it all; anything more is kept as it is.
    if len(annotations) > 1 or len(results) > 1:
        extra[name] = annotations
    return checked(Record(text_of(question, "question", options), answer, system, turns, extra=extra), options)


def _is_span(result: dict[str, Any]) -> bool:
    value = result.get("value")
    return isinstance(value, dict) and "start" in value and "end" in value


def _choose(results: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The result that is the answer: one whose name says so, else a text, else another value."""
    known = [
        one
        for one in results
        if isinstance(value := one.get("value"), dict) and not _is_span(one) and any(key in value for key in _VALUES)
    ]
    named = [one for one in known if (target_of(str(one.get("from_name", ""))) or ("",))[0] == "answer"]
    texts = [one for one in known if "text" in one["value"]]
    return next(iter([*named, *texts, *known]), None)


def _answer_of(result: dict[str, Any]) -> str:
    value = result["value"]
    return text_of(next(value[key] for key in _VALUES if key in value), "answer")


def _question_name(data: dict[str, Any], result: dict[str, Any]) -> str:
    """The field of the question. Raises RowError where it cannot be told."""
    named = [name for name in data if (target_of(name) or ("",))[0] == "question"]
    chats = [name for name, value in data.items() if is_chat(value)]
    pointed = [name for name in data if name == result.get("to_name")]
    texts = [name for name, value in data.items() if isinstance(value, str)]
    found = next((names for names in (chats, named, pointed) if names), texts if len(texts) == 1 else [])
    if not found:
        fields = ", ".join(f"“{name}”" for name in data)
        said = f"It cannot be told which field of the task of Label Studio is the question ({fields})."
        raise RowError(f"{said} Read it as columns, with --map question=data.FIELD.", code="blank_question")
    return found[0]


def recognises(sample: Sample) -> Claim | None:
    """Whether rows are tasks with data and annotations."""
    rows = sample.count(_is_task)
    return sample.claim("each row is a task of Label Studio", rows, "data", "id", *_ANNOTATIONS, "predictions", "meta")


def _is_task(row: Row) -> bool:
    annotations = next((found for name in _ANNOTATIONS if isinstance(found := unpacked(row.get(name)), list)), None)
    return (
        annotations is not None
        and isinstance(unpacked(row.get("data")), dict)
        and all(isinstance(one, dict) and "result" in one for one in annotations)
    )


LABEL_STUDIO = Layout(
    "label-studio",
    "Label Studio tasks",
    parse,
    not_written,
    frozenset(),
    (),
    {
        "id": 1,
        "data": {"question": "How do I reset my password?"},
        "annotations": [
            {"result": [{"type": "textarea", "from_name": "answer", "value": {"text": ["Choose “Forgot password”."]}}]}
        ],
    },
    recognises,
)

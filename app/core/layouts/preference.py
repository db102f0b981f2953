"""Preference pairs: one prompt, a better and a worse answer.

OpenAI: ``{"input": {"messages"}, "preferred_output": [message], "non_preferred_output": [message]}`` (read also as
``*_completion``); TRL and LLaMA-Factory: ``{"prompt" | "conversations" | "messages", "chosen", "rejected"}`` with texts
or messages. Written in OpenAI's form, or as it came.
"""

from typing import Any

from app.core.layouts.base import Layout, LayoutOptions, Row, RowError, checked, notes_of, other_columns, with_notes
from app.core.layouts.openai import parse_messages, render_messages
from app.core.record import Record

_BETTER = ("preferred_output", "preferred_completion", "chosen")
_WORSE = ("non_preferred_output", "non_preferred_completion", "rejected")
_PROMPTS = ("prompt", "conversations", "messages", "question", "instruction")


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a preference row. Raises RowError."""
    better, worse = _one_of(row, _BETTER), _one_of(row, _WORSE)
    if better is None or worse is None:
        raise RowError("There is no preferred and rejected answer.", code="blank_answer")
    form: dict[str, Any] = {"names": [better, worse]}
    prompt = _prompt(row, form)
    answers = [_answer(row[name], prompt, form, side) for side, name in (("better", better), ("worse", worse))]
    used = {better, worse, form["prompt"]}
    rest = {key: value for key, value in row.items() if key not in used}
    messages = [*form.pop("messages"), {"role": "assistant", "content": answers[0]}]
    record = parse_messages(messages, rest, options, container="")
    notes = {**notes_of(record), "preference": form}
    return checked(
        Record(
            record.question,
            record.answer,
            record.system,
            record.turns,
            record.trace,
            answers[1],
            record.tags,
            with_notes(dict(record.extra.items()), notes),
        ),
        options,
    )


def _one_of(row: Row, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in row), None)


def _prompt(row: Row, form: dict[str, Any]) -> Any:
    """The prompt as it stands; its messages go into ``form``."""
    if isinstance(row.get("input"), dict) and isinstance(row["input"].get("messages"), list):
        form["prompt"] = "input"
        form["messages"] = row["input"]["messages"]
        form["input"] = {key: value for key, value in row["input"].items() if key != "messages"}
        return row["input"]["messages"]
    name = _one_of(row, _PROMPTS)
    if name is None:
        return _implicit(row, form)
    form["prompt"] = name
    prompt = row[name]
    if isinstance(prompt, str):
        form["text"] = True
        form["messages"] = [{"role": "user", "content": prompt}]
    elif isinstance(prompt, list):
        form["messages"] = [_openai_message(message, form) for message in prompt]
    else:
        raise RowError("The prompt is neither a text nor a list of messages.", code="blank_question")
    return prompt


def _implicit(row: Row, form: dict[str, Any]) -> list[Any]:
    """The messages that both answers begin with, where no prompt is given (TRL's implicit prompt)."""
    better, worse = row[form["names"][0]], row[form["names"][1]]
    if not (isinstance(better, list) and isinstance(worse, list) and better[:-1] == worse[:-1] and len(better) > 1):
        raise RowError("There is no prompt.", code="blank_question")
    form.update(prompt="", messages=better[:-1])
    return better[:-1]


def _openai_message(message: Any, form: dict[str, Any]) -> Any:
    if isinstance(message, dict) and "from" in message:
        form["sharegpt"] = True
        role = {"human": "user", "gpt": "assistant"}.get(message["from"], message["from"])
        return {"role": role, "content": message.get("value")}
    return message


def _answer(value: Any, prompt: Any, form: dict[str, Any], side: str) -> str:
    if isinstance(value, str):
        return value
    message = value
    if isinstance(value, list):
        if form["prompt"] == "" and value[:-1] == prompt:
            value = value[-1:]
        if len(value) != 1:
            raise RowError("An answer has several messages; one is expected.", code="bad_message")
        form[side] = "list"
        message = value[0]
    elif isinstance(value, dict):
        form[side] = "object"
    text = message.get("content", message.get("value")) if isinstance(message, dict) else None
    if not isinstance(text, str):
        raise RowError("An answer has no text.", code="blank_answer")
    if set(message) - {"role", "content", "from", "value"}:
        raise RowError("An answer holds more than a text, which cannot be kept.", code="not_text")
    return text


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The preference row of a record, in OpenAI's form unless it came in another. Raises RowError without a pair."""
    if record.rejected_answer is None:
        raise RowError("There is no rejected answer.", code="no_rejected_answer")
    notes = notes_of(record)
    form = notes.get("preference") or {"names": ["preferred_output", "non_preferred_output"], "prompt": "input"}
    form = {"better": "list", "worse": "list", **form} if form["prompt"] == "input" else form
    *prompt, _ = render_messages(record, notes)
    row = _rendered_prompt(prompt, form)
    answers = (("better", record.answer), ("worse", record.rejected_answer))
    for name, (side, text) in zip(form["names"], answers, strict=True):
        row[name] = _rendered_answer(text, form.get(side), form, prompt)
    return {**row, **other_columns(record, options, frozenset({"tools"}) if form["prompt"] != "input" else frozenset())}


def _rendered_prompt(prompt: list[dict[str, Any]], form: dict[str, Any]) -> dict[str, Any]:
    name = form["prompt"]
    if name == "":
        return {}
    if name == "input":
        return {"input": {"messages": prompt, **form.get("input", {})}}
    if form.get("text") and len(prompt) == 1:
        return {name: prompt[0]["content"]}
    return {name: [_named(message, form) for message in prompt]}


def _named(message: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    if not form.get("sharegpt"):
        return message
    role = {"user": "human", "assistant": "gpt"}.get(message["role"], message["role"])
    return {"from": role, "value": message.get("content", "")}


def _rendered_answer(text: str, kind: str | None, form: dict[str, Any], prompt: list[dict[str, Any]]) -> Any:
    if kind is None:
        return text
    message = _named({"role": "assistant", "content": text}, form)
    if kind == "object":
        return message
    return [*prompt, message] if form["prompt"] == "" else [message]


PREFERENCE = Layout(
    "preference",
    "Preference pairs (DPO)",
    parse,
    render,
    frozenset({"system", "turns", "trace", "rejected answer", "weights"}),
    ("input", "preferred_output", "non_preferred_output"),
    '{"input": {"messages": […]}, "preferred_output": […], "non_preferred_output": […]}',
)

"""Preference pairs: one prompt, a better and a worse answer.

OpenAI: ``{"input": {"messages"}, "preferred_output": [message], "non_preferred_output": [message]}`` (read also as
``*_completion``); TRL and LLaMA-Factory: ``{"prompt" | "conversations" | "messages", "chosen", "rejected"}`` with texts
or messages. Both layouts read all of these and write their own.
"""

from dataclasses import replace
from typing import Any

from app.core.layouts.base import (
    Layout,
    LayoutOptions,
    Preset,
    RowError,
    checked,
    columns_of,
    notes_of,
    text_answer,
    unpacked,
    with_columns,
    with_notes,
)
from app.core.layouts.openai import parse_messages, render_messages
from app.core.layouts.sample import Claim, Row, Sample
from app.core.record import Record

_BETTER = ("preferred_output", "preferred_completion", "chosen")
_WORSE = ("non_preferred_output", "non_preferred_completion", "rejected")
_PROMPTS = ("prompt", "conversations", "messages", "question", "instruction")
_PACKED = ("input", *_BETTER, *_WORSE, *_PROMPTS)
_OPENAI = {"names": _BETTER[:1] + _WORSE[:1], "prompt": "input", "better": "list", "worse": "list"}
_TRL = {"names": _BETTER[2:] + _WORSE[2:], "prompt": "prompt", "better": "list", "worse": "list"}
_TRL_TEXT = {**_TRL, "text": True, "better": None, "worse": None}


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a preference row. Raises RowError."""
    row = {name: _unpacked(value) if name in _PACKED else value for name, value in row.items()}
    better, worse = _one_of(row, _BETTER), _one_of(row, _WORSE)
    if better is None or worse is None:
        raise RowError("There is no preferred and rejected answer.", code="blank_answer")
    form: dict[str, Any] = {"names": [better, worse]}
    prompt = _prompt(row, form)
    answers = [_answer(row[name], prompt, form, side) for side, name in (("better", better), ("worse", worse))]
    rest = columns_of(row, {better, worse, form["prompt"]})
    messages = [*form.pop("messages"), {"role": "assistant", "content": answers[0]}]
    record = parse_messages(messages, rest, options, container="")
    notes = {**notes_of(record), "preference": form}
    record = replace(record, rejected_answer=answers[1], extra=with_notes(record.extra, notes))
    if _as_it_came(record) != row:
        raise RowError("The row could not be written back as it is.", code="not_exact")
    return checked(record, options)


def _unpacked(value: Any) -> Any:
    """What a table's cell holds as JSON text: a prompt's object, a message or messages. Other texts are texts."""
    found = unpacked(value)
    shown = found[0] if isinstance(found, list) and found else found
    return found if isinstance(shown, dict) and shown.keys() & {"messages", "role", "from"} else value


def _as_it_came(record: Record) -> dict[str, Any]:
    return _rendered(record, notes_of(record)["preference"], LayoutOptions(keep_extra=True))


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
    """The row of a record in OpenAI's form; with ``keep_extra`` as it came. Raises RowError without a pair."""
    noted = _noted(record, options)
    row = _rendered(record, noted or _OPENAI, options)
    tools = record.extra.get("tools")
    if noted is None and isinstance(tools, list) and "tools" not in row:
        row["input"]["tools"] = tools
    return row


def render_trl(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of a record in TRL's form, texts for a plain pair; with ``keep_extra`` as it came. Raises RowError."""
    plain = not (record.turns or record.trace) and record.system is None
    return _rendered(record, _noted(record, options) or (_TRL_TEXT if plain else _TRL), options)


def _noted(record: Record, options: LayoutOptions) -> dict[str, Any] | None:
    form = notes_of(record).get("preference") if options.keep_extra else None
    return form if isinstance(form, dict) else None


def _rendered(record: Record, form: dict[str, Any], options: LayoutOptions) -> dict[str, Any]:
    if record.rejected_answer is None:
        raise RowError("There is no rejected answer.", code="no_rejected_answer")
    text_answer(record, "a preference pair")
    *prompt, _ = render_messages(record, options)
    row: dict[str, Any] = {}
    if options.keep_extra and notes_of(record).get("system") == "beside" and record.system is not None:
        row["system"] = prompt.pop(0)["content"]
    row.update(_rendered_prompt(prompt, form))
    answers = (("better", record.answer), ("worse", record.rejected_answer))
    for name, (side, text) in zip(form["names"], answers, strict=True):
        row[name] = _rendered_answer(text, form.get(side), form, prompt)
    return with_columns(row, record, options, () if form["prompt"] == "input" else ("tools",))


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


_HOLDS = frozenset({"system", "turns", "trace", "tools", "rejected answer", "weights"})


def recognises(sample: Sample) -> Claim | None:
    """Whether each row has a better and a worse answer."""
    if sample.has_any("preferred_output", "preferred_completion") or sample.has("chosen", "rejected"):
        return sample.claim("each row has a better and a worse answer", *_BETTER, *_WORSE, *_PROMPTS, "input")
    return None


PREFERENCE = Layout(
    "preference",
    "Preference pairs (OpenAI DPO)",
    parse,
    render,
    _HOLDS,
    ("input", "preferred_output", "non_preferred_output"),
    {
        "input": {"messages": [{"role": "user", "content": "How do I reset my password?"}]},
        "preferred_output": [{"role": "assistant", "content": "Choose “Forgot password”."}],
        "non_preferred_output": [{"role": "assistant", "content": "Ask."}],
    },
    recognises,
    (Preset("jsonl", "Preference pairs", "JSONL: better and worse answers"),),
    needs=frozenset({"rejected answer"}),
)
TRL_PREFERENCE = Layout(
    "trl-preference",
    "Preference pairs (TRL, LLaMA-Factory)",
    parse,
    render_trl,
    _HOLDS,
    ("prompt", "chosen", "rejected", "tools"),
    {
        "prompt": [{"role": "user", "content": "How do I reset my password?"}],
        "chosen": [{"role": "assistant", "content": "Choose “Forgot password”."}],
        "rejected": [{"role": "assistant", "content": "Ask."}],
    },
    needs=frozenset({"rejected answer"}),
)

"""Preference pairs: one prompt, a better and a worse answer.

OpenAI: ``{"input": {"messages"}, "preferred_output": [message], "non_preferred_output": [message]}`` (read also as
``*_completion``); TRL and LLaMA-Factory: ``{"prompt" | "conversations" | "messages", "chosen", "rejected"}`` with texts
or messages (TRL wants lists in every row, LLaMA-Factory objects); UltraFeedback: whole chats in both answers beside a
prompt; HH-RLHF: transcripts; chats as JSON text. All layouts read all of these and write their own.
"""

from dataclasses import replace
from typing import Any

from app.core.layouts import alpaca
from app.core.layouts.answers import (
    BETTER,
    REJECTED,
    WORSE,
    answer_message,
    is_answer,
    keys_of,
    read_answer,
    transcript_messages,
    unpack_answer,
)
from app.core.layouts.base import (
    CHAT,
    KEEPING,
    Layout,
    LayoutOptions,
    RowError,
    as_came,
    checked,
    columns_of,
    note_as_came,
    notes_of,
    text_answer,
    with_columns,
    with_notes,
    with_usual_names,
)
from app.core.layouts.base import KEYS as KEYS_OF_MESSAGES
from app.core.layouts.conversation import chat_messages, parse_chat, take_system_beside
from app.core.layouts.dialect import TRL_DIALECT, held_by, write_row
from app.core.layouts.functions import tools_in, with_text_tools, without_nulls
from app.core.layouts.messages import read_message
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row, is_chat, is_flag, unpacked
from app.core.layouts.sharegpt import sharegpt_messages
from app.core.reasoning import KEYS, with_thinking
from app.core.record import Record

_WORSE = (*WORSE, *REJECTED)
_NAMES = frozenset({*BETTER, *_WORSE, "prompt", "input", "messages", "question", "system", "tools"})
_PROMPTS = ("prompt", "conversations", "messages", "question")
_OPENAI = {"names": (BETTER[0], WORSE[0]), "prompt": "input", "better": "list", "worse": "list"}
_TRL = {"names": ("chosen", "rejected"), "prompt": "prompt", "better": "list", "worse": "list"}


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a preference row. Raises RowError."""
    if (usual := with_usual_names(row, _NAMES)) is not row:
        return note_as_came(parse(usual, options), row, "preference", _write_as_noted)
    if "instruction" in row and not any(name in row for name in _PROMPTS):
        record = alpaca.parse(row, options)
        if record.rejected_answer is None:
            raise RowError("There is no rejected answer.", code="no_rejected_answer")
        return record
    better = next((name for name in BETTER if is_answer(row.get(name))), None)
    worse = next((name for name in _WORSE if is_answer(row.get(name))), None)
    if better is None or worse is None:
        strange = next((name for name in (*BETTER, *_WORSE) if row.get(name) and not is_answer(row[name])), None)
        if strange is not None:
            raise RowError(f"“{strange}” is no answer: neither a text, nor a message, nor a chat.", code="not_text")
        raise RowError("There is no preferred and rejected answer.", code="blank_answer")
    form: dict[str, Any] = {"names": [better, worse]}
    prompt = _read_prompt(row, form)
    before = [read_message(message, place, {}) for place, message in enumerate(prompt)]
    for side, name in (("better", better), ("worse", worse)):
        found = unpacked(row[name])
        form[side] = "list" if isinstance(found, list) else "object" if isinstance(found, dict) else None
    rejected = read_answer(row[worse], before)
    rest = columns_of(row, {better, worse, form["prompt"]})
    # Tools inside OpenAI's input are those of the conversation.
    rest = {**form.get("input", {}), **rest}
    record = parse_chat([*prompt, answer_message(row[better], before)], rest, options, "")
    if record.answer == "" and record.trace:
        raise RowError("An answer has no text.", code="blank_answer")
    notes = {**notes_of(record), "preference": form}
    if more := keys_of(rejected):
        notes["rejected"] = {"extra": more}
    record = replace(record, rejected_answer=rejected.text, extra=with_notes(record.extra, notes))
    return checked(note_as_came(record, row, "preference", _write_as_noted), options)


def _read_prompt(row: Row, form: dict[str, Any]) -> list[Any]:
    """The messages of the prompt; how it stands is noted in ``form``. Raises RowError where there is none."""
    chats = [unpack_answer(row[name]) for name in form["names"]]
    shared = chats[0][:-1] if all(map(is_chat, chats)) and chats[0][:-1] == chats[1][:-1] else []
    given = unpacked(row.get("input"))
    if isinstance(given, dict) and is_chat(given.get("messages")):
        form["prompt"] = "input"
        form["input"] = {key: value for key, value in given.items() if key != "messages"}
        return list(unpacked(given["messages"]))
    name = next((name for name in _PROMPTS if row.get(name) not in (None, "", [])), None)
    form["prompt"] = name or ""
    if name is None:
        if not shared and all(map(is_chat, chats)):
            said = "Both answers are chats, and they differ before their last messages: there is no common prompt."
            raise RowError(said, code="blank_question")
        if not shared:
            raise RowError("There is no prompt.", code="blank_question")
        return list(shared)
    prompt = unpacked(row[name])
    if isinstance(prompt, str):
        form["text"] = True
        # The chats say the same prompt with what stood before it.
        if shared and read_message(shared[-1], len(shared) - 1, {}).text == prompt:
            return list(shared)
        return transcript_messages(prompt, "Human") or [{"role": "user", "content": prompt}]
    if not is_chat(prompt):
        raise RowError("The prompt is neither a text nor a list of messages.", code="blank_question")
    form["sharegpt"] = "from" in prompt[0]
    # A conversation that ends with the better answer itself.
    if shared and prompt[:-1] == shared:
        return list(shared)
    return list(prompt)


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of a record in OpenAI's form; with ``keep_extra`` as it came. Raises RowError without a pair."""
    if options.keep_extra and (row := _as_noted(record)) is not None:
        return row
    row = _write(record, _OPENAI, options)
    tools = tools_in(record.extra.get("tools"))
    if tools:
        row["input"]["tools"] = without_nulls(tools)
        if type(record.extra.get("parallel_tool_calls")) is bool:
            row["input"]["parallel_tool_calls"] = record.extra["parallel_tool_calls"]
    return row


def render_trl(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of a record in TRL's form, all lists of messages; with ``keep_extra`` as it came. Raises RowError."""
    if options.keep_extra and (row := _as_noted(record)) is not None:
        return row
    row = _write(record, _TRL, options)
    return row if options.keep_extra else write_row(row, TRL_DIALECT)


def render_llama_factory(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of a record in LLaMA-Factory's form; with ``keep_extra`` as it came. Raises RowError.

    The answers are objects there: a list is dropped with its row.
    """
    if options.keep_extra and (noted := _as_noted(record)) is not None:
        return noted
    if record.rejected_answer is None:
        raise RowError("There is no rejected answer.", code="no_rejected_answer")
    text_answer(record, "a preference pair")
    *prompt, better = sharegpt_messages(record)
    row: dict[str, Any] = {"conversations": prompt}
    for name, text in (("chosen", better["value"]), ("rejected", record.rejected_answer)):
        row[name] = {"from": "gpt", "value": text}
    layout = LLAMA_FACTORY_PREFERENCE
    return with_columns(row, with_text_tools(record), options, layout.columns, layout.keys)


def _as_noted(record: Record) -> dict[str, Any] | None:
    """The row in the form that it came in; None where it came as something else than a preference pair."""
    notes = notes_of(record)
    if "preference" in notes:
        return _write_as_noted(record)
    is_alpaca = record.rejected_answer is not None and "chosen" in notes.get("alpaca-shape", {}).get("names", ())
    return alpaca.render(record, KEEPING) if is_alpaca else None


def _write_as_noted(record: Record, options: LayoutOptions = KEEPING) -> dict[str, Any]:
    if (came := as_came(record, "preference", parse)) is not None:
        return came
    return _write(record, notes_of(record)["preference"], KEEPING)


def _write(record: Record, form: dict[str, Any], options: LayoutOptions) -> dict[str, Any]:
    if record.rejected_answer is None:
        raise RowError("There is no rejected answer.", code="no_rejected_answer")
    text_answer(record, "a preference pair")
    trailing = len(notes_of(record).get("trailing", ())) if options.keep_extra else 0
    prompt = chat_messages(record, options)
    better = prompt[len(prompt) - trailing - 1]
    del prompt[len(prompt) - trailing - 1 :]
    row = take_system_beside(record, prompt, options)
    name, is_sharegpt = form["prompt"], form.get("sharegpt")
    if name == "input":
        row["input"] = {"messages": prompt, **form.get("input", {})}
    elif name and form.get("text") and len(prompt) == 1:
        row[name] = prompt[0]["content"]
    elif name:
        row[name] = [_as_sharegpt(message) if is_sharegpt else message for message in prompt]
    for column, side, text in zip(
        form["names"], ("better", "worse"), (record.answer, record.rejected_answer), strict=True
    ):
        message = {"role": "assistant", "content": text}
        if side == "better":
            message.update((key, better[key]) for key in KEYS if key in better)
        if is_sharegpt:
            message = _as_sharegpt(message)
        if form.get(side) is None:
            row[column] = with_thinking(record.reasoning, text) if side == "better" else text
        elif form[side] == "object":
            row[column] = message
        else:
            row[column] = [message] if name else [*prompt, message]
    inside = form.get("input", {})
    if options.keep_extra and inside:
        record = replace(record, extra={k: v for k, v in record.extra.items() if k not in inside})
    own = () if name == "input" else ("tools",)
    return with_columns(row, record, options, own, ("input", *BETTER, *_WORSE, *_PROMPTS))


def _as_sharegpt(message: dict[str, Any]) -> dict[str, Any]:
    role = {"user": "human", "assistant": "gpt"}.get(message["role"], message["role"])
    thought = next((message[key] for key in KEYS if message.get(key)), None)
    return {"from": role, "value": with_thinking(thought, message.get("content") or "")}


def recognises(sample: Sample) -> Claim | None:
    """Whether rows have a better and a worse answer, neither of them a flag."""

    def fits(row: Row) -> bool:
        return all(
            any(not is_flag(row.get(name)) and is_answer(row.get(name)) for name in names) for names in (BETTER, _WORSE)
        )

    known = (*BETTER, *_WORSE, *_PROMPTS, "system", "tools")
    inputs = ("input",) if sample.count(lambda row: isinstance(unpacked(row.get("input")), dict)) else ()
    return sample.claim("each row has a better and a worse answer", sample.count(fits), *known, *inputs)


_HOLDS = CHAT | {"rejected answer"}
_BARE = frozenset({"answer", "rejected"})


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
    needs=frozenset({"rejected answer"}),
    columns=frozenset({"tools", "parallel_tool_calls"}),
    bare=_BARE,
    came="preference",
)
TRL_PREFERENCE = Layout(
    "trl-preference",
    "Preference pairs (TRL)",
    parse,
    render_trl,
    held_by(TRL_DIALECT, "rejected answer"),
    ("prompt", "chosen", "rejected", "tools"),
    {
        "prompt": [{"role": "user", "content": "How do I reset my password?"}],
        "chosen": [{"role": "assistant", "content": "Choose “Forgot password”."}],
        "rejected": [{"role": "assistant", "content": "Ask."}],
    },
    needs=frozenset({"rejected answer"}),
    columns=frozenset({"tools"}),
    bare=_BARE,
    came="preference",
    keeps=frozenset({"weights", KEYS_OF_MESSAGES}),
    message_keys=frozenset(TRL_DIALECT.keys),
)
LLAMA_FACTORY_PREFERENCE = Layout(
    "llama-factory-preference",
    "Preference pairs (LLaMA-Factory)",
    parse,
    render_llama_factory,
    frozenset({"system", "turns", "trace", "reasoning", "tools", "rejected answer", "weights"}),
    ("conversations", "chosen", "rejected", "tools"),
    {
        "conversations": [{"from": "human", "value": "How do I reset my password?"}],
        "chosen": {"from": "gpt", "value": "Choose “Forgot password”."},
        "rejected": {"from": "gpt", "value": "Ask."},
    },
    needs=frozenset({"rejected answer"}),
    columns=frozenset({"tools"}),
    bare=_BARE,
    came="preference",
)

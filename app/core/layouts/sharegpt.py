"""ShareGPT: ``{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}], "system", "tools"}``.

Roles human, gpt, system, function_call and observation, as LLaMA-Factory reads them. A function call is JSON text; as a
record it is a tool call in OpenAI's form. Messages in any spelling that ``messages`` knows are understood.
"""

from dataclasses import replace
from typing import Any

from app.core.layouts import swift
from app.core.layouts.answers import ANSWERS, REJECTED, rejected_column
from app.core.layouts.base import (
    AFTER,
    Layout,
    LayoutOptions,
    as_came,
    checked,
    messages_of,
    note_as_came,
    notes_of,
    trailing_of,
    with_columns,
    with_notes,
    with_usual_names,
)
from app.core.layouts.conversation import (
    CONTAINERS,
    chat_messages,
    find_container,
    message_row,
    messages_in,
    parse_chat,
    take_system_beside,
)
from app.core.layouts.functions import call_text, in_call_order, join_results, with_call_ids, with_text_tools
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row, is_turn
from app.core.reasoning import KEYS as REASONING_KEYS
from app.core.reasoning import with_thinking
from app.core.record import Message, Record

_NAMES = {"user": "human", "assistant": "gpt"}
_PLAIN_KEYS = {"from", "value"}
_COLUMNS = frozenset({"conversations", "system", "tools", *REJECTED})


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a ShareGPT row. Raises RowError."""
    container = "conversations" if "conversations" in row else find_container(row, "conversation")
    messages = messages_in(row, container)
    if len(row) == 1 and container == "conversations" and (plain := _plain_record(messages)):
        return checked(plain, options)
    if (usual := with_usual_names(row, _COLUMNS)) is not row:
        return note_as_came(parse(usual, options), row, "sharegpt", render)
    if is_turn(messages[0]):
        return swift.parse_pairs(row, options)
    record = parse_chat(messages, row, options, container)
    if container != "conversations" or "role" in messages[0]:
        form = {"form": "openai"} if "role" in messages[0] else {}
        notes = {**notes_of(record), "container": container, **form}
        record = replace(record, extra=with_notes(record.extra, notes))
    return checked(note_as_came(record, row, "sharegpt", render), options)


def _plain_record(messages: list[Any]) -> Record | None:
    """The quick way for one question and one answer with nothing but text."""
    if len(messages) != 2:
        return None
    asked, said = messages
    if not type(asked) is type(said) is dict or asked.keys() != _PLAIN_KEYS or said.keys() != _PLAIN_KEYS:
        return None
    if asked["from"] != "human" or said["from"] != "gpt":
        return None
    question, answer = asked["value"], said["value"]
    return Record(question, answer) if type(question) is str and type(answer) is str else None


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The ShareGPT row of a record; with ``keep_extra`` an unedited one comes back as it was."""
    if not (record.turns or record.trace or record.extra) and record.system is record.reasoning is None:
        asked, said = {"from": "human", "value": record.question}, {"from": "gpt", "value": record.answer}
        return {"conversations": [asked, said]}
    notes = notes_of(record)
    name = "conversations"
    messages: list[dict[str, Any]] = []
    if options.keep_extra:
        if (came := as_came(record, "sharegpt", parse)) is not None:
            return came
        if notes.get("form") == "swift":
            return swift.render_pairs(record, options)
        name = notes.get("container", name)
        if notes.get("form") == "openai":
            messages = chat_messages(record, options)
    is_beside = record.system is not None and notes.get("system") == "beside"
    row = take_system_beside(record, messages, options) if messages else {}
    row[name] = messages or sharegpt_messages(record, is_beside=is_beside, exact=options.keep_extra)
    if is_beside:
        row["system"] = record.system
    if options.keep_extra:
        row.update(rejected_column(record.rejected_answer, notes, messages_of(record)[:-1]))
    return with_columns(row, with_text_tools(record), options, SHAREGPT.columns, SHAREGPT.keys)


def sharegpt_messages(record: Record, *, is_beside: bool = False, exact: bool = False) -> list[dict[str, Any]]:
    """The messages as from and value, reasoning in the text; two where an assistant says something and calls a tool.

    Results of parallel calls become one observation, in the order of the calls: LLaMA-Factory drops a row with two.
    """
    messages = messages_of(record)
    if record.system is not None and not is_beside:
        messages = (Message("system", record.system), *messages)
    if exact:
        messages = (*messages, *trailing_of(record))
    rows: list[dict[str, Any]] = []
    results: list[str] = []
    for message in in_call_order(with_call_ids([message_row(message) for message in messages])):
        text, calls, reasoning = message.get("content"), message.get("tool_calls"), message.get(REASONING_KEYS[0])
        weight = {"weight": message["weight"]} if "weight" in message else {}
        if message["role"] == "tool":
            results.append(text or "")
            if len(results) > 1:
                rows[-1]["value"] = join_results(results)
            else:
                rows.append({"from": "observation", "value": text or "", **weight})
            continue
        results = []
        if text is not None or not calls:
            name = _NAMES.get(message["role"], message["role"])
            rows.append({"from": name, "value": with_thinking(reasoning, text or ""), **weight})
            reasoning = None
        if calls:
            rows.append({"from": "function_call", "value": with_thinking(reasoning, call_text(calls)), **weight})
    return rows


def recognises(sample: Sample) -> Claim | None:
    """Whether rows have a list of messages under a usual name, or messages with from and value under another."""
    for name, messages in sample.chats.items():
        if name != "messages" and (name in CONTAINERS or "from" in messages[0]) and name not in ANSWERS:
            known = (name, "tools", "system", *REJECTED)
            return sample.claim(f"each row has a list “{name}”", len(messages), *known)
    return None


SHAREGPT = Layout(
    "sharegpt",
    "ShareGPT",
    parse,
    render,
    frozenset({"system", "turns", "trace", "reasoning", "tools", "weights"}),
    ("conversations", "system", "tools"),
    {
        "conversations": [
            {"from": "system", "value": "Answer briefly."},
            {"from": "human", "value": "How do I reset my password?"},
            {"from": "gpt", "value": "Choose “Forgot password”."},
        ]
    },
    recognises,
    columns=frozenset({"tools"}),
    keeps=frozenset({"rejected answer", AFTER}),
    came="sharegpt",
)

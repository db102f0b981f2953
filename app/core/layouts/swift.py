"""MS-Swift: ``{"messages": [{"role", "content", "loss"}], "tools": "[…]", "rejected_response": "…"}``.

Source: the preprocessors of MS-Swift 4.6. Roles are system, user, assistant, tool_call and tool_response; a row with
another one is dropped there, keys that it does not know are taken away. Older files hold pairs of turns, which are read
and come back as well: ``{"system": "…", "conversation": [{"human": "…", "assistant": "…"}]}``.
"""

from dataclasses import replace
from typing import Any

from app.core.layouts import openai
from app.core.layouts.base import (
    Layout,
    LayoutOptions,
    RowError,
    answer_text,
    as_came,
    checked,
    columns_of,
    notes_of,
    paired_turns,
    text_answer,
    with_columns,
    with_notes,
)
from app.core.layouts.conversation import chat_messages
from app.core.layouts.functions import call_text, in_call_order, with_text_tools
from app.core.layouts.messages import text_of_parts
from app.core.layouts.shapes import Row, is_turn, unpacked
from app.core.reasoning import KEYS as REASONING_KEYS
from app.core.reasoning import with_thinking
from app.core.record import Message, Record

_NAMES = {"developer": "system", "tool": "tool_response", "function": "tool_response"}


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a row of messages, or of pairs. Raises RowError."""
    for container in ("conversation", "conversations"):
        pairs = unpacked(row.get(container))
        if isinstance(pairs, list) and pairs and is_turn(pairs[0]):
            return parse_pairs(row, options)
    return openai.parse(row, options)


def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of a record; with ``keep_extra`` an unedited one comes back as it was."""
    if options.keep_extra:
        is_of_pairs = notes_of(record).get("form") == "swift" and not record.trace and record.rejected_answer is None
        if is_of_pairs and 2 * len(paired_turns(record.turns)) == len(record.turns):
            return render_pairs(record, options)
        if (came := as_came(record, "openai", openai.parse)) is not None:
            return came
    messages: list[dict[str, Any]] = []
    for message in in_call_order(chat_messages(record, replace(options, keep_extra=False))):
        text, calls, weight = message.get("content"), message.get("tool_calls") or (), message.get("weight")
        loss: dict[str, Any] = {}
        if weight is not None:
            loss = {"loss": bool(weight)} if weight in (0, 1) else {"loss_scale": weight}
        if isinstance(text, list):
            text = text_of_parts(text)
        # Its own keys are stripped; reasoning is trained as text.
        reasoning = next((message[key] for key in REASONING_KEYS if message.get(key)), None)
        if text is not None or reasoning is not None or not calls:
            role = _NAMES.get(message["role"], message["role"])
            messages.append({"role": role, "content": with_thinking(reasoning, text or ""), **loss})
        messages += ({"role": "tool_call", "content": call_text([call]), **loss} for call in calls)
    row: dict[str, Any] = {"messages": messages}
    if record.rejected_answer is not None:
        row["rejected_response"] = record.rejected_answer
    return with_columns(row, with_text_tools(record), options, SWIFT.columns, SWIFT.keys)


def parse_pairs(row: Row, options: LayoutOptions) -> Record:
    """The record of a row of pairs: the last one is the question and the answer. Raises RowError."""
    container = "conversation" if "conversation" in row else "conversations"
    pairs = unpacked(row.get(container))
    if not isinstance(pairs, list) or not pairs:
        raise RowError("There is no list of conversations.", code="no_messages")
    texts = [_texts_of_pair(pair, place) for place, pair in enumerate(pairs)]
    extra = columns_of(row, (container, "system"))
    notes: dict[str, Any] = {"form": "swift", "container": container}
    if any(len(pair) > 2 for pair in pairs):
        notes["pairs"] = pairs
    given = row.get("system")
    system = given if isinstance(given, str) and given else None
    if "system" in row and system is None:
        extra["system"] = given
    turns = tuple(
        message for asked, said in texts[:-1] for message in (Message("user", asked), Message("assistant", said))
    )
    question, answer = texts[-1]
    return checked(Record(question, answer, system, turns, extra=with_notes(extra, notes)), options)


def _texts_of_pair(pair: Any, place: int) -> tuple[str, str]:
    if not isinstance(pair, dict) or not all(type(pair.get(key)) is str for key in ("human", "assistant")):
        raise RowError(f"Turn {place + 1} has no human or assistant text.", code="blank_answer")
    return pair["human"], pair["assistant"]


def render_pairs(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The row of pairs of a record. Raises RowError where the answer is a tool call."""
    notes = notes_of(record)
    turns = [(asked.text, answer_text(said)) for asked, said in paired_turns(record.turns)]
    texts = [*turns, (record.question, with_thinking(record.reasoning, text_answer(record, "MS-Swift")))]
    pairs = [{"human": asked, "assistant": said} for asked, said in texts]
    original = notes.get("pairs")
    if (
        options.keep_extra
        and original
        and [_texts_of_pair(pair, place) for place, pair in enumerate(original)] == texts
    ):
        pairs = original
    own = options.keep_extra and notes.get("form") == "swift"
    row: dict[str, Any] = {} if record.system is None else {"system": record.system}
    row[notes["container"] if own else "conversation"] = pairs
    return with_columns(row, record, options)


SWIFT = Layout(
    "swift",
    "MS-Swift",
    parse,
    render,
    frozenset({"system", "turns", "trace", "reasoning", "tools", "weights", "rejected answer"}),
    ("messages", "rejected_response", "tools"),
    {
        "messages": [
            {"role": "system", "content": "Answer briefly."},
            {"role": "user", "content": "How do I reset my password?"},
            {"role": "assistant", "content": "Choose “Forgot password”."},
        ],
        "rejected_response": "Ask.",
    },
    columns=frozenset({"tools"}),
    came="openai",
    unrolls=True,
)

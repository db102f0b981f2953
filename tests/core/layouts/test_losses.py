"""What a layout cannot carry: a piece of a record is in the rows, or it is named as lost. Nothing is both or neither."""

import json
from dataclasses import replace

import pytest

from app.core.layouts import CARRIES, LAYOUTS, NOTES, LayoutOptions, RowError, losses
from app.core.record import Message, Record

MARK = "sevenhundred"
WEIGHT = 734
WRITTEN = [layout for layout in LAYOUTS.values() if layout.is_written]


def call(name="look", **more):
    return Message(
        "assistant", tool_calls=[{"type": "function", "function": {"name": name, "arguments": "{}"}, **more}]
    )


def record(*turns, trace=(), notes=None, **more):
    extra = more.pop("extra", {})
    return Record("Why?", "So.", turns=turns, trace=trace, extra={**extra, **({NOTES: notes} if notes else {})}, **more)


USER, ASSISTANT, RESULT = Message("user", "Before?"), Message("assistant", "Then."), Message("tool", "18")
TOOL = {"type": "function", "function": {"name": MARK}}
# Records that hold one piece besides question and answer, and the names that its loss can have.
PIECES = {
    "a system prompt": (record(system=MARK), {"system"}),
    "a turn": (record(Message("user", MARK), ASSISTANT), {"turns"}),
    "a question without an answer": (record(Message("user", MARK), USER, ASSISTANT), {"turns", "turns without a partner"}),
    "a greeting": (record(Message("assistant", MARK)), {"turns", "turns without a partner"}),
    "a call in the turns": (record(USER, call(MARK), RESULT, ASSISTANT), {"turns", "turns without a partner"}),
    "a system message in the middle": (
        record(USER, ASSISTANT, Message("system", MARK)),
        {"turns", "system messages among the turns"},
    ),
    "a second system message": (
        record(Message("system", MARK), system="Be brief."),
        {"system", "turns", "system messages among the turns"},
    ),
    "a developer message": (record(Message("developer", MARK)), {"turns", "system messages among the turns"}),
    "a thought aloud": (record(trace=(Message("assistant", MARK),)), {"trace"}),
    "a call": (record(trace=(call(MARK), RESULT)), {"trace"}),
    "a result": (record(trace=(call(), Message("tool", MARK))), {"trace"}),
    "a second result": (record(trace=(call(), RESULT, Message("tool", MARK))), {"trace"}),
    "an id of a call": (record(trace=(call(id=MARK), RESULT)), {"trace", "ids of tool calls"}),
    "an id of a result": (record(trace=(call(), Message("tool", "18", tool_call_id=MARK))), {"trace", "ids of tool calls"}),
    "tools": (record(extra={"tools": [TOOL]}), {"tools"}),
    "tools as text": (record(extra={"tools": json.dumps([TOOL])}), {"tools"}),
    "functions": (record(extra={"functions": [TOOL]}), {"tools"}),
    "tools that are none": (record(extra={"tools": MARK}), {"other columns"}),
    "a weight of a turn": (record(USER, Message("assistant", "Then.", weight=WEIGHT)), {"turns", "weights"}),
    "a weight of the answer": (record(notes={"answer": {"weight": WEIGHT}}), {"weights"}),
    "a weight of the question": (record(notes={"question": {"weight": WEIGHT}}), {"weights"}),
    "a key of a turn": (record(Message("user", "x", extra={"k": MARK}), ASSISTANT), {"turns", "other keys of messages"}),
    "a name in a turn": (record(Message("user", "x", name=MARK), ASSISTANT), {"turns", "other keys of messages"}),
    "a key of the answer": (record(notes={"answer": {"extra": {"k": MARK}}}), {"other keys of messages"}),
    "a name of the asker": (record(notes={"question": {"name": MARK}}), {"other keys of messages"}),
    "a key of a part": (
        record(notes={"parts": {"0": [{"type": "text", "text": "Why?", "cache": MARK}]}}),
        {"other keys of messages"},
    ),
    "reasoning": (record(reasoning=MARK), {"reasoning"}),
    "reasoning of a turn": (record(USER, Message("assistant", "Then.", reasoning=MARK)), {"turns", "reasoning"}),
    "reasoning of a call": (
        record(trace=(Message("assistant", tool_calls=call().tool_calls, reasoning=MARK), RESULT)),
        {"trace", "reasoning"},
    ),
    "a rejected answer": (record(rejected_answer=MARK), {"rejected answer"}),
    "a rejected answer beside": (
        record(rejected_answer=MARK, notes={"rejected": {"column": "rejected_response"}}),
        {"rejected answer"},
    ),
    "a message after the answer": (
        record(notes={"trailing": [{"role": "user", "text": MARK}]}),
        {"messages after the answer"},
    ),
    "other answers": (record(notes={"answers": [{"text": "So."}, {"text": MARK}]}), {"other answers"}),
    "a picture": (record(extra={"image": MARK}), {"pictures"}),
    "a tag": (record(tags=(MARK,)), {"tags"}),
    **{
        f"a column “{name}”": (record(extra={name: MARK}), {"other columns"})
        for name in sorted({"label", *(key for layout in WRITTEN for key in layout.keys)} - {"tools", "functions"})
    },
}  # fmt: skip


@pytest.mark.parametrize("keep", [False, True], ids=["", "kept"])
@pytest.mark.parametrize("layout", WRITTEN, ids=lambda layout: layout.name)
def test_a_piece_is_written_or_named_as_lost(layout, keep, subtests):
    options = LayoutOptions(keep_extra=keep or layout.name == "columns")
    for piece, (one, names) in PIECES.items():
        if layout.needs and one.rejected_answer is None:
            one = replace(one, rejected_answer="No.")
        try:
            rows = json.dumps(layout.rows_of(one, options))
        except RowError:
            continue
        with subtests.test(piece):
            lost = set(losses(one, layout, options)) - ({"system"} if piece == "a second system message" else set())
            assert bool(lost) == (MARK not in rows and str(WEIGHT) not in rows), (rows, lost)
            assert lost <= names


@pytest.mark.parametrize("layout", WRITTEN, ids=lambda layout: layout.name)
def test_what_says_nothing_is_no_loss(layout):
    empty = record(
        extra={"image": None, "tools": [], "k": "", "input": {}},
        notes={"answer": {"extra": {"reasoning_content": None, "audio": []}}, "alpaca-shape": {"input": []}},
        rejected_answer="No." if layout.needs else None,
    )
    assert losses(empty, layout, LayoutOptions()) == []


def test_every_loss_has_a_place_in_the_report():
    known = set(CARRIES)
    assert all(names <= known for _, names in PIECES.values())
    assert all(layout.holds <= known and layout.keeps <= known for layout in WRITTEN)

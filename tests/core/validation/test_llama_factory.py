"""The rows that LLaMA-Factory drops are those announced, on rows that are changed at random.

The reference restates its converter (src/llamafactory/data/converter.py): a leading system message aside, turns of the
user or a tool and turns of the assistant alternate and come in pairs; an answer must be of the right kind.
"""

import random

import pytest

from app.core.validation import Checker, Findings, load_profiles
from app.core.validation.shapes import SHAPES, Seen

PROFILE = load_profiles()["llama-factory"]
TAGS = {
    "sharegpt": ("conversations", "from", "value", ("human", "observation"), ("gpt", "function_call")),
    "messages": ("messages", "role", "content", ("user", "tool"), ("assistant", "function_call")),
}
STRANGE = [None, 1, True, "x", [1], {"a": 1}, [], ""]


def is_dropped(row, kind):
    """Whether the converter gives no prompt or no answer for a row, so that it is dropped."""
    if kind == "alpaca":
        return not isinstance(row.get("output"), str)
    name, role, _, odd, even = TAGS["messages" if kind == "messages" else "sharegpt"]
    turns = row[name]
    if turns and turns[0].get(role) == "system":
        turns = turns[1:]
    in_order = all(turn.get(role) in (even if at % 2 else odd) for at, turn in enumerate(turns))
    if kind == "sharegpt-preference":
        return (
            not in_order or len(turns) % 2 == 0 or not all(isinstance(row.get(n), dict) for n in ("chosen", "rejected"))
        )
    if kind == "sharegpt-labelled" and not isinstance(row.get("kto_tag"), bool):
        return True
    return not in_order or len(turns) % 2 == 1 or not turns


def a_row(kind, at_random):
    """A good row."""
    if kind == "alpaca":
        return {"instruction": "Tare?", "input": at_random.choice(["", "of box A7"]), "output": "12 kg."}
    name, role, text, (user, tool), (assistant, call) = TAGS["messages" if kind == "messages" else "sharegpt"]
    turns = [{role: "system", text: "Be brief."}] if at_random.random() < 0.4 else []
    for _ in range(at_random.randint(1, 3)):
        turns.append({role: user, text: "How heavy?"})
        if kind != "messages" and at_random.random() < 0.4:
            turns += [{role: call, text: '{"name":"weigh","arguments":{}}'}, {role: tool, text: "12"}]
        turns.append({role: assistant, text: "12 kg."})
    row = {name: turns}
    if kind == "sharegpt-preference":
        row |= {"chosen": turns.pop(), "rejected": {role: assistant, text: "No idea."}}
    return row | ({"kto_tag": at_random.random() < 0.5} if kind == "sharegpt-labelled" else {})


def change(row, kind, at_random):
    """Change one thing."""
    others = [key for key in row if key not in ("messages", "conversations")]
    if others and (kind == "alpaca" or at_random.random() < 0.3):
        # What is no text in the question stops the run, and drops nothing.
        row[at_random.choice([key for key in others if key not in ("instruction", "input")])] = at_random.choice(
            STRANGE
        )
        return
    name, role, text, *_ = TAGS["messages" if kind == "messages" else "sharegpt"]
    turns = row[name]
    at = at_random.randrange(len(turns)) if turns else 0
    how = at_random.choice(["leave out", "repeat", "swap", "rename", "insert", "empty"])
    if how == "empty":
        turns.clear()
    elif how == "insert" or not turns:
        turns.insert(at, {role: at_random.choice(["system", "human", "gpt", "user", "assistant"]), text: "Well."})
    elif how == "leave out":
        del turns[at]
    elif how == "repeat":
        turns.insert(at, dict(turns[at]))
    elif how == "swap":
        other = at_random.randrange(len(turns))
        turns[at], turns[other] = turns[other], turns[at]
    else:
        turns[at][role] = at_random.choice(["human", "gpt", "observation", "system", "user", "assistant", "bot", None])


@pytest.mark.parametrize("kind", ["sharegpt", "messages", "sharegpt-preference", "sharegpt-labelled", "alpaca"])
def test_the_rows_that_are_dropped_are_those_announced(kind):
    at_random = random.Random(7)
    dropped = 0
    for _ in range(500):
        row = a_row(kind, at_random)
        for _ in range(at_random.randint(0, 2)):
            change(row, kind, at_random)
        checker = Checker(PROFILE, Findings(), own=True)
        checker.check(Seen(row, SHAPES[kind]), 1, 1)
        announced = checker.outcome.dropped > checker.outcome.rejected
        assert announced == is_dropped(row, kind), row
        dropped += announced
    assert 50 < dropped < 450

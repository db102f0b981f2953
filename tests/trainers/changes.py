"""Good rows of every form, and one thing at a time that may be wrong with one."""

import copy
import random
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
QUESTIONS = ["How heavy is box A7?", "What is a tare weight?", "箱子多重？", "Two\n\nlines", "  spaced  "]
ANSWERS = [
    "12 kg.",
    "The weight of an empty container.",
    "十二公斤。",
    "First line\nSecond line\n",
    "<think>\nten\n</think>\n\n12 kg.",
]
STRANGE = [None, 7, 1.5, True, "text", [], ["a"], {}, {"a": 1}]
# Its names for the key of a list of messages, of a role and of a text, and for user, assistant, tool and system.
NAMES = {
    "messages": ("messages", "role", "content", "user", "assistant", "tool", "system"),
    "sharegpt": ("conversations", "from", "value", "human", "gpt", "observation", "system"),
}


def names_of(kind: str) -> tuple[str, ...]:
    return NAMES["sharegpt" if kind.startswith("sharegpt") else "messages"]


def long_text(at_random: random.Random, tokens: int) -> str:
    return " ".join("word" for _ in range(at_random.randint(tokens // 4, tokens)))


def make_row(kind: str, at_random: random.Random, *, calls: bool = True) -> Row:
    """A row that is in order."""
    if kind.startswith("alpaca"):
        row: Row = {"instruction": at_random.choice(QUESTIONS), "input": at_random.choice(["", "Box A7."])}
        if kind == "alpaca":
            return row | {"output": at_random.choice(ANSWERS)}
        return row | {"chosen": at_random.choice(ANSWERS), "rejected": "No idea."}
    if kind == "text":
        return {"text": at_random.choice(ANSWERS)}
    name, role, text, user, assistant, tool, system = names_of(kind)
    turns = [{role: system, text: "Be brief."}] if at_random.random() < 0.4 else []
    for _ in range(at_random.randint(1, 3)):
        turns.append({role: user, text: at_random.choice(QUESTIONS)})
        if calls and kind.startswith("sharegpt") and at_random.random() < 0.3:
            turns += [
                {role: "function_call", text: '{"name": "weigh", "arguments": {"box": "A7"}}'},
                {role: tool, text: "12"},
            ]
        turns.append({role: assistant, text: at_random.choice(ANSWERS)})
    if kind == "prompt-completion":
        return {"prompt": turns[:-1], "completion": turns[-1:]}
    if kind == "chosen-rejected":
        return {"prompt": turns[:-1], "chosen": turns[-1:], "rejected": [{role: assistant, text: "No idea."}]}
    if kind == "labelled":
        return {"prompt": turns[:-1], "completion": turns[-1:], "label": at_random.random() < 0.5}
    row = {name: turns}
    if kind == "sharegpt-preference":
        row |= {"chosen": turns.pop(), "rejected": {role: assistant, text: "No idea."}}
    if kind == "sharegpt-labelled":
        row["kto_tag"] = at_random.random() < 0.5
    if calls and kind.startswith("sharegpt"):
        row["tools"] = (
            '[{"type": "function", "function": {"name": "weigh", "description": "Weigh.", "parameters": {"type": "object", "properties": {}}}}]'
        )
    return row


def change_rows(
    kind: str, number: int, length: int, at_random: random.Random, *, calls: bool = True
) -> list[tuple[list[str], Row]]:
    """Rows with what was changed in each: nothing, one thing or two."""
    found = []
    for place in range(number):
        row = make_row(kind, at_random, calls=calls and place % 2 == 0)
        changes = [change_row(row, kind, at_random, length) for _ in range(at_random.choice([0, 1, 1, 1, 2]))]
        found.append((changes, copy.deepcopy(row)))
    return found


def change_row(row: Row, kind: str, at_random: random.Random, length: int) -> str:
    """Change one thing of a row; returns what."""
    lists = [value for value in row.values() if isinstance(value, list)]
    if kind.startswith("alpaca") or kind == "text" or not lists or at_random.random() < 0.15:
        return change_keys(row, kind, at_random, length)
    turns = at_random.choice(lists)
    _, role, text, user, assistant, tool, system = names_of(kind)
    at = at_random.randrange(len(turns)) if turns else 0
    turn = turns[at] if turns and isinstance(turns[at], dict) else {}
    call = [{"id": "call_1", "type": "function", "function": {"name": "weigh", "arguments": {"box": "A7"}}}]
    changes: dict[str, Callable[[], Any]] = {
        "role": lambda: turn.update({role: at_random.choice([user, assistant, tool, system, "bot", "function_call", "", None, 7])}),
        "empty text": lambda: turn.update({text: at_random.choice(["", " ", "\n"])}),
        "strange text": lambda: turn.update({text: at_random.choice(STRANGE)}),
        "parts": lambda: turn.update({text: [{"type": "text", "text": "How heavy?"}]}),
        "long text": lambda: turn.update({text: long_text(at_random, 2 * length)}),
        "long texts": lambda: [one.update({text: long_text(at_random, length)}) for one in turns if isinstance(one, dict)],
        "no text": lambda: turn.pop(text, None),
        "no role": lambda: turn.pop(role, None),
        "leave out": lambda: turns.pop(at) if turns else None,
        "leave out last": lambda: turns.pop() if turns else None,
        "twice": lambda: turns.insert(at, dict(turn)),
        "swap": lambda: turns.reverse(),
        "insert": lambda: turns.insert(at, {role: at_random.choice([user, assistant, tool, system]), text: "Well."}),
        "system in the middle": lambda: turns.insert(len(turns) // 2 + 1, {role: system, text: "Be brief."}),
        "clear": turns.clear,
        "no object": lambda: turns.insert(at, at_random.choice(["Well.", None, 7])),
        "weight": lambda: turn.update(weight=at_random.choice([0, 1])),
        "all weights": lambda: [one.update(weight=0) for one in turns if isinstance(one, dict) and one.get(role) == assistant],
        "extra key": lambda: turn.update(name="Ada"),
        "picture marks": lambda: turn.update({text: "<image>" * at_random.randint(1, 3) + "What is on it?"}),
        "marks and pictures": lambda: (
            turn.update({text: "<image>" * at_random.randint(0, 2) + "What is on it?"}),
            row.update(images=["a.png"] * at_random.randint(0, 2)),
        ),
        "call": lambda: turn.update(tool_calls=call),
        "call alone": lambda: turn.update({text: at_random.choice([None, ""]), "tool_calls": call}),
        "call text": lambda: turn.update({role: "function_call", text: at_random.choice(["weigh", "{}", "[]", '["a"]', '{"name": "a"}', "null"])}),
        "marks": lambda: turn.update({text: "a<|im_end|>b"}),
    }  # fmt: skip
    what = at_random.choice(list(changes))
    changes[what]()
    return what


def change_keys(row: Row, kind: str, at_random: random.Random, length: int) -> str:
    """Change what stands in a row beside its messages."""
    keys = list(row) or ["messages"]
    name = at_random.choice(keys)
    changes: dict[str, Callable[[], Any]] = {
        f"no {name}": lambda: row.pop(name, None),
        f"strange {name}": lambda: row.update({name: at_random.choice(STRANGE)}),
        f"empty {name}": lambda: row.update({name: ""}),
        f"long {name}": lambda: (
            row.update({name: long_text(at_random, 2 * length)}) if isinstance(row.get(name), str) else None
        ),
        "extra": lambda: row.update(source="handbook"),
        "tools": lambda: row.update(
            tools=at_random.choice(["", "[]", "{}", "weigh", None, "null", '["a"]', '[{"name": "a"}]'])
        ),
        "system": lambda: row.update(system=at_random.choice(["Be brief.", "", None])),
        "history": lambda: row.update(
            history=at_random.choice([[["a", "b"]], [], None, ["a"], [["a"]], [["a", None]]])
        ),
        "pictures": lambda: row.update(images=at_random.choice([[], ["a.png"], "a.png", None])),
    }
    what = at_random.choice(list(changes))
    changes[what]()
    return what


def same_training(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether as many tokens are left and trained as announced, in the same texts; a cut may go through a letter."""
    if "tokens" not in ours:
        return False
    left = ours["tokens"] if ours["cut_at"] is None else theirs["tokens"]
    if left != theirs["tokens"] or ours["trained_tokens"] != theirs["trained_tokens"]:
        return False
    if ours["cut_at"] is None:
        return bool(ours["trained"] == theirs["trained"])
    told = [one.rstrip("\ufffd") for one in theirs["trained"]]
    return len(ours["trained"]) == len(told) and all(
        a.startswith(b) for a, b in zip(ours["trained"], told, strict=True)
    )

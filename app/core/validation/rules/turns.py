"""Rules on turns and instructions as LLaMA-Factory's converter reads them.

Source: src/llamafactory/data/converter.py, and the processors that drop rows whose prompt or answer is then empty. What
is dropped there with a log line is told by rules that the profile lists under ``drops``; the rest stops its run.
"""

from collections.abc import Sequence
from typing import Any

from app.core.text import clip
from app.core.validation.profiles import Profile
from app.core.validation.rules.base import SHAREGPT, Problem, Problems, Row, can_join, place_of, rule
from app.core.validation.shapes import ROLES, Said, Seen, Talk

_ASK: Row = {"from": "human", "value": "How heavy is box A7?"}
_SAID: Row = {"from": "gpt", "value": "12 kg."}
_CALL: Row = {"from": "function_call", "value": '{"name":"weigh","arguments":{"box":"A7"}}'}
_RESULT: Row = {"from": "observation", "value": "12 kg"}
_ODD, _EVEN = ("user", "tool"), ("assistant",)


def _turns(*turns: Row, **more: object) -> Row:
    return {"conversations": list(turns), **more}


_GOOD = _turns(_ASK, _CALL, _RESULT, _SAID)


@rule(
    "empty-messages",
    "An empty list of messages",
    "There is nothing to read and nothing to learn.",
    good=_GOOD,
    bad=_turns(),
    profile="llama-factory",
    shapes=("messages", *SHAREGPT),
)
def check_empty(seen: Seen, profile: Profile) -> Problems:
    """Lists of messages that hold none."""
    for path in seen.shape.lists:
        if seen.row.get(path) == []:
            yield Problem(path, f"“{path}” is empty.")


@rule(
    "turn-order",
    "A turn in the wrong place",
    "After a system message, user or tool and assistant take turns, beginning with the user; other rows are dropped.",
    good=_GOOD,
    bad=_turns(_ASK, _CALL, _RESULT, _RESULT, _SAID),
    profile="llama-factory",
    shapes=("messages", *SHAREGPT),
)
def check_turn_order(seen: Seen, profile: Profile) -> Problems:
    """The first turn that stands where another one has to speak."""
    key = seen.shape.role
    known = profile.roles.get(key, ())
    for talk in seen.talks:
        if talk.kind == "answer":
            continue
        turns = _turns_of(seen, talk)
        for at, said in enumerate(turns):
            name = said.message.get(key)
            role = ROLES.get(name) if type(name) is str and name in known and name != "system" else None
            if role in (_EVEN if at % 2 else _ODD):
                continue
            wanted = "the assistant" if at % 2 else "the user, or a tool"
            is_result = role == "tool" and at > 0 and turns[at - 1].role == "tool"
            shown = clip(name, 30) if type(name) is str else "nobody"
            text = f"{place_of(said.path)} is by “{shown}”, where {wanted} has to speak: the row is dropped."
            is_text = at > 0 and name not in ("function_call", "tool_call")
            is_same = is_text and can_join(turns[at - 1], said, seen.shape.text)
            yield Problem(said.path, text, "join-results" if is_result else "join-messages" if is_same else None)
            break


def _turns_of(seen: Seen, talk: Talk) -> Sequence[Said]:
    """The turns of a talk behind its system message, up to one that is no object: there the run stops."""
    said = talk.said
    listed = seen.row.get(talk.path)
    if isinstance(listed, list) and len(listed) != len(said):
        said = said[: next(at for at, one in enumerate(listed) if type(one) is not dict)]
    return said[1:] if said and said[0].message.get(seen.shape.role) == "system" else said


@rule(
    "turn-count",
    "An odd number of turns",
    "Every question needs its answer, and a preference pair ends with the question; other rows are dropped.",
    good=_GOOD,
    bad=_turns(_ASK, _SAID, _ASK),
    profile="llama-factory",
    shapes=("messages", *SHAREGPT),
)
def check_turn_count(seen: Seen, profile: Profile) -> Problems:
    """Turns that do not come in pairs, or nothing behind the system message."""
    for talk in seen.talks:
        listed = seen.row.get(talk.path)
        if talk.kind == "answer" or not talk.said or (isinstance(listed, list) and len(listed) != len(talk.said)):
            continue
        turns = len(_turns_of(seen, talk))
        is_prompt = talk.kind == "prompt"
        if turns == 0:
            yield Problem(talk.path, "There is only a system message: the row is dropped.")
        elif turns % 2 != is_prompt:
            wanted = "odd" if is_prompt else "even"
            yield Problem(talk.path, f"There are {turns} turns, and the number must be {wanted}: the row is dropped.")


@rule(
    "picture-marks",
    "Marks of pictures that do not fit",
    "The text has <image> for each picture of the row; another number stops the run.",
    good=_turns({"from": "human", "value": "<image>What is on it?"}, _SAID, images=["a.png"]),
    bad=_turns({"from": "human", "value": "What is on it?"}, _SAID, images=["a.png"]),
    profile="llama-factory",
    level="row",
    shapes=("messages", "alpaca", "alpaca-preference", *SHAREGPT),
)
def check_picture_marks(seen: Seen, profile: Profile) -> Problems:
    """Rows whose pictures and marks differ in number, in the conversation with each of its answers."""
    pictures = seen.row.get("images")
    if pictures is None:
        return
    number = len(pictures) if type(pictures) is list else 1
    asked: list[Any] = [seen.row.get(name) for name in ("instruction", "input")] if not seen.talks else []
    history = seen.row.get("history") if not seen.talks else None
    asked += [one for pair in (history if type(history) is list else ()) if type(pair) is list for one in pair]
    answers = [seen.row[name] for name in ("output", "chosen", "rejected") if type(seen.row.get(name)) is str]
    for talk in seen.talks:
        texts = [seen.text(said) for said in talk.said if said.role != "system"]
        if talk.kind == "answer":
            answers += texts
        else:
            asked += texts
    for answer in answers or [""]:
        marks = sum(text.count("<image>") for text in (*asked, answer) if type(text) is str)
        if marks != number:
            yield Problem("images", f"The texts have {marks} times <image>, and there are {number} pictures.")
            return


@rule(
    "output-kind",
    "An output that is no text",
    "A row whose output is missing, a number or an object is dropped.",
    good={"instruction": "How heavy is box A7?", "input": "", "output": "12 kg."},
    bad={"instruction": "How heavy is box A7?", "input": "", "output": {"kg": 12}},
    profile="llama-factory",
    shapes=("alpaca", "alpaca-preference"),
)
def check_output(seen: Seen, profile: Profile) -> Problems:
    """Outputs, or better and worse answers, that are no text."""
    for name in ("output",) if seen.shape.name == "alpaca" else ("chosen", "rejected"):
        if type(seen.row.get(name)) is not str:
            yield Problem(name, f"“{name}” must be a text: the row is dropped.")


@rule(
    "blank-output",
    "An output that says nothing",
    "An empty answer teaches the model to say nothing.",
    good={"instruction": "How heavy is box A7?", "input": "", "output": "12 kg."},
    bad={"instruction": "How heavy is box A7?", "input": "", "output": " "},
    profile="llama-factory",
    shapes=("alpaca",),
    refused=False,
)
def check_blank_output(seen: Seen, profile: Profile) -> Problems:
    """Outputs that are blank."""
    output = seen.row.get("output")
    if type(output) is str and not output.strip():
        yield Problem("output", "“output” is empty.")


@rule(
    "instruction-kind",
    "An instruction that is no text",
    "Instruction and input are joined as texts; another value stops the run.",
    good={"instruction": "How heavy is box A7?", "input": "", "output": "12 kg."},
    bad={"instruction": ["How heavy is box A7?"], "input": "", "output": "12 kg."},
    profile="llama-factory",
    shapes=("alpaca", "alpaca-preference"),
)
def check_instruction(seen: Seen, profile: Profile) -> Problems:
    """Instructions and inputs that hold something else than text."""
    for name in ("instruction", "input"):
        if seen.row.get(name) and type(seen.row[name]) is not str:
            yield Problem(name, f"“{name}” must be a text.")


@rule(
    "no-instruction",
    "Neither an instruction nor an input",
    "An answer to nothing is rarely meant.",
    good={"instruction": "How heavy is box A7?", "input": "", "output": "12 kg."},
    bad={"instruction": "", "input": "", "output": "12 kg."},
    profile="llama-factory",
    shapes=("alpaca", "alpaca-preference"),
    refused=False,
)
def check_no_instruction(seen: Seen, profile: Profile) -> Problems:
    """Rows that ask nothing."""
    if not seen.row.get("instruction") and not seen.row.get("input"):
        yield Problem("instruction", "There is neither an instruction nor an input.")


@rule(
    "history-form",
    "A history that is not made of pairs",
    "Earlier turns are pairs of a question and an answer; another list stops the run.",
    good={"instruction": "And A8?", "input": "", "output": "9 kg.", "history": [["How heavy is box A7?", "12 kg."]]},
    bad={"instruction": "And A8?", "input": "", "output": "9 kg.", "history": ["How heavy is box A7?", "12 kg."]},
    profile="llama-factory",
    shapes=("alpaca", "alpaca-preference"),
)
def check_history(seen: Seen, profile: Profile) -> Problems:
    """Items of the history that are no pair of texts."""
    history = seen.row.get("history")
    for at, pair in enumerate(history if type(history) is list else ()):
        if type(pair) is not list or len(pair) != 2 or not all(type(one) is str for one in pair):
            yield Problem(f"history[{at}]", f"Turn {at + 1} of the history must be a question and an answer.")


@rule(
    "mixed-sides",
    "Texts and lists of messages in one file",
    "By its first row the target decides whether prompts and answers are texts or messages, for all rows.",
    good=[{"prompt": "Tare?", "completion": "Empty weight."}] * 2,
    bad=[
        {"prompt": "Tare?", "completion": "Empty weight."},
        {
            "prompt": [{"role": "user", "content": "Tare?"}],
            "completion": [{"role": "assistant", "content": "Empty weight."}],
        },
    ],
    profile="trl",
    level="set",
)
class WatchSides:
    """Whether prompts and answers are texts, against the first row."""

    def __init__(self, profile: Profile) -> None:
        self._first: dict[str, tuple[bool, int]] = {}

    def see(self, seen: Seen, number: int, line: int | None) -> Problems:
        """A side that is of another kind than in the first row that has it."""
        if seen.form is not None:
            return
        for name in seen.shape.lists:
            value = seen.row.get(name)
            if isinstance(value, (str, list)):
                is_text = isinstance(value, str)
                before, first = self._first.setdefault(name, (is_text, number))
                if before is not is_text:
                    here, there = ("a text", "messages") if is_text else ("messages", "a text")
                    text = f"“{name}” is {here}; in record {first:,} it is {there}."
                    yield Problem(name, text, "to-messages" if is_text else None)

    def close(self, facts: object) -> Problems:
        """All is told row by row."""
        return iter(())

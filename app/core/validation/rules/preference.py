"""Rules on preference pairs and labelled answers."""

from typing import Any

from app.core.text import is_blank
from app.core.validation.profiles import Profile
from app.core.validation.rules.base import Problem, Problems, Row, place_of, rule
from app.core.validation.shapes import Seen

_ASK = {"role": "user", "content": "What is a tare weight?"}
_BETTER = {"role": "assistant", "content": "The weight of an empty container."}
_WORSE = {"role": "assistant", "content": "A kind of fish."}


def _pair(prompt: Any = (_ASK,), better: Any = (_BETTER,), worse: Any = (_WORSE,)) -> Row:
    return {
        "input": {"messages": list(prompt)},
        "preferred_output": list(better),
        "non_preferred_output": list(worse),
    }


@rule(
    "prompt-answered",
    "A prompt that ends with an answer",
    "The answers are those of the pair; the prompt ends before them.",
    good=_pair(),
    bad=_pair((_ASK, _BETTER)),
    profile="openai-dpo",
    shapes=("preference", "chosen-rejected", "scored"),
)
def check_prompt_end(seen: Seen, profile: Profile) -> Problems:
    """Prompts whose last message is the assistant's."""
    for talk in seen.talks:
        if talk.kind == "prompt" and talk.said and talk.said[-1].role == "assistant":
            yield Problem(talk.said[-1].path, "The prompt ends with a message of the assistant.")


@rule(
    "output-form",
    "An output that is not one answer",
    "Each output is a list with exactly one message of the assistant, which says something.",
    good=_pair(),
    bad=_pair(better=(_BETTER, _BETTER)),
    profile="openai-dpo",
    shapes=("preference",),
)
def check_outputs(seen: Seen, profile: Profile) -> Problems:
    """Outputs with no message, several, or one of somebody else."""
    for talk in seen.talks:
        if talk.kind != "answer" or not talk.said:
            continue
        content = talk.said[0].message.get("content")
        if len(talk.said) != 1 or talk.said[0].role != "assistant":
            yield Problem(talk.path, f"“{talk.path}” must hold exactly one message of the assistant.")
        elif type(content) is not str and type(content) is not list:
            yield Problem(f"{talk.said[0].path}.content", f"{place_of(talk.said[0].path)} has no text.")


@rule(
    "output-roles",
    "An output without an answer",
    "Each output holds messages of the assistant and of tools, and at least one of the assistant.",
    good=_pair(),
    bad=_pair(better=(_ASK,)),
    profile="azure",
    shapes=("preference",),
)
def check_output_roles(seen: Seen, profile: Profile) -> Problems:
    """Outputs with messages of others, or without the assistant."""
    for talk in seen.talks:
        roles = {said.role for said in talk.said}
        if talk.kind == "answer" and talk.said and (not roles <= {"assistant", "tool"} or "assistant" not in roles):
            yield Problem(talk.path, f"“{talk.path}” must hold messages of the assistant, or of tools beside them.")


@rule(
    "equal-answers",
    "Both answers are equal",
    "A pair of equal answers says nothing about which one is better.",
    good=_pair(),
    bad=_pair(worse=(_BETTER,)),
    profile="openai-dpo",
    shapes=("preference", "chosen-rejected", "sharegpt-preference", "alpaca-preference", "messages", "scored"),
)
def check_equal_answers(seen: Seen, profile: Profile) -> Problems:
    """Pairs whose answers are equal; of messages with a rejected response, the last answer."""
    row = seen.row
    if seen.shape.name == "messages":
        if "rejected_response" not in row or not seen.talks or not seen.talks[0].said:
            return
        last = seen.talks[0].said[-1]
        if last.role == "assistant" and last.message.get("content") == row["rejected_response"]:
            yield Problem("rejected_response", "The rejected response is equal to the answer.")
    elif seen.shape.name == "scored":
        answers = row.get("completions")
        said = [one.get("completion") for one in answers if isinstance(one, dict)] if isinstance(answers, list) else []
        if len(said) > 1 and said[0] == said[1]:
            yield Problem("completions", "Both completions are equal.")
    else:
        better, worse = seen.shape.keys[-2:]
        if row.get(better) is not None and row.get(better) == row.get(worse):
            yield Problem(worse, f"“{better}” and “{worse}” are equal.")


@rule(
    "one-turn",
    "A prompt of several turns",
    "The target's own training takes one question.",
    good=_pair(),
    bad=_pair((_ASK, _BETTER, _ASK)),
    profile="fireworks",
    shapes=("preference",),
)
def check_one_turn(seen: Seen, profile: Profile) -> Problems:
    """Prompts with more than one message of the user."""
    for talk in seen.talks:
        number = sum(said.role == "user" for said in talk.said)
        if talk.kind == "prompt" and number > 1:
            yield Problem(talk.path, f"The prompt has {number} messages of the user; the target takes one.")


@rule(
    "label-kind",
    "A label that is not true or false",
    "The label says whether the answer is good; another value is taken for none.",
    good={"prompt": [_ASK], "completion": [_BETTER], "label": True},
    bad={"prompt": [_ASK], "completion": [_BETTER], "label": "good"},
    profile="trl",
    shapes=("labelled", "sharegpt-labelled"),
)
def check_labels(seen: Seen, profile: Profile) -> Problems:
    """Labels that are no true or false."""
    name = seen.shape.keys[-1]
    if type(seen.row.get(name)) is not bool:
        yield Problem(name, f"“{name}” must be true or false.")


@rule(
    "answer-object",
    "An answer that is no turn",
    "Both answers of a pair are one turn each; a row with a list or a text there is dropped.",
    good={
        "conversations": [{"from": "human", "value": "Tare?"}],
        "chosen": {"from": "gpt", "value": "Empty weight."},
        "rejected": {"from": "gpt", "value": "A fish."},
    },
    bad={
        "conversations": [{"from": "human", "value": "Tare?"}],
        "chosen": [{"from": "gpt", "value": "Empty weight."}],
        "rejected": [{"from": "gpt", "value": "A fish."}],
    },
    profile="llama-factory",
    shapes=("sharegpt-preference",),
)
def check_answer_objects(seen: Seen, profile: Profile) -> Problems:
    """Answers that are no objects."""
    for name in ("chosen", "rejected"):
        if type(seen.row.get(name)) is not dict:
            yield Problem(name, f"“{name}” must be one turn, an object with from and value.")


@rule(
    "answer-role",
    "An answer of somebody else",
    "Both answers of a pair are turns of the assistant.",
    good={
        "conversations": [{"from": "human", "value": "Tare?"}],
        "chosen": {"from": "gpt", "value": "Empty weight."},
        "rejected": {"from": "gpt", "value": "A fish."},
    },
    bad={
        "conversations": [{"from": "human", "value": "Tare?"}],
        "chosen": {"from": "human", "value": "Empty weight."},
        "rejected": {"from": "gpt", "value": "A fish."},
    },
    profile="llama-factory",
    shapes=("sharegpt-preference", "chosen-rejected"),
)
def check_answer_roles(seen: Seen, profile: Profile) -> Problems:
    """Answers whose last message is not the assistant's."""
    for talk in seen.talks:
        if talk.kind == "answer" and talk.said and talk.said[-1].role in ("user", "system"):
            yield Problem(talk.said[-1].path, f"“{talk.path}” must end with a message of the assistant.")


@rule(
    "scores",
    "Completions without scores",
    "Two completions with scores say which one is better: 1 and 0.",
    good={
        "contents": [{"role": "user", "parts": [{"text": "Tare?"}]}],
        "completions": [
            {"score": 1, "completion": {"role": "model", "parts": [{"text": "Empty weight."}]}},
            {"score": 0, "completion": {"role": "model", "parts": [{"text": "A fish."}]}},
        ],
    },
    bad={
        "contents": [{"role": "user", "parts": [{"text": "Tare?"}]}],
        "completions": [{"score": 1, "completion": {"role": "model", "parts": [{"text": "Empty weight."}]}}],
    },
    profile="gemini-preference",
    shapes=("scored",),
)
def check_scores(seen: Seen, profile: Profile) -> Problems:
    """Completions that are not two, or whose scores are not 1 and 0."""
    found = seen.row.get("completions")
    if type(found) is not list or len(found) != 2 or not all(isinstance(one, dict) for one in found):
        yield Problem("completions", "There must be two completions.")
        return
    if sorted(str(one.get("score")) for one in found) not in (["0", "1"], ["0.0", "1.0"]):
        yield Problem("completions", "The scores of the completions must be 1 and 0.")
    for at, one in enumerate(found):
        completion = one.get("completion")
        parts = completion.get("parts") if isinstance(completion, dict) else None
        if not isinstance(completion, dict) or completion.get("role") != "model" or not isinstance(parts, list):
            yield Problem(f"completions[{at}].completion", f"Completion {at + 1} must have the role model and parts.")
        elif not any(isinstance(part, dict) and not is_blank(str(part.get("text") or "")) for part in parts):
            yield Problem(f"completions[{at}].completion.parts", f"Completion {at + 1} says nothing.")

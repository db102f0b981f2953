"""What LLaMA-Factory's own code makes of rows is what we announce."""

import random

import pytest

from app.core.validation.training import write_chatml
from tests.trainers.changes import change_rows, make_row, same_training

LENGTH = 128
_SHARE = {"messages": "conversations", "system": "system", "tools": "tools", "images": "images"}
_TAGS = {
    "role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
    "observation_tag": "tool", "function_tag": "function_call", "system_tag": "system",
}  # fmt: skip
_ALPACA = {"prompt": "instruction", "query": "input", "system": "system", "history": "history", "images": "images"}
# For each form the stage that trains on it, and the entry of its dataset_info.json.
FORMS = {
    "sharegpt": ("sft", {"formatting": "sharegpt", "columns": _SHARE}),
    "messages": ("sft", {"formatting": "sharegpt", "columns": {**_SHARE, "messages": "messages"}, "tags": _TAGS}),
    "sharegpt-preference": (
        "rm", {"formatting": "sharegpt", "ranking": True, "columns": {**_SHARE, "chosen": "chosen", "rejected": "rejected"}},
    ),
    "sharegpt-labelled": ("kto", {"formatting": "sharegpt", "columns": {**_SHARE, "kto_tag": "kto_tag"}}),
    "alpaca": ("sft", {"columns": {**_ALPACA, "response": "output"}}),
    "alpaca-preference": ("rm", {"ranking": True, "columns": {**_ALPACA, "chosen": "chosen", "rejected": "rejected"}}),
}  # fmt: skip
CALLS = ("function_call", "tool_calls")
BESIDE = {"system": None, "tools": None, "images": None, "history": None}


def write_as_it_does(messages, tools):
    """Its template “chatml”: the line end behind an answer is learned with it, an empty system prompt is left out."""
    pieces = write_chatml([one for one in messages if one.role != "system" or one.text], tools)
    return [
        piece._replace(learned=True) if at and pieces[at - 1].mark and pieces[at - 1].learned else piece
        for at, piece in enumerate(pieces)
    ]


@pytest.mark.parametrize("kind", FORMS)
def test_what_becomes_of_rows_and_which_tokens_are_trained_is_as_announced(kind, ask, announce):
    stage, columns = FORMS[kind]
    at_random = random.Random(7)
    good = {**BESIDE, **make_row(kind, at_random)}
    cases = change_rows(kind, 500, LENGTH, at_random)
    settings = {"stage": stage, "dataset_info": columns, "cutoff_len": LENGTH}
    answers = ask("llama-factory", settings, [(good, row) for _, row in cases])
    wrong, compared, cut = [], 0, 0
    for (changes, row), theirs in zip(cases, answers, strict=True):
        ours = announce("llama-factory", kind, good, row, length=LENGTH, write=write_as_it_does)
        is_same = ours["fate"] == theirs["fate"]
        # Calls and tools are written in the words of a template; of pairs both answers are trained, and counted apart.
        has_calls = row.get("tools") or any(word in str(row) for word in CALLS)
        if is_same and ours["fate"] == "kept" and stage == "sft" and not has_calls:
            is_same = same_training(ours, theirs)
            compared += 1
            cut += ours["cut_at"] is not None
        if not is_same:
            wrong.append((changes, ours, theirs, row))
    assert wrong == []
    assert len({one["fate"] for one in answers}) == 3
    assert stage != "sft" or (compared > 100 and cut > 10)

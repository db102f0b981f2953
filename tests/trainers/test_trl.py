"""What TRL's own code makes of rows is what we announce."""

import random

import pytest

from tests.trainers.changes import change_rows, make_row, same_training

LENGTH = 128
# ChatML as our own plain form has it, with the marks from which TRL knows the answers. It takes parts and calls.
CHATML = (
    "{%- if tools %}{{- '<|im_start|>system\\n' }}{%- for tool in tools %}{{- tool | tojson }}"
    "{%- if not loop.last %}{{- '\\n' }}{%- endif %}{%- endfor %}{{- '<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- set said = namespace(text='') %}"
    "{%- if message.content is string or message.content is mapping"
    " or (not message.tool_calls and (message.content is not defined or message.content is none)) %}"
    "{%- set said.text = '' + message.content %}"
    "{%- elif message.content %}{%- for part in message.content %}"
    "{%- if not loop.first %}{%- set said.text = said.text + '\\n' %}{%- endif %}"
    "{%- set said.text = said.text + part.text %}{%- endfor %}{%- endif %}"
    "{%- for call in message.tool_calls or [] %}"
    "{%- if said.text %}{%- set said.text = said.text + '\\n' %}{%- endif %}"
    "{%- set said.text = said.text + (call | tojson) %}{%- endfor %}"
    "{%- if message.role == 'assistant' %}{%- generation %}{{- said.text + '<|im_end|>' }}{%- endgeneration %}"
    "{{- '\\n' }}{%- else %}{{- said.text + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


@pytest.mark.parametrize(
    ("kind", "number", "only_answers"),
    [("messages", 500, False), ("messages", 100, True), ("prompt-completion", 300, False), ("text", 50, False)],
)
def test_what_becomes_of_rows_and_which_tokens_are_trained_is_as_announced(kind, number, only_answers, ask, announce):
    at_random = random.Random(7)
    good = make_row(kind, at_random, calls=False)
    cases = change_rows(kind, number, LENGTH, at_random, calls=False)
    config = {"max_length": LENGTH, "assistant_only_loss": only_answers}
    answers = ask(
        "trl", {"chat_template": CHATML, "config": config, "method": "SFT"}, [(good, row) for _, row in cases]
    )
    wrong, compared, cut = [], 0, 0
    for (changes, row), theirs in zip(cases, answers, strict=True):
        # Of these it is chance what becomes: it looks into whichever list it finds first in a set.
        if kind == "prompt-completion" and [] in row.values():
            continue
        ours = announce("trl", kind, good, row, length=LENGTH, trains="answers" if only_answers else "")
        is_same = ours["fate"] == theirs["fate"]
        # Calls and tools are JSON here too, and laid out otherwise.
        if is_same and ours["fate"] == "kept" and kind != "text" and "tool" not in str(row):
            is_same = same_training(ours, theirs)
            compared += 1
            cut += ours["cut_at"] is not None
        if not is_same:
            wrong.append((changes, ours, theirs, row))
    assert wrong == []
    assert {"kept", "stops"} <= {one["fate"] for one in answers}
    assert kind == "text" or (compared > number / 4 and cut > number / 50)


@pytest.mark.parametrize(("kind", "method"), [("chosen-rejected", "DPO"), ("labelled", "KTO")])
def test_pairs_and_labelled_answers_are_kept_dropped_or_refused_as_announced(kind, method, ask, announce):
    at_random = random.Random(7)
    good = make_row(kind, at_random, calls=False)
    cases = change_rows(kind, 200, LENGTH, at_random, calls=False)
    settings = {"chat_template": CHATML, "config": {"max_length": LENGTH}, "method": method}
    answers = ask("trl", settings, [(good, row) for _, row in cases])
    wrong = []
    for (changes, row), theirs in zip(cases, answers, strict=True):
        if [] in row.values():
            continue
        ours = announce("trl", kind, good, row, length=LENGTH)
        if ours["fate"] != theirs["fate"]:
            wrong.append((changes, ours, theirs, row))
    assert wrong == []
    assert {one["fate"] for one in answers} == {"kept", "dropped", "stops"}

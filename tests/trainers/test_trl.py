"""What TRL's own code makes of rows is what we announce."""

import json
import random
from dataclasses import replace

import pytest

from app.core.layouts import LAYOUTS
from app.core.layouts.base import DEFAULT
from app.core.record import Message, Record
from app.core.validation import FileFacts, ValidateOptions, Validation, load_profiles
from app.providers.templates import load_folder
from tests.chat_templates import model_folder
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
def test_pairs_and_labelled_answers_are_kept_dropped_refused_and_counted_as_announced(kind, method, ask, announce):
    at_random = random.Random(7)
    good = make_row(kind, at_random, calls=False)
    cases = change_rows(kind, 200, LENGTH, at_random, calls=False)
    settings = {"chat_template": CHATML, "config": {"max_length": LENGTH}, "method": method}
    answers = ask("trl", settings, [(good, row) for _, row in cases])
    wrong, compared = [], 0
    for (changes, row), theirs in zip(cases, answers, strict=True):
        if [] in row.values():
            continue
        ours = announce("trl", kind, good, row, length=LENGTH)
        is_same = ours["fate"] == theirs["fate"]
        # Where another speaks first in the worse answer, DPO trains the role of the better one as well.
        others = row.get("rejected") if kind == "chosen-rejected" else None
        is_alike = not isinstance(others, list) or "'role': 'assistant'" in str(others[0])
        if is_same and ours["fate"] == "kept" and is_alike and "tool" not in str(row):
            is_same = same_training(ours, theirs)
            compared += 1
        if not is_same:
            wrong.append((changes, ours, theirs, row))
    assert wrong == [] and compared > 50
    assert {one["fate"] for one in answers} == {"kept", "dropped", "stops"}


def make_calling(at_random: random.Random) -> Record:
    """A conversation with tools, calls alone, side by side and beside a text, and arguments of many kinds."""
    parameters = {"type": "object", "properties": {"box": {"type": "string", "description": "Écriture, 箱"}}}
    tools = [
        {"type": "function", "function": {"name": name, "description": f"{name} <it> & more", "parameters": parameters}}
        for name in ("weigh", "label_of")[: at_random.randint(1, 2)]
    ]
    given = [{"box": "A7"}, {"box": "箱"}, {}, {"box": 'B"2"', "deep": {"list": [1, 2.5, None, True]}}]
    trace: list[Message] = []
    for number in range(at_random.randint(1, 3)):
        calls = [
            {
                "id": f"call_{number}{at}",
                "type": "function",
                "function": {"name": "weigh", "arguments": json.dumps(at_random.choice(given), ensure_ascii=False)},
            }
            for at in range(at_random.randint(1, 2))
        ]
        trace.append(Message("assistant", at_random.choice([None, "Let me see."]), tool_calls=calls))
        trace += [Message("tool", '{"kg": 12}', tool_call_id=one["id"]) for one in calls]
    system = at_random.choice([None, "Be brief."])
    return Record("How heavy is box A7?", "12 kg.", system=system, trace=tuple(trace), extra={"tools": tools})


@pytest.mark.parametrize("only_answers", [False, True])
def test_rows_with_tools_have_the_tokens_that_are_announced_by_their_template(only_answers, ask, tiny, tmp_path):
    """As an export writes them, by the chat template of a folder: tools, calls and results are counted to the token."""
    folder = model_folder(tmp_path, CHATML, as_file=True)
    tiny.whole.add_special_tokens(["<|im_start|>", "<|im_end|>", "<|pad|>"])
    tiny.whole.save(str(folder / "tokenizer.json"))
    at_random = random.Random(11)
    records = [make_calling(at_random) for _ in range(40)]
    options = ValidateOptions(profile="trl", trained=True, lint=False, length=4_096, limit=1_000)
    options = replace(options, trains="answers" if only_answers else "")
    run = Validation(
        [load_profiles()["trl"]],
        options,
        FileFacts(is_file=False),
        load_tokenizer=lambda family: tiny,
        template=load_folder(folder),
    )
    for number, record in enumerate(records, 1):
        run.see_record(number, record, None)
    ours = run.close()["trained"]
    rows = [row for record in records for row in LAYOUTS["trl"].rows_of(record, DEFAULT)]
    config = {"max_length": 4_096, "assistant_only_loss": only_answers}
    settings = {"chat_template": CHATML, "config": config, "method": "SFT"}
    answers = ask("trl", settings, [(rows[0], row) for row in rows])
    assert len(ours) == len(answers) == 40
    for mine, theirs, row in zip(ours, answers, rows, strict=True):
        assert theirs["fate"] == "kept", theirs
        told = {"tokens": mine["tokens"], "trained_tokens": mine["trained_tokens"]}
        assert told == {name: theirs[name] for name in told}, (mine["text"], theirs["text"], row)
        assert [mine["text"][a:b] for a, b in mine["spans"]] == theirs["trained"]

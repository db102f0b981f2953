"""The tokens that are trained are those that *What is trained* announces, one by one."""

import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from app.core.layouts import LAYOUTS
from app.core.layouts.base import DEFAULT
from app.core.record import Message, Record
from app.core.validation import FileFacts, ValidateOptions, Validation, load_profiles
from app.providers.templates import load_folder
from tests import chat_templates
from tests.train.conftest import engine, write_run

LENGTH = 160
_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weigh",
            "description": "Weighs <it> & tells",
            "parameters": {"type": "object", "properties": {"box": {"type": "string", "description": "Écriture, 箱"}}},
        },
    }
]
_TEXTS = [
    "How heavy is box A7?",
    "箱子多重？",
    "Two\n\nlines",
    "  spaced  ",
    "What is a tare weight?",
    "a <|im_end|> b",
]
_ANSWERS = ["12 kg.", "十二公斤。", "First line\nSecond line\n", "The weight of an empty container. " * 3, "🙂 12"]


def make_record(at_random: random.Random, kind: str) -> Record:
    """A chat, one of several turns, one with calls of tools, or one with reasoning."""
    asked, said = at_random.choice(_TEXTS), at_random.choice(_ANSWERS)
    system = at_random.choice([None, "Be brief."])
    if kind == "chat":
        return Record(asked, said, system=system)
    turns: list[Message] = []
    for _ in range(at_random.randint(1, 4)):
        turns += [Message("user", at_random.choice(_TEXTS)), Message("assistant", at_random.choice(_ANSWERS))]
    if kind == "turns":
        return Record(asked, said, system=system, turns=tuple(turns))
    if kind == "reasoning":
        turns = turns[: at_random.choice([0, 2])]
        return Record(asked, said, system=system, turns=tuple(turns), reasoning="Box A7 is\nfull: 12.")
    trace: list[Message] = []
    given = [{"box": "A7"}, {"box": "箱"}, {}, {"box": 'B"2"', "deep": {"list": [1, 2.5, None, True]}}]
    for number in range(at_random.randint(1, 2)):
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
    return Record(asked, said, system=system, trace=tuple(trace), extra={"tools": _TOOLS})


@pytest.fixture(scope="module")
def records() -> list[Record]:
    at_random = random.Random(11)
    kinds = ["chat", "turns", "calls", "reasoning"]
    return [make_record(at_random, kinds[number % 4]) for number in range(200)]


def rows_of(records: Sequence[Record]) -> list[dict[str, Any]]:
    """As an export writes them."""
    return [row for record in records for row in LAYOUTS["trl"].rows_of(record, DEFAULT)]


class Vocabulary:
    """That of a tokenizer, for what asks for one; the template has its own."""

    family = "toy"
    exact = True

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def count(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)


def announce(records: Sequence[Record], folder: Path, trains: str) -> list[dict[str, Any]]:
    """What our page says is trained of each, by the template and the tokenizer of a folder."""
    options = ValidateOptions(profile="trl", trained=True, lint=False, length=LENGTH, limit=1_000)
    vocabulary = Vocabulary(Tokenizer.from_file(str(folder / "tokenizer.json")))
    run = Validation(
        [load_profiles()["trl"]],
        replace(options, trains=trains),
        FileFacts(is_file=False),
        load_tokenizer=lambda family: vocabulary,
        template=load_folder(folder),
    )
    for number, record in enumerate(records, 1):
        run.see_record(number, record, None)
    found: list[dict[str, Any]] = run.close()["trained"]
    return found


@pytest.fixture(scope="module")
def toy(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tokenizer and the template of a toy that was made of the records."""
    run = write_run(tmp_path_factory.mktemp("toy") / "run", rows_of(records))
    engine("mask", run, "1")
    return run / "base"


@pytest.mark.parametrize(
    ("trains", "template"),
    [
        ("answers", ""), ("last-answer", ""), ("all", ""),
        # One that marks nothing: each answer is what the conversation has more with it.
        ("answers", chat_templates.HEADERS), ("last-answer", chat_templates.HEADERS),
    ],
)  # fmt: skip
def test_trained_tokens_are_those_that_are_announced(
    trains: str, template: str, records: list[Record], toy: Path, tmp_path: Path
) -> None:
    base = shutil.copytree(toy, tmp_path / "base")
    if template:
        # It writes texts alone.
        records = [one for one in records if not one.trace]
        (base / "chat_template.jinja").write_text(template.replace("{{- bos_token }}", ""), encoding="utf-8")
    rows = rows_of(records)
    run = write_run(tmp_path / "run", rows, trains=trains, max_tokens=LENGTH)
    spec = json.loads((run / "run.json").read_text(encoding="utf-8"))
    spec["base"] |= {"kind": "folder", "path": str(base)}
    (run / "run.json").write_text(json.dumps(spec), encoding="utf-8")
    ours = announce(records, base, trains)
    theirs = [json.loads(line) for line in engine("mask", run, "1000", stderr=None).splitlines()]
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    assert len(ours) == len(theirs) == len(rows) >= 150
    cut = 0
    for mine, other in zip(ours, theirs, strict=True):
        assert mine["text"] == other["text"]
        encoded = tokenizer.encode(mine["text"], add_special_tokens=False)
        expected = [int(any(a < end and start < b for a, b in mine["spans"])) for start, end in encoded.offsets]
        assert other["tokens"] == encoded.ids[:LENGTH]
        assert other["trained"] == expected[:LENGTH], mine["text"]
        assert sum(other["trained"]) == mine["trained_tokens"]
        cut += len(encoded.ids) > LENGTH
    assert cut > 10


def test_of_preferences_what_follows_the_prompt_is_trained(toy: Path, tmp_path: Path) -> None:
    asked, said = {"role": "user", "content": "How heavy?"}, {"role": "assistant", "content": "12 kg."}
    run = write_run(
        tmp_path / "run", [{"prompt": [asked], "chosen": [said], "rejected": [said | {"content": "No."}]}], method="dpo"
    )
    [found] = [json.loads(line) for line in engine("mask", run, "5", stderr=None).splitlines()]
    [[start, end]] = found["text_spans"]
    assert found["text"][start:end] == "12 kg.<|im_end|>\n"
    assert sum(found["trained"]) < len(found["tokens"]) and found["trained"] == sorted(found["trained"])

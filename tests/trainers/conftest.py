"""Asks LLaMA-Factory and TRL themselves, in an environment of their own beside ours."""

import copy
import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from app.core.layouts import LAYOUTS, LayoutOptions, RowError
from app.core.record import Message
from app.core.validation import Checker, Findings, load_profiles
from app.core.validation.shapes import SHAPES, Seen
from app.core.validation.training import Piece, Training, Written

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-trainers" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
MISSING = (
    f"LLaMA-Factory and TRL are not asked: there is no {PYTHON.relative_to(ROOT)}. CONTRIBUTING.md says how to make it."
)
MARKS = ["<|im_start|>", "<|im_end|>", "<|pad|>"]
Row = dict[str, Any]
Case = tuple[Row, Row]
Writer = Callable[[Sequence[Message], Sequence[object]], list[Piece]]
BLANKS = LayoutOptions(allow_unanswered=True, allow_empty_prompt=True)
# What reads rows of a form as records.
LAYOUT_OF = {
    "messages": "openai", "sharegpt": "sharegpt", "sharegpt-preference": "sharegpt", "sharegpt-labelled": "kto",
    "alpaca": "alpaca", "alpaca-preference": "alpaca", "prompt-completion": "prompt-completion",
    "chosen-rejected": "trl-preference",
    "labelled": "trl-kto",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say it once, in colour, where nothing of this folder is tried."""
    here = [one for one in items if one.path.parent == Path(__file__).parent]
    if here and not PYTHON.exists():
        for one in here:
            one.add_marker(pytest.mark.skip(reason=MISSING))


class Function:
    """A chat template that is a function."""

    name = family = ""
    counts = False

    def __init__(self, write: Writer) -> None:
        self._write = write

    def write(self, messages: Sequence[Message], tools: Sequence[object]) -> Written:
        return Written(tuple(self._write(messages, tools)))


class Tiny:
    """A vocabulary that is trained here, in which texts that are joined have the tokens of their parts."""

    family = "tiny"
    exact = True

    def __init__(self, texts: Sequence[str]) -> None:
        self.whole = Tokenizer(models.BPE())
        self.whole.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(r"\s"), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        self.whole.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=600, special_tokens=MARKS, initial_alphabet=alphabet, show_progress=False
        )
        self.whole.train_from_iterator(texts, trainer)

    def count(self, text: str) -> int:
        return len(self.whole.encode(text, add_special_tokens=False).ids)


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    said = [
        "What is the tare weight of box A7?",
        "12 kg, as the label says.",
        "user assistant system tool",
        "称重 箱子",
    ]
    return Tiny(said * 5)


@pytest.fixture
def ask(tiny: Tiny, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """What a trainer's own code makes of rows, each beside a good one."""

    def ask_trainer(trainer: str, settings: Mapping[str, Any], cases: Sequence[Case]) -> list[dict[str, Any]]:
        request, answer = tmp_path / "request.json", tmp_path / "answer.json"
        tiny.whole.save(str(tmp_path / "tokenizer.json"))
        told = [{"good": good, "row": row} for good, row in cases]
        request.write_text(
            json.dumps(
                {"trainer": trainer, "settings": settings, "tokenizer": str(tmp_path / "tokenizer.json"), "cases": told}
            ),
            encoding="utf-8",
        )
        environment = {**os.environ, "HF_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            [PYTHON, Path(__file__).with_name("reference.py"), request, answer],
            env=environment, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(answer.read_text(encoding="utf-8"))

    return ask_trainer


@pytest.fixture
def announce(tiny: Tiny) -> Callable[..., dict[str, Any]]:
    """What we say becomes of a row, in the same words."""
    profiles = load_profiles()

    def announce_row(
        name: str, kind: str, good: Row, row: Row, *, length: int, write: Writer | None = None, trains: str = ""
    ) -> dict[str, Any]:
        profile = profiles[name]
        template = None if write is None else Function(write)
        training = Training.of_profile(profile, tiny, tokens=length, template=template, trains=trains)
        findings = Findings(1_000)
        checker = Checker(profile, findings, own=True, usual=kind, training=training, listed=2)
        for number, one in enumerate((good, row), 1):
            try:
                record = LAYOUTS[LAYOUT_OF[kind]].parse(copy.deepcopy(one), BLANKS) if kind in LAYOUT_OF else None
            except RowError:
                record = None
            checker.check(Seen(one, SHAPES[kind]), number, number, record)
        outcome = checker.outcome
        fate = "kept" if outcome.kept == 2 else "stops" if outcome.rejected else "dropped"
        codes = [one.code for one in findings.first() if one.record == 2]
        found: dict[str, Any] = {"fate": fate, "codes": codes}
        if fate == "kept" and len(checker.trained) == 2:
            trained = checker.trained[1]
            found |= {key: trained[key] for key in ("tokens", "trained_tokens", "answer_tokens", "cut_at")}
            found["trained"] = [trained["text"][a:b] for a, b in trained["spans"]]
        return found

    return announce_row

"""Trains toy models by the engine, in the environment that tests/trainers has: real TRL and PEFT, nothing is fetched."""

import json
import os
import random
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-trainers" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
MISSING = f"Nothing is trained: there is no {PYTHON.relative_to(ROOT)}. CONTRIBUTING.md says how to make it."
# As core/training/settings.py has them for a toy, but small: a run takes seconds.
SETTINGS: dict[str, Any] = {
    "max_tokens": 128, "epochs": 2, "learning_rate": 1e-2, "batch_size": 4, "accumulation": 2, "rank": 4, "alpha": 8,
    "dropout": 0.0, "adapter": True, "warmup_steps": 0, "scheduler": "cosine", "weight_decay": 0.0,
    "checkpoint_every": 2, "keep_last": 1, "patience": 0, "trains": "answers", "beta": 0.1, "samples": 2,
    "precision": "auto", "device": "cpu", "toy_layers": 1, "toy_width": 32, "toy_vocabulary": 400,
    "allow_download": False,
}  # fmt: skip
Row = dict[str, Any]
_SECONDS = 360


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say it once, in colour, where nothing of this folder is tried."""
    here = [one for one in items if one.path.parent == Path(__file__).parent]
    if here and not PYTHON.exists():
        for one in here:
            one.add_marker(pytest.mark.skip(reason=MISSING))


@pytest.fixture(scope="session")
def started() -> float:
    """When the first of these tests began."""
    return time.monotonic()


@pytest.fixture(autouse=True)
def bounded(started: float) -> None:
    """On a machine that is far too busy the last tests are left out, and it is said."""
    if time.monotonic() - started > _SECONDS:
        pytest.skip(f"Not tried: tests/train has had its {_SECONDS} seconds.")


def chats(number: int) -> list[Row]:
    """Questions with answers that can be learned."""
    at_random = random.Random(3)
    rows = []
    for _ in range(number):
        thing, weight = at_random.choice(["box", "crate", "sack", "barrel"]), at_random.randint(1, 9)
        said = [("user", f"How heavy is {thing} {weight}?"), ("assistant", f"The {thing} weighs {weight} kg in all.")]
        rows.append({"messages": [{"role": role, "content": text} for role, text in said]})
    return rows


def write_run(
    path: Path,
    rows: Sequence[Row],
    validation: Sequence[Row] = (),
    method: str = "full",
    seed: int = 1,
    **settings: Any,
) -> Path:
    """The folder of a run, as the product writes it before it starts."""
    (path / "data").mkdir(parents=True)
    for name, part in (("train", rows), ("validation", validation)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part)
        (path / "data" / f"{name}.jsonl").write_text(text, encoding="utf-8")
    spec = {
        "version": 1, "name": "Boxes", "snapshot": {
            "dataset": "Boxes", "dataset_id": 1, "number": 1, "name": "First", "hash": "ab12", "records": len(rows),
        },
        "splits": {"train": len(rows), "validation": len(validation)},
        "base": {"kind": "toy", "name": "Toy", "path": None, "licence": "MIT"}, "method": method,
        "settings": SETTINGS | settings, "seed": seed, "files": {"data/train.jsonl": "cd34"}, "template": "",
        "versions": {}, "made_at": "2026-11-30T00:00:00+00:00",
    }  # fmt: skip
    (path / "run.json").write_text(json.dumps(spec), encoding="utf-8")
    return path


def environment() -> dict[str, str]:
    """What the engine is started with: one thread, since others test at the same time."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE"))}
    return {**ours, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def start_engine(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """The engine, started."""
    command = [str(PYTHON), "-m", "app.providers.engine", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
    return subprocess.Popen(command, env=environment(), cwd=ROOT, **pipes)


def engine(*arguments: str | Path, expect: int = 0, **options: Any) -> str:
    """What the engine says to a command that ends as expected."""
    with start_engine(*arguments, **options) as process:
        said, _ = process.communicate(timeout=300)
    assert process.returncode == expect, said[-3000:]
    return said


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def points(run: Path) -> dict[int, dict[str, Any]]:
    """The points of a run by step; each step stands there once, in order."""
    found = read_lines(run / "metrics.jsonl")
    steps = [one["step"] for one in found]
    assert steps == sorted(set(steps))
    return {one["step"]: one for one in found}


def events(run: Path) -> list[str]:
    return [one["kind"] for one in read_lines(run / "events.jsonl")]


def state(run: Path) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads((run / "state.json").read_text(encoding="utf-8"))
    return found


def complete(run: Path) -> list[int]:
    """The steps of the complete checkpoints."""
    return sorted(int(one.parent.name.removeprefix("step-")) for one in run.glob("checkpoints/step-*/complete.json"))


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was left alone."""
    run = write_run(tmp_path_factory.mktemp("runs") / "undisturbed", chats(40), chats(48)[40:], dropout=0.1)
    engine("train", run)
    return run

"""Adapters, pairs of answers, labelled answers; what stops early; and what cannot be done is said plainly."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.train.conftest import chats, complete, engine, events, points, state, write_run


def pairs(number: int) -> list[dict[str, object]]:
    other = {"role": "assistant", "content": "Nobody knows."}
    return [
        {"prompt": row["messages"][:1], "chosen": row["messages"][1:], "rejected": [other]} for row in chats(number)
    ]


def labelled(number: int) -> list[dict[str, object]]:
    return [
        {"prompt": row["messages"][:1], "completion": row["messages"][1:], "label": place % 3 > 0}
        for place, row in enumerate(chats(number))
    ]


def learn_preferences(run: Path, method: str, *, adapter: bool) -> dict[int, dict[str, Any]]:
    """The points of a run on preferences that is through."""
    rows = pairs(24) if method == "dpo" else labelled(24)
    write_run(run, rows[:16], rows[16:], method, adapter=adapter, checkpoint_every=3, samples=1)
    engine("train", run)
    curve = points(run)
    assert state(run)["phase"] == "done" and list(curve) == [0, 1, 2, 3, 4]
    # Before anything is learned, no answer is preferred to the other one.
    assert math.isclose(curve[0]["validation_loss"], math.log(2) if method == "dpo" else 0.5, abs_tol=1e-3)
    assert curve[4]["loss"] < curve[1]["loss"]
    assert (run / "result" / "adapter_config.json").exists() is adapter
    return curve


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_an_adapter_learns_preferences(method: str, tmp_path: Path) -> None:
    learn_preferences(tmp_path / "run", method, adapter=True)


def test_after_a_pause_preferences_are_still_measured_by_the_model_as_it_was(tmp_path: Path) -> None:
    curve = learn_preferences(tmp_path / "run", "dpo", adapter=False)
    run = shutil.copytree(tmp_path / "run", tmp_path / "paused", ignore=shutil.ignore_patterns("checkpoints", "base"))
    (run / "control").write_text("pause", encoding="utf-8")
    engine("train", run, expect=10)
    engine("train", run)
    for step, point in points(run).items():
        for name in ("loss", "validation_loss", "gradient_norm"):
            assert math.isclose(point.get(name, 0), curve[step].get(name, 0), rel_tol=0, abs_tol=1e-6)


def test_without_a_gain_it_stops_early_and_keeps_the_best(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "run", chats(16), chats(24)[16:], learning_rate=0.2, scheduler="constant", epochs=50, patience=2,
        checkpoint_every=1, keep_last=2, samples=0,
    )  # fmt: skip
    engine("train", run)
    found, curve = state(run), points(run)
    losses = {step: one["validation_loss"] for step, one in curve.items() if step}
    best = min(losses, key=lambda step: losses[step])
    assert found["phase"] == "done" and found["best"]["step"] == best
    last = max(losses)
    assert last == best + 2 < 100 and "stopped_early" in events(run)
    assert complete(run) == [best, last - 1, last]


@pytest.fixture(scope="module")
def probed() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(engine("probe"))
    return found


@pytest.mark.parametrize(
    ("method", "settings", "code"),
    [
        ("full", {"device": "cuda"}, "no_device"),
        ("full", {"precision": "fp16"}, "no_precision"),
        ("qlora", {}, "no_qlora"),
        ("kto", {"batch_size": 1}, "batch_too_small"),
    ],
)
def test_what_cannot_be_done_here_is_said_in_a_sentence(
    method: str, settings: dict[str, object], code: str, probed: dict[str, Any], tmp_path: Path
) -> None:
    if (code == "no_device" and len(probed["devices"]) > 1) or (code == "no_qlora" and probed["qlora"]["works"]):
        pytest.skip("It can be done here.")
    run = write_run(tmp_path / "run", labelled(8) if method == "kto" else chats(8), (), method, **settings)
    engine("train", run, expect=1)
    assert (state(run)["phase"], state(run)["code"]) == ("failed", code)
    assert state(run)["message"].endswith(".") and events(run) == ["failed"]


def test_data_that_trains_nothing_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [{"messages": [{"role": "user", "content": "Well?"}]}])
    engine("train", run, expect=1)
    assert state(run)["code"] == "no_data" and "data/train.jsonl" in state(run)["message"]

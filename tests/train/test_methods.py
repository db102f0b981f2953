"""Adapters, pairs of answers, labelled answers; what stops early; and what cannot be done is said plainly."""

import json
import math
from pathlib import Path

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


@pytest.mark.parametrize(("method", "adapter"), [("dpo", True), ("dpo", False), ("kto", True)])
def test_preferences_are_learned(method: str, adapter: bool, tmp_path: Path) -> None:
    rows = pairs(24) if method == "dpo" else labelled(24)
    settings = {"adapter": adapter, "epochs": 2, "checkpoint_every": 3, "samples": 1}
    run = write_run(tmp_path / "run", rows[:16], rows[16:], method, **settings)
    (run / "control").write_text("pause", encoding="utf-8")
    engine("train", run, expect=10)
    engine("train", run)
    curve = points(run)
    assert state(run)["phase"] == "done" and list(curve) == [0, 1, 2, 3, 4]
    # Before anything is learned, no answer is preferred to the other one.
    assert math.isclose(curve[0]["validation_loss"], math.log(2) if method == "dpo" else 0.5, abs_tol=1e-3)
    assert curve[4]["loss"] < curve[1]["loss"]
    assert (run / "result" / "adapter_config.json").exists() is adapter


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
    card = (run / "result" / "README.md").read_text(encoding="utf-8")
    assert f"| Step {best:,} (this one) | {losses[best]}" in card


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
    method: str, settings: dict[str, object], code: str, tmp_path: Path
) -> None:
    found = json.loads(engine("probe"))
    if (code == "no_device" and len(found["devices"]) > 1) or (code == "no_qlora" and found["qlora"]["works"]):
        pytest.skip("It can be done here.")
    run = write_run(tmp_path / "run", labelled(8) if method == "kto" else chats(8), (), method, **settings)
    engine("train", run, expect=1)
    assert (state(run)["phase"], state(run)["code"]) == ("failed", code)
    assert state(run)["message"].endswith(".") and events(run) == ["failed"]


def test_data_that_trains_nothing_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [{"messages": [{"role": "user", "content": "Well?"}]}])
    engine("train", run, expect=1)
    assert state(run)["code"] == "no_data" and "data/train.jsonl" in state(run)["message"]

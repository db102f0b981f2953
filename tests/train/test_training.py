"""The engine trains, measures and keeps what is best."""

import json
import math
from pathlib import Path

from tests.train.conftest import chats, complete, engine, events, points, read_lines, state, write_run


def test_a_toy_run_learns_and_leaves_a_model(undisturbed: Path) -> None:
    curve = points(undisturbed)
    assert list(curve) == list(range(11))
    assert set(curve[0]) >= {"epoch", "seconds", "validation_loss", "validation_token_accuracy"}
    assert set(curve[1]) >= {"loss", "token_accuracy", "learning_rate", "gradient_norm", "tokens", "memory_mb"}
    assert [step for step, one in curve.items() if "validation_loss" in one] == [0, 2, 4, 6, 8, 10]
    assert math.exp(curve[0]["validation_loss"] - curve[10]["validation_loss"]) > 3
    found = state(undisturbed)
    assert (found["phase"], found["step"], found["steps"], found["device"]) == ("done", 10, 10, "cpu")
    assert found["best"] == {"step": 10, "validation_loss": curve[10]["validation_loss"]}
    assert complete(undisturbed) == [10]
    assert {one.name for one in (undisturbed / "result").iterdir()} >= {
        "model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja", "run.json",
    }  # fmt: skip


def test_it_says_what_happened_and_answers_questions_on_the_way(undisturbed: Path) -> None:
    said = events(undisturbed)
    assert said[:2] == ["started", "memory"] and said[-1] == "done"
    assert said.count("checkpoint") == 5 and said.count("removed") == 4 and said.count("epoch") == 2
    samples = read_lines(undisturbed / "samples.jsonl")
    assert [one["step"] for one in samples] == [step for step in (0, 2, 4, 6, 8, 10) for _ in range(2)]
    rows = read_lines(undisturbed / "data" / "validation.jsonl")
    for one in samples:
        [asked, answered] = rows[one["entry"] - 1]["messages"]
        assert (one["question"], one["reference"]) == (asked["content"], answered["content"])


def test_what_it_trains_on_is_found_and_said() -> None:
    found = json.loads(engine("probe"))
    assert found["missing"] == [] and found["versions"]["torch"].startswith("2.")
    assert found["devices"][0]["name"] == "cpu" and found["devices"][0]["memory_mb"] > 0
    assert found["qlora"]["works"] is (found["qlora"]["why"] == "")


def test_without_validation_the_last_checkpoint_is_the_result(tmp_path: Path) -> None:
    unanswered = {"messages": [{"role": "user", "content": "How heavy is it?"}]}
    run = write_run(tmp_path / "run", [*chats(8), unanswered], epochs=2, samples=0)
    engine("train", run)
    [note] = [one["message"] for one in read_lines(run / "events.jsonl") if one["kind"] == "note"]
    assert note == "1 of 9 train rows have no trained token and are left out."
    assert state(run)["best"] is None and complete(run) == [2]
    assert (run / "result" / "model.safetensors").exists()

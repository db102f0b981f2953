"""However a run is ended, it goes on as if it had been left alone, and what is complete stays whole."""

import json
import math
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.train.conftest import (
    PYTHON,
    ROOT,
    chats,
    complete,
    engine,
    environment,
    events,
    points,
    read_lines,
    start_engine,
    state,
    write_run,
)


def same_curve(run: Path, other: Path) -> None:
    """Both have the same points with the same values, whatever time they took."""
    one, two = points(run), points(other)
    assert list(one) == list(two)
    for step, point in one.items():
        for name in ("loss", "validation_loss", "learning_rate", "gradient_norm", "tokens", "token_accuracy"):
            assert math.isclose(point.get(name, 0), two[step].get(name, 0), rel_tol=0, abs_tol=1e-6), (step, name)
    said = [
        [(line["step"], line["entry"], line["answer"]) for line in read_lines(at / "samples.jsonl")]
        for at in (run, other)
    ]
    assert said[0] == said[1]
    done = [
        {line["step"] for line in read_lines(at / "events.jsonl") if line["kind"] == "epoch"} for at in (run, other)
    ]
    assert done[0] == done[1]


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of LoRA with dropout that was left alone: chance decides at each step."""
    run = tmp_path_factory.mktemp("adapter") / "run"
    engine("train", write_run(run, chats(40), chats(48)[40:], "lora", dropout=0.2, checkpoint_every=3, keep_last=2))
    return run


def test_killed_at_any_moment_its_curve_is_that_of_one_left_alone(adapter: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(
        adapter, run, ignore=shutil.ignore_patterns("base", "result", "checkpoints", "*.jsonl", "state.json")
    )
    shutil.copytree(adapter / "data", run / "data", dirs_exist_ok=True)
    at_random = random.Random(5)
    for least in sorted(at_random.sample(range(1, 10), 3)):
        with start_engine("train", run, stdout=subprocess.DEVNULL) as process:
            metrics = run / "metrics.jsonl"
            while process.poll() is None and not (metrics.exists() and metrics.read_bytes().count(b"\n") > least):
                time.sleep(0.02)
            process.kill()
        assert process.returncode in (0, -signal.SIGKILL)
    engine("train", run)
    same_curve(run, adapter)
    assert complete(run) == complete(adapter) == [9, 10]
    assert (run / "result" / "adapter_model.safetensors").read_bytes() == (
        adapter / "result" / "adapter_model.safetensors"
    ).read_bytes()


@pytest.fixture(scope="module")
def paused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was told to pause, as soon as it had made a step."""
    run = write_run(tmp_path_factory.mktemp("paused") / "run", chats(40), chats(48)[40:])
    (run / "control").write_text("pause\n", encoding="utf-8")
    engine("train", run, expect=10)
    return run


def test_a_pause_keeps_a_checkpoint_where_it_is(paused: Path) -> None:
    assert complete(paused) == [1] and events(paused)[-1] == "paused"
    assert (state(paused)["phase"], state(paused)["step"]) == ("paused", 1)
    assert not (paused / "control").exists()


def test_after_a_pause_and_beside_torn_checkpoints_it_goes_on_as_if_nothing_had_been(
    paused: Path, undisturbed: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(paused, tmp_path / "run")
    # Newer ones that were killed in the making, and lines that were written before that, one of them in half.
    shutil.copytree(run / "checkpoints" / "step-1", run / "checkpoints" / "step-3")
    (run / "checkpoints" / "step-3" / "complete.json").unlink()
    (run / "checkpoints" / "step-3" / "model.safetensors").write_bytes(b"half")
    shutil.copytree(run / "checkpoints" / "step-3", run / "checkpoints" / "checkpoint-4")
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 2, "epoch": 0.4, "seconds": 1.0, "loss": 99.0}\n{"step": 3, "lo')
    engine("train", run)
    same_curve(run, undisturbed)
    assert events(run).count("resumed") == 1 and complete(run) == [10]


def test_a_full_disk_ends_it_in_one_sentence_and_the_last_checkpoint_is_whole(
    paused: Path, undisturbed: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(paused, tmp_path / "run")
    before = {one.name: one.read_bytes() for one in (run / "checkpoints" / "step-1").iterdir()}
    limited = [
        "sh",
        "-c",
        'ulimit -f 60; exec "$@"',
        "sh",
        str(PYTHON),
        "-m",
        "app.providers.engine",
        "train",
        str(run),
    ]
    done = subprocess.run(limited, env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    found = state(run)
    assert (found["phase"], found["code"]) == ("failed", "disk_full")
    assert "no room left on the disk" in found["message"] and "step 1 is whole" in found["message"]
    assert {one.name: one.read_bytes() for one in (run / "checkpoints" / "step-1").iterdir()} == before
    assert [one.name for one in (run / "checkpoints").iterdir()] == ["step-1"]
    engine("train", run)
    same_curve(run, undisturbed)


def test_a_run_that_is_cancelled_keeps_its_checkpoints(paused: Path, tmp_path: Path) -> None:
    run = shutil.copytree(paused, tmp_path / "run")
    (run / "control").write_text("cancel", encoding="utf-8")
    engine("train", run, expect=11)
    assert state(run)["phase"] == "cancelled" and complete(run) == [1] and not (run / "result").exists()


def test_it_ends_with_the_process_that_started_it(paused: Path, tmp_path: Path) -> None:
    run = shutil.copytree(paused, tmp_path / "run")
    spec = json.loads((run / "run.json").read_text(encoding="utf-8"))
    spec["settings"]["epochs"] = 1_000_000
    (run / "run.json").write_text(json.dumps(spec), encoding="utf-8")
    program = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(PYTHON), "-m", "app.providers.engine", "train", str(run)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment(), cwd=ROOT, **pipes) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        while state(run)["pid"] != pid or state(run)["phase"] in ("loading", "estimating"):
            assert parent.poll() is None
            time.sleep(0.1)
        parent.kill()
        # Both have this pipe: its end is reached once the second is gone.
        parent.stdout.read()
    assert state(run)["phase"] in ("training", "evaluating", "saving")


def test_a_run_that_does_not_fit_is_refused_with_numbers_before_it_starts(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", chats(8), toy_width=32_768, toy_layers=8)
    engine("train", run, expect=1)
    found = state(run)
    assert (
        found["code"] == "too_little_memory" and "MB of memory" in found["message"] and "can be had" in found["message"]
    )
    told = json.loads(engine("estimate", run))
    assert told["fits"] is False and told["memory_mb"] > told["available_mb"] > 0
    assert f"{told['memory_mb']:,} MB" in told["why"] and f"{told['available_mb']:,} MB" in told["why"]


def test_what_a_run_needs_is_tried_by_a_step_that_changes_nothing(paused: Path, tmp_path: Path) -> None:
    run = shutil.copytree(paused, tmp_path / "run")
    told = json.loads(engine("estimate", run))
    assert told["fits"] is True and 0 < told["memory_mb"] < told["available_mb"]
    assert told["steps"] == 10 and told["seconds_per_step"] > 0
    assert (run / "metrics.jsonl").read_bytes() == (paused / "metrics.jsonl").read_bytes()

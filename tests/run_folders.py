"""Runs whose files were written by a test: as an engine would have, without one."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.models import TrainingRun, transaction
from app.models.base import now
from app.services import training
from tests.training import choose

STEPS, EVERY = 189, 21
# Validation falls to step 105 and rises after it, as that of a model which begins to learn by heart.
VALIDATION = (2.31, 1.52, 1.21, 1.06, 0.98, 0.94, 0.96, 0.99, 1.01, 1.02)
QUESTIONS = {
    "How early must I be there with a car?": (
        "Be at the gate 45 minutes before departure.",
        ("You should generally arrive 1 to 2 hours before departure.", "Be at the gate 60 minutes before departure."),
    ),
    "Are dogs allowed in the cabins?": ("Yes, in cabins on deck 4.", ("", "Yes, in <b>cabins</b> on deck 4.")),
}


def write_folder(folder: Path, *, step: int, phase: str = "training") -> None:
    """The files of a run at a step, with checkpoints of 1,000 bytes: the best and the last are still there."""
    folder.mkdir(parents=True, exist_ok=True)
    started = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
    metrics, events, samples = [], [], []

    def tell(kind: str, at: int, message: str) -> None:
        time = (started + timedelta(seconds=6.6 * at)).isoformat()
        events.append({"at": time, "step": at, "kind": kind, "message": message})

    tell("started", 0, "Started with 6.2 GB of memory.")
    for number in range(step + 1):
        point: dict[str, Any] = {"step": number, "epoch": round(number / 63, 3), "seconds": 6.6 * number}
        if number:
            point |= {"loss": 0.45 + 1.7 * math.exp(-number / 40) + 0.03 * math.sin(number), "token_accuracy": 0.7}
            point |= {"learning_rate": 2e-4 * (1 - number / STEPS), "tokens": 3700 * number, "memory_mb": 6200}
        if number % EVERY == 0:
            loss = VALIDATION[number // EVERY]
            point |= {"validation_loss": loss, "validation_token_accuracy": 0.9 - 0.17 * loss}
            if number:
                tell("checkpoint", number, f"Checkpoint at step {number}, validation loss {loss}.")
            for question, (reference, answers) in QUESTIONS.items():
                answer = answers[min(number // EVERY, len(answers) - 1)]
                samples.append({"step": number, "question": question, "answer": answer, "reference": reference})
        metrics.append(point)
    checked = [one for one in metrics if "validation_loss" in one]
    best = min(checked, key=lambda one: one["validation_loss"])
    for name, rows in (("metrics", metrics), ("events", events), ("samples", samples)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    for one in {best["step"], checked[-1]["step"]} - {0}:
        place = folder / "checkpoints" / f"step-{one}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "model.bin").write_bytes(b"0" * 1000)
        (place / "complete.json").write_text(json.dumps({"step": one, "bytes": 1000}), "utf-8")
    state = {
        "phase": phase,
        "step": step,
        "steps": STEPS,
        "epoch": step / 63,
        "device": "cpu",
        "message": "",
        "code": "",
    }
    state["best"] = {"step": best["step"], "validation_loss": best["validation_loss"]}
    (folder / "state.json").write_text(json.dumps(state), "utf-8")
    (folder / "log.txt").write_text("10%\r100%\rTrained <b>with</b> care\n", "utf-8")
    if phase == "done":
        (folder / "result").mkdir(exist_ok=True)
        (folder / "result" / "model.safetensors").write_bytes(b"weights")


def make_run(dataset_id: int, *, state: str = "done", step: int = STEPS, **choices: Any) -> TrainingRun:
    """A run in a state, with its files up to a step; none where the step is negative."""
    run = training.create_run(replace(choose(dataset_id), **choices))
    if step >= 0:
        write_folder(training.folder_of(run), step=step, phase="done" if state == "done" else "training")
    with transaction():
        run = training.require_run(run.id)
        run.state = state
        if state != "queued":
            run.started_at = now() - timedelta(minutes=21)
        if state in ("done", "failed", "cancelled"):
            run.finished_at = now()
        return run

"""The folder of a run, as everybody reads it: points, samples, events, checkpoints, and where its trainer stands.

Every reader takes what is there: a file that is being written may end in half a line.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from flask import current_app

from app import config
from app.models import TrainingRun

SPEC, STATE, CONTROL, LOG = "run.json", "state.json", "control", "log.txt"
METRICS, SAMPLES, EVENTS = "metrics.jsonl", "samples.jsonl", "events.jsonl"
# So much of the end of a log is shown.
LOG_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete checkpoint: its step, validation loss and size on the disk."""

    step: int
    validation_loss: float | None
    bytes: int
    path: Path


def runs_folder() -> Path:
    """Where the folders of all runs lie."""
    path = config.data_dir(current_app.config) / "runs"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def folder_of(run: TrainingRun) -> Path:
    """The folder of a run; it may be gone."""
    return runs_folder() / str(run.id)


def read_points(run: TrainingRun) -> list[dict[str, Any]]:
    """The points of ``metrics.jsonl`` by step, each once."""
    points = {int(one["step"]): one for one in _read_lines(folder_of(run) / METRICS) if "step" in one}
    return [points[step] for step in sorted(points)]


def read_samples(run: TrainingRun) -> list[dict[str, Any]]:
    """The answers of chosen validation questions, checkpoint by checkpoint."""
    return list(_read_lines(folder_of(run) / SAMPLES))


def read_events(run: TrainingRun) -> list[dict[str, Any]]:
    """What happened, oldest first."""
    return list(_read_lines(folder_of(run) / EVENTS))


def read_state(run: TrainingRun) -> dict[str, Any]:
    """What the trainer said last of where it stands; empty where it has said nothing."""
    return _read_object(folder_of(run) / STATE)


def read_log(run: TrainingRun) -> str:
    """The end of what the trainer printed."""
    try:
        with (folder_of(run) / LOG).open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - LOG_BYTES, 0))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def list_checkpoints(run: TrainingRun) -> list[Checkpoint]:
    """The complete checkpoints, by step: only those have a ``complete.json``."""
    found = []
    for path in (folder_of(run) / "checkpoints").glob("step-*"):
        said = _read_object(path / "complete.json")
        if isinstance(said.get("step"), int):
            found.append(Checkpoint(said["step"], said.get("validation_loss"), size_of(path), path))
    return sorted(found, key=lambda one: one.step)


def size_of(path: Path) -> int:
    """The bytes of all files under a folder, or of one file."""
    if not path.is_dir():
        return path.stat().st_size if path.exists() else 0
    total = 0
    for place, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue
    return total


def remove(path: Path) -> int:
    """Delete a folder or a file; gives the bytes that it had."""
    size = size_of(path)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return size


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            said = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue
        if isinstance(said, dict):
            yield said


def _read_object(path: Path) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return said if isinstance(said, dict) else {}

"""Where the folder of a run is, and what is deleted of it."""

import shutil
from itertools import count
from pathlib import Path

from flask import current_app

from app import config
from app.core.training.folder import RunFolder, count_bytes, read_folder
from app.models import TrainingRun

SPEC, STATE = "run.json", "state.json"
METRICS, SAMPLES, EVENTS = "metrics.jsonl", "samples.jsonl", "events.jsonl"


def runs_folder() -> Path:
    """Where the folders of all runs lie."""
    path = config.data_dir(current_app.config) / "runs"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def folder_of(run: TrainingRun) -> Path:
    """The folder of a run; it may be gone."""
    return runs_folder() / str(run.id)


def read_run(run: TrainingRun) -> RunFolder:
    """What a run wrote so far: points, events, samples, checkpoints, and where its trainer stands."""
    return read_folder(folder_of(run))


def make_folder(run: TrainingRun) -> Path:
    """Make the folder of a new run. What lies there already is of a run that a restored backup does not know, which
    may still go on at a service: it is put aside under another name."""
    folder = folder_of(run)
    if folder.exists():
        beside = (folder.with_name(f"{folder.name}.other-{number}") for number in count(1))
        folder.rename(next(one for one in beside if not one.exists()))
    folder.mkdir(mode=0o700)
    return folder


def remove_folder(folder: Path) -> int:
    """Delete a folder; gives the bytes that its files had."""
    size = count_bytes(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return size

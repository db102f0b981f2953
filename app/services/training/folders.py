"""Where the folder of a run is, and what is deleted of it."""

import hashlib
import shutil
from pathlib import Path

from flask import current_app

from app import config
from app.core.errors import Conflict
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
    """The folder of a run; it may be gone. Where a restored backup gives an id again, the name tells both apart."""
    made = hashlib.sha256(run.spec["made_at"].encode()).hexdigest()
    return runs_folder() / f"{run.id}-{made[:8]}"


def id_of(folder: Path) -> int:
    """The id of the run whose folder it is."""
    return int(folder.name.partition("-")[0])


def read_run(run: TrainingRun) -> RunFolder:
    """What a run wrote so far: points, events, samples, checkpoints, and where its trainer stands."""
    return read_folder(folder_of(run))


def remove_folder(folder: Path) -> int:
    """Delete a folder; gives the bytes that its files had. Of a link only the link is deleted.

    Raises Conflict with what is left where the system keeps some of it.
    """
    size = count_bytes(folder)
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
    if folder.is_dir():
        said = f"{folder} could not be deleted whole. Look who may write there, and delete what is left by hand."
        raise Conflict(said, code="files_left", freed_bytes=size - count_bytes(folder))
    return size

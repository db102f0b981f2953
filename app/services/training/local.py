"""This computer as a place to train at."""

import subprocess
from pathlib import Path

from flask import current_app

from app.core.errors import Conflict, NotFound
from app.providers.tuning.local import LocalPlace
from app.services.training.folders import folder_of
from app.services.training.listing import require_run


def find_place(name: str) -> LocalPlace | None:
    """This computer, by its name."""
    return make_place() if name == "local" else None


def list_places() -> list[LocalPlace]:
    """This computer."""
    return [make_place()]


def make_of_result(run_id: int, word: str, out: Path) -> dict[str, str]:
    """Make a whole model (``merge``) or a GGUF file (``gguf``) of what a run made; where it lies.

    Raises Conflict where the run has no result here, and Unavailable with what stands in the way.
    """
    run = require_run(run_id)
    folder = folder_of(run)
    if not (folder / "result").is_dir():
        raise Conflict(f"Run {run.number} has no model on this computer.", code="no_result")
    if out.exists():
        raise Conflict(f"{out} is there already. Name a place where nothing lies.", code="exists")
    make_place().make(word, folder, out)
    return {"made": str(out)}


def serve_model(folder: Path, port: int, checkpoint: int | None) -> "subprocess.Popen[bytes]":
    """Serve the model of a folder, or of a run's folder, on loopback. Raises NotFound where there is none."""
    if not folder.is_dir():
        raise NotFound(f"There is no model in {folder}.", folder=str(folder))
    return make_place().serve(folder, port, checkpoint)


def make_place() -> LocalPlace:
    """This computer, with the Python that has the packages."""
    said = str(current_app.config["LTT_TRAIN_PYTHON"])
    return LocalPlace(Path(said).expanduser() if said else None)

"""This computer as a place to train at."""

import subprocess
from pathlib import Path

from flask import current_app

from app.core.errors import NotFound
from app.providers.tuning.local import LocalPlace


def find_place(name: str) -> LocalPlace | None:
    """This computer, by its name."""
    return make_place() if name == "local" else None


def list_places() -> list[LocalPlace]:
    """This computer."""
    return [make_place()]


def serve_model(folder: Path, port: int, checkpoint: int | None) -> "subprocess.Popen[bytes]":
    """Serve the model of a folder, or of a run's folder, on loopback. Raises NotFound where there is none."""
    if not folder.is_dir():
        raise NotFound(f"There is no model in {folder}.", folder=str(folder))
    return make_place().serve(folder, port, checkpoint)


def make_place() -> LocalPlace:
    """This computer, with the Python that has the packages."""
    said = str(current_app.config["LTT_TRAIN_PYTHON"])
    return LocalPlace(Path(said).expanduser() if said else None)

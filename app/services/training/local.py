"""This computer as a place to train at."""

from pathlib import Path

from flask import current_app

from app.providers.tuning.local import LocalPlace


def find_place(name: str) -> LocalPlace | None:
    """This computer, by its name."""
    return make_place() if name == "local" else None


def list_places() -> list[LocalPlace]:
    """This computer."""
    return [make_place()]


def make_place() -> LocalPlace:
    """This computer, with the Python that has the packages."""
    said = str(current_app.config["LTT_TRAIN_PYTHON"])
    return LocalPlace(Path(said).expanduser() if said else None)

"""This computer as a place to train at."""

from pathlib import Path
from time import monotonic

from flask import current_app

from app.providers.tuning.local import LocalPlace

# Asking what is there starts a program that takes seconds.
KNOWN_SECONDS = 300


def find_place(name: str) -> LocalPlace | None:
    """This computer, by its name."""
    return make_place() if name == "local" else None


def list_places() -> list[LocalPlace]:
    """This computer."""
    return [make_place()]


def make_place() -> LocalPlace:
    """This computer, with the Python that has the packages. What was found on it is known for a while."""
    said = str(current_app.config["LTT_TRAIN_PYTHON"])
    kept = current_app.extensions.get("ltt.this_computer")
    if kept is None or kept[0] != said or monotonic() - kept[1] > KNOWN_SECONDS:
        new = LocalPlace(Path(said).expanduser() if said else None)
        kept = current_app.extensions["ltt.this_computer"] = (said, monotonic(), new)
    place: LocalPlace = kept[2]
    return place

"""Bringing files in: take one in, look at it, preview, run, and deal with the rows that could not become pairs."""

from app.services.imports.previewing import BadKind, Line, Preview, nothing, preview
from app.services.imports.running import get, give_up_dead, result_of, run
from app.services.imports.settings import ALPACA_INPUT, DUPLICATES, Settings, from_dict
from app.services.imports.tasks import enqueue, start
from app.services.imports.waiting import (
    add,
    again,
    discard,
    listed,
    look,
    of_dataset,
    remaining,
    step_of,
    upload_of,
)

__all__ = [
    "ALPACA_INPUT",
    "DUPLICATES",
    "BadKind",
    "Line",
    "Preview",
    "Settings",
    "add",
    "again",
    "discard",
    "enqueue",
    "from_dict",
    "get",
    "give_up_dead",
    "listed",
    "look",
    "nothing",
    "of_dataset",
    "preview",
    "remaining",
    "result_of",
    "run",
    "start",
    "step_of",
    "upload_of",
]

"""Bringing files in: take one in, look at it, preview, run, and deal with the rows that could not become pairs."""

from app.services.imports.previewing import BadKind, Line, Preview, preview, preview_unreadable
from app.services.imports.running import get, give_up_dead, result_of, run
from app.services.imports.settings import Settings, from_dict
from app.services.imports.tasks import enqueue, start
from app.services.imports.waiting import (
    add,
    count_remaining,
    detect,
    discard,
    list_imports,
    name_files,
    of_dataset,
    redo_import,
    step_of,
    upload_of,
)

__all__ = [
    "BadKind",
    "Line",
    "Preview",
    "Settings",
    "add",
    "count_remaining",
    "detect",
    "discard",
    "enqueue",
    "from_dict",
    "get",
    "give_up_dead",
    "list_imports",
    "name_files",
    "of_dataset",
    "preview",
    "preview_unreadable",
    "redo_import",
    "result_of",
    "run",
    "start",
    "step_of",
    "upload_of",
]

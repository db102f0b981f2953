"""Imports as a task: small text at once, what has to be unpacked in the worker, large files there as well."""

from dataclasses import dataclass

import msgspec
from flask import current_app

from app.core.errors import Conflict
from app.core.options import encode
from app.core.reading import TEXT_FORMATS, Detected, find_late_columns, require_mapping, resolve_settings
from app.models import Import, Job, transaction
from app.services import datasets, tasks, uploads, work
from app.services.imports import waiting
from app.services.imports.running import get, give_up_dead, run
from app.services.imports.settings import Settings
from app.services.imports.waiting import detect, upload_of
from app.services.jobs import Watch
from app.services.running import Show
from app.services.tasks import Task, TaskLimits, declare
from app.services.uploads import Upload

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ImportRun:
    """Which import; how its file is read stands with it."""

    import_id: int
    dataset_id: int | None = None


def _title(options: ImportRun) -> str:
    row = get(options.import_id)
    return f"Import {row.file_name} into {datasets.get(row.dataset_id).name}"


def _is_small(options: ImportRun) -> bool:
    return get(options.import_id).size <= int(current_app.config["LTT_INLINE_MB"]) * MB


def _is_risky(options: ImportRun) -> bool:
    """Whether it must be unpacked or decoded, by which a hostile file may end the process."""
    detected = get(options.import_id).detected
    return detected.get("format") not in TEXT_FORMATS or bool(detected.get("compression"))


def _run(options: ImportRun, watch: Watch) -> dict[str, object]:
    return run(options.import_id, watch)


def _sweep() -> None:
    give_up_dead()
    # What hidden rows lie in a dataset that was begun goes before it.
    work.sweep()
    waiting.sweep_begun()


IMPORT = declare(
    Task(
        "import",
        ImportRun,
        _run,
        _title,
        ("imports.show", ("dataset_id", "import_id")),
        small=_is_small,
        limits=TaskLimits(memory_mb=512, cpu_seconds=3600, stall_seconds=300),
        is_risky=_is_risky,
        waits=True,
        sweep=_sweep,
    )
)


def enqueue(import_id: int, settings: Settings) -> Job:
    """Put the import in the queue with these settings. Raises Invalid while it is not clear what the columns mean."""
    row = get(import_id)
    if row.state not in ("waiting", "failed", "cancelled"):
        raise Conflict(f"This import is {row.state}. To do it differently, import the file again.")
    upload = upload_of(row)
    found = uploads.look(upload, _find_late_columns, upload, settings, detect(upload, settings))
    require_mapping(settings, found)
    with transaction():
        # The file was looked at outside: somebody else may have started or moved it meanwhile.
        row = _get_startable(import_id)
        datasets.confirm_dataset(row.dataset_id)
        job = tasks.enqueue(IMPORT, ImportRun(row.id, row.dataset_id))
        row.settings, row.detected = encode(resolve_settings(settings, found)), msgspec.to_builtins(found)
        row.state, row.job_id, row.message = "running", job.id, None
        return job


def _find_late_columns(upload: Upload, settings: Settings, found: Detected) -> Detected:
    return find_late_columns(uploads.source_of(upload), settings, found)


def _get_startable(import_id: int) -> Import:
    row = get(import_id)
    if row.state not in ("waiting", "failed", "cancelled"):
        raise Conflict(f"This import is {row.state}. To do it differently, import the file again.")
    return row


def start(import_id: int, settings: Settings, *, here: bool = False, show: Show | None = None) -> Job:
    """Import with these settings, as ``tasks.start`` does. Raises like ``enqueue``, and what a small one failed of."""
    return tasks.carry_out(enqueue(import_id, settings), here=here, show=show)

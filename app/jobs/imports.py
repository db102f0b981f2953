"""Imports as jobs: small uploads here and now, larger ones in the worker."""

import time

from flask import current_app

from app.core import errors
from app.core.errors import LttError
from app.jobs import runner, runners
from app.jobs.context import Context, Show
from app.jobs.registry import handler, sweeper
from app.models import Import, Job, end_reading, is_writing
from app.services import imports, jobs
from app.services.imports import Settings, moving

MB = 1024 * 1024
TEXT = ("csv", "tsv", "jsonl", "json", "markdown", "transcript")
PATIENCE_SECONDS = 5.0


@handler("import", memory_mb=512, cpu_seconds=3600, stall_seconds=300)
def run(ctx: Context) -> dict[str, object]:
    """Bring the file in."""
    return imports.run(ctx.arguments["import_id"], ctx)


@sweeper
def sweep() -> None:
    """Remove what killed imports left."""
    imports.sweep()
    moving.sweep_begun()


def start_here(import_id: int, settings: Settings, show: Show | None = None) -> Job:
    """Start an import and run it in this process, however large it is. Raises what it failed of."""
    return runner.run_now(imports.start(import_id, settings).id, show)


def start(import_id: int, settings: Settings) -> Job:
    """Start an import: small text at once, all else in the queue. Raises what a small one failed of.

    What has to be unpacked or decoded is read by a worker, whose process a hostile file may end; a small one is
    waited for.
    """
    row = imports.get(import_id)
    small = row.size <= int(current_app.config["LTT_INLINE_MB"]) * MB
    job = imports.start(import_id, settings)
    if small and (_is_text(row) or not runners.any_worker()):
        return runner.run_now(job.id)
    return _await(job.id) if small and not is_writing() else jobs.get(job.id)


def _is_text(row: Import) -> bool:
    return row.detected.get("format") in TEXT and not row.detected.get("compression")


def _await(job_id: int) -> Job:
    """The job as it ended, or as it stands after a few seconds. Raises what it failed of."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (job := jobs.get(job_id)).state in jobs.ACTIVE and time.monotonic() < deadline:
        end_reading()
        time.sleep(0.05)
    if job.state == "failed":
        raise _error_of(job)
    return job


def _error_of(job: Job) -> LttError:
    facts = job.result or {}
    kind = getattr(errors, str(facts.get("error")), LttError)
    return kind(job.error or "The import failed.", code=str(facts.get("code", "failed")))

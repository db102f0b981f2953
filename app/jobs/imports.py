"""Imports as jobs: small uploads here and now, larger ones in the worker."""

from flask import current_app

from app.jobs import runner
from app.jobs.context import Context, Show
from app.jobs.registry import handler, sweeper
from app.models import Job
from app.services import imports, jobs
from app.services.imports import Settings, moving

MB = 1024 * 1024


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
    """Start an import: at once where the upload is small, else in the queue. Raises what a small one failed of."""
    size = imports.get(import_id).size
    job = imports.start(import_id, settings)
    if size <= int(current_app.config["LTT_INLINE_MB"]) * MB:
        return runner.run_now(job.id)
    return jobs.get(job.id)

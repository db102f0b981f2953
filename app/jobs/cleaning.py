"""Cleaning as jobs: few pairs here and now, many in the worker. Long previews and suggestions are jobs as well."""

import json
from collections.abc import Sequence

from app.core.text import plural
from app.jobs import runner, runners
from app.jobs.context import Context, Show
from app.jobs.registry import handler, sweeper
from app.models import Job, db
from app.services import cleaning, jobs
from app.services.cleaning import CleaningOptions, CleaningOrder, CleaningResult, previews, suggesting
from app.services.cleaning.previews import CleaningPreview
from app.services.jobs import ACTIVE

# Up to this many changing pairs are written in the request itself.
AT_ONCE = 5_000
PREVIEW, APPLY, SUGGEST = "clean-preview", "clean", "clean-suggest"


@handler(APPLY, memory_mb=512, cpu_seconds=7200, stall_seconds=600)
def apply(ctx: Context) -> dict[str, object]:
    """Apply a recipe to the pairs that change."""
    return cleaning.run_cleaning(_order(ctx.arguments), ctx, job_id=ctx.job_id).as_dict()


@handler(PREVIEW, memory_mb=512, cpu_seconds=7200, stall_seconds=600)
def preview(ctx: Context) -> dict[str, object]:
    """Look at every pair, however long it takes, and keep what was seen."""
    wish = CleaningOptions.from_dict(ctx.arguments["wish"])
    dataset_id = ctx.arguments["dataset_id"]
    token, revision, _ = previews.preview_of(dataset_id, wish)
    found = cleaning.scan_dataset(dataset_id, wish, watch=ctx)
    previews.save_preview(CleaningPreview(token, dataset_id, revision, wish, found))
    return {"dataset_id": dataset_id, "preview": token, "summary": f"{found.sentence}."}


@handler(SUGGEST, memory_mb=512, cpu_seconds=7200, stall_seconds=600)
def suggest(ctx: Context) -> dict[str, object]:
    """Look for what could be cleaned."""
    dataset_id = ctx.arguments["dataset_id"]
    found = suggesting.suggest_for_dataset(dataset_id, watch=ctx)
    return {"dataset_id": dataset_id, "summary": f"{plural(len(found.found), 'suggestion')}."}


@sweeper
def sweep() -> None:
    """Remove what killed runs and outdated previews left."""
    cleaning.sweep()
    active = [str(job.arguments.get("preview")) for job in jobs.listed(states=ACTIVE, size=1000) if job.kind == APPLY]
    db.session.rollback()
    previews.remove_old_previews(keep=active)


def start(order: CleaningOrder) -> Job | CleaningResult:
    """Apply a previewed order: few pairs at once, many as a job."""
    seen = order.preview
    if seen is not None and seen.scan.affected <= AT_ONCE:
        return cleaning.run_cleaning_at_once(order)
    return _run_or_wait(enqueue(order))


def enqueue(order: CleaningOrder) -> Job:
    """Put an order in the queue."""
    arguments = {
        "dataset_id": order.dataset_id,
        "wish": order.wish.as_dict(),
        "leave": sorted(order.leave),
        "preview": order.preview.token if order.preview else None,
    }
    return jobs.enqueue(APPLY, arguments, dataset_id=order.dataset_id, title=order.wish.summary)


def start_here(order: CleaningOrder, show: Show | None = None) -> Job:
    """Apply an order in this process, however many pairs it is for. Raises what it failed of."""
    return runner.run_now(enqueue(order).id, show)


def look_at_all(dataset_id: int, wish: CleaningOptions, address: str = "") -> Job:
    """Preview all pairs as a job; one that runs already is taken. ``address`` is the page that shows the preview."""
    arguments = {"dataset_id": dataset_id, "wish": wish.as_dict(), "address": address}
    title = f"Preview: {wish.summary}"
    running = preview_of(dataset_id, wish)
    return running or _run_or_wait(jobs.enqueue(PREVIEW, arguments, dataset_id=dataset_id, title=title))


def preview_of(dataset_id: int, wish: CleaningOptions) -> Job | None:
    """The job that looks at all pairs for this wish, if one waits or runs."""
    stored = json.loads(json.dumps(wish.as_dict()))
    found = (job for job in jobs.listed(states=ACTIVE, dataset_id=dataset_id) if job.kind == PREVIEW)
    return next((job for job in found if job.arguments["wish"] == stored), None)


def suggest_for(dataset_id: int) -> Job:
    """Look for suggestions as a job; one that runs already is taken."""
    arguments = {"dataset_id": dataset_id}
    running = suggesting_for(dataset_id)
    title = "Look for what could be cleaned"
    return running or _run_or_wait(jobs.enqueue(SUGGEST, arguments, dataset_id=dataset_id, title=title))


def suggesting_for(dataset_id: int) -> Job | None:
    """The job that looks for suggestions, if one waits or runs."""
    found = jobs.listed(states=ACTIVE, dataset_id=dataset_id)
    return next((job for job in found if job.kind == SUGGEST), None)


def _run_or_wait(job: Job) -> Job:
    """The job, left to a worker; where there is none it is run here."""
    return job if runners.any_worker() else runner.run_now(job.id)


def _order(arguments: dict[str, object]) -> CleaningOrder:
    dataset_id, token, leave = arguments["dataset_id"], arguments["preview"], arguments["leave"]
    assert isinstance(dataset_id, int) and isinstance(leave, Sequence)
    seen = previews.get_preview(dataset_id, str(token)) if token else None
    wish = CleaningOptions.from_dict(arguments["wish"])  # type: ignore[arg-type]
    return CleaningOrder(dataset_id, wish, frozenset(leave), seen)

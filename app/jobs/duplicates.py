"""Duplicates as jobs: small datasets are searched here and now, large ones in the worker; the same for settling."""

import msgspec

from app.core.errors import Conflict
from app.core.text import plural
from app.jobs import runner, runners
from app.jobs.context import Context, Show
from app.jobs.registry import handler, sweeper
from app.models import DuplicateScan, Job, db
from app.services import datasets, duplicates, jobs
from app.services.duplicates import Rechecked, ScanOptions, Settled
from app.services.jobs import ACTIVE

KINDS = SCAN, SETTLE, RECHECK = ("duplicates", "duplicates-settle", "duplicates-recheck")
# Up to this many pairs are searched, or go, in the request itself; up to so many changed ones are looked at again.
AT_ONCE, RECHECKED_AT_ONCE = 5_000, 200
# A million questions take a gigabyte, with their answers two.
MEMORY_MB = 2_600


@handler(SCAN, memory_mb=MEMORY_MB, cpu_seconds=7200, stall_seconds=900)
def scan(ctx: Context) -> dict[str, object]:
    """Search a dataset for duplicates."""
    options = msgspec.convert(ctx.arguments["options"], ScanOptions)
    found = duplicates.scan_dataset(ctx.arguments["dataset_id"], options, ctx, ctx.job_id)
    return duplicates.report_scan(found)


@handler(SETTLE, memory_mb=1024, cpu_seconds=3600, stall_seconds=600)
def settle(ctx: Context) -> dict[str, object]:
    """Settle all safe groups of a scan."""
    asked = ctx.arguments
    found = db.session.get(DuplicateScan, asked["scan_id"])
    if found is None or found.state != "current":
        raise Conflict("A newer scan has replaced this one. Settle the groups of that.", code="replaced")
    done = duplicates.settle_all(found, asked["level"], asked["rule"], ctx, job_id=ctx.job_id)
    return done.as_dict()


@handler(RECHECK, memory_mb=MEMORY_MB, cpu_seconds=7200, stall_seconds=900)
def recheck(ctx: Context) -> dict[str, object]:
    """Look again at what changed since the scan."""
    duplicates.recheck_changed(ctx.arguments["dataset_id"], ctx, job_id=ctx.job_id)
    return {}


@sweeper
def sweep() -> None:
    """Remove what killed runs left, and scans that newer ones replaced."""
    duplicates.sweep()
    duplicates.sweep_scans()


def start(dataset_id: int, options: ScanOptions) -> Job:
    """Search a dataset: a small one at once, a large one as a job. A search that runs already is taken."""
    options.check(dataset_id)
    running = running_for(dataset_id, SCAN)
    if running is not None:
        return running
    job = enqueue(dataset_id, options)
    return runner.run_now(job.id) if _is_small(dataset_id, options) or not runners.any_worker() else job


def _is_small(dataset_id: int, options: ScanOptions) -> bool:
    """A file is read by a worker, whose process a hostile one may end."""
    others = datasets.get(options.dataset).entry_count if options.dataset is not None else 0
    return options.file is None and datasets.get(dataset_id).entry_count + others <= AT_ONCE


def enqueue(dataset_id: int, options: ScanOptions) -> Job:
    """Put a search in the queue."""
    arguments = {"dataset_id": dataset_id, "options": msgspec.to_builtins(options)}
    return jobs.enqueue(SCAN, arguments, dataset_id=dataset_id, title=options.title)


def start_here(dataset_id: int, options: ScanOptions, show: Show | None = None) -> Job:
    """Search a dataset in this process, however large it is. Raises what it failed of."""
    options.check(dataset_id)
    return runner.run_now(enqueue(dataset_id, options).id, show)


def start_settling(dataset_id: int, found: DuplicateScan, level: int, rule: str) -> Job | Settled:
    """Settle all safe groups: few pairs at once, many as a job."""
    seen = duplicates.preview_settling(found, level, rule)
    if seen.pairs <= AT_ONCE:
        return duplicates.settle_at_once(found, level, rule)
    arguments = {"dataset_id": dataset_id, "scan_id": found.id, "level": level, "rule": rule}
    title = f"Settle {plural(seen.groups, 'group')} of copies"
    return _run_or_wait(jobs.enqueue(SETTLE, arguments, dataset_id=dataset_id, title=title))


def start_recheck(dataset_id: int) -> Job | Rechecked:
    """Look again at what changed since the scan: few pairs at once, many as a job. Raises Conflict without a scan."""
    running = running_for(dataset_id, RECHECK)
    if running is not None:
        return running
    found = duplicates.latest_scan(dataset_id)
    if found is None or duplicates.count_changed(found) <= RECHECKED_AT_ONCE:
        return duplicates.recheck_changed(dataset_id)
    title = "Look again at what changed since the scan"
    return _run_or_wait(jobs.enqueue(RECHECK, {"dataset_id": dataset_id}, dataset_id=dataset_id, title=title))


def running_for(dataset_id: int, kind: str = SCAN) -> Job | None:
    """The job of a kind that waits or runs for a dataset, if there is one."""
    found = jobs.listed(states=ACTIVE, dataset_id=dataset_id)
    return next((job for job in found if job.kind == kind), None)


def _run_or_wait(job: Job) -> Job:
    """The job, left to a worker; where there is none it is run here."""
    return job if runners.any_worker() else runner.run_now(job.id)

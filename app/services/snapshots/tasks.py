"""Freezing a dataset as a task: a small one at once, a large one by the worker."""

from app.core.text import plural
from app.services import datasets
from app.services.snapshots.freezing import FreezeRun, freeze, sweep
from app.services.tasks import Task, TaskLimits, declare

AT_ONCE = 20_000

FREEZE = declare(
    Task(
        "freeze",
        FreezeRun,
        freeze,
        title=lambda run: f"Freeze {plural(datasets.get(run.dataset_id).entry_count, 'pair')}",
        result_page=("jobs.show", ("job_id",)),
        small=lambda run: datasets.get(run.dataset_id).entry_count <= AT_ONCE,
        limits=TaskLimits(memory_mb=1024, cpu_seconds=3600, stall_seconds=600),
        check=FreezeRun.check,
        sweep=sweep,
    )
)

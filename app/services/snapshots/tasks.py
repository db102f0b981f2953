"""Freezing, comparing and bringing back as tasks: a small one at once, a large one by the worker."""

from app.core.text import plural
from app.services import datasets
from app.services.snapshots.comparing import CompareRun, run_compare
from app.services.snapshots.freezing import FreezeRun, freeze, sweep
from app.services.snapshots.listing import find_snapshot, label_of
from app.services.snapshots.restoring import CopyRun, RestoreRun, copy, restore
from app.services.tasks import Task, TaskLimits, declare

AT_ONCE = 20_000
LIMITS = TaskLimits(memory_mb=1024, cpu_seconds=3600, stall_seconds=600)
RUN_PAGE = ("snapshots.run", ("dataset_id", "job_id"))


def _is_small(run: FreezeRun | RestoreRun) -> bool:
    return datasets.get(run.dataset_id).entry_count <= AT_ONCE


def _label_of(run: RestoreRun | CopyRun) -> str:
    return label_of(find_snapshot(run.dataset_id, run.snapshot))


FREEZE = declare(
    Task(
        "freeze",
        FreezeRun,
        freeze,
        title=lambda run: f"Freeze {plural(datasets.get(run.dataset_id).entry_count, 'pair')}",
        result_page=RUN_PAGE,
        small=_is_small,
        limits=LIMITS,
        check=FreezeRun.check,
        sweep=sweep,
    )
)
COMPARE = declare(
    Task(
        "snapshot-compare",
        CompareRun,
        run_compare,
        title=lambda run: f"Compare {run.before} with {run.after}",
        result_page=RUN_PAGE,
        limits=LIMITS,
        check=CompareRun.check,
        alike=("dataset_id", "before", "after", "revision"),
    )
)
RESTORE = declare(
    Task(
        "snapshot-restore",
        RestoreRun,
        restore,
        title=lambda run: f"Go back to snapshot {_label_of(run)}",
        result_page=RUN_PAGE,
        small=_is_small,
        limits=LIMITS,
        check=RestoreRun.check,
        alike=("dataset_id", "snapshot"),
    )
)
COPY = declare(
    Task(
        "snapshot-copy",
        CopyRun,
        copy,
        title=lambda run: f"Make a dataset from {_label_of(run)}",
        result_page=RUN_PAGE,
        small=lambda run: find_snapshot(run.dataset_id, run.snapshot).records <= AT_ONCE,
        limits=LIMITS,
        check=CopyRun.check,
    )
)

"""Dividing a dataset and mending its leaks as tasks: small datasets at once, large ones by the worker."""

from app.core.text import plural
from app.services import datasets
from app.services.splits.dividing import MoveRun, SplitRun, run_move, run_split
from app.services.tasks import Task, TaskLimits, declare

AT_ONCE = 5_000
LIMITS = TaskLimits(memory_mb=1024, cpu_seconds=3600, stall_seconds=600)
RUN_PAGE = ("splits.run", ("dataset_id", "job_id"))


def _is_small(run: SplitRun | MoveRun) -> bool:
    return datasets.get(run.dataset_id).entry_count <= AT_ONCE


SPLIT = declare(
    Task(
        "split",
        SplitRun,
        run_split,
        lambda run: f"Split {plural(datasets.get(run.dataset_id).entry_count, 'pair')} {run.options.title}",
        RUN_PAGE,
        small=_is_small,
        limits=LIMITS,
        check=SplitRun.check,
        alike=("dataset_id", "options"),
        in_one_write=True,
    )
)
MOVE = declare(
    Task(
        "split-move",
        MoveRun,
        run_move,
        lambda run: "Move together what leaks between splits",
        RUN_PAGE,
        small=_is_small,
        limits=LIMITS,
        check=MoveRun.check,
        alike=("dataset_id", "why", "entries"),
        in_one_write=True,
    )
)

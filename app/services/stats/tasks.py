"""Counting a dataset, as a task: a small one at once, a large one queued."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.stats import StatsOptions
from app.core.text import plural
from app.core.tokens import choose_families
from app.services import datasets
from app.services.jobs import Watch
from app.services.stats.measuring import measure_dataset
from app.services.tasks import Task, TaskLimits, declare

# Up to this many pairs are counted in the request itself.
AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class StatsRun:
    """Which dataset to count, and by whose tokens."""

    dataset_id: int
    options: StatsOptions = field(default_factory=StatsOptions)


def _measure(run: StatsRun, watch: Watch) -> Mapping[str, object]:
    found = measure_dataset(run.dataset_id, run.options, watch)
    return {**found, "summary": f"{plural(found['records'], 'pair')} counted."}


def _check(run: StatsRun) -> None:
    datasets.get(run.dataset_id)
    choose_families(run.options.family)


STATS = declare(
    Task(
        "stats",
        StatsRun,
        _measure,
        title=lambda run: f"Count {plural(datasets.get(run.dataset_id).entry_count, 'pair')}",
        result_page=("jobs.show", ("job_id",)),
        small=lambda run: datasets.get(run.dataset_id).entry_count <= AT_ONCE,
        limits=TaskLimits(memory_mb=512, cpu_seconds=3600, stall_seconds=600),
        check=_check,
    )
)

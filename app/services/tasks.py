"""Long actions, each declared once beside its service: ``IMPORT = declare(Task("import", ImportRun, run, …))``.

Starting one always makes a job. A small one is done when it is given back; a large one is left to a worker, or done
here where there is none. The worker, the pages, the API and the commands know tasks by name only.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Generic, TypeVar

from sqlalchemy import func, select

from app.core.errors import NotFound
from app.core.options import decode, encode
from app.models import Job, db, end_reading, is_writing, transaction
from app.services import backups, jobs, runners, running, work
from app.services.jobs import Watch
from app.services.running import Context, Ending, Show

# The packages of services that declare tasks, each in its module ``tasks``.
PACKAGES = (
    "imports",
    "cleaning",
    "duplicates",
    "splits",
    "validation",
    "stats",
    "snapshots",
    "export",
    "hub",
    "training",
)
# How many jobs of each lane a worker runs at the same time: a training of days keeps no import waiting.
LANES = {"": 1, "training": 1, "away": 4}
PATIENCE_SECONDS = 5.0
O = TypeVar("O")  # noqa: E741 (the options)


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """What a worker lets a job use before it ends its process. ``stall_seconds`` may pass without any progress."""

    memory_mb: int = 512
    cpu_seconds: int = 3600
    stall_seconds: int = 600
    file_mb: int = 16 * 1024


@dataclass(frozen=True, slots=True)
class Task(Generic[O]):
    """One kind of long action.

    ``options`` is a frozen dataclass with a ``dataset_id``; ``run`` does the work and returns the result that programs
    see, unless it was published with the effect. ``result_page`` is the endpoint that shows it, and what its address
    needs of dataset_id, job_id, options and result.
    """

    name: str
    options: type[O]
    run: Callable[[O, Watch], Mapping[str, object] | None]
    title: Callable[[O], str]
    result_page: tuple[str, tuple[str, ...]]
    small: Callable[[O], bool] = lambda options: False
    limits: TaskLimits = TaskLimits()
    # Beside which others it runs: one of ``LANES``.
    lane: str = ""
    # Raises what speaks against it before there is a job.
    check: Callable[[O], object] = lambda options: None
    # A job that waits or runs with these options alike is taken in place of a new one.
    alike: tuple[str, ...] = ()
    # A small one holds the write lock from its first read to its end: nothing is edited meanwhile.
    in_one_write: bool = False
    # Reads what a hostile file can make hang, or runs what a stranger wrote: also a small one is left to a worker, and
    # waited for.
    is_risky: Callable[[O], bool] = lambda options: False
    # A large one waits for a worker, however long there is none.
    waits: bool = False
    # The arguments of a job that an older version queued, as they are called now.
    upgrade: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda arguments: arguments
    # Removes what outdated or killed runs left, beyond hidden rows of entries.
    sweep: Callable[[], object] | None = field(default=None)


_declared: dict[str, Task[Any]] = {}


def declare(task: Task[O]) -> Task[O]:
    """Make a task known by its name."""
    _declared[task.name] = task
    return task


def all_tasks() -> list[Task[Any]]:
    """Every task of the workbench."""
    for name in PACKAGES:
        import_module(f"app.services.{name}.tasks")
    return list(_declared.values())


def kinds_of(lane: str) -> list[str]:
    """The names of the tasks of a lane."""
    return [task.name for task in all_tasks() if task.lane == lane]


def ahead_of(job: Job) -> int:
    """How many jobs of its lane a queued job waits for."""
    task = find_task(job.kind)
    lane = task.lane if task else ""
    beside = [one.name for one in all_tasks() if one.lane != lane]
    earlier = select(func.count()).where(Job.state.in_(jobs.ACTIVE), Job.id < job.id, Job.kind.not_in(beside))
    return int(db.session.execute(earlier).scalar_one())


def find_task(name: str) -> Task[Any] | None:
    """The task of that name, if this version has it. Packages are loaded until one declares it."""
    for package in PACKAGES:
        if name in _declared:
            break
        import_module(f"app.services.{package}.tasks")
    return _declared.get(name)


def enqueue(task: Task[O], options: O) -> Job:
    """Put it in the queue, in the caller's transaction if there is one. Raises what ``check`` raises."""
    task.check(options)
    dataset_id: int | None = getattr(options, "dataset_id", None)
    return jobs.enqueue(task.name, encode(options), dataset_id=dataset_id, title=task.title(options))


def start(task: Task[O], options: O, *, here: bool = False, show: Show | None = None) -> Job:
    """Do it: now where it is small, else by a worker. Gives a job that runs alike. Raises what a small one failed of.

    With ``here`` it is done in this process, however large it is; ``show`` is told its progress then.
    """
    task.check(options)
    running_one = None if here else find_running(task, options)
    return running_one or carry_out(enqueue(task, options), here=here, show=show)


def find_running(task: Task[O], options: O) -> Job | None:
    """The job that waits or runs with options alike, if the task allows for one only."""
    wanted = encode(options)
    for job in jobs.listed(states=jobs.ACTIVE, dataset_id=wanted.get("dataset_id")) if task.alike else []:
        if job.kind == task.name and all(job.arguments.get(name) == wanted[name] for name in task.alike):
            return job
    return None


def carry_out(job: Job, *, here: bool = False, show: Show | None = None) -> Job:
    """Do a queued job as ``start`` says."""
    task = find_task(job.kind)
    assert task is not None
    options = _options_of(task, job.arguments)
    small = not here and task.small(options)
    worker = runners.any_worker()
    if small and worker and task.is_risky(options):
        return job if is_writing() else _await(job.id)
    if here or small or not (worker or task.waits):
        with transaction() if small and task.in_one_write else nullcontext():
            return run_now(job.id, show)
    return jobs.get(job.id)


def _await(job_id: int) -> Job:
    """The job as it ended, or as it stands after a few seconds. Raises what it failed of."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (job := jobs.get(job_id)).state in jobs.ACTIVE and time.monotonic() < deadline:
        end_reading()
        time.sleep(0.05)
    if job.state == "failed":
        raise running.error_of(job)
    return job


def run_now(job_id: int, show: Show | None = None) -> Job:
    """Run a queued job in this process. Raises what it failed of; gives it back otherwise."""
    act = act_of(jobs.get(job_id).kind)
    ending = running.run_queued(job_id, act, runners.me(), show)
    if ending is not None and ending.cause is not None:
        raise ending.cause
    return jobs.get(job_id)


def run_queued(job_id: int, runner: str) -> Ending | None:
    """Run a queued job under a runner's name; None where somebody else has it."""
    return running.run_queued(job_id, act_of(jobs.get(job_id).kind), runner)


def act_of(name: str) -> running.Act | None:
    """What does jobs of that name with their stored arguments; None where this version does not know it."""
    task = find_task(name)
    if task is None:
        return None

    def act(arguments: Mapping[str, object], watch: Context) -> Mapping[str, object] | None:
        return task.run(_options_of(task, arguments), watch)

    return act


def options_of(job: Job) -> Any:
    """The options that a job was queued with. Raises NotFound for a job that this version does not know."""
    task = find_task(job.kind)
    if task is None:
        raise NotFound(f"This version knows no jobs named {job.kind}.", job_id=job.id)
    return _options_of(task, job.arguments)


def _options_of(task: Task[O], arguments: Mapping[str, Any]) -> O:
    """What a job was queued with, perhaps by another version."""
    return decode(task.options, task.upgrade(arguments), ignore_unknown=True)


def sweeps() -> list[Callable[[], object]]:
    """What removes the leavings of outdated and killed jobs, task by task, then hidden entries of all, and copies."""
    return [*(task.sweep for task in all_tasks() if task.sweep is not None), work.sweep, backups.sweep_left]

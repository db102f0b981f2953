"""Training as tasks: on this computer one after the other, elsewhere several beside each other."""

from app.services.tasks import Task, TaskLimits, declare
from app.services.training.hosted import stop_left
from app.services.training.listing import require_run
from app.services.training.running import TrainRun, take_up, train

# A run of weeks: what it may use is what this computer has. Only one that does nothing at all is ended.
LIMITS = TaskLimits(memory_mb=2**24, cpu_seconds=90 * 86_400, stall_seconds=6 * 3600, file_mb=2**22)
PAGE = ("jobs.show", ("job_id",))
# So many pairs are written while a page waits.
AT_ONCE = 20_000


def _title(run: TrainRun) -> str:
    return f"Train run {require_run(run.run_id).number}"


def _is_small(run: TrainRun) -> bool:
    found = require_run(run.run_id)
    return found.place == "bundle" and found.spec["snapshot"]["records"] <= AT_ONCE


TRAIN = declare(
    Task(
        "train",
        TrainRun,
        train,
        title=_title,
        result_page=PAGE,
        limits=LIMITS,
        lane="training",
        waits=True,
        sweep=take_up,
    )
)
AWAY = declare(
    Task(
        "train-away",
        TrainRun,
        train,
        title=_title,
        result_page=PAGE,
        limits=LIMITS,
        lane="away",
        waits=True,
        small=_is_small,
        sweep=stop_left,
    )
)

"""Training as tasks: on this computer one after the other, elsewhere several beside each other."""

from app.services.tasks import Task, TaskLimits, declare
from app.services.training.hosted import stop_left
from app.services.training.listing import MAKING, require_run
from app.services.training.results import MakeModel, check_making, make_model
from app.services.training.running import TrainRun, take_up, train

# A run of weeks: what it may use is what this computer has. Only one that does nothing at all is ended.
LIMITS = TaskLimits(memory_mb=2**24, cpu_seconds=90 * 86_400, stall_seconds=6 * 3600, file_mb=2**22)
PAGE = ("jobs.show", ("job_id",))
# So many pairs are written while a page waits.
AT_ONCE = 20_000


def _title(run: TrainRun) -> str:
    return f"Train run {require_run(run.run_id).number}"


def _title_of_making(options: MakeModel) -> str:
    number = require_run(options.run_id).number
    return f"Merge run {number}" if options.what == "merge" else f"Write run {number} as GGUF"


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
MAKE = declare(
    Task(
        MAKING,
        MakeModel,
        make_model,
        title=_title_of_making,
        result_page=("training.show", ("dataset_id", "number")),
        limits=LIMITS,
        # It needs the memory that a training needs.
        lane="training",
        check=check_making,
        alike=("run_id", "what"),
        waits=True,
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

"""Validating a dataset, as a task: a small one at once, a large one queued."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.text import plural
from app.core.validation import ValidateOptions, choose_profiles
from app.services import datasets
from app.services.jobs import Watch
from app.services.tasks import Task, TaskLimits, declare
from app.services.validation.checking import validate_dataset
from app.services.validation.choices import known_profiles, read_choices
from app.services.validation.keeping import check_dataset, sweep_checks
from app.services.validation.templates import is_folder

# Up to this many pairs are checked in the request itself.
AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class ValidationRun:
    """Which dataset to check, and for which targets."""

    dataset_id: int
    options: ValidateOptions = field(default_factory=ValidateOptions)


@dataclass(frozen=True, slots=True)
class CheckRun:
    """Which dataset to check for which targets, so that what was found is kept."""

    dataset_id: int
    profile: str


def _validate(run: ValidationRun, watch: Watch) -> Mapping[str, object]:
    found = validate_dataset(run.dataset_id, run.options, watch)
    counts = f"{plural(found['errors'], 'finding')} to fix, {found['warnings']:,} to look at"
    return {**found, "summary": f"{plural(found['records'], 'pair')}: {counts}."}


def _require_targets(run: ValidationRun | CheckRun) -> None:
    datasets.get(run.dataset_id)
    choose_profiles(run.profile if isinstance(run, CheckRun) else run.options.profile, known_profiles())


def _is_small(run: ValidationRun | CheckRun) -> bool:
    return datasets.get(run.dataset_id).entry_count <= AT_ONCE


def _is_by_folder(run: ValidationRun | CheckRun) -> bool:
    """Whether the chat template of a stranger is asked, which may take its whole time for each pair."""
    chosen = run.options.template if isinstance(run, ValidationRun) else ""
    return is_folder(chosen or read_choices(datasets.get(run.dataset_id)).template)


VALIDATE = declare(
    Task(
        "validate",
        ValidationRun,
        _validate,
        title=lambda run: f"Check the pairs for {run.options.profile}",
        result_page=("jobs.show", ("job_id",)),
        small=_is_small,
        is_risky=_is_by_folder,
        limits=TaskLimits(memory_mb=512, cpu_seconds=3600, stall_seconds=600),
        check=_require_targets,
    )
)
CHECK = declare(
    Task(
        "check",
        CheckRun,
        lambda run, watch: check_dataset(run.dataset_id, run.profile, watch),
        title=lambda run: f"Check the pairs for {run.profile}",
        result_page=("overview.index", ("dataset_id",)),
        small=_is_small,
        is_risky=_is_by_folder,
        # Leaks between splits are looked for as well.
        limits=TaskLimits(memory_mb=1024, cpu_seconds=3600, stall_seconds=600),
        check=_require_targets,
        alike=("dataset_id", "profile"),
        sweep=sweep_checks,
    )
)

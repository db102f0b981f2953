"""Cleaning as tasks: few pairs at once, many in the worker; so are previews and suggestions that take long."""

from dataclasses import dataclass

from app.core.text import plural
from app.models import db
from app.services import jobs
from app.services.cleaning import previews, suggesting
from app.services.cleaning.applying import CleaningOrder, run_cleaning
from app.services.cleaning.options import CleaningOptions
from app.services.cleaning.previews import CleaningPreview
from app.services.cleaning.scanning import scan_dataset
from app.services.jobs import Watch
from app.services.tasks import Task, TaskLimits, declare

# Up to this many changing pairs are written in the request itself.
AT_ONCE = 5_000
LIMITS = TaskLimits(memory_mb=512, cpu_seconds=7200, stall_seconds=600)


@dataclass(frozen=True, slots=True)
class CleaningRun:
    """What to apply, without the pairs in ``leave``; with the token of a preview to the pairs that it saw.

    ``affected`` is how many change, where that was counted.
    """

    dataset_id: int
    wish: CleaningOptions
    leave: tuple[int, ...] = ()
    preview: str | None = None
    affected: int | None = None

    @classmethod
    def of_order(cls, order: CleaningOrder) -> "CleaningRun":
        """The order as it is kept with a job."""
        seen = order.preview
        token, affected = (seen.token, seen.scan.affected) if seen else (None, None)
        return cls(order.dataset_id, order.wish, tuple(sorted(order.leave)), token, affected)


@dataclass(frozen=True, slots=True)
class PreviewRun:
    """What to preview; ``address`` is the page that shows it."""

    dataset_id: int
    wish: CleaningOptions
    address: str = ""


@dataclass(frozen=True, slots=True)
class SuggestRun:
    """Which dataset to look through."""

    dataset_id: int


def _clean(options: CleaningRun, watch: Watch) -> dict[str, object]:
    seen = previews.get_preview(options.dataset_id, options.preview) if options.preview else None
    return run_cleaning(
        CleaningOrder(options.dataset_id, options.wish, frozenset(options.leave), seen), watch
    ).as_dict()


def _preview(options: PreviewRun, watch: Watch) -> dict[str, object]:
    token, revision, _ = previews.preview_of(options.dataset_id, options.wish)
    found = scan_dataset(options.dataset_id, options.wish, watch=watch)
    previews.save_preview(CleaningPreview(token, options.dataset_id, revision, options.wish, found))
    return {"dataset_id": options.dataset_id, "preview": token, "summary": f"{found.sentence}."}


def _suggest(options: SuggestRun, watch: Watch) -> dict[str, object]:
    found = suggesting.suggest_for_dataset(options.dataset_id, watch=watch)
    return {"dataset_id": options.dataset_id, "summary": f"{plural(len(found.found), 'suggestion')}."}


def _sweep() -> None:
    active = jobs.listed(states=jobs.ACTIVE, size=1000)
    needed = [str(job.arguments.get("preview")) for job in active if job.kind == CLEAN.name]
    db.session.rollback()
    previews.remove_old_previews(keep=needed)


CLEAN = declare(
    Task(
        "clean",
        CleaningRun,
        _clean,
        lambda options: options.wish.summary,
        ("cleaning.run", ("dataset_id", "job_id")),
        small=lambda options: options.affected is not None and options.affected <= AT_ONCE,
        is_risky=lambda options: options.wish.has_patterns,
        limits=LIMITS,
        in_one_write=True,
        sweep=_sweep,
    )
)
PREVIEW = declare(
    Task(
        "clean-preview",
        PreviewRun,
        _preview,
        lambda options: f"Preview: {options.wish.summary}",
        ("cleaning.run", ("dataset_id", "job_id")),
        limits=LIMITS,
        alike=("dataset_id", "wish"),
    )
)
SUGGEST = declare(
    Task(
        "clean-suggest",
        SuggestRun,
        _suggest,
        lambda options: "Look for what could be cleaned",
        ("cleaning.index", ("dataset_id",)),
        limits=LIMITS,
        alike=("dataset_id",),
    )
)

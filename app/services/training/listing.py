"""Runs found, listed, compared, named and deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from app.core.errors import Conflict, NotFound
from app.core.options import encode
from app.core.training import RunSpec, decode_spec
from app.core.training.folder import read_state
from app.core.training.points import Point, find_best, perplexity_of, read_points
from app.models import TrainingRun, db, transaction
from app.providers.tuning.hosted import CONTROL, NOTES
from app.services import jobs
from app.services.training.choices import MAX_NAME, MAX_NOTE, check_words
from app.services.training.folders import METRICS, folder_of, remove_folder

ACTIVE = ("queued", "running", "pausing", "interrupted")
# The kind of the jobs that make something of a result.
MAKING = "make-model"
ENDED = ("paused", "waiting", "done", "failed", "cancelled")


def list_runs(dataset_id: int | None = None, *, size: int | None = 200) -> list[TrainingRun]:
    """The runs of a dataset, or of all, newest first."""
    query = select(TrainingRun).order_by(TrainingRun.id.desc()).limit(size)
    if dataset_id is not None:
        query = query.where(TrainingRun.dataset_id == dataset_id)
    return list(db.session.execute(query.execution_options(populate_existing=True)).scalars())


def list_holding(dataset_id: int, snapshot_id: int | None = None) -> list[TrainingRun]:
    """The runs of a dataset, or of one snapshot, whose folders still hold the texts that they were given."""
    return [
        run
        for run in list_runs(dataset_id, size=None)
        if snapshot_id in (None, run.snapshot_id) and (folder_of(run) / "data").is_dir()
    ]


def count_runs(dataset_id: int) -> int:
    """How many runs a dataset has."""
    return int(db.session.execute(select(func.count()).where(TrainingRun.dataset_id == dataset_id)).scalar_one())


def count_ahead(run: TrainingRun) -> int:
    """How many runs of the same place go on or wait before this one."""
    before = TrainingRun.id < run.id, TrainingRun.place == run.place, TrainingRun.state.in_(ACTIVE)
    return int(db.session.execute(select(func.count()).where(*before)).scalar_one())


def get_run(dataset_id: int, number: int) -> TrainingRun:
    """The run of that number of a dataset, as it stands now. Raises NotFound."""
    query = select(TrainingRun).where(TrainingRun.dataset_id == dataset_id, TrainingRun.number == number)
    run = db.session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if run is None:
        raise NotFound(f"There is no run {number} of this dataset.", run=number)
    return run


def require_run(run_id: int) -> TrainingRun:
    """The run of that id, of any dataset, as it stands now. Raises NotFound."""
    run = db.session.get(TrainingRun, run_id, populate_existing=True)
    if run is None:
        raise NotFound(f"There is no run {run_id}.", run=run_id)
    return run


def spec_of(run: TrainingRun) -> RunSpec:
    """What a run is made of."""
    return decode_spec(run.spec)


def as_dict(run: TrainingRun) -> dict[str, Any]:
    """The run as programs see it. ``best`` is the checkpoint with the least validation loss."""
    spec, state = spec_of(run), read_state(folder_of(run))
    snapshot, best = spec.snapshot, state.best or find_best(read_points(folder_of(run) / METRICS))
    return {
        "run": run.id,
        "number": run.number,
        "dataset_id": run.dataset_id,
        "name": run.name,
        "note": run.note,
        "where": run.place,
        "state": run.state,
        "step": state.step or run.result.get("step") or 0,
        "steps": state.steps or run.result.get("steps"),
        "best": {
            "step": best.step,
            "validation_loss": best.validation_loss,
            "perplexity": perplexity_of(best.validation_loss) if spec.tells_perplexity else None,
        }
        if best
        else None,
        "model": run.result.get("model"),
        "message": run.result.get("error") or state.message,
        "code": run.result.get("code") or "",
        "snapshot": f"v{snapshot.number}",
        "snapshot_hash": snapshot.hash,
        "splits": spec.splits,
        "base": {"kind": spec.base.kind, "name": spec.base.name, "licence": spec.base.licence},
        "method": spec.method,
        "settings": encode(spec.settings),
        "seed": spec.seed,
        "override": run.override,
        "sweep": run.sweep,
        "job_id": run.job_id,
        **{
            name: time.isoformat() if (time := getattr(run, name)) else None
            for name in ("created_at", "started_at", "finished_at")
        },
    }


def describe_run(run_id: int, *, name: str | None = None, note: str | None = None) -> TrainingRun:
    """Give a run another name or note; what is None stays. What it was trained on never changes."""
    check_words(name or "", "name", MAX_NAME)
    check_words(note or "", "note", MAX_NOTE)
    with transaction():
        run = require_run(run_id)
        run.name = run.name if name is None else " ".join(name.split())
        run.note = run.note if note is None else note.replace("\r\n", "\n").strip()
        return run


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in all compared runs: what, and how it is in each, in their order."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Runs side by side: what differs, how many settings are the same, and the points of each."""

    runs: tuple[TrainingRun, ...]
    differences: tuple[Difference, ...]
    same: int
    points: tuple[list[Point], ...]


def compare_runs(runs: Sequence[TrainingRun]) -> RunComparison:
    """Compare runs, of one dataset or of several."""
    told = [_flatten(spec_of(run)) for run in runs]
    names = list(dict.fromkeys(name for one in told for name in one))
    values = {name: tuple(one.get(name) for one in told) for name in names}
    different = tuple(
        Difference(name, those) for name, those in values.items() if any(one != those[0] for one in those[1:])
    )
    return RunComparison(
        tuple(runs),
        different,
        len(names) - len(different),
        tuple(read_points(folder_of(run) / METRICS) for run in runs),
    )


def _flatten(spec: RunSpec) -> dict[str, Any]:
    data = spec.snapshot
    told: Mapping[str, Any] = {
        "base": spec.base.path or spec.base.name,
        "data": f"v{data.number}",
        "data_hash": data.hash,
        **{f"{name}_pairs": number for name, number in spec.splits.items()},
        "method": spec.method,
        "seed": spec.seed,
        "held_out": spec.held_out,
        **encode(spec.settings),
    }
    return dict(told)


def delete_checkpoints(run_id: int) -> int:
    """Delete the checkpoints of a run that is not going on; gives the bytes that they had. Points and result stay."""
    run = require_run(run_id)
    _require_ended(run)
    if run.state == "paused":
        raise Conflict("A paused run goes on from its checkpoints. Cancel it first.", code="run_paused")
    return remove_folder(folder_of(run) / "checkpoints")


def delete_run(run_id: int) -> int:
    """Delete a run with all its files; gives the bytes that they had. Raises Conflict while it goes on."""
    with transaction() as session:
        run = require_run(run_id)
        _require_ended(run)
        if list_making(run):
            said = f"A model of run {run.number} is being made. Let that job end, or stop it first."
            raise Conflict(said, code="run_active")
        session.delete(run)
    return remove_folder(folder_of(run))


def list_making(run: TrainingRun) -> list[str]:
    """What is being made of the result of a run, or waits for its turn."""
    active = jobs.listed(states=jobs.ACTIVE, dataset_id=run.dataset_id)
    return [str(job.arguments["what"]) for job in active if job.kind == MAKING and job.arguments["run_id"] == run.id]


def _require_ended(run: TrainingRun) -> None:
    if run.state in ACTIVE or (run.state == "paused" and has_uploads(run)):
        raise Conflict(f"Run {run.number} is {run.state}. Cancel or pause it first.", code="run_active")
    if is_stopping(run):
        said = f"The service was not told yet that run {run.number} is cancelled. Let the program reach it first."
        raise Conflict(said, code="run_active")


def has_uploads(run: TrainingRun) -> bool:
    """Whether files of a run may lie at a service."""
    return run.place.isdigit() and (folder_of(run) / NOTES).is_file()


def is_stopping(run: TrainingRun) -> bool:
    """Whether a service was not told yet that a cancelled run is to stop."""
    return run.state == "cancelled" and has_uploads(run) and (folder_of(run) / CONTROL).is_file()

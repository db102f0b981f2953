"""The runs of a dataset: the list, and those that are ticked side by side."""

from dataclasses import dataclass

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.blueprints.training.drawing import Picture, draw_side_by_side, say_perplexity
from app.blueprints.training.page import Standing, bp, find_duration, find_standing
from app.core.errors import BadUsage
from app.core.text import is_number
from app.core.training import RunSpec
from app.core.training.folder import RunFolder, read_state
from app.core.training.points import Point, perplexity_of
from app.forms.arguments import require_names
from app.models import TrainingRun
from app.services import datasets, training

# So many runs are listed, and compared at once.
LISTED, COMPARED = 200, 8


@dataclass(frozen=True, slots=True)
class Row:
    """A run in the list. ``loss`` is its best validation loss, ``perplexity`` that in words."""

    run: TrainingRun
    spec: RunSpec
    standing: Standing
    loss: float | None
    perplexity: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Runs side by side: their rows, pictures and what differs. ``is_one_loss``: all of them measure the same loss."""

    rows: list[Row]
    best: list[Point | None]
    perplexities: list[str]
    is_one_loss: bool
    pictures: dict[int, Picture]
    differences: list[tuple[str, tuple[object, ...]]]
    same: int


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """The runs of a dataset, newest first, and those that are ticked side by side."""
    require_names(request.args, "run", "sweep")
    dataset = datasets.get(dataset_id)
    runs = training.list_runs(dataset_id, size=LISTED)
    rows = [read_row(run) for run in runs]
    sweep = request.args.get("sweep", "")
    ticked = _read_ticked() if not sweep else [one.number for one in runs if one.sweep == sweep]
    chosen = [row for row in rows if row.run.number in ticked][:COMPARED]
    facts = {
        "dataset": dataset,
        "rows": rows,
        "ticked": {row.run.number for row in chosen},
        "compared": compare(chosen) if len(chosen) > 1 else None,
        "most": COMPARED,
        "sweeps": {run.sweep for run in runs if run.sweep},
        "active": any(run.state in training.ACTIVE for run in runs),
    }
    if request.headers.get("HX-Request"):
        return render_template("training/_listed.html", **facts)
    return render_template("training/index.html", **facts)


def _read_ticked() -> list[int]:
    said = request.args.getlist("run")
    if not all(map(is_number, said)):
        raise BadUsage("run is the number of a run, such as 3.", code="no_number")
    return [int(one) for one in said]


def read_row(run: TrainingRun) -> Row:
    """What the list says of a run."""
    state = read_state(training.folder_of(run))
    best = state.best.validation_loss if state.best else (run.result.get("best") or {}).get("validation_loss")
    loss, spec = best if isinstance(best, int | float) else None, training.spec_of(run)
    return Row(run, spec, find_standing(run, state), loss, tell_perplexity(spec, loss), find_duration(run))


def tell_perplexity(spec: RunSpec, loss: float | None) -> str:
    """The perplexity that a validation loss is, in words; a dash where it is none."""
    return say_perplexity(perplexity_of(loss)) if loss is not None and spec.tells_perplexity else "–"


def compare(rows: list[Row]) -> Compared:
    """Runs side by side, in the order of the list."""
    found = training.compare_runs([row.run for row in rows])
    folders: list[RunFolder] = [training.read_run(row.run) for row in rows]
    drawn = [
        (row.run.number, folder.points, folder.state.steps or max((one.step for one in folder.points), default=0))
        for row, folder in zip(rows, folders, strict=True)
    ]
    is_one_loss = len({row.spec.target for row in rows}) == 1
    differences = [(one.name, one.values) for one in found.differences]
    best, pictures = [one.best for one in folders], draw_side_by_side(drawn, is_one_scale=is_one_loss)
    perplexities = [
        tell_perplexity(row.spec, point.validation_loss if point else None)
        for row, point in zip(rows, best, strict=True)
    ]
    return Compared(rows, best, perplexities, is_one_loss, pictures, differences, found.same)

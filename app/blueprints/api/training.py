"""Training runs over the API: planned, started, followed, steered, compared and deleted."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import msgspec
from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field

from app.blueprints.api import PREFIX
from app.blueprints.api.options import model_of, options_from
from app.blueprints.api.specification import DatasetPath, Strict, answers
from app.blueprints.api.writing import Answer, accepted_job, answer_job, idempotent_once_ready
from app.blueprints.training.models import send_model
from app.core.errors import BadUsage
from app.core.options import decode, encode
from app.core.text import is_number
from app.core.training import TrainingSettings
from app.models import TrainingRun
from app.services import datasets, jobs, tasks
from app.services import training as service
from app.services.training import RunChoices

bp = APIBlueprint(
    "api_training",
    __name__,
    url_prefix=PREFIX,
    abp_tags=[Tag(name="training", description="Models tuned on a snapshot")],
)


# So many runs are compared at once.
MOST_COMPARED = 50


class RunPath(BaseModel):
    """Which run."""

    run: int


class ChoicesBody(model_of(RunChoices, leave_out=("dataset_id", "method", "settings", "sweep"))):  # type: ignore[misc]
    """What to train on what, where and how. Settings that are left out are as usual."""

    method: str | None = Field(None, description="full for a toy and lora for all others, unless said")
    settings: dict[str, Any] = Field({}, description="Settings by their names, as in `--set`")


class SweepBody(ChoicesBody):
    """The same, with values of rank, learning_rate or epochs to go over; the name joins the runs."""

    over: dict[str, list[float]] = Field(description="Values by settings: 2 to 8 combinations in all")


class ListQuery(Strict):
    """How many, newest first."""

    limit: int = Field(100, ge=1, le=1000)


class CompareQuery(Strict):
    """Which runs, by their ids with commas between them."""

    runs: str


class NameBody(Strict):
    """Another name or note; what is left out stays."""

    name: str | None = None
    note: str | None = None


class MakeBody(Strict):
    """What to make of the result."""

    what: Literal["merge", "gguf"]


class ModelQuery(Strict):
    """Which model."""

    what: Literal["result", "merge", "gguf"] = "result"


class DeleteQuery(Strict):
    """Whether to delete only its checkpoints."""

    checkpoints: bool = False


def _choices(dataset_id: int, body: ChoicesBody) -> RunChoices:
    datasets.get(dataset_id)
    said = options_from(RunChoices, body, dataset_id=dataset_id)
    usual = service.usual_choices(dataset_id, base=said.base)
    settings = decode(TrainingSettings, {**encode(usual.settings), **body.settings}, "The settings")
    return replace(said, method=body.method or usual.method, settings=settings)


def _accepted(run: TrainingRun) -> Answer:
    return accepted_job(jobs.get(run.job_id or 0), run=service.as_dict(run))


@bp.get("/datasets/<int:dataset_id>/runs")
def list_runs(path: DatasetPath, query: ListQuery) -> Answer:
    """The runs of a dataset, newest first."""
    datasets.get(path.dataset_id)
    found = service.list_runs(path.dataset_id, size=query.limit)
    return jsonify(runs=[service.as_dict(run) for run in found], total=service.count_runs(path.dataset_id))


@bp.post("/datasets/<int:dataset_id>/runs/plan")
def plan(path: DatasetPath, body: ChoicesBody) -> Answer:
    """What a run would be: its data, steps, what speaks against it, and what is recommended. Nothing is written."""
    return jsonify(service.plan_run(_choices(path.dataset_id, body)).as_dict())


@bp.post("/datasets/<int:dataset_id>/runs", responses=answers(202))
@idempotent_once_ready
def start(path: DatasetPath, body: ChoicesBody) -> Callable[[], Answer]:
    """Make a run and put it in the queue. 409 where something must be fixed first, unless `override` says why not."""
    choices = _choices(path.dataset_id, body)
    plan = service.plan_start(choices)
    return lambda: _accepted(service.start_run(service.record_runs(plan, [choices])[0].id))


@bp.post("/datasets/<int:dataset_id>/runs/sweep", responses=answers(202))
@idempotent_once_ready
def sweep(path: DatasetPath, body: SweepBody) -> Callable[[], Answer]:
    """Make a run for each combination of values, and put them all in the queue."""
    choices = _choices(path.dataset_id, body)
    over = {name: [f"{value:.10g}" for value in values] for name, values in body.over.items()}
    swept = service.combine_swept(choices, over)
    plan = service.plan_start(swept[0])

    def write() -> Answer:
        started = [service.start_run(run.id) for run in service.record_runs(plan, swept)]
        return jsonify(runs=[service.as_dict(run) for run in started]), 202

    return write


@bp.get("/runs/compare")
def compare(query: CompareQuery) -> Answer:
    """Runs side by side: what differs, how many settings are the same, and the points of each."""
    ids = [one.strip() for one in query.runs.split(",")]
    if not all(map(is_number, ids)) or len(ids) > MOST_COMPARED:
        said = f"runs is the ids of at most {MOST_COMPARED} runs with commas between them, such as 3,4."
        raise BadUsage(said, code="no_number")
    found = service.compare_runs([service.require_run(int(one)) for one in ids])
    return jsonify(
        runs=[service.as_dict(run) for run in found.runs],
        differences=[{"name": one.name, "values": list(one.values)} for one in found.differences],
        same=found.same,
        points=msgspec.to_builtins(found.points),
    )


@bp.get("/runs/<int:run>")
def get(path: RunPath) -> Answer:
    """One run as it stands."""
    return jsonify(service.as_dict(service.require_run(path.run)))


@bp.get("/runs/<int:run>/metrics")
def metrics(path: RunPath) -> Answer:
    """What a run measured so far: points, events, sample answers and checkpoints."""
    there = service.read_run(service.require_run(path.run))
    told = {name: getattr(there, name) for name in ("points", "events", "samples", "checkpoints")}
    return jsonify(msgspec.to_builtins(told))


@bp.get("/runs/<int:run>/record")
def record(path: RunPath) -> Answer:
    """Everything needed to repeat a run, as its `run.json` holds it, and the card of what came of it."""
    found = service.require_run(path.run)
    return jsonify(spec=service.spec_of(found).as_dict(), card=service.card_of(found))


@bp.patch("/runs/<int:run>")
def describe(path: RunPath, body: NameBody) -> Answer:
    """Give a run another name or note. What it was trained on never changes."""
    return jsonify(service.as_dict(service.describe_run(path.run, name=body.name, note=body.note)))


@bp.post("/runs/<int:run>/pause")
def pause(path: RunPath) -> Answer:
    """Stop a run so that it can go on later."""
    return jsonify(service.as_dict(service.pause_run(path.run)))


@bp.post("/runs/<int:run>/resume", responses=answers(202))
def resume(path: RunPath) -> Answer:
    """Go on with a run from its newest checkpoint."""
    return _accepted(service.resume_run(path.run))


@bp.post("/runs/<int:run>/cancel")
def cancel(path: RunPath) -> Answer:
    """Stop a run for good."""
    return jsonify(service.as_dict(service.cancel_run(path.run)))


@bp.post("/runs/<int:run>/make", responses=answers(202))
def make(path: RunPath, body: MakeBody) -> Answer:
    """Make one model of adapter and base (`merge`), or a GGUF file (`gguf`), where llama.cpp's converter is."""
    run = service.require_run(path.run)
    return answer_job(tasks.start(service.MAKE, service.MakeModel(run.dataset_id, run.id, body.what)))


@bp.get("/runs/<int:run>/model", responses=answers(200, kind="application/zip"))
def take(path: RunPath, query: ModelQuery) -> Response:
    """What came of a run as a .zip (`result`), or what was made of that: `merge` as a .zip, `gguf` as it is."""
    return send_model(service.require_run(path.run), query.what)


@bp.delete("/runs/<int:run>")
def delete(path: RunPath, query: DeleteQuery) -> Answer:
    """Delete a run with its files, or only its checkpoints; says the bytes that they had."""
    freed = service.delete_checkpoints(path.run) if query.checkpoints else service.delete_run(path.run)
    return jsonify(run=path.run, freed_bytes=freed)

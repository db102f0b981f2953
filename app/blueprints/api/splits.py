"""Splits over the API: how a dataset is divided, what another division would do, and what leaks."""

from flask import jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from app.blueprints.api import PREFIX
from app.blueprints.api.options import model_of, options_from
from app.blueprints.api.specification import DatasetPath, Strict, answers
from app.blueprints.api.writing import Answer, answer_job, idempotent
from app.core.options import encode
from app.core.splits import WHY, SplitOptions, count_sides, named_counts
from app.services import datasets, history, splits, tasks
from app.services.splits import MoveRun, SplitRun

bp = APIBlueprint(
    "api_splits",
    __name__,
    url_prefix=f"{PREFIX}/datasets/<int:dataset_id>/splits",
    abp_tags=[Tag(name="splits", description="Train, validation and test")],
)


class SplitBody(model_of(SplitOptions, lists=True)):  # type: ignore[misc]
    """Shares, seed and what belongs together; what is left out is as by default."""


class LeaksQuery(Strict):
    """How many leaks to list."""

    limit: int = Field(100, ge=0, le=10_000)


class MoveBody(Strict):
    """Which leaks to mend: of these kinds, or of all that are leaks as the dataset was divided last, and with
    ``entries`` only those of these pairs.
    """

    why: list[str] = Field([], description=", ".join(WHY))
    entries: list[int] | None = Field(None, max_length=20_000)


@bp.get("")
def get_splits(path: DatasetPath, query: LeaksQuery) -> Answer:
    """How many pairs are in each split, how the last division was made, and what stands in several splits."""
    datasets.get(path.dataset_id)
    rows, leaks = splits.present_leaks(path.dataset_id)
    last = splits.last_split(path.dataset_id)
    made = {**history.as_dict(last[0]), "options": encode(last[1])} if last else None
    sides = rows.sides()
    facts = {**named_counts(count_sides(sides)), "without": int((sides == 0).sum()), "made": made}
    return jsonify({**facts, **leaks.as_dict(rows, query.limit)})


@bp.post("/preview")
def preview_split(path: DatasetPath, body: SplitBody) -> Answer:
    """What a division would do, and what would leak then. Nothing is changed."""
    datasets.get(path.dataset_id)
    plan = splits.plan_split(path.dataset_id, options_from(SplitOptions, body))
    return jsonify({**plan.assignment.as_dict(), **plan.leaks.as_dict(plan.rows, splits.LISTED)})


@bp.post("", responses=answers(200, 202))
@idempotent
def make_split(path: DatasetPath, body: SplitBody) -> Answer:
    """Divide the dataset, as one step of its history. 202 with a job for a large one."""
    datasets.get(path.dataset_id)
    return answer_job(tasks.start(splits.SPLIT, SplitRun(path.dataset_id, options_from(SplitOptions, body))))


@bp.post("/move", responses=answers(200, 202))
@idempotent
def move_leaks(path: DatasetPath, body: MoveBody) -> Answer:
    """Move together what stands in several splits, as one step of the history. 202 with a job for a large dataset."""
    datasets.get(path.dataset_id)
    entries = tuple(body.entries) if body.entries is not None else None
    return answer_job(tasks.start(splits.MOVE, MoveRun(path.dataset_id, tuple(body.why), entries)))

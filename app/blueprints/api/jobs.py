"""Jobs over the API: watch, stop, retry."""

from typing import Literal

from flask import jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field

from app.blueprints.api import PREFIX
from app.blueprints.api.specification import Strict, answers
from app.blueprints.api.writing import Answer
from app.services import jobs

bp = APIBlueprint(
    "api_jobs",
    __name__,
    url_prefix=f"{PREFIX}/jobs",
    abp_tags=[Tag(name="jobs", description="Long work with progress, cancel and a result")],
)


class JobPath(BaseModel):
    """Which job."""

    job_id: int


class JobQuery(Strict):
    """Which jobs, newest first; ``before`` is the id to continue from."""

    state: Literal[jobs.STATES] | None = None  # type: ignore[valid-type]
    dataset_id: int | None = None
    before: int | None = None
    limit: int = Field(50, ge=1, le=500)


@bp.get("")
def listed(query: JobQuery) -> Answer:
    """List jobs, newest first."""
    states = (query.state,) if query.state else ()
    found = jobs.listed(states=states, dataset_id=query.dataset_id, before=query.before, size=query.limit)
    return jsonify(jobs=[jobs.as_dict(job) for job in found])


@bp.get("/<int:job_id>")
def get(path: JobPath) -> Answer:
    """One job: state, progress, result."""
    return jsonify(jobs.as_dict(jobs.get(path.job_id)))


@bp.post("/<int:job_id>/cancel")
def cancel(path: JobPath) -> Answer:
    """Stop a job. 409 where it has ended or is publishing its result."""
    return jsonify(jobs.as_dict(jobs.cancel(path.job_id)))


@bp.post("/<int:job_id>/retry", responses=answers(202))
def retry(path: JobPath) -> Answer:
    """Run a job again that failed, was stopped or interrupted."""
    return jsonify(jobs.as_dict(jobs.retry(path.job_id))), 202

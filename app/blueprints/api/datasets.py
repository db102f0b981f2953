"""Datasets over the API, with their digest and history."""

from typing import Any

from flask import jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field, model_validator
from werkzeug.wrappers import Response

from app.blueprints.api import PREFIX
from app.blueprints.api.specification import (
    IF_MATCH,
    IF_MATCH_OPTIONAL,
    DatasetPath,
    Ids,
    Strict,
    answers,
    reads_header,
)
from app.blueprints.api.writing import Answer, expected_version, idempotent, version_if_given, with_version
from app.models import Dataset
from app.services import datasets, history

bp = APIBlueprint(
    "api_datasets",
    __name__,
    url_prefix=PREFIX,
    abp_tags=[Tag(name="datasets", description="Datasets, their digest and history")],
)


class DatasetQuery(Strict):
    """Active or archived datasets."""

    archived: bool = False


class DatasetBody(Strict):
    """A new dataset."""

    name: str
    description: str = ""
    system_prompt: str | None = None


class DatasetChange(Strict):
    """What to change; what is left out stays. An empty system prompt clears it."""

    name: str | None = None
    description: str | None = None
    system_prompt: str | None = None


class DigestQuery(Strict):
    """One dataset by id, or all of them."""

    dataset: int | None = None


class HistoryQuery(Strict):
    """Steps before this number, newest first."""

    before: int | None = None
    limit: int = Field(50, ge=1, le=500)


class StepPath(DatasetPath):
    """Which step of which dataset."""

    number: int


class StepBody(Strict):
    """Chosen entries only (undo), and whether to overwrite what was edited since. No body means the whole step."""

    entries: Ids | None = None
    anyway: bool = False

    @model_validator(mode="before")
    @classmethod
    def _whole_step(cls, value: Any) -> Any:
        return {} if value is None else value


def dataset_as_dict(dataset: Dataset) -> dict[str, object]:
    """A dataset as programs see it."""
    return {
        "id": dataset.id,
        "name": dataset.name,
        "description": dataset.description,
        "system_prompt": dataset.system_prompt,
        "pairs": dataset.entry_count,
        "counts": dataset.counts,
        "revision": dataset.revision,
        "archived": dataset.archived_at is not None,
        "created_at": dataset.created_at.isoformat(),
        "changed_at": dataset.changed_at.isoformat(),
    }


@bp.get("/datasets")
def list_datasets(query: DatasetQuery) -> Answer:
    """List the datasets, last changed first."""
    return jsonify(datasets=[dataset_as_dict(dataset) for dataset in datasets.list_datasets(archived=query.archived)])


@bp.post("/datasets", responses=answers(201))
@idempotent
def create_dataset(body: DatasetBody) -> Answer:
    """Make a dataset."""
    made = datasets.create_dataset(body.name, description=body.description, system_prompt=body.system_prompt)
    return _answer_dataset(made), 201


@bp.get("/datasets/<int:dataset_id>")
def get_dataset(path: DatasetPath) -> Answer:
    """One dataset, with its revision as ETag. Each write to it or to its pairs moves that on."""
    return _answer_dataset(datasets.get(path.dataset_id))


@bp.patch("/datasets/<int:dataset_id>")
@reads_header(IF_MATCH)
def change_dataset(path: DatasetPath, body: DatasetChange) -> Answer:
    """Rename or describe a dataset, or set its default system prompt. Needs If-Match with its revision."""
    return _answer_dataset(
        datasets.update_dataset(
            path.dataset_id,
            name=body.name,
            description=body.description,
            system_prompt=body.system_prompt,
            revision=expected_version(),
        )
    )


@bp.delete("/datasets/<int:dataset_id>")
@reads_header(IF_MATCH)
def delete_dataset(path: DatasetPath) -> Answer:
    """Delete a dataset; `restore` brings it back. Needs If-Match with its revision, so that nothing unseen goes."""
    return jsonify(dataset_as_dict(datasets.delete_dataset(path.dataset_id, revision=expected_version())))


@bp.post("/datasets/<int:dataset_id>/restore")
def restore_dataset(path: DatasetPath) -> Answer:
    """Bring a deleted dataset back."""
    return _answer_dataset(datasets.restore_dataset(path.dataset_id))


@bp.post("/datasets/<int:dataset_id>/copy", responses=answers(201))
@idempotent
def copy_dataset(path: DatasetPath) -> Answer:
    """Copy a dataset with its pairs."""
    return _answer_dataset(datasets.copy_dataset(path.dataset_id)), 201


@bp.get("/digest")
def compute_digest(query: DigestQuery) -> Answer:
    """The digests of one dataset or of all."""
    if query.dataset is not None:
        datasets.get(query.dataset)
    found = datasets.compute_digest(query.dataset)
    return jsonify(content=found.content, all=found.all)


@bp.get("/datasets/<int:dataset_id>/history")
def list_steps(path: DatasetPath, query: HistoryQuery) -> Answer:
    """The steps of a dataset, newest first."""
    datasets.get(path.dataset_id)
    found = history.steps(path.dataset_id, before=query.before, size=query.limit)
    return jsonify(steps=[history.as_dict(step) for step in found])


@bp.post("/datasets/<int:dataset_id>/history/<int:number>/undo")
@reads_header(IF_MATCH_OPTIONAL)
def undo_step(path: StepPath, body: StepBody) -> Answer:
    """Undo a step, whole or for chosen entries. What was edited since is kept and listed."""
    result = history.undo(
        path.dataset_id, path.number, entry_ids=body.entries, anyway=body.anyway, revision=version_if_given()
    )
    return jsonify(history.applied_dict(result))


@bp.post("/datasets/<int:dataset_id>/history/<int:number>/redo")
@reads_header(IF_MATCH_OPTIONAL)
def redo_step(path: StepPath, body: StepBody) -> Answer:
    """Redo an undone step."""
    result = history.redo(path.dataset_id, path.number, anyway=body.anyway, revision=version_if_given())
    return jsonify(history.applied_dict(result))


@bp.post("/datasets/<int:dataset_id>/history/<int:number>/forget")
@reads_header(IF_MATCH_OPTIONAL)
def forget_step(path: StepPath) -> Answer:
    """Forget what texts were before a step. This cannot be undone."""
    return jsonify(forgotten=history.forget(path.dataset_id, path.number, revision=version_if_given()))


@bp.post("/datasets/<int:dataset_id>/history/<int:number>/compact")
@reads_header(IF_MATCH_OPTIONAL)
def compact_steps(path: StepPath) -> Answer:
    """Compact the steps up to and with this one. This cannot be undone."""
    return jsonify(compacted=history.compact(path.dataset_id, path.number, revision=version_if_given()))


def _answer_dataset(dataset: Dataset) -> Response:
    return with_version(jsonify(dataset_as_dict(dataset)), dataset.revision)

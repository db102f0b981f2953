"""Advice over the API: how much data, which models and which settings, each line with its sources."""

from flask import jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from app.blueprints.api import PREFIX
from app.blueprints.api.files import receive, sent_fields
from app.blueprints.api.options import model_of, options_from
from app.blueprints.api.specification import DatasetPath, Strict
from app.blueprints.api.writing import Answer
from app.core.reading import ReadSettings
from app.frontdoor import takes_uploads
from app.services import advice, datasets, uploads

bp = APIBlueprint("api_advice", __name__, url_prefix=PREFIX, abp_tags=[Tag(name="advice", description="Advice")])


class AdviceQuery(Strict):
    """What the models have to fit into."""

    memory: int | None = Field(None, ge=1, le=100_000, description="memory for training, in GB")


class FileQuery(model_of(ReadSettings)):  # type: ignore[misc]
    """How to read the file, and what the models have to fit into."""

    name: str = Field("", description="the file's name; else the one that a form gives it")
    memory: int | None = Field(None, ge=1, le=100_000, description="memory for training, in GB")


@bp.get("/datasets/<int:dataset_id>/advice")
def advise_dataset(path: DatasetPath, query: AdviceQuery) -> Answer:
    """What the field recommends for a dataset, by what its last check counted. 409 where there was none."""
    datasets.get(path.dataset_id)
    return jsonify(advice.require_advice(path.dataset_id, query.memory).as_dict())


@bp.post("/advice")
@takes_uploads
def advise_file(query: FileQuery) -> Answer:
    """What the field recommends for a file: multipart (field `file`) or the raw body. It is not kept."""
    sent = FileQuery(**{**query.model_dump(), **sent_fields()})
    kept = receive(sent.name, usual_name="upload")
    try:
        return jsonify(advice.advise_upload(kept, options_from(ReadSettings, sent), sent.memory).as_dict())
    finally:
        uploads.remove(kept.token)

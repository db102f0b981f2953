"""Validation over the API: what targets would refuse, drop or overlook in a dataset or in a file."""

import msgspec
from flask import jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from app.blueprints.api import PREFIX
from app.blueprints.api.files import receive, sent_fields
from app.blueprints.api.options import model_of, options_from
from app.blueprints.api.specification import DatasetPath, answers
from app.blueprints.api.writing import Answer, answer_job
from app.core.reading import ReadSettings
from app.core.validation import ValidateOptions
from app.frontdoor import takes_uploads
from app.services import datasets, tasks, uploads, validation
from app.services.validation import ValidationRun

bp = APIBlueprint(
    "api_validation", __name__, url_prefix=PREFIX, abp_tags=[Tag(name="validation", description="Check for targets")]
)


class ValidateBody(model_of(ValidateOptions)):  # type: ignore[misc]
    """Whose rules, and how many findings to list."""


class ValidateQuery(model_of(ReadSettings), model_of(ValidateOptions)):  # type: ignore[misc]
    """Whose rules, and how to read the file."""

    name: str = Field("", description="the file's name; else the one that a form gives it")


@bp.post("/datasets/<int:dataset_id>/validate", responses=answers(200, 202))
def validate_dataset(path: DatasetPath, body: ValidateBody) -> Answer:
    """Check the pairs of a dataset as they would be exported. 202 with a job for a large one."""
    datasets.get(path.dataset_id)
    run = ValidationRun(path.dataset_id, options_from(ValidateOptions, body))
    return answer_job(tasks.start(validation.VALIDATE, run))


@bp.post("/validate")
@takes_uploads
def validate_file(query: ValidateQuery) -> Answer:
    """Check a file: multipart (field `file`, options as fields or in the query) or the raw body. It is not kept."""
    sent = ValidateQuery(**{**query.model_dump(), **sent_fields()})
    settings, options = options_from(ReadSettings, sent), options_from(ValidateOptions, sent)
    kept = receive(sent.name, usual_name="upload")
    try:
        return jsonify(validation.validate_upload(kept, settings, options))
    finally:
        uploads.remove(kept.token)


@bp.post("/validate/mended", responses=answers(201))
@takes_uploads
def mend_file(query: ValidateQuery) -> Answer:
    """Mend the rows of a file where that is safe: sent like a file to check, and not changed itself.

    Answers with what is wrong with the copy still, with what was mended, and an address to fetch the copy from.
    """
    sent = ValidateQuery(**{**query.model_dump(), **sent_fields()})
    settings, options = options_from(ReadSettings, sent), options_from(ValidateOptions, sent)
    kept = receive(sent.name, usual_name="upload")
    try:
        copy, report = validation.mend_and_check(kept, settings, options)
    finally:
        uploads.remove(kept.token)
    return jsonify({**report, "file": f"{PREFIX}/convert/{copy.token}"}), 201


@bp.get("/profiles")
def list_profiles() -> Answer:
    """Every profile, with its rules, limits, sources and date."""
    return jsonify(profiles=[msgspec.to_builtins(one) for one in validation.known_profiles().values()])

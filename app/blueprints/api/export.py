"""Exports and conversions over the API."""

from dataclasses import replace

from flask import jsonify, url_for
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field

from app.blueprints import export as page
from app.blueprints.api import PREFIX
from app.blueprints.api.files import receive, sent_fields
from app.blueprints.api.options import model_of, options_from
from app.blueprints.api.specification import DatasetPath, answers
from app.blueprints.api.writing import Answer, accepted_job
from app.core.conversion import ConvertOptions
from app.core.filters import Filters
from app.core.spec import parse_target
from app.core.targets import describe_targets
from app.frontdoor.limits import takes_uploads
from app.services import conversion, export, tasks, uploads, validation
from app.services.export import ExportOptions, FileRun

bp = APIBlueprint(
    "api_export", __name__, url_prefix=PREFIX, abp_tags=[Tag(name="files", description="Exports and conversions")]
)


_EXPORT = model_of(ExportOptions, leave_out=("format", "layout", "target", "filters"))
_PAIRS = model_of(Filters, leave_out=("answered",), lists=True)


class ExportQuery(_PAIRS, _EXPORT):  # type: ignore[valid-type, misc]
    """What to export: FORMAT:LAYOUT or an export target, and which pairs."""

    to: str = "jsonl:openai"


class ConvertQuery(model_of(ConvertOptions)):  # type: ignore[misc]
    """The target as FORMAT:LAYOUT, and how to read the file."""

    name: str = ""
    question: str = Field("", description="the column of the question; map says all of them")
    answer: str = Field("", description="the column of the answer")


@bp.get("/targets", responses=answers(200))
def list_targets() -> Answer:
    """Every export target: name, group, container, what it holds, limits, source and date."""
    return jsonify({"targets": describe_targets(validation.known_profiles())})


@bp.get("/datasets/<int:dataset_id>/export", responses=answers(200, kind="*/*"))
def export_dataset(path: DatasetPath, query: ExportQuery) -> Answer:
    """Stream the pairs of a dataset as a file."""
    return page.file_response(path.dataset_id, _options_of(query))


def _options_of(query: ExportQuery) -> ExportOptions:
    return options_from(ExportOptions, query).complete(parse_target(query.to), options_from(Filters, query))


@bp.get("/datasets/<int:dataset_id>/export/plan", responses=answers(200))
def plan_export(path: DatasetPath, query: ExportQuery) -> Answer:
    """What an export would hold, leave out, lose and change, counted before it is written, and what leaks.

    `leaks` names the first pairs that stand in several splits: no file is made of one then without `allow_leaks`.
    """
    options = _options_of(query)
    leaks = export.find_split_leaks(path.dataset_id, options)
    return jsonify(replace(export.plan_export(path.dataset_id, options), leaks=leaks).as_dict())


@bp.post("/datasets/<int:dataset_id>/exports", responses=answers(200, 202))
def make_export(path: DatasetPath, query: ExportQuery) -> Answer:
    """Write an export to a file that is read back and kept for a while. 202 with a job for a large dataset.

    The result says how the file came back (`round_trip`); it is fetched at `/datasets/{id}/exports/{job}`.
    """
    job = tasks.start(export.MAKE, FileRun(path.dataset_id, _options_of(query)))
    address = url_for(".fetch_export", dataset_id=path.dataset_id, job_id=job.id)
    if job.state != "done":
        return accepted_job(job, address=address)
    return jsonify({**(job.result or {}), "address": address})


class MadePath(DatasetPath):
    """Which export of a dataset."""

    job_id: int


@bp.get("/datasets/<int:dataset_id>/exports/<int:job_id>", responses=answers(200, kind="*/*"))
def fetch_export(path: MadePath) -> Answer:
    """Fetch a file that was made; it is kept for an hour."""
    return page.kept_file(page.job_of(path.dataset_id, path.job_id, export.MAKE.name))


@bp.post("/convert", responses=answers(201))
@takes_uploads
def convert_file(query: ConvertQuery) -> Answer:
    """Convert a file: multipart (field `file`, options as fields or in the query) or the raw body.

    Answers with the report and an address to fetch the converted file from.
    """
    sent = ConvertQuery(**{**query.model_dump(), **sent_fields()})
    columns = {name: column for name in ("question", "answer") if (column := getattr(sent, name))}
    options = options_from(ConvertOptions, sent)
    kept = receive(sent.name, usual_name="upload")
    try:
        token, report = conversion.keep_converted(kept, replace(options, mapping={**options.mapping, **columns}))
    finally:
        uploads.remove(kept.token)
    return jsonify({**report, "file": f"{PREFIX}/convert/{token}"}), 201


class ConvertedPath(BaseModel):
    """Which converted file."""

    token: str


@bp.get("/convert/<token>", responses=answers(200, kind="*/*"))
def fetch_converted(path: ConvertedPath) -> Answer:
    """Fetch a converted file; it is kept for an hour."""
    kept = uploads.get(path.token)
    return page.sent_file(kept.path, kept.name)

"""Exports and conversions over the API."""

from dataclasses import replace

from flask import jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field

from app.blueprints import export as page
from app.blueprints.api import PREFIX
from app.blueprints.api.files import receive, sent_fields
from app.blueprints.api.options import model_of, options_from
from app.blueprints.api.specification import DatasetPath, answers
from app.blueprints.api.writing import Answer
from app.core.conversion import ConvertOptions
from app.core.filters import Filters
from app.core.spec import parse_target
from app.core.targets import describe_targets
from app.frontdoor.limits import takes_uploads
from app.services import conversion, datasets, uploads, validation
from app.services.export import ExportOptions

bp = APIBlueprint(
    "api_export", __name__, url_prefix=PREFIX, abp_tags=[Tag(name="files", description="Exports and conversions")]
)


_EXPORT = model_of(ExportOptions, leave_out=("format", "layout", "target", "filters", "dataset_system"))
_PAIRS = model_of(Filters, leave_out=("ids", "answered"), lists=True)


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
    options = options_from(ExportOptions, query).complete(parse_target(query.to), options_from(Filters, query))
    return page.file_response(path.dataset_id, datasets.get(path.dataset_id).name, options)


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

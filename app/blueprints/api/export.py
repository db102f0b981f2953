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
from app.blueprints.api.specification import answers
from app.blueprints.api.writing import Answer
from app.core.conversion import ConvertOptions
from app.core.spec import parse_spec, usual_layout
from app.frontdoor.limits import takes_uploads
from app.services import conversion, datasets, uploads
from app.services.entries import Filters
from app.services.export import ExportOptions

bp = APIBlueprint(
    "api_export", __name__, url_prefix=PREFIX, abp_tags=[Tag(name="files", description="Exports and conversions")]
)


class ExportPath(BaseModel):
    """Which dataset."""

    dataset_id: int


class ExportQuery(BaseModel):
    """What to export: FORMAT:LAYOUT, and which pairs."""

    to: str = "jsonl:openai"
    q: str = ""
    status: list[str] = []
    tag: list[str] = []
    split: str = ""
    extra: bool | None = None
    spreadsheet_safe: bool = False
    bom: bool = False


class ConvertQuery(model_of(ConvertOptions)):  # type: ignore[misc]
    """The target as FORMAT:LAYOUT, and how to read the file."""

    name: str = ""
    question: str = Field("", description="the column of the question; map says all of them")
    answer: str = Field("", description="the column of the answer")


@bp.get("/datasets/<int:dataset_id>/export", responses=answers(200, kind="*/*"))
def export_dataset(path: ExportPath, query: ExportQuery) -> Answer:
    """Stream the pairs of a dataset as a file."""
    spec = parse_spec(query.to)
    kind = spec.format or "jsonl"
    options = ExportOptions(
        kind,
        spec.layout or usual_layout(kind),
        filters=Filters(text=query.q, statuses=tuple(query.status), tags=tuple(query.tag)),
        split=query.split,
        extra=query.extra,
        spreadsheet_safe=query.spreadsheet_safe,
        bom=query.bom,
    ).checked()
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

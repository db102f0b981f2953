"""Exports and conversions over the API."""

from flask import jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel

from app.blueprints import export as page
from app.blueprints.api import PREFIX
from app.blueprints.api.writing import Answer
from app.core.spec import parse_spec, usual_layout
from app.frontdoor.limits import takes_uploads
from app.services import conversions, datasets, uploads
from app.services.conversions import Wanted
from app.services.entries import Filters
from app.services.exports import Options

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


class ConvertQuery(BaseModel):
    """The target as FORMAT:LAYOUT, and how to read the body."""

    to: str = "jsonl:openai"
    layout: str = ""
    encoding: str = ""
    name: str = "upload"
    question: str = ""
    answer: str = ""
    keep_extra: bool = False
    allow_unanswered: bool = False


@bp.get("/datasets/<int:dataset_id>/export")
def export(path: ExportPath, query: ExportQuery) -> Answer:
    """Stream the pairs of a dataset as a file."""
    spec = parse_spec(query.to)
    kind = spec.format or "jsonl"
    options = Options(
        kind,
        spec.layout or usual_layout(kind),
        filters=Filters(text=query.q, statuses=tuple(query.status), tags=tuple(query.tag)),
        split=query.split,
        extra=query.extra,
        spreadsheet_safe=query.spreadsheet_safe,
        bom=query.bom,
    ).checked()
    return page.file_response(path.dataset_id, datasets.get(path.dataset_id).name, options)


@bp.post("/convert")
@takes_uploads
def convert(query: ConvertQuery) -> Answer:
    """Convert the raw body to another shape. Answers with the report and an address to fetch the file from."""
    kept = uploads.save(request.stream.read, query.name, announced_bytes=request.content_length)
    mapping = {name: value for name, value in (("question", query.question), ("answer", query.answer)) if value}
    wanted = Wanted(query.to, query.layout, query.encoding, mapping, query.keep_extra, query.allow_unanswered)
    try:
        report, facts = conversions.keep(kept, wanted)
    finally:
        uploads.remove(kept.token)
    return jsonify({**facts, "file": f"{PREFIX}/convert/{report}"}), 201


class ConvertedPath(BaseModel):
    """Which converted file."""

    token: str


@bp.get("/convert/<token>")
def converted(path: ConvertedPath) -> Answer:
    """Fetch a converted file; it is kept for an hour."""
    kept = uploads.get(path.token)
    return page.sent_file(kept.path, kept.name)

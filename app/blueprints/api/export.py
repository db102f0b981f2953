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
from app.core.options import merge_options
from app.core.spec import parse_target
from app.core.targets import describe_targets
from app.frontdoor.limits import takes_uploads
from app.models import Export
from app.services import conversion, datasets, export, tasks, uploads, validation
from app.services.export import ExportOptions, FileRun

bp = APIBlueprint(
    "api_export", __name__, url_prefix=PREFIX, abp_tags=[Tag(name="files", description="Exports and conversions")]
)


_EXPORT = model_of(ExportOptions, leave_out=("format", "layout", "target", "filters"))
_PAIRS = model_of(Filters, leave_out=("answered",), lists=True)


class ExportQuery(_PAIRS, _EXPORT):  # type: ignore[valid-type, misc]
    """What to export: FORMAT:LAYOUT or an export target, and which pairs.

    With `preset` it is what was kept under that name, and only what is said beside it is otherwise.
    """

    to: str = "jsonl:openai"
    preset: str = ""


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
    return page.file_response(path.dataset_id, _options_of(path, query), way="api")


def _options_of(path: DatasetPath, query: ExportQuery) -> ExportOptions:
    options, filters, to = options_from(ExportOptions, query), options_from(Filters, query), query.to
    if query.preset:
        kept = export.read_preset(path.dataset_id, query.preset)
        to = query.to if "to" in query.model_fields_set else kept.name
        options, filters = merge_options(kept, options), merge_options(kept.filters, filters)
    return options.complete(parse_target(to), filters)


@bp.get("/datasets/<int:dataset_id>/exports", responses=answers(200))
def list_exports(path: DatasetPath) -> Answer:
    """The exports that were made, newest first: when, for whom, of which pairs and state, and what the file was."""
    return jsonify(exports=[_told(one) for one in export.list_exports(path.dataset_id, size=200)])


def _told(one: Export) -> dict[str, object]:
    names = ("id", "way", "target", "options", "records", "bytes", "sha256", "state", "step")
    found = {name: getattr(one, name) for name in names}
    snapshot = f"v{one.snapshot}" if one.snapshot else None
    return {**found, "snapshot": snapshot, "created_at": one.created_at.isoformat()}


@bp.get("/datasets/<int:dataset_id>/presets", responses=answers(200))
def list_presets(path: DatasetPath) -> Answer:
    """The choices of exports that are kept under a name."""
    found = export.list_presets(path.dataset_id)
    return jsonify(presets=[{"name": one.name, "options": one.options} for one in found])


class PresetPath(DatasetPath):
    """Which choices of a dataset."""

    name: str


class PresetBody(_PAIRS, _EXPORT):  # type: ignore[valid-type, misc]
    """The choices, as an export takes them."""

    to: str = "jsonl:openai"


@bp.put("/datasets/<int:dataset_id>/presets/<name>", responses=answers(200))
def save_preset(path: PresetPath, body: PresetBody) -> Answer:
    """Keep choices of an export under a name, in place of what that name stood for."""
    datasets.get(path.dataset_id)
    options = options_from(ExportOptions, body).complete(parse_target(body.to), options_from(Filters, body))
    kept = export.save_preset(path.dataset_id, path.name, options)
    return jsonify(name=kept.name, options=kept.options)


@bp.delete("/datasets/<int:dataset_id>/presets/<name>", responses=answers(200))
def delete_preset(path: PresetPath) -> Answer:
    """Forget choices of an export."""
    export.delete_preset(path.dataset_id, path.name)
    return jsonify(deleted=path.name)


@bp.get("/datasets/<int:dataset_id>/export/plan", responses=answers(200))
def plan_export(path: DatasetPath, query: ExportQuery) -> Answer:
    """What an export would hold, leave out, lose and change, counted before it is written, and what leaks.

    `leaks` names the first pairs that stand in several splits: no file is made of one then without `allow_leaks`.
    """
    options = _options_of(path, query)
    leaks = export.find_split_leaks(path.dataset_id, options)
    return jsonify(replace(export.plan_export(path.dataset_id, options), leaks=leaks).as_dict())


@bp.post("/datasets/<int:dataset_id>/exports", responses=answers(200, 202))
def make_export(path: DatasetPath, query: ExportQuery) -> Answer:
    """Write an export to a file that is read back and kept for a while. 202 with a job for a large dataset.

    The result says how the file came back (`round_trip`); it is fetched at `/datasets/{id}/exports/{job}`.
    """
    job = tasks.start(export.MAKE, FileRun(path.dataset_id, _options_of(path, query)))
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

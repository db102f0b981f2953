"""Imports over the API: send a file, get the counts (or a job), read the rows that could not become pairs."""

from flask import Response, jsonify, make_response, url_for
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from app.blueprints.api import PREFIX
from app.blueprints.api.files import receive, sent_fields
from app.blueprints.api.options import Text, model_of, options_from
from app.blueprints.api.specification import IDEMPOTENCY_KEY, DatasetPath, answers, reads_header
from app.blueprints.api.writing import Answer, accepted_job, idempotent
from app.frontdoor import takes_uploads
from app.models import Import
from app.services import datasets, imports, uploads
from app.services.imports import Settings, quarantine, reporting
from app.services.uploads import Upload

bp = APIBlueprint(
    "api_imports",
    __name__,
    url_prefix=f"{PREFIX}/datasets/<int:dataset_id>/imports",
    abp_tags=[Tag(name="imports", description="Bring files in; bad rows are kept with their reason")],
)


class ImportPath(DatasetPath):
    """Which import of which dataset."""

    import_id: int


class ImportOptions(model_of(Settings)):  # type: ignore[misc]
    """How to read the file and what to do with its rows. What is left out is detected."""

    name: Text = Field(None, description="the file's name, for a raw body")


@bp.post("", responses=answers(201, 202))
@reads_header(IDEMPOTENCY_KEY)
@takes_uploads
def create(path: DatasetPath, query: ImportOptions) -> Answer:
    """Import a file: multipart (field `file`, options as fields or in the query) or the raw body.

    201 with the counts once it is done, or 202 with a job for a large file.
    """
    datasets.get(path.dataset_id)
    options = ImportOptions(**{**query.model_dump(), **sent_fields()})
    upload = receive(options.name, usual_name="file")

    def run() -> Answer:
        return _import_upload(path.dataset_id, upload, options_from(Settings, options))

    answer = make_response(idempotent(run)())
    if answer.headers.get("Idempotency-Replayed"):
        uploads.remove(upload.token)
    return answer


def _import_upload(dataset_id: int, upload: Upload, settings: Settings) -> Answer:
    row = imports.add(dataset_id, upload, settings)
    job = imports.start(row.id, settings)
    if job.state != "done":
        return accepted_job(job, import_id=row.id)
    answer = jsonify(reporting.of_import(imports.get(row.id)))
    answer.status_code = 201
    answer.headers["Location"] = url_for(".get", dataset_id=dataset_id, import_id=row.id)
    return answer


@bp.get("")
def listed(path: DatasetPath) -> Answer:
    """List the imports of a dataset, newest first."""
    return jsonify(imports=[reporting.of_import(row, rows=0) for row in imports.list_imports(path.dataset_id)])


@bp.get("/<int:import_id>")
def get(path: ImportPath) -> Answer:
    """One import: how the file was read, the counts, the first hundred bad rows."""
    return jsonify(reporting.of_import(_own(path)))


@bp.get("/<int:import_id>/quarantine", responses=answers(200, kind="application/jsonl"))
def bad_rows(path: ImportPath) -> Answer:
    """All open bad rows of an import as JSON Lines."""
    row = _own(path)
    return Response(quarantine.save_open(row.id, "jsonl"), mimetype="application/jsonl")


def _own(path: ImportPath) -> Import:
    return imports.of_dataset(path.dataset_id, path.import_id)

"""Imports over the API: send a file, get the counts (or a job), read the rows that could not become pairs."""

from typing import Annotated, Any

from flask import Response, jsonify, make_response, url_for
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, BeforeValidator, Field

from app.blueprints.api import PREFIX
from app.blueprints.api.files import receive, sent_fields
from app.blueprints.api.specification import IDEMPOTENCY_KEY, answers, reads_header
from app.blueprints.api.writing import Answer, accepted_job, idempotent
from app.core.spec import parse_mapping
from app.frontdoor import takes_uploads
from app.jobs import imports as running
from app.models import Import
from app.services import imports, uploads
from app.services.imports import Settings, quarantine, reporting
from app.services.uploads import Upload

bp = APIBlueprint(
    "api_imports",
    __name__,
    url_prefix=f"{PREFIX}/datasets/<int:dataset_id>/imports",
    abp_tags=[Tag(name="imports", description="Bring files in; bad rows are kept with their reason")],
)


class DatasetPath(BaseModel):
    """Which dataset."""

    dataset_id: int


class ImportPath(DatasetPath):
    """Which import of which dataset."""

    import_id: int


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


Text = Annotated[str | None, BeforeValidator(_empty_is_none)]


class ImportOptions(BaseModel):
    """How to read the file and what to do with its rows. What is left out is detected."""

    format: Text = Field(None, description="csv, tsv, jsonl, json, xlsx, parquet or sqlite")
    layout: Text = Field(None, description="columns, openai, alpaca, sharegpt …")
    encoding: Text = None
    delimiter: Text = None
    header: bool | None = None
    sheet: Text = Field(None, description="the sheet of a workbook, or the table of a database")
    spreadsheet_safe: bool | None = Field(None, description="take away the apostrophes of a spreadsheet-safe table")
    map: Text = Field(None, description="question=COLUMN,answer=COLUMN,system=COLUMN,tags=COLUMN")
    on_duplicate: str = Field("keep", description="keep, skip (exact duplicates) or update (by id)")
    update_by: str = "id"
    allow_unanswered: bool = False
    system: Text = Field(None, description="a system prompt for all pairs")
    tag: Text = Field(None, description="tags for all pairs, separated by commas")
    html_to_markdown: bool = Field(False, description="turn HTML in answers into Markdown")
    strict: bool = Field(False, description="import nothing if any row is bad")
    name: Text = Field(None, description="the file's name, for a raw body")

    def settings(self) -> Settings:
        """The options as the service takes them."""
        values = self.model_dump(exclude={"map", "tag", "name"})
        tags = tuple(tag.strip() for tag in (self.tag or "").split(",") if tag.strip())
        return Settings(**values, mapping=parse_mapping(self.map or ""), tags=tags)


@bp.post("", responses=answers(201, 202))
@reads_header(IDEMPOTENCY_KEY)
@takes_uploads
def create(path: DatasetPath, query: ImportOptions) -> Answer:
    """Import a file: multipart (field `file`, options as fields or in the query) or the raw body.

    201 with the counts once it is done, or 202 with a job for a large file.
    """
    options = ImportOptions(**{**query.model_dump(), **sent_fields()})
    upload = receive(options.name, usual_name="file")

    def run() -> Answer:
        return _import(path.dataset_id, upload, options.settings())

    answer = make_response(idempotent(run)())
    if answer.headers.get("Idempotency-Replayed"):
        uploads.remove(upload.token)
    return answer


def _import(dataset_id: int, upload: Upload, settings: Settings) -> Answer:
    row = imports.add(dataset_id, upload, settings)
    job = running.start(row.id, settings)
    if job.state != "done":
        return accepted_job(job, import_id=row.id)
    answer = jsonify(reporting.of_import(imports.get(row.id)))
    answer.status_code = 201
    answer.headers["Location"] = url_for(".get", dataset_id=dataset_id, import_id=row.id)
    return answer


@bp.get("")
def listed(path: DatasetPath) -> Answer:
    """List the imports of a dataset, newest first."""
    return jsonify(imports=[reporting.of_import(row, rows=0) for row in imports.listed(path.dataset_id)])


@bp.get("/<int:import_id>")
def get(path: ImportPath) -> Answer:
    """One import: how the file was read, the counts, the first hundred bad rows."""
    return jsonify(reporting.of_import(_own(path)))


@bp.get("/<int:import_id>/quarantine", responses=answers(200, kind="application/jsonl"))
def bad_rows(path: ImportPath) -> Answer:
    """All open bad rows of an import as JSON Lines."""
    row = _own(path)
    return Response(quarantine.save(row.id, "jsonl"), mimetype="application/jsonl")


def _own(path: ImportPath) -> Import:
    return imports.of_dataset(path.dataset_id, path.import_id)

"""Statistics over the API: counts, lengths, tokens, languages and kinds of a dataset or of a file."""

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
from app.core.stats import StatsOptions
from app.frontdoor import takes_uploads
from app.services import datasets, stats, tasks, uploads
from app.services.stats import StatsRun

bp = APIBlueprint("api_stats", __name__, url_prefix=PREFIX, abp_tags=[Tag(name="stats", description="Statistics")])


class StatsBody(model_of(StatsOptions)):  # type: ignore[misc]
    """Whose tokens are counted."""


class StatsQuery(model_of(ReadSettings), model_of(StatsOptions)):  # type: ignore[misc]
    """Whose tokens are counted, and how to read the file."""

    name: str = Field("", description="the file's name; else the one that a form gives it")


@bp.post("/datasets/<int:dataset_id>/stats", responses=answers(200, 202))
def measure_dataset(path: DatasetPath, body: StatsBody) -> Answer:
    """Count the pairs of a dataset that would be exported. 202 with a job for a large one."""
    datasets.get(path.dataset_id)
    return answer_job(tasks.start(stats.STATS, StatsRun(path.dataset_id, options_from(StatsOptions, body))))


@bp.post("/stats")
@takes_uploads
def measure_file(query: StatsQuery) -> Answer:
    """Count a file: multipart (field `file`, options as fields or in the query) or the raw body. It is not kept."""
    sent = StatsQuery(**{**query.model_dump(), **sent_fields()})
    settings, options = options_from(ReadSettings, sent), options_from(StatsOptions, sent)
    kept = receive(sent.name, usual_name="upload")
    try:
        return jsonify(stats.measure_upload(kept, settings, options))
    finally:
        uploads.remove(kept.token)

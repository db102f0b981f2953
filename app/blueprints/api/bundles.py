"""Training runs that are taken to another machine: their bundles, and what was measured there."""

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from app.blueprints.api import PREFIX
from app.blueprints.api.files import receive
from app.blueprints.api.options import Text
from app.blueprints.api.specification import Strict, answers
from app.blueprints.api.training import RunPath
from app.blueprints.api.writing import Answer
from app.blueprints.export import content_disposition
from app.frontdoor.limits import takes_uploads
from app.services import training as service
from app.services import uploads

bp = APIBlueprint(
    "api_bundles",
    __name__,
    url_prefix=f"{PREFIX}/runs/<int:run>",
    abp_tags=[Tag(name="training", description="Models tuned on a snapshot")],
)


class BundleQuery(Strict):
    """For which trainer."""

    trainer: str = Field("trl", description="trl, unsloth, axolotl, llama-factory, ms-swift or mlx")


class MetricsQuery(Strict):
    """How the file is called."""

    name: Text = Field(None, description="the file's name, for a raw body")


@bp.get("/bundle", responses=answers(200, kind="application/zip"))
def take(path: RunPath, query: BundleQuery) -> Response:
    """The run as a .zip for another machine: data, settings, one command that trains."""
    made, pieces = service.stream_bundle(path.run, query.trainer)
    answer = Response(pieces, mimetype="application/zip")
    answer.headers["Content-Disposition"] = content_disposition(f"{made.name}.zip")
    return answer


@bp.post("/metrics")
@takes_uploads
def bring(path: RunPath, query: MetricsQuery) -> Answer:
    """Take in what was measured on another machine: multipart (field `file`) or the raw body.

    `metrics.jsonl`, `samples.jsonl`, `trainer_state.json`, LLaMA-Factory's `trainer_log.jsonl` or MS-Swift's
    `logging.jsonl`. 422 for a broken file and for that of another run.
    """
    service.require_run(path.run)
    kept = receive(query.name, usual_name="metrics.jsonl")
    try:
        run = service.import_metrics(path.run, kept.path, kept.name)
    finally:
        uploads.remove(kept.token)
    return jsonify(service.as_dict(run))

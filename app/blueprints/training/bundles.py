"""A run taken to another machine, and what was measured there brought back."""

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.export import content_disposition
from app.blueprints.training.page import bp
from app.blueprints.view import tell
from app.core.errors import BadUsage
from app.forms.arguments import require_names
from app.frontdoor.limits import takes_uploads
from app.services import training, uploads


@bp.get("/<int:number>/bundle/file")
def take(dataset_id: int, number: int) -> ResponseReturnValue:
    """The run as a .zip for a trainer, made while it is sent."""
    require_names(request.args, "trainer")
    run = training.get_run(dataset_id, number)
    made, pieces = training.stream_bundle(run.id, request.args.get("trainer", "trl"))
    answer = Response(pieces, mimetype="application/zip")
    answer.headers["Content-Disposition"] = content_disposition(f"{made.name}.zip")
    return answer


@bp.post("/<int:number>/metrics")
@takes_uploads
def bring(dataset_id: int, number: int) -> ResponseReturnValue:
    """Take in what was measured on another machine."""
    run = training.get_run(dataset_id, number)
    file = request.files.get("file")
    if file is None or not file.filename:
        raise BadUsage("No file was chosen. Choose the file that the README of the bundle names.", code="no_file")
    kept = uploads.save(file.stream.read, file.filename)
    try:
        run = training.import_metrics(run.id, kept.path, kept.name)
    finally:
        uploads.remove(kept.token)
    events = training.read_run(run).events
    tell(events[-1].message if events else "What was measured is brought back.")
    return redirect(url_for(".show", dataset_id=dataset_id, number=number), code=303)

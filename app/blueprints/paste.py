"""Several pairs pasted at once: what they are read as is shown while one writes, and added by one press."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.errors import Problem, shown_on
from app.blueprints.view import sent_text, tell
from app.core.errors import Invalid
from app.core.formats import FORMATS
from app.core.text import is_blank, plural
from app.frontdoor import takes_uploads
from app.services import datasets, imports
from app.services.imports import Preview, pasting

bp = Blueprint("paste", __name__, url_prefix="/datasets/<int:dataset_id>/paste")


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """An empty field to paste into."""
    return _render_page(dataset_id, "")


@bp.post("")
@takes_uploads
def act(dataset_id: int) -> ResponseReturnValue:
    """Show what the text is read as, or add its pairs."""
    datasets.get(dataset_id)
    text = request.form.get("text", "")
    if is_blank(text):
        return _render_page(dataset_id, text)
    if request.form.get("act") != "add":
        try:
            return _render_page(dataset_id, text, pasting.preview_pasted(dataset_id, text))
        except Invalid as error:
            # While one writes, what is not there yet is no failure.
            return _render_page(dataset_id, text, error=error.message)
    row = pasting.add_pasted(dataset_id, text)
    step = imports.step_of(row)
    saved = f"{dataset_id}/paste"
    if row.state != "done" or row.quarantined or step is None:
        tell("The text is kept with this import.", saved=saved)
        return redirect(url_for("imports.show", dataset_id=dataset_id, import_id=row.id), code=303)
    were = "was" if row.skipped == 1 else "were"
    there = f" {row.skipped:,} {were} there already." if row.skipped else ""
    undo = url_for("history.undo", dataset_id=dataset_id)
    tell(f"{plural(row.imported, 'pair')} added.{there}", undo=undo, number=step.number, saved=saved)
    return redirect(url_for("pairs.index", dataset_id=dataset_id), code=303)


@shown_on("paste.act")
def act_refused(problem: Problem) -> ResponseReturnValue:
    """The text as it was pasted, to be sent again."""
    # What a command would be told is no help here.
    sentence = str(problem.details.get("sentence", problem.message))
    return _render_page((request.view_args or {})["dataset_id"], sent_text("text"), error=sentence)


def _render_page(dataset_id: int, text: str, preview: Preview | None = None, *, error: str = "") -> str:
    dataset = datasets.get(dataset_id)
    return render_template(
        "paste/index.html",
        dataset=dataset,
        text=text,
        preview=preview,
        error=error,
        formats={name: one.title for name, one in FORMATS.items()},
    )

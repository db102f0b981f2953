"""History: what was done, step by step, and taking it back or doing it again."""

from collections.abc import Sequence
from itertools import groupby

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.view import back_or, tell
from app.core import difference
from app.core.errors import NotFound
from app.core.text import is_number, plural
from app.forms.arguments import read_choice, read_whole, require_names
from app.models import ChangeSet
from app.services import datasets, history, pairs, training
from app.services.cleaning import recipes
from app.services.history import Applied

bp = Blueprint("history", __name__, url_prefix="/datasets/<int:dataset_id>/history")
PAGE_SIZE = 60
FEWEST_TOGETHER = 3


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """The steps, newest first, and one of them in full."""
    dataset = datasets.get(dataset_id)
    args = request.args
    require_names(args, "q", "kind", "before", "step", "after")
    before, text, kind = (
        read_whole(args, "before", None),
        args.get("q", ""),
        read_choice(args, "kind", history.KINDS, ""),
    )
    found = history.steps(dataset_id, before=before, size=PAGE_SIZE + 1, text=text, kind=kind)
    undo, redo = history.next_undo(dataset_id), history.next_redo(dataset_id)
    chosen = read_whole(args, "step", 0) or (undo.number if undo else found[0].number if found else None)
    step = history.step(dataset_id, chosen) if chosen else None
    after = read_whole(args, "after", 0)
    seen = history.changes_of(dataset_id, chosen, after_id=after, size=51) if chosen else []
    return render_template(
        "history/index.html",
        dataset=dataset,
        bunches=_bunch(found[:PAGE_SIZE]),
        newest=history.newest_number(dataset_id),
        older=found[PAGE_SIZE - 1].number if len(found) > PAGE_SIZE else None,
        undo=undo,
        redo=redo,
        step=step,
        later=history.count_later(dataset_id, chosen) if chosen else 0,
        touched=history.count_touched_later(dataset_id, chosen) if chosen else 0,
        seen=seen[:50],
        after=after,
        text=text,
        kind=kind,
        recipe_steps=recipes.steps_of(step.details) if step else [],
        facts=history.details_of(step) if step else {},
        more=seen[49].entry.id if len(seen) > 50 else None,
        pieces=lambda before, after: difference.excerpt_changes(difference.compare_words(before, after)),
    )


def _bunch(steps: Sequence[ChangeSet]) -> list[list[ChangeSet]]:
    """Steps that did the same one after the other, such as a pair approved each, stand together from three on."""
    bunches: list[list[ChangeSet]] = []
    for _, alike in groupby(steps, key=lambda one: (one.summary, one.actor, one.state, one.created, one.changed)):
        same = list(alike)
        bunches += [same] if len(same) >= FEWEST_TOGETHER else [[one] for one in same]
    return bunches


@bp.post("/undo")
def undo(dataset_id: int) -> ResponseReturnValue:
    """Undo a step, the newest by default, whole or for the ticked pairs."""
    ids = [int(value) for value in request.form.getlist("id") if is_number(value)]
    chosen = ids if request.form.get("chosen") == "1" else None
    try:
        result = history.undo(dataset_id, _number(), entry_ids=chosen, anyway=_anyway())
    except NotFound as error:
        if error.code != "nothing_to_undo":
            raise
        return _say(dataset_id, error.message)
    return _told(dataset_id, result, "Undone" if chosen is None else "")


@bp.post("/redo")
def redo(dataset_id: int) -> ResponseReturnValue:
    """Do an undone step again."""
    try:
        result = history.redo(dataset_id, _number(), anyway=_anyway())
    except NotFound as error:
        if error.code != "nothing_to_redo":
            raise
        return _say(dataset_id, error.message)
    return _told(dataset_id, result, "Done again")


@bp.post("/<int:number>/go-back")
def go_back(dataset_id: int, number: int) -> ResponseReturnValue:
    """Undo every step after this one."""
    results = history.go_back(dataset_id, number, anyway=_anyway())
    skipped = sum(result.skipped_count for result in results)
    kept = f" {plural(skipped, 'pair')} edited since were kept." if skipped else ""
    return _say(dataset_id, f"Undone: {plural(len(results), 'step')}.{kept}")


@bp.post("/<int:number>/overwrite")
def overwrite(dataset_id: int, number: int) -> ResponseReturnValue:
    """Take along the pairs that were kept because they had been edited since."""
    result = history.overwrite(dataset_id, number)
    return _say(dataset_id, f"{plural(result.changed, 'pair')} taken along.")


@bp.get("/<int:number>/forget")
def forgetting(dataset_id: int, number: int) -> ResponseReturnValue:
    """Ask before the originals of a step are forgotten."""
    dataset = datasets.get(dataset_id)
    step, holding = history.step(dataset_id, number), training.list_holding(dataset_id)
    return render_template("history/forget.html", dataset=dataset, step=step, holding=holding)


@bp.post("/<int:number>/forget")
def forget(dataset_id: int, number: int) -> ResponseReturnValue:
    """Remove from the history what the texts of a step were before it."""
    touched = history.forget(dataset_id, number)
    return _say(dataset_id, f"The history no longer holds the originals of {plural(touched, 'pair')}.")


@bp.get("/compact")
def compacting(dataset_id: int) -> ResponseReturnValue:
    """Ask before the history is compacted."""
    dataset = datasets.get(dataset_id)
    newest = history.newest_number(dataset_id)
    upto = max(min(read_whole(request.args, "upto", newest), newest), 0)
    return render_template(
        "history/compact.html",
        dataset=dataset,
        upto=upto,
        newest=newest,
        count=history.count_compactable(dataset_id, upto),
        step=next(iter(history.steps(dataset_id, before=upto + 1, size=1)), None),
    )


@bp.post("/compact")
def compact(dataset_id: int) -> ResponseReturnValue:
    """Remove what older steps would need to be undone."""
    number = history.compact(dataset_id, request.form.get("upto", 0, type=int))
    return _say(dataset_id, f"Compacted: {plural(number, 'step')}. The pairs are as they were.")


def _number() -> int | None:
    value = request.form.get("number", "")
    return int(value) if is_number(value) else None


def _anyway() -> bool:
    return request.form.get("anyway") == "1"


def _say(dataset_id: int, text: str) -> ResponseReturnValue:
    tell(text)
    return redirect(back_or(url_for(".index", dataset_id=dataset_id)), code=303)


def _told(dataset_id: int, result: Applied, verb: str) -> ResponseReturnValue:
    """Back to where it was asked; what was kept is listed, with the way to overwrite it."""
    if result.skipped_count:
        return render_template(
            "history/kept.html",
            dataset=datasets.get(dataset_id),
            result=result,
            verb=verb,
            endpoint=str(request.endpoint),
            chosen=request.form.getlist("id") if request.form.get("chosen") == "1" else [],
        )
    step = result.step
    if step is None:
        return _say(dataset_id, "Nothing changed.")
    said = f"{verb}: {step.summary}." if verb else f"{step.summary}."
    text = f"{said} {pairs.tell_other_side(dataset_id, step.number or 0)}".strip()
    if verb == "Undone":
        tell(text, undo=url_for(".redo", dataset_id=dataset_id), number=step.number, label="Redo")
    else:
        tell(text, undo=url_for(".undo", dataset_id=dataset_id), number=step.number)
    return redirect(back_or(url_for(".index", dataset_id=dataset_id)), code=303)

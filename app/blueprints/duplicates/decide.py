"""Deciding about one group: keep one pair, merge them, make preference pairs of answers, or call them different."""

from collections.abc import Callable

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.duplicates.page import address, bp
from app.blueprints.view import back_or, tell, tell_step
from app.core.errors import Conflict
from app.core.text import fold_newlines
from app.forms.duplicates import DuplicatesView, GroupChoice, read_number, read_numbers
from app.services import datasets, duplicates
from app.services.history import Applied

TEXTS = ("question", "answer", "reasoning", "system")


@bp.post("/<int:group_id>/keep")
def keep(dataset_id: int, group_id: int) -> ResponseReturnValue:
    """Keep one pair and remove the others that are ticked."""
    form = GroupChoice(request.form)
    going = None if form.ticked is None else sorted(form.ticked)

    def decide() -> Applied:
        return duplicates.keep_pair(
            dataset_id, group_id, form.keep or None, unite=form.unite, remove=going, versions=form.versions
        )

    return _decide_and_go_on(dataset_id, group_id, decide)


@bp.post("/<int:group_id>/answers")
def choose_answer(dataset_id: int, group_id: int) -> ResponseReturnValue:
    """Keep the right answer; the others go, or stay with it as rejected answers."""
    form = GroupChoice(request.form)
    rejected = read_numbers(request.form.getlist("rejected"))

    def decide() -> Applied:
        if form.others == "prefer":
            others = [one for one in rejected if one != form.keep]
            return duplicates.prefer_answer(dataset_id, group_id, form.keep or 0, others, versions=form.versions)
        going = None if form.keep else sorted(form.versions)
        return duplicates.keep_pair(
            dataset_id, group_id, form.keep or None, unite=False, remove=going, versions=form.versions
        )

    return _decide_and_go_on(dataset_id, group_id, decide)


@bp.get("/<int:group_id>/merge")
def merging(dataset_id: int, group_id: int) -> ResponseReturnValue:
    """Choose question, answer and system prompt one by one, and edit them."""
    dataset, (scan, _) = datasets.get(dataset_id), duplicates.get_group(dataset_id, group_id)
    opened = duplicates.view_group(scan, group_id, keep=GroupChoice(request.args).keep or None)
    own = sorted((one.entry for one in opened.members if one.entry), key=lambda entry: entry.id != opened.keep)
    # For each text the versions that there are, and which is chosen.
    texts: dict[str, dict[str, list[int]]] = {name: {} for name in TEXTS}
    for entry in own:
        for name in TEXTS:
            texts[name].setdefault(getattr(entry, name) or "", []).append(entry.id)
    picked = {name: read_number(request.args.get(f"pick.{name}", "")) or opened.keep for name in TEXTS}
    chosen = {name: next((text for text, ids in texts[name].items() if picked[name] in ids), "") for name in TEXTS}
    return render_template(
        "duplicates/merge.html",
        dataset=dataset,
        view=DuplicatesView(request.args),
        seen=opened,
        own=own,
        texts=texts,
        chosen=chosen,
        tags=list(dict.fromkeys(tag for entry in own for tag in entry.tag_list)),
    )


@bp.post("/<int:group_id>/merge")
def merge(dataset_id: int, group_id: int) -> ResponseReturnValue:
    """Write the merged texts into one pair and remove the others."""
    form = GroupChoice(request.form)
    texts = {name: fold_newlines(request.form[name]) for name in TEXTS if name in request.form}
    tags = [tag for tag in request.form.get("tags", "").split(",") if tag.strip()]

    def decide() -> Applied:
        keep = form.keep or 0
        return duplicates.merge_pairs(dataset_id, group_id, keep, {}, tags, texts=texts, versions=form.versions)

    return _decide_and_go_on(dataset_id, group_id, decide)


@bp.post("/<int:group_id>/dismiss")
def dismiss(dataset_id: int, group_id: int) -> ResponseReturnValue:
    """Remember that these pairs are no duplicates, or no conflict."""
    duplicates.dismiss_group(dataset_id, group_id, versions=GroupChoice(request.form).versions)
    undo = url_for(".undismiss", dataset_id=dataset_id, group_id=group_id)
    tell("Remembered: these pairs are different, also in later scans.", undo=undo)
    return redirect(_next_address(dataset_id), code=303)


@bp.post("/<int:group_id>/undismiss")
def undismiss(dataset_id: int, group_id: int) -> ResponseReturnValue:
    """Forget that they were called different."""
    duplicates.undismiss_group(dataset_id, group_id)
    tell("These pairs wait to be decided again.")
    return redirect(back_or(url_for(".index", dataset_id=dataset_id)), code=303)


def _decide_and_go_on(dataset_id: int, group_id: int, decide: Callable[[], Applied]) -> ResponseReturnValue:
    """Go on with the next group; where a pair was edited meanwhile, show the group as it is now."""
    try:
        result = decide()
    except Conflict as error:
        tell(error.message)
        return redirect(address(dataset_id, DuplicatesView(request.form), group=group_id), code=303)
    tell_step(dataset_id, result)
    return redirect(_next_address(dataset_id), code=303)


def _next_address(dataset_id: int) -> str:
    """The next group of the same view, else the first that waits."""
    return address(dataset_id, DuplicatesView(request.form), group=read_number(request.form.get("next", "")))

"""Recipes: saved from the clean page, reordered, exchanged as JSON, made of suggestions or of the history."""

from pathlib import PurePath
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.view import back_or, tell
from app.core.cleaning.files import recipe_of
from app.core.errors import BadUsage, Invalid
from app.core.text import is_number, plural
from app.forms.cleaning import RECIPE, CleanForm
from app.models import SavedRecipe
from app.services import datasets, history
from app.services.cleaning import recipes, suggesting

bp = Blueprint("recipes", __name__, url_prefix="/datasets/<int:dataset_id>/recipes")


@bp.post("")
def add(dataset_id: int) -> ResponseReturnValue:
    """Put the step of the form into the chosen recipe, or begin a new one with it."""
    form = CleanForm(request.form)
    step = form.step()
    if form.recipe_id is None:
        row = recipes.create_recipe("", [step])
        tell(f"{row.name} begun with this step.")
    else:
        row = recipes.put_step(form.recipe_id, step, form.step_place, version=_seen_version())
        tell("Step saved." if form.step_place is not None else f"Added as step {len(row.steps)}.")
    parts: dict[str, Any] = {
        name: values for name, values in form.values.lists() if name.startswith("o.") or name in ("op", "field", "code")
    }
    return _open_recipe(dataset_id, row, asked="1", **{**parts, **form.carry()})


@bp.post("/<int:recipe_id>")
def change(dataset_id: int, recipe_id: int) -> ResponseReturnValue:
    """Rename a recipe, move or take out a step, or put it away: whatever the pressed button says."""
    action, _, place = request.form.get("do", "rename").partition(":")
    number, seen = int(place) if is_number(place) else 0, _seen_version()
    if action == "delete":
        row = recipes.delete_recipe(recipe_id, version=seen)
        tell(f"{row.name} deleted.", undo=url_for(".restore", dataset_id=dataset_id, recipe_id=row.id))
        return redirect(url_for("cleaning.index", dataset_id=dataset_id), code=303)
    if action == "rename":
        row = recipes.change_recipe(recipe_id, name=request.form.get("name", ""), version=seen)
    elif action in ("up", "down"):
        row = recipes.move_step(recipe_id, number, -1 if action == "up" else 1, version=seen)
    elif action == "drop":
        row = recipes.drop_step(recipe_id, number, version=seen)
    else:
        raise BadUsage("Choose what to do with the recipe.")
    return redirect(back_or(_recipe_address(dataset_id, row)), code=303)


@bp.post("/<int:recipe_id>/restore")
def restore(dataset_id: int, recipe_id: int) -> ResponseReturnValue:
    """Bring a deleted recipe back."""
    return _open_recipe(dataset_id, recipes.restore_recipe(recipe_id))


@bp.get("/<int:recipe_id>.json")
def download(dataset_id: int, recipe_id: int) -> ResponseReturnValue:
    """The recipe as a file."""
    row = recipes.get_recipe(recipe_id)
    response = Response(recipes.to_file(row), mimetype="application/json")
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in row.name.lower()).strip("-") or "recipe"
    response.headers.set("Content-Disposition", "attachment", filename=f"{name[:60]}.json")
    return response


@bp.post("/file")
def upload(dataset_id: int) -> ResponseReturnValue:
    """Take in a recipe file."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise BadUsage("No file was chosen. Choose a recipe first.", code="no_file")
    recipe = recipe_of(file.stream.read(), PurePath(file.filename).stem)
    row = recipes.create_recipe(recipe.name, recipe.steps)
    tell(f"{row.name} taken in: {plural(len(row.steps), 'step')}.")
    return _open_recipe(dataset_id, row, op=RECIPE)


@bp.post("/suggested")
def suggested(dataset_id: int) -> ResponseReturnValue:
    """A recipe of what was suggested and loses nothing."""
    found = suggesting.kept_suggestions(dataset_id)
    if found is None or not found.steps:
        raise Invalid("There is nothing suggested that could become a recipe. Look for suggestions first.")
    row = recipes.create_recipe(f"Suggested for {datasets.get(dataset_id).name}", found.steps)
    return _open_recipe(dataset_id, row, op=RECIPE)


@bp.get("/from-history")
def history_steps(dataset_id: int) -> ResponseReturnValue:
    """The steps of the history that can become a recipe."""
    found = [one for one in history.steps(dataset_id, size=1000) if recipes.steps_of(one.details)]
    chosen = {int(one) for one in request.args.getlist("number") if is_number(one)}
    return render_template(
        "cleaning/history.html", dataset=datasets.get(dataset_id), steps=found, chosen=chosen, steps_of=recipes.steps_of
    )


@bp.post("/from-history")
def from_history(dataset_id: int) -> ResponseReturnValue:
    """A recipe of the chosen steps of the history."""
    numbers = [int(one) for one in request.form.getlist("number") if is_number(one)]
    row = recipes.from_history(dataset_id, numbers, request.form.get("name", ""))
    tell(f"{row.name} saved: {plural(len(row.steps), 'step')}.")
    return _open_recipe(dataset_id, row, op=RECIPE)


def _seen_version() -> int | None:
    """The version of the recipe that the page showed; it stands in the addresses of its forms."""
    return request.args.get("version", type=int)


def _open_recipe(dataset_id: int, row: SavedRecipe, **more: Any) -> ResponseReturnValue:
    return redirect(_recipe_address(dataset_id, row, **more), code=303)


def _recipe_address(dataset_id: int, row: SavedRecipe, **more: Any) -> str:
    return url_for("cleaning.index", dataset_id=dataset_id, recipe=row.id, **more)

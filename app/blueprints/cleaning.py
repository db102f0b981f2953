"""Clean: choose an operation or a recipe, see exactly what it would change, leave out what should stay, apply."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from app.blueprints.jobs import own_path
from app.blueprints.view import tell_step
from app.core import difference
from app.core.cleaning import GROUPS, OPERATIONS, Step, option_fields
from app.core.errors import Conflict, Invalid, NotFound
from app.core.options import command_line, command_words
from app.forms import cleaning as forms
from app.forms.arguments import read_whole
from app.forms.cleaning import RECIPE, CleanForm
from app.models import Job
from app.services import cleaning, datasets, entries, history, jobs, runners, tasks
from app.services.cleaning import (
    CleaningOptions,
    CleaningOrder,
    CleaningRun,
    PreviewRun,
    SuggestRun,
    previews,
    recipes,
    suggesting,
)

bp = Blueprint("cleaning", __name__, url_prefix="/datasets/<int:dataset_id>/clean")
PAGE_SIZE = 25
# So many unticked pairs are named in an address.
MOST_NAMED = 2_000


@bp.app_template_global("step_sentence")
def step_sentence(step: Step) -> str:
    """What a step does, in a few words."""
    return cleaning.step_sentence(step)


@bp.app_template_global("address_of_step")
def address_of_step(step: Step, /, **more: Any) -> str:
    """The address at which the clean page shows a step in its form."""
    dataset_id = (request.view_args or {})["dataset_id"]
    return url_for("cleaning.index", dataset_id=dataset_id, **{**forms.address_parts(step), **more})


@bp.app_template_filter("flagged")
def flagged(flags: int, view: str) -> bool:
    """Whether a pair of a preview belongs to a view."""
    return bool(flags & cleaning.VIEWS[view])


@bp.app_template_filter("without")
def without(sentence: str, title: str) -> str:
    """What a sentence says beyond a title that stands above it."""
    return sentence.removeprefix(title).strip()


@bp.app_template_filter("command")
def command(wish: CleaningOptions, dataset: str) -> str:
    """The command that does the same."""
    words = wish.steps[0].words if len(wish.steps) == 1 else ["--recipe", "recipe.json"]
    words += command_words(wish.filters)
    return command_line("clean", "--dataset", dataset, *words, "--dry-run", one_line=False)


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """The operation with its preview, the recipe beside it."""
    form = CleanForm(request.args)
    facts: dict[str, Any] = {"dataset": datasets.get(dataset_id), "form": form}
    try:
        wish = wish_of(form)
        facts |= {"wish": wish, **_preview_facts(dataset_id, form, wish)}
    except Invalid as error:
        facts |= {"wish": None, "problem": error}
    return render_template("cleaning/index.html", **facts, **_recipe_facts(dataset_id, form))


def wish_of(form: CleanForm) -> CleaningOptions:
    """What the form asks for. Raises Invalid where it cannot run."""
    if form.operation == RECIPE and form.recipe_id:
        recipe = recipes.value_of(recipes.get_recipe(form.recipe_id))
        return CleaningOptions(recipe.steps, form.filters, recipe.name)
    wish = CleaningOptions((form.step(),), form.filters)
    wish.compiled()
    return wish


def _preview_facts(dataset_id: int, form: CleanForm, wish: CleaningOptions) -> dict[str, Any]:
    job = tasks.find_running(cleaning.PREVIEW, PreviewRun(dataset_id, wish))
    seen = cleaning.preview_dataset(dataset_id, wish)
    same = request.args.get("for") == seen.token
    page = form.page if same else 1
    skip = (page - 1) * PAGE_SIZE
    leave = form.left_out
    shown, total = cleaning.preview_rows(seen, view=form.view, order=form.order, leave=leave, skip=skip, size=PAGE_SIZE)
    places = set(seen.scan.ids) if leave else set()
    return {
        "seen": seen,
        "shown": shown,
        "shown_total": total,
        "number": page,
        "last": max(-(-total // PAGE_SIZE), 1),
        "leave": sorted(leave & places),
        "job": job,
        "worker": runners.any_worker(),
        "pieces": lambda before, after: difference.excerpt_changes(difference.compare_words(before, after)),
    }


def _recipe_facts(dataset_id: int, form: CleanForm) -> dict[str, Any]:
    every = recipes.list_recipes()
    chosen = next((row for row in every if row.id == form.recipe_id), None)
    number = read_whole(request.args, "done", None)
    done = history.step(dataset_id, number) if number else None
    carried = form.carried
    return {
        "groups": [(name, [one for one in OPERATIONS.values() if one.group == name]) for name in GROUPS],
        "operations": OPERATIONS,
        "operation": OPERATIONS.get(form.operation),
        "option_fields": option_fields,
        "name_of": _field_label,
        "field_labels": forms.FIELD_LABELS,
        "takes_code": forms.takes_code,
        "recipes": every,
        "recipe": chosen,
        "recipe_steps": recipes.value_of(chosen).steps if chosen else (),
        "suggestions": suggesting.kept_suggestions(dataset_id),
        "suggesting": tasks.find_running(cleaning.SUGGEST, SuggestRun(dataset_id)),
        "done": done,
        "done_facts": history.details_of(done) if done else {},
        "carried": carried,
        "carried_count": entries.count_entries(dataset_id, carried) if form.carry() else None,
    }


def _field_label(name: str, fields: Mapping[str, object]) -> Markup | str:
    """The name before a text, where the answer is not the only one."""
    if set(fields) <= {"answer"}:
        return ""
    # Isolated, so that the text beside it has its own direction.
    return Markup('<bdi class="muted sm">{}:</bdi> ').format(name.replace("_", " ").capitalize())


@bp.post("")
def apply(dataset_id: int) -> ResponseReturnValue:
    """Change the pairs of the preview, without those that were unticked."""
    form = CleanForm(request.form)
    wish, seen = wish_of(form), previews.get_preview(dataset_id, request.form.get("seen", ""))
    if seen.wish.as_dict() != CleaningOptions.from_dict(wish.as_dict()).as_dict():
        raise Conflict("The form was changed since the preview. Look at the preview again.", code="preview_differs")
    if not seen.scan.complete:
        raise Conflict("Only some of the pairs were looked at so far. Check all of them first.", code="preview_partial")
    job = tasks.start(cleaning.CLEAN, CleaningRun.of_order(CleaningOrder(dataset_id, seen.wish, form.left_out, seen)))
    if job.state != "done":
        return redirect(url_for(".run", dataset_id=dataset_id, job_id=job.id), code=303)
    # The same view again. What was unticked stays so; where that is too much to name, no operation is open.
    left = sorted(form.left_out & set(seen.scan.ids))
    view: dict[str, Any] = {**form.carry(), "recipe": form.recipe_id}
    if len(left) <= MOST_NAMED:
        view |= {"op": form.operation, "leave": ",".join(map(str, left)) or None}
    return _redirect_done(dataset_id, job, view)


def _redirect_done(dataset_id: int, job: Job, view: dict[str, Any] | None = None) -> ResponseReturnValue:
    applied = history.applied_of(dataset_id, job.result or {})
    tell_step(dataset_id, applied)
    number = applied.step.number if applied.step else None
    return redirect(url_for(".index", dataset_id=dataset_id, done=number, **(view or {})), code=303)


@bp.get("/runs/<int:job_id>")
def run(dataset_id: int, job_id: int) -> ResponseReturnValue:
    """A run in the background: its progress, then what it did."""
    job = jobs.get(job_id)
    if job.dataset_id != dataset_id or job.kind not in (cleaning.PREVIEW.name, cleaning.CLEAN.name):
        raise NotFound(f"There is no run {job_id} of cleaning in this dataset.", job_id=job_id)
    if job.state == "done" and job.kind == cleaning.PREVIEW.name:
        address = own_path(str(job.arguments.get("address", "")))
        return redirect(address or url_for(".index", dataset_id=dataset_id), code=303)
    if job.state == "done" and (job.result or {}).get("change_set"):
        return _redirect_done(dataset_id, job)
    if job.state == "done":
        return redirect(url_for(".index", dataset_id=dataset_id), code=303)
    return render_template("cleaning/run.html", dataset=datasets.get(dataset_id), job=job, worker=runners.any_worker())


@bp.post("/look")
def look(dataset_id: int) -> ResponseReturnValue:
    """Look at all pairs, however long it takes."""
    form = CleanForm(request.form)
    own = ("csrf_token", "seen", "shown", "take")
    parts: dict[str, Any] = {name: values for name, values in form.values.lists() if name not in own}
    address = url_for(".index", dataset_id=dataset_id, **parts)
    tasks.start(cleaning.PREVIEW, PreviewRun(dataset_id, wish_of(form), address))
    return redirect(address, code=303)


@bp.post("/suggest")
def suggest(dataset_id: int) -> ResponseReturnValue:
    """Look for what could be cleaned."""
    found = suggesting.suggest_for_dataset(dataset_id, longest_seconds=cleaning.LONGEST_SECONDS)
    if not found.complete:
        tasks.start(cleaning.SUGGEST, SuggestRun(dataset_id))
    back = own_path(request.form.get("back", ""))
    return redirect(back or url_for(".index", dataset_id=dataset_id), code=303)

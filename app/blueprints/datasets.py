"""Datasets: the home page, and making, changing, copying, archiving and deleting one."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.errors import Problem, shown_on
from app.blueprints.shell import offer_named, view_path
from app.blueprints.view import back_or, tell
from app.core.errors import Conflict
from app.forms.arguments import read_choice, read_whole, require_names
from app.forms.datasets import DatasetForm
from app.models import Dataset
from app.services import datasets, sample, validation

bp = Blueprint("datasets", __name__)


# So many datasets are on a page of the list.
PAGE_SIZE = 50
SORTS: dict[str, Callable[[Dataset], Any]] = {
    "changed": lambda dataset: -dataset.changed_at.timestamp(),
    "name": lambda dataset: dataset.name.casefold(),
    "pairs": lambda dataset: -dataset.entry_count,
}
# Of so many datasets that were changed last the next step is offered.
CONTINUED = 4


@bp.get("/")
def index() -> ResponseReturnValue:
    """All datasets: active, archived or deleted."""
    require_names(request.args, "show", "name", "sort", "page")
    return render_home()


def render_home(refused: Sequence[str] = ()) -> str:
    """The datasets, and why files were not taken in."""
    show = read_choice(request.args, "show", ("active", "archived", "deleted"), "active")
    name, sort = request.args.get("name", "")[:200], read_choice(request.args, "sort", SORTS, "changed")
    archived, deleted = show == "archived", show == "deleted"
    every = datasets.list_datasets(archived=archived, deleted=deleted)
    found = datasets.find_named(name, every)
    gone = len(datasets.list_datasets(deleted=True))
    if deleted:
        return render_template("datasets/deleted.html", datasets=found, name=name)
    if not (every or gone or datasets.list_datasets() or datasets.list_datasets(archived=True)):
        return render_template("datasets/empty.html", refused=refused)
    page = max(read_whole(request.args, "page", 1), 1)
    shown = sorted(found, key=SORTS[sort])[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    return render_template(
        "datasets/index.html",
        datasets=shown,
        total=len(found),
        page=page,
        last_page=-(-len(found) // PAGE_SIZE),
        to_fix={one.id: validation.count_to_fix(one) for one in shown},
        archived=archived,
        gone=gone,
        name=name,
        sort=sort,
        refused=refused,
        continued=[
            (one, step) for one in ([] if archived else every[:CONTINUED]) for step in view_path(one) if step.is_next
        ],
    )


@bp.get("/datasets/switch")
def switch() -> ResponseReturnValue:
    """The datasets to switch to whose name holds what was typed; a part of a page."""
    require_names(request.args, "name", "page", "here")
    name, page = request.args.get("name", "")[:200], request.args.get("page", "")
    here = read_whole(request.args, "here", None)
    return render_template("components/_switch_list.html", offers=offer_named(name, page), name=name, here=here)


@bp.post("/datasets")
def create() -> ResponseReturnValue:
    """Make a dataset and open it at its first pair."""
    form = DatasetForm()
    if not form.validate():
        return render_template("datasets/new.html", form=form), 422
    dataset = datasets.create_dataset(
        form.name.data or "", description=form.description.data or "", system_prompt=form.typed_prompt() or None
    )
    return redirect(url_for("pairs.index", dataset_id=dataset.id), code=303)


@bp.get("/datasets/new")
def new() -> ResponseReturnValue:
    """The form for a new dataset."""
    return render_template("datasets/new.html", form=DatasetForm(formdata=None))


@bp.post("/datasets/sample")
def load_sample() -> ResponseReturnValue:
    """Open the sample dataset."""
    dataset = sample.load_sample()
    return redirect(url_for("pairs.index", dataset_id=dataset.id), code=303)


@bp.get("/datasets/<int:dataset_id>/settings")
def settings(dataset_id: int) -> ResponseReturnValue:
    """Name, description, default system prompt, and what can be done with the whole dataset."""
    dataset = datasets.get(dataset_id)
    return render_template("datasets/settings.html", dataset=dataset, form=_form_of(dataset))


def _form_of(dataset: Dataset) -> DatasetForm:
    return DatasetForm(
        formdata=None, name=dataset.name, description=dataset.description, system_prompt=dataset.system_prompt or ""
    )


def _settings_again(dataset_id: int, form: DatasetForm, said: str) -> ResponseReturnValue:
    """The settings as they are now, to be asked again: somebody changed the dataset since the page was loaded."""
    return render_template("datasets/settings.html", dataset=datasets.get(dataset_id), form=form, said=said), 409


@shown_on("datasets.update")
def update_refused(problem: Problem) -> ResponseReturnValue:
    """The settings with what was typed."""
    return _settings_again((request.view_args or {})["dataset_id"], DatasetForm(), problem.message)


@bp.post("/datasets/<int:dataset_id>/settings")
def update(dataset_id: int) -> ResponseReturnValue:
    """Save name, description and default system prompt."""
    dataset, form = datasets.get(dataset_id), DatasetForm()
    if not form.validate():
        seen = request.form.get("revision", type=int)
        return render_template("datasets/settings.html", dataset=dataset, form=form, revision=seen), 422
    try:
        datasets.update_dataset(
            dataset_id,
            name=form.name.data,
            description=form.description.data or "",
            system_prompt=form.typed_prompt(dataset.system_prompt),
            revision=request.form.get("revision", type=int),
        )
    except Conflict as error:
        said = f"{error.message} Save again to write what you typed over what is stored."
        return _settings_again(dataset_id, form, said)
    tell("Saved.")
    return redirect(url_for(".settings", dataset_id=dataset_id), code=303)


@bp.post("/datasets/<int:dataset_id>/rename")
def rename(dataset_id: int) -> ResponseReturnValue:
    """Give a dataset another name."""
    before = datasets.get(dataset_id).name
    dataset = datasets.update_dataset(dataset_id, name=request.form.get("name", ""))
    tell(f"Renamed “{before}” to “{dataset.name}”.")
    return redirect(back_or(url_for(".index")), code=303)


@bp.post("/datasets/<int:dataset_id>/copy")
def copy(dataset_id: int) -> ResponseReturnValue:
    """Copy a dataset with its pairs."""
    copied = datasets.copy_dataset(dataset_id)
    tell(f"Copied to “{copied.name}”.")
    return redirect(url_for("pairs.index", dataset_id=copied.id), code=303)


@bp.post("/datasets/<int:dataset_id>/archive")
def archive(dataset_id: int) -> ResponseReturnValue:
    """Put a dataset aside."""
    dataset = datasets.archive_dataset(dataset_id)
    tell(f"Archived “{dataset.name}”.", undo=url_for(".unarchive", dataset_id=dataset_id))
    return redirect(url_for(".index"), code=303)


@bp.post("/datasets/<int:dataset_id>/unarchive")
def unarchive(dataset_id: int) -> ResponseReturnValue:
    """Put an archived dataset back."""
    dataset = datasets.unarchive_dataset(dataset_id)
    tell(f"“{dataset.name}” is active again.")
    return redirect(back_or(url_for(".index")), code=303)


@bp.post("/datasets/<int:dataset_id>/delete")
def delete(dataset_id: int) -> ResponseReturnValue:
    """Delete a dataset; the toast, or the list of deleted ones, brings it back."""
    try:
        dataset = datasets.delete_dataset(dataset_id, revision=request.form.get("revision", type=int))
    except Conflict as error:
        return _settings_again(dataset_id, _form_of(datasets.get(dataset_id)), error.message)
    tell(f"Deleted “{dataset.name}”.", undo=url_for(".restore", dataset_id=dataset_id))
    return redirect(url_for(".index"), code=303)


@bp.post("/datasets/<int:dataset_id>/restore")
def restore(dataset_id: int) -> ResponseReturnValue:
    """Bring a deleted dataset back."""
    dataset = datasets.restore_dataset(dataset_id)
    tell(f"“{dataset.name}” is back.")
    return redirect(url_for(".index"), code=303)

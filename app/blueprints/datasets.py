"""Datasets: the home page, and making, changing, copying, archiving and deleting one."""

from collections.abc import Sequence

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.errors import Problem, shown_on
from app.blueprints.view import back_or, tell
from app.core.errors import Conflict
from app.forms.arguments import read_choice, require_names
from app.forms.datasets import DatasetForm
from app.models import Dataset
from app.services import datasets, sample

bp = Blueprint("datasets", __name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    """All datasets: active, archived or deleted."""
    require_names(request.args, "show", "name")
    return render_home()


def render_home(refused: Sequence[str] = ()) -> str:
    """The datasets, and why files were not taken in."""
    show = read_choice(request.args, "show", ("active", "archived", "deleted"), "active")
    archived, deleted = show == "archived", show == "deleted"
    found = datasets.list_datasets(archived=archived, deleted=deleted)
    name = request.args.get("name", "")[:200]
    if name:
        found = [dataset for dataset in found if name.lower() in dataset.name.lower()]
    gone = len(datasets.list_datasets(deleted=True))
    first_visit = not (found or name or gone or datasets.list_datasets() or datasets.list_datasets(archived=True))
    if deleted:
        return render_template("datasets/deleted.html", datasets=found, name=name)
    template = "datasets/empty.html" if first_visit else "datasets/index.html"
    return render_template(template, datasets=found, archived=archived, gone=gone, name=name, refused=refused)


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

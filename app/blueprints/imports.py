"""Importing: choose files, look at how they are read, import, and deal with the rows that could not become pairs."""

import json
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from app.blueprints.api.files import save_sent
from app.blueprints.datasets import render_home
from app.blueprints.errors import Problem, shown_on
from app.blueprints.view import back_or, tell, tell_step
from app.core.editing import ROLES
from app.core.errors import BadUsage, Conflict, Invalid, LttError, TooLarge
from app.core.formats import FORMATS
from app.core.formats.encoding import CHOICES as ENCODINGS
from app.core.formats.members import tells_splits
from app.core.layouts.paths import value_at
from app.core.options import options_of
from app.core.text import clip, is_number, plural, restore_newlines
from app.forms import imports as forms
from app.forms.arguments import read_whole
from app.forms.conversation import MessageFields
from app.forms.imports import ImportForm
from app.forms.pairs import Fault, PairForm
from app.frontdoor import takes_uploads
from app.models import Dataset, Import, QuarantinedRow
from app.services import datasets, imports, jobs, runners, uploads
from app.services.imports import Preview, Settings, quarantine, waiting

bp = Blueprint("imports", __name__)


@bp.app_template_filter("cell")
def cell(value: object, limit: int = 240) -> str:
    """A value of a row in one line."""
    if value is None:
        return ""
    return clip(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), limit)


bp.add_app_template_filter(quarantine.fingerprint)


@bp.get("/datasets/<int:dataset_id>/import")
def index(dataset_id: int) -> ResponseReturnValue:
    """Choose files, or paste."""
    return _index_page(datasets.get(dataset_id), [])


def _index_page(dataset: Dataset, refused: list[str]) -> ResponseReturnValue:
    found = imports.list_imports(dataset.id)
    page = render_template(
        "imports/index.html",
        dataset=dataset,
        refused=refused,
        waiting=[row for row in found if row.state == "waiting"],
        ended=[row for row in found if row.state != "waiting"],
    )
    return page, 422 if refused else 200


@bp.post("/datasets/<int:dataset_id>/import")
@takes_uploads
def upload(dataset_id: int) -> ResponseReturnValue:
    """Take files or pasted text in, and show how the first is read."""
    dataset = datasets.get(dataset_id)
    taken, refused = _take_files(dataset.id)
    if not taken:
        return _index_page(dataset, [f"{name}: {reason}" for name, reason in refused])
    for name, reason in refused:
        tell(f"{name}: {reason}")
    return redirect(_address_of(taken[0]), code=303)


@bp.post("/imports")
@takes_uploads
def begin() -> ResponseReturnValue:
    """Take files in for a new dataset that is named after the first of them."""
    files = _sent_files()
    if not files:
        raise BadUsage("No file was chosen. Choose one first.", code="no_file")
    dataset = waiting.begin_dataset(files[0].filename or "")
    taken, refused = _take_files(dataset.id)
    if not taken:
        waiting.forget_if_begun(dataset.id)
        raise Invalid(f"{refused[0][0]}: {refused[0][1]}")
    return redirect(_address_of(taken[0]), code=303)


@shown_on("imports.begin")
def begin_refused(problem: Problem) -> str:
    """The page that the file was sent from."""
    return render_home([problem.message])


@shown_on("imports.upload")
def upload_refused(problem: Problem) -> ResponseReturnValue:
    """The page that the file was sent from."""
    return _index_page(datasets.get((request.view_args or {})["dataset_id"]), [problem.message])


def _take_files(dataset_id: int) -> tuple[list[Import], list[tuple[str, str]]]:
    """The files that came in, and name and reason of those that did not."""
    taken: list[Import] = []
    refused: list[tuple[str, str]] = []
    files = _sent_files()
    sets = [files] if tells_splits([file.filename or "" for file in files]) else [[file] for file in files]
    for together in sets:
        try:
            taken.append(imports.add(dataset_id, save_sent(together)))
        except LttError as error:
            refused.append((uploads.clean_name(together[0].filename or "file"), error.message))
    pasted = request.form.get("text", "")
    if pasted.strip():
        try:
            taken.append(imports.add(dataset_id, uploads.save_text(pasted)))
        except LttError as error:
            refused.append(("The pasted text", error.message))
    if not taken and not refused:
        refused.append(("Nothing was sent", "Choose a file or paste some text."))
    return taken, refused


def _sent_files() -> list[FileStorage]:
    return [file for file in request.files.getlist("file") if file.filename]


@bp.get("/datasets/<int:dataset_id>/imports/<int:import_id>")
def show(dataset_id: int, import_id: int) -> ResponseReturnValue:
    """One import: the choices while it waits, progress while it runs, then the result."""
    row = imports.of_dataset(dataset_id, import_id)
    job = jobs.get(row.job_id) if row.job_id else None
    if row.state == "waiting":
        return _mapping_page(row)
    if row.state == "running" and job is not None and job.state not in jobs.ENDED:
        return render_template("imports/progress.html", **_shared_of(row), job=job, worker=runners.any_worker())
    return _result_page(row)


def _mapping_page(row: Import) -> ResponseReturnValue:
    form = ImportForm(request.values.to_dict())
    try:
        preview = _preview_choices(row, form)
    except (Invalid, TooLarge) as error:
        preview = imports.preview_unreadable(row, form.reading(), error.message)
    return render_template("imports/mapping.html", **_shared_of(row), **_choices_of(row, preview))


def _preview_choices(row: Import, form: ImportForm) -> Preview:
    """What the choices would do; before any, what was found, leaving out what is in the dataset already."""
    upload, settings = imports.upload_of(row), imports.from_dict(row.settings)
    if form.asked:
        target = read_whole(request.values, "dataset", row.dataset_id)
        return imports.preview(target, upload, form.settings(imports.detect(upload, form.reading())))
    preview = imports.preview(row.dataset_id, upload, settings)
    if not preview.same_live:
        return preview
    return imports.preview(row.dataset_id, upload, replace(settings, on_duplicate="skip"))


def _choices_of(row: Import, preview: Preview) -> dict[str, Any]:
    return {
        "preview": preview,
        "found": preview.found,
        "settings": preview.settings,
        # Columns, and the fields inside them that can be mapped as well.
        "columns": (*preview.found.columns, *preview.found.fields),
        "value_at": value_at,
        "declared": {one.name: one for one in options_of(Settings)},
        "targets": {column: target for target, column in preview.settings.mapping.items()},
        "formats": [(name, one.title) for name, one in FORMATS.items()],
        "formats_by_name": FORMATS,
        "layouts": forms.LAYOUT_CHOICES,
        "delimiters": forms.DELIMITER_CHOICES,
        "encodings": list(dict.fromkeys((preview.found.encoding, *ENCODINGS))),
        "column_choices": forms.COLUMN_CHOICES,
        "all_datasets": datasets.list_datasets(),
        "begun": datasets.is_begun(row.dataset_id),
        "target": read_whole(request.values, "dataset", row.dataset_id),
        "alike": waiting.list_alike(row),
    }


def _shared_of(row: Import) -> dict[str, Any]:
    others = [one for one in imports.list_imports(row.dataset_id, states=("waiting",)) if one.id != row.id]
    return {"dataset": datasets.get(row.dataset_id), "row": row, "waiting": others[::-1]}


@bp.post("/datasets/<int:dataset_id>/imports/<int:import_id>")
def run(dataset_id: int, import_id: int) -> ResponseReturnValue:
    """Import with the choices of the form."""
    row = imports.of_dataset(dataset_id, import_id)
    form = ImportForm(request.form.to_dict())
    settings = form.settings(imports.detect(imports.upload_of(row), form.reading()))
    alike = waiting.list_alike(row) if request.form.get("all_alike") == "1" else []
    target = request.form.get("dataset", dataset_id, type=int) or dataset_id
    # Somebody may discard one meanwhile.
    for number in [one.id for one in (row, *alike)]:
        waiting.move_import(number, target)
        _start_import(number, settings)
    return redirect(_address_of(imports.get(import_id)), code=303)


def _start_import(import_id: int, settings: Settings) -> None:
    """Start an import. What a small one failed of is told by its own page."""
    try:
        imports.start(import_id, settings)
    except LttError:
        if imports.get(import_id).state == "waiting":
            raise


def _result_page(row: Import) -> ResponseReturnValue:
    step = imports.step_of(row)
    return render_template(
        "imports/result.html",
        **_shared_of(row),
        step_of_import=step,
        remaining=imports.count_remaining(row) if step and step.state == "undone" else (0, 0),
        job=jobs.get(row.job_id) if row.job_id else None,
        bad=quarantine.list_open(row.id, after=read_whole(request.args, "after", 0), size=50),
        open_count=quarantine.count_open(row.id),
        kept=uploads.is_kept(row.upload),
    )


@bp.post("/datasets/<int:dataset_id>/imports/<int:import_id>/discard")
def discard(dataset_id: int, import_id: int) -> ResponseReturnValue:
    """Forget a file that was not imported yet."""
    row = imports.of_dataset(dataset_id, import_id)
    name = row.file_name
    imports.discard(row.id)
    tell(f"{name} was not imported.")
    if waiting.forget_if_begun(dataset_id):
        return redirect(url_for("datasets.index"), code=303)
    return redirect(url_for(".index", dataset_id=dataset_id), code=303)


@bp.post("/datasets/<int:dataset_id>/imports/<int:import_id>/again")
def again(dataset_id: int, import_id: int) -> ResponseReturnValue:
    """Undo the import, and choose anew for the same file."""
    row = imports.of_dataset(dataset_id, import_id)
    return redirect(_address_of(imports.redo_import(row.id)), code=303)


@bp.get("/datasets/<int:dataset_id>/imports/<int:import_id>/quarantine.<any(csv, jsonl):kind>")
def bad_rows(dataset_id: int, import_id: int, kind: str) -> ResponseReturnValue:
    """The open bad rows as a file."""
    row = imports.of_dataset(dataset_id, import_id)
    response = Response(quarantine.save_open(row.id, kind), mimetype=FORMATS[kind].media_type)
    name = f"import-{row.id}-bad-rows{'.spreadsheet-safe' if kind == 'csv' else ''}.{kind}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@bp.post("/datasets/<int:dataset_id>/imports/<int:import_id>/quarantine")
def retry(dataset_id: int, import_id: int) -> ResponseReturnValue:
    """Try repaired rows again."""
    row = imports.of_dataset(dataset_id, import_id)
    only = request.form.get("only", type=int)
    # A row that somebody else repaired or dismissed meanwhile is refused there, if anything was typed into it.
    shown = dict.fromkeys(_row_ids(), "") | {bad.id: bad.raw for bad in quarantine.by_ids(row.id, _row_ids())}
    texts = {row_id: restore_newlines(request.form[f"raw.{row_id}"], raw) for row_id, raw in shown.items()}
    seen = {row_id: request.form.get(f"was.{row_id}") or quarantine.fingerprint(raw) for row_id, raw in shown.items()}
    chosen = {
        key: text for key, text in texts.items() if (key == only if only else quarantine.fingerprint(text) != seen[key])
    }
    if not chosen:
        tell("No row was repaired yet. Change its text first.")
        return redirect(_address_of(row), code=303)
    done = quarantine.retry_rows(row.id, chosen, seen=seen)
    parts = [f"{plural(done.imported, 'repaired row')} imported"]
    parts += [f"{done.skipped:,} skipped as a duplicate"] if done.skipped else []
    parts += [f"{done.still_bad:,} still bad"] if done.still_bad else []
    tell(", ".join(parts) + ".")
    return redirect(_address_of(row), code=303)


def _row_ids() -> list[int]:
    names = (name.removeprefix("raw.") for name in request.form if name.startswith("raw."))
    return [int(name) for name in names if is_number(name)]


@bp.get("/datasets/<int:dataset_id>/imports/<int:import_id>/quarantine/<int:row_id>")
def repair(dataset_id: int, import_id: int, row_id: int) -> ResponseReturnValue:
    """One bad row in fields, its raw text beside them; where no parts can be read, the raw text to be repaired."""
    row = imports.of_dataset(dataset_id, import_id)
    quarantine.get_repairable(row.id)
    # What was typed into a row that is gone by now is still to be read.
    return _repair_page(row, quarantine.find_any(row.id, row_id))


def _repair_page(
    row: Import,
    bad: QuarantinedRow,
    form: PairForm | None = None,
    *,
    fault: Fault | None = None,
    status: int = 200,
    was: str = "",
) -> ResponseReturnValue:
    raw = restore_newlines(request.form.get("raw", bad.raw), bad.raw)
    entry = quarantine.read_fields(row, bad, raw)
    if form is None and entry is not None:
        form = PairForm.of_entry(entry)
        # Only an answer makes it come in: then it is no draft any more.
        form.status.data = "review" if entry.status == "draft" else entry.status
    previous, following = quarantine.neighbours_of(row.id, bad.id)
    is_open = quarantine.is_open(bad)
    page = render_template(
        "imports/repair.html",
        dataset=datasets.get(row.dataset_id),
        row=row,
        bad=bad,
        raw=raw,
        was=was or request.form.get("was") or quarantine.fingerprint(bad.raw),
        form=form if entry is not None else None,
        fault=fault or Fault(),
        is_open=is_open,
        reason=bad.reason if raw == bad.raw else quarantine.explain_refusal(row, bad, raw),
        previous=previous,
        following=following,
        open_count=quarantine.count_open(row.id),
        roles=ROLES,
        blank=MessageFields("assistant"),
    )
    return page, status if is_open else 404


@bp.post("/datasets/<int:dataset_id>/imports/<int:import_id>/quarantine/<int:row_id>")
def mend(dataset_id: int, import_id: int, row_id: int) -> ResponseReturnValue:
    """Import one bad row with the parts that were filled in, or read the raw text that was repaired into its parts."""
    row = imports.of_dataset(dataset_id, import_id)
    bad = quarantine.find_open(row.id, row_id)
    raw = restore_newlines(request.form.get("raw", bad.raw), bad.raw)
    entry = quarantine.read_fields(row, bad, raw)
    if entry is None:
        fault = Fault(quarantine.explain_refusal(row, bad, raw) or bad.reason, "raw")
        return _repair_page(row, bad, fault=fault, status=422)
    if "question" not in request.form:
        return _repair_page(row, bad)
    form = PairForm()
    if act := request.form.get("do"):
        form.talk.arrange(act)
        return _repair_page(row, bad, form)
    _, following = quarantine.neighbours_of(row.id, bad.id)
    try:
        done = quarantine.save_fields(row.id, bad.id, raw, form.values(entry), seen=request.form.get("was", ""))
    except Invalid as error:
        return _repair_page(row, bad, form, fault=form.fault_of(error), status=422)
    except Conflict as error:
        if error.code != "stale_version":
            raise
        # A draft goes on from the text that it began with: said once more, it takes the place of what stands there now.
        said = "The raw text was repaired since you began, or a backup was put back. Save again to keep yours."
        return _repair_page(row, bad, form, fault=Fault(said), status=409, was=quarantine.fingerprint(bad.raw))
    skipped = "The dataset has this pair already: the row was skipped as a duplicate."
    tell_step(dataset_id, done.applied, skipped, saved=f"{dataset_id}/bad.{bad.id}")
    if form.then.data == "next" and following is not None:
        return redirect(url_for(".repair", dataset_id=dataset_id, import_id=row.id, row_id=following), code=303)
    return redirect(_address_of(row), code=303)


@shown_on("imports.mend")
def mend_refused(problem: Problem) -> ResponseReturnValue:
    """The row with the fields as they were typed, to be saved again."""
    found = request.view_args or {}
    row = imports.of_dataset(found["dataset_id"], found["import_id"])
    bad = quarantine.find_open(row.id, found["row_id"])
    return _repair_page(row, bad, PairForm() if "question" in request.form else None, fault=Fault(problem.message))


@bp.post("/datasets/<int:dataset_id>/imports/<int:import_id>/quarantine/dismiss")
def dismiss(dataset_id: int, import_id: int) -> ResponseReturnValue:
    """Put bad rows away: one, or all."""
    row = imports.of_dataset(dataset_id, import_id)
    only = request.form.get("only", type=int)
    number = quarantine.dismiss_rows(row.id, [only] if only else None)
    tell(f"{plural(number, 'row')} dismissed.")
    return redirect(back_or(_address_of(row)), code=303)


def _address_of(row: Import) -> str:
    return url_for("imports.show", dataset_id=row.dataset_id, import_id=row.id)

"""Snapshots: frozen versions of a dataset, what differs between them, and going back to one."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.export import told_exports
from app.blueprints.view import tell, tell_step
from app.core import difference
from app.core.errors import NotFound
from app.core.options import command_line, command_words, encode
from app.core.record import SPLITS, STATUSES
from app.core.text import plural
from app.forms.arguments import read_choice, read_whole, require_names
from app.forms.filters import describe_filters, read_filters
from app.models import Job
from app.services import datasets, entries, history, jobs, runners, snapshots, tasks
from app.services.snapshots import CompareRun, Comparison, CopyRun, FreezeRun, RestoreRun, Snapshot

bp = Blueprint("snapshots", __name__, url_prefix="/datasets/<int:dataset_id>/snapshots")
PAGE_SIZE, LISTED = 20, 50
RUNS = {one.name for one in (snapshots.FREEZE, snapshots.COMPARE, snapshots.RESTORE, snapshots.COPY)}
FIELD_NAMES = {
    "system": "System prompt",
    "turns": "Earlier messages",
    "trace": "Tool messages",
    "rejected_answer": "Rejected answer",
    "extra": "Other columns",
}


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """The snapshots, newest first, and what differs between two of them, or one and now."""
    dataset = datasets.get(dataset_id)
    args = request.args
    require_names(args, "from", "to", "kind", "page", "before")
    before = read_whole(args, "before", None)
    found = snapshots.list_snapshots(dataset_id, before=before, size=LISTED + 1)
    facts: dict[str, Any] = {"old": None}
    if found or args.get("from"):
        old = snapshots.find_snapshot(dataset_id, args["from"] if args.get("from") else found[0].number)
        new = snapshots.find_point(dataset_id, args.get("to") or "now")
        facts = {"old": old, "new": new, **_comparison_facts(dataset_id, old, new)}
    return render_template(
        "snapshots/index.html",
        dataset=dataset,
        found=found[:LISTED],
        older=found[LISTED - 1].number if len(found) > LISTED else None,
        newest=next(iter(snapshots.list_snapshots(dataset_id, size=1)), None),
        uses={one.id: snapshots.uses_of(one.id, 4) for one in found[:LISTED]},
        label=label_of,
        is_whole=snapshots.is_whole,
        **facts,
    )


def label_of(point: Snapshot | None) -> str:
    """What a point is called on pages: v6, or now."""
    return snapshots.label_of(point) if point else "now"


def _comparison_facts(dataset_id: int, old: Snapshot, new: Snapshot | None) -> dict[str, Any]:
    """The counts, and the pairs of one kind, a page of them."""
    kinds = snapshots.KINDS
    kind, page = read_choice(request.args, "kind", kinds, ""), max(read_whole(request.args, "page", 1), 1)
    steps = (new.last_number if new else history.newest_number(dataset_id)) - old.last_number
    facts: dict[str, Any] = {"steps": abs(steps), "compared": None, "job": None}
    compared = snapshots.recall_comparison(dataset_id, old, new, snapshots.MOST_AT_ONCE)
    if compared is None:
        run = CompareRun.of(dataset_id, old, new)
        return {**facts, "job": _last_run(run), "candidates": snapshots.count_candidates(dataset_id, old, new)}
    counts = compared.counts
    kind = kind or next((one for one in kinds if counts[one]), kinds[0])
    ids = compared.ids[kind]
    pages = max((len(ids) + PAGE_SIZE - 1) // PAGE_SIZE, 1)
    page = min(page, pages)
    shown = ids[(page - 1) * PAGE_SIZE : page * PAGE_SIZE].tolist()
    return {
        **facts,
        "compared": compared,
        "counts": counts,
        "kind": kind,
        "kinds": kinds,
        "page": page,
        "pages": pages,
        "first": (page - 1) * PAGE_SIZE,
        "shown": snapshots.list_differences(compared, shown),
        "sides": _split_changes(compared),
        "pieces": lambda old, new: difference.excerpt_changes(difference.compare_words(old, new)),
        "what": what_changed,
    }


def _split_changes(compared: Comparison) -> list[tuple[str, int, int]]:
    """How many pairs each split holds before and after, where that differs."""
    found = []
    for point in (compared.before, compared.after):
        now = None if point else entries.split_counts(compared.dataset_id, compared.filters)
        found.append(point.splits if point else now or {})
    sides = ((name, found[0].get(name, 0), found[1].get(name, 0)) for name in SPLITS)
    return [(name.capitalize(), old, new) for name, old, new in sides if old != new]


def what_changed(fields: dict[str, Any]) -> str:
    """The names of the fields that changed, as the last column says them."""
    texts = ("question", "answer")
    names = [one for one in fields if one not in texts] if fields.keys() >= set(texts) else list(fields)
    both = ["question and answer"] if len(names) < len(fields) else []
    return ", ".join(FIELD_NAMES.get(name, name.capitalize()) for name in [*both, *names])


def _last_run(run: CompareRun) -> Job | None:
    """The newest job that compares, or compared, just this."""
    wanted = encode(run)
    listed = jobs.listed(dataset_id=run.dataset_id, size=200)
    return next((one for one in listed if one.kind == snapshots.COMPARE.name and one.arguments == wanted), None)


@bp.post("/compare")
def compare(dataset_id: int) -> ResponseReturnValue:
    """Compare in the background, where very much lies in between."""
    old = snapshots.find_snapshot(dataset_id, request.form.get("from", ""))
    new = snapshots.find_point(dataset_id, request.form.get("to", "now"))
    return _lead_to(dataset_id, tasks.start(snapshots.COMPARE, CompareRun.of(dataset_id, old, new)))


@bp.get("/new")
def new(dataset_id: int) -> ResponseReturnValue:
    """What to freeze, and what to call it."""
    dataset = datasets.get(dataset_id)
    filters = read_filters(request.args)
    said = {"--name": request.args.get("name", ""), "--note": request.args.get("note", "")}
    words = [one for flag, text in said.items() if text for one in (flag, text)]
    return render_template(
        "snapshots/new.html",
        dataset=dataset,
        filters=filters,
        carried=list(describe_filters(replace(filters, text="", statuses=(), splits=(), tags=()))),
        count=entries.count_entries(dataset_id, filters),
        tags=[name for name, _ in entries.tag_counts(dataset_id)][:50],
        splits=SPLITS,
        statuses=STATUSES,
        number=dataset.last_snapshot + 1,
        command=command_line("snapshot", dataset.name, *words, *command_words(filters)),
    )


@bp.post("")
def freeze(dataset_id: int) -> ResponseReturnValue:
    """Freeze the dataset, or what the form's filters find."""
    datasets.get(dataset_id)
    name, note = request.form.get("name", ""), request.form.get("note", "")
    return _lead_to(
        dataset_id, tasks.start(snapshots.FREEZE, FreezeRun(dataset_id, name, note, read_filters(request.form)))
    )


@bp.get("/<int:number>")
def show(dataset_id: int, number: int) -> ResponseReturnValue:
    """One snapshot: what it holds, what was made of it, and what can be."""
    dataset, found = datasets.get(dataset_id), snapshots.find_snapshot(dataset_id, number)
    return render_template(
        "snapshots/show.html",
        dataset=dataset,
        snapshot=found,
        label=snapshots.label_of(found),
        whole=snapshots.is_whole(found),
        filters=command_words(snapshots.filters_of(found)),
        uses=[one for one in snapshots.uses_of(found.id) if one.kind != "export"],
        exports=told_exports(dataset_id, found.number),
        compared=snapshots.recall_comparison(dataset_id, None, found, snapshots.MOST_AT_ONCE),
    )


@bp.post("/<int:number>/name")
def name(dataset_id: int, number: int) -> ResponseReturnValue:
    """Give a snapshot another name or note."""
    found = snapshots.find_snapshot(dataset_id, number)
    snapshots.name_snapshot(found.id, name=request.form.get("name", ""), note=request.form.get("note", ""))
    tell("Saved.")
    return redirect(url_for(".show", dataset_id=dataset_id, number=number), code=303)


@bp.post("/<int:number>/restore")
def restore(dataset_id: int, number: int) -> ResponseReturnValue:
    """Bring the dataset back to a snapshot."""
    snapshots.find_snapshot(dataset_id, number)
    return _lead_to(dataset_id, tasks.start(snapshots.RESTORE, RestoreRun(dataset_id, number)))


@bp.post("/<int:number>/copy")
def copy(dataset_id: int, number: int) -> ResponseReturnValue:
    """Make a new dataset of what a snapshot holds."""
    run = CopyRun(dataset_id, number, request.form.get("name", ""))
    return _lead_to(dataset_id, tasks.start(snapshots.COPY, run))


@bp.post("/<int:number>/delete")
def delete(dataset_id: int, number: int) -> ResponseReturnValue:
    """Delete a snapshot for good."""
    found = snapshots.find_snapshot(dataset_id, number)
    snapshots.delete_snapshot(found.id, anyway=request.form.get("anyway") == "1")
    tell(f"Snapshot v{number} is deleted.")
    return redirect(url_for(".index", dataset_id=dataset_id), code=303)


def _lead_to(dataset_id: int, job: Job) -> ResponseReturnValue:
    """To what a job made, or to its progress while it goes on."""
    if job.state != "done":
        return redirect(url_for(".run", dataset_id=dataset_id, job_id=job.id), code=303)
    result: dict[str, Any] = job.result or {}
    if job.kind == snapshots.COPY.name:
        tell(f"{result['summary']}.")
        return redirect(url_for("overview.index", dataset_id=result["dataset_id"]), code=303)
    if job.kind == snapshots.COMPARE.name:
        points = {"from": result["from"], "to": result["to"]}
        return redirect(url_for(".index", dataset_id=dataset_id, **points), code=303)
    if job.kind == snapshots.FREEZE.name:
        tell(f"{plural(result['records'], 'pair')} frozen as {result['snapshot']}.")
    else:
        tell_step(dataset_id, history.applied_of(dataset_id, result), f"{result['summary']}")
    return redirect(url_for(".index", dataset_id=dataset_id), code=303)


@bp.get("/runs/<int:job_id>")
def run(dataset_id: int, job_id: int) -> ResponseReturnValue:
    """A run in the background: its progress, then what it made."""
    job = jobs.get(job_id)
    if job.dataset_id != dataset_id or job.kind not in RUNS:
        raise NotFound(f"There is no run {job_id} of snapshots in this dataset.", job_id=job_id)
    if job.state == "done":
        return _lead_to(dataset_id, job)
    return render_template("snapshots/run.html", dataset=datasets.get(dataset_id), job=job, worker=runners.any_worker())

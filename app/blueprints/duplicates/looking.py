"""Looking: the groups, one of them in full, the scan that finds them, and the hint while a pair is written."""

from collections.abc import Mapping
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from app.blueprints.duplicates.deciding import deciding, open_group
from app.blueprints.duplicates.page import address, bp
from app.blueprints.view import back_or, tell
from app.core.errors import BadUsage
from app.forms.duplicates import ORDERS, SETTLED, SIDE_NAMES, TABS, Choice, ScanForm, View
from app.frontdoor import takes_uploads
from app.jobs import duplicates as running
from app.jobs import runners
from app.models import DuplicateScan, Job
from app.services import datasets, duplicates, jobs, uploads
from app.services.duplicates import Filter, Wish, telling

PAGE_SIZE = 50
# The lists in which a group exists for some levels only.
SLIDING = ("copies", "conflicts", "variants")
# Why a kind of groups is worth a look, beside its tab.
MEANINGS = {
    "conflicts": "Same question, different answers. A model learns to guess between them.",
    "variants": "Alike but for a number, a name or a “not”. Nothing here is removed in bulk.",
    "families": "Many pairs made from one frame. They are told as one, not as duplicates.",
    "dismissed": "Remembered, also by later scans.",
    SETTLED: "What was decided so far. Each step can be undone in History.",
}


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """The groups of one kind, and one of them to decide about."""
    dataset, view = datasets.get(dataset_id), View(request.args)
    scans = telling.scans(dataset_id)
    scan = next((one for one in scans if one.kind == (view.scope or "own")), scans[0] if scans else None)
    facts = {
        "dataset": dataset,
        "view": view,
        "scan": scan,
        "scans": scans,
        "tabs": TABS,
        "orders": ORDERS,
        "side_names": SIDE_NAMES,
        "has_model": duplicates.model() is not None,
        "meaning": MEANINGS.get(view.tab, ""),
        "job": _active(dataset_id),
        "worker": runners.any_worker(),
        "others": [one for one in datasets.list_datasets() if one.id != dataset_id],
        "has_splits": telling.has_splits(dataset_id),
        "to": lambda **changes: address(dataset_id, view, **changes),
    }
    return render_template("duplicates/index.html", **facts, **(_found(scan, view, facts) if scan else {}))


def _found(scan: DuplicateScan, view: View, facts: Mapping[str, Any]) -> dict[str, Any]:
    wanted = Filter(view.what, view.level, splits_only=view.tab == "splits")
    shown = duplicates.page(scan, wanted, cursor=view.cursor, size=PAGE_SIZE, order=view.order)
    seen = open_group(scan, view, [one.id for one in shown.groups])
    here = next((place for place, one in enumerate(shown.groups) if seen and one.id == seen.group.id), None)
    splits = duplicates.split_total(scan, view.level) if facts["has_splits"] else 0
    return {
        "totals": {**duplicates.totals(scan, view.level), "splits": splits},
        "safe": telling.safe_total(scan) if scan.kind == "own" else 0,
        "summary": telling.summary(scan, wanted),
        "told": telling.told(scan, shown.groups),
        "stops": dict(duplicates.stops(scan, view.what)) if view.tab in SLIDING else {},
        "changed": duplicates.changed_since(scan),
        "shown": shown,
        "seen": seen,
        "place": here,
        "next_group": shown.groups[here + 1].id if here is not None and here + 1 < len(shown.groups) else None,
        "choice": Choice(request.args),
        **(deciding(seen, Choice(request.args), view.skip) if seen else {}),
    }


def _active(dataset_id: int) -> Job | None:
    """The search, settling or re-check that waits or runs."""
    kinds = (running.SCAN, running.SETTLE, running.RECHECK)
    return next((job for job in jobs.listed(states=jobs.ACTIVE, dataset_id=dataset_id) if job.kind in kinds), None)


@bp.post("/scan")
@takes_uploads
def scan(dataset_id: int) -> ResponseReturnValue:
    """Compare the pairs: at once where they are few, else as a job."""
    form = ScanForm(request.form)
    job = running.start(dataset_id, _wish(form, request.files.get("file")))
    return redirect(url_for(".run", dataset_id=dataset_id, job_id=job.id), code=303)


def _wish(form: ScanForm, file: FileStorage | None) -> Wish:
    if form.scope == "dataset":
        if form.dataset_id is None:
            raise BadUsage("Choose the other dataset first.", code="no_dataset")
        return Wish(form.side, ("dataset", datasets.get(form.dataset_id).id), form.semantic)
    if form.scope == "file":
        if file is None or not file.filename:
            raise BadUsage("No file was chosen. Choose one first.", code="no_file")
        return Wish(form.side, ("file", uploads.save(file.stream.read, file.filename).token), form.semantic)
    return Wish(form.side, ("splits", ()) if form.scope == "splits" else None, form.semantic)


@bp.post("/recheck")
def recheck(dataset_id: int) -> ResponseReturnValue:
    """Look again at the pairs that were added or edited since the scan."""
    result = running.start_recheck(dataset_id)
    if isinstance(result, Job):
        return redirect(url_for(".run", dataset_id=dataset_id, job_id=result.id), code=303)
    tell(result.sentence)
    return redirect(back_or(url_for(".index", dataset_id=dataset_id)), code=303)


@bp.get("/runs/<int:job_id>")
def run(dataset_id: int, job_id: int) -> ResponseReturnValue:
    """A job in the background: its progress, then the groups."""
    job, dataset = jobs.get(job_id), datasets.get(dataset_id)
    if job.state != "done":
        return render_template("duplicates/run.html", dataset=dataset, job=job, worker=runners.any_worker())
    facts: dict[str, Any] = job.result or {}
    undo = {"undo": url_for("history.undo", dataset_id=dataset_id), "number": facts.get("change_set")}
    tell(facts.get("summary") or "Looked at again.", **undo if facts.get("change_set") else {})
    scope = facts.get("with", {}).get("kind", "own")
    return redirect(url_for(".index", dataset_id=dataset_id, scope=scope if scope != "own" else None), code=303)


@bp.get("/hint")
def hint(dataset_id: int) -> ResponseReturnValue:
    """The pairs that ask nearly the same as what is being written."""
    text, entry_id = request.args.get("question", ""), request.args.get("pair", type=int)
    found = duplicates.hint(dataset_id, text, entry_id=entry_id) if text.strip() else []
    return render_template("duplicates/_hint.html", dataset_id=dataset_id, found=found)

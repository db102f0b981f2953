"""Scans of all pairs, settling them by a rule with the exact count first, and the hint while one writes."""

from dataclasses import replace
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.duplicates.page import bp
from app.blueprints.view import back_or, tell, tell_step
from app.core.duplicates import EXACT, LEVELS, NORMALISED
from app.core.errors import BadUsage, NotFound
from app.forms.arguments import read_choice, read_whole
from app.forms.duplicates import read_scan
from app.frontdoor import takes_uploads
from app.models import DuplicateScan
from app.services import datasets, duplicates, history, jobs, runners, tasks, uploads
from app.services.duplicates import RULES, RecheckRun, ScanRun, SettleRun

RULE_NAMES = {
    "approved": ("Approved first", "Then the newest. What was checked wins."),
    "newest": ("The newest", "What came last replaces what was there."),
    "longest": ("The longest answer", "What says most stays."),
    "most-tags": ("The most tags", "What was labelled best stays."),
}


@bp.post("/scan")
@takes_uploads
def scan(dataset_id: int) -> ResponseReturnValue:
    """Compare the pairs: at once where they are few, else as a job."""
    options, scope, file = read_scan(request.form), request.form.get("with"), request.files.get("file")
    if scope == "dataset" and options.dataset is None:
        raise BadUsage("Choose the other dataset first.", code="no_dataset")
    if scope == "file":
        if file is None or not file.filename:
            raise BadUsage("No file was chosen. Choose one first.", code="no_file")
        options = replace(options, file=uploads.save(file.stream.read, file.filename).token)
    job = tasks.start(duplicates.SCAN, ScanRun(dataset_id, options))
    return redirect(url_for(".run", dataset_id=dataset_id, job_id=job.id), code=303)


@bp.post("/recheck")
def recheck(dataset_id: int) -> ResponseReturnValue:
    """Look again at the pairs that were added or edited since the scan."""
    job = tasks.start(duplicates.RECHECK, RecheckRun(dataset_id))
    if job.state != "done":
        return redirect(url_for(".run", dataset_id=dataset_id, job_id=job.id), code=303)
    tell(str((job.result or {})["summary"]))
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


@bp.get("/settle")
def settle_by_rule(dataset_id: int) -> ResponseReturnValue:
    """Choose the rule and see what it would do."""
    dataset, (found, level, rule) = datasets.get(dataset_id), _settle_choices(dataset_id)
    previews = {one: duplicates.preview_settling(found, one, rule) for one in (EXACT, NORMALISED)}
    return render_template(
        "duplicates/settle.html",
        dataset=dataset,
        scan=found,
        level=level,
        rule=rule,
        rules=[(name, *RULE_NAMES[name]) for name in RULES],
        previews=previews,
        preview=previews[level],
    )


@bp.post("/settle")
def settle(dataset_id: int) -> ResponseReturnValue:
    """Keep one pair of each of these groups."""
    job = tasks.start(duplicates.SETTLE, SettleRun.of_scan(*_settle_choices(dataset_id)))
    if job.state != "done":
        return redirect(url_for(".run", dataset_id=dataset_id, job_id=job.id), code=303)
    tell_step(dataset_id, history.applied_of(dataset_id, job.result or {}))
    return redirect(url_for(".index", dataset_id=dataset_id), code=303)


def _settle_choices(dataset_id: int) -> tuple[DuplicateScan, int, str]:
    """The scan whose groups are settled, at which level, and by which rule."""
    found = duplicates.latest_scan(dataset_id)
    if found is None:
        raise NotFound("Nothing was compared yet. Scan the pairs first.", code="no_scan")
    level = read_choice(request.values, "level", [str(one) for one in LEVELS], str(NORMALISED))
    rule = read_choice(request.values, "rule", RULES, RULES[0])
    return found, EXACT if level == str(EXACT) else NORMALISED, rule


@bp.get("/hint")
def hint(dataset_id: int) -> ResponseReturnValue:
    """The pairs that ask nearly the same as what is being written."""
    text, entry_id = request.args.get("question", ""), read_whole(request.args, "pair", None)
    found = duplicates.find_hints(dataset_id, text, entry_id=entry_id) if text.strip() else []
    return render_template("duplicates/_hint.html", dataset_id=dataset_id, found=found)

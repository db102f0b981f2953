"""Settling by a rule: all groups of identical texts at once, with the exact count before anything happens."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.duplicates.page import bp
from app.blueprints.view import tell_step
from app.core.duplicates import EXACT, NORMALISED
from app.core.errors import NotFound
from app.jobs import duplicates as running
from app.models import DuplicateScan, Job
from app.services import datasets, duplicates
from app.services.duplicates import RULES

RULE_NAMES = {
    "approved": ("Approved first", "Then the newest. What was checked wins."),
    "newest": ("The newest", "What came last replaces what was there."),
    "longest": ("The longest answer", "What says most stays."),
    "most-tags": ("The most tags", "What was labelled best stays."),
}


@bp.get("/settle")
def settle_by_rule(dataset_id: int) -> ResponseReturnValue:
    """Choose the rule and see what it would do."""
    dataset, scan, level, rule = datasets.get(dataset_id), _scan(dataset_id), _level(), _rule()
    previews = {one: duplicates.settle_preview(dataset_id, scan, one, rule) for one in (EXACT, NORMALISED)}
    return render_template(
        "duplicates/settle.html",
        dataset=dataset,
        scan=scan,
        level=level,
        rule=rule,
        rules=[(name, *RULE_NAMES[name]) for name in RULES],
        previews=previews,
        preview=previews[level],
    )


@bp.post("/settle")
def settle(dataset_id: int) -> ResponseReturnValue:
    """Keep one pair of each of these groups."""
    result = running.start_settling(dataset_id, _scan(dataset_id), _level(), _rule())
    if isinstance(result, Job):
        return redirect(url_for(".run", dataset_id=dataset_id, job_id=result.id), code=303)
    tell_step(dataset_id, result.applied)
    return redirect(url_for(".index", dataset_id=dataset_id), code=303)


def _scan(dataset_id: int) -> DuplicateScan:
    scan = duplicates.latest(dataset_id)
    if scan is None:
        raise NotFound("Nothing was compared yet. Scan the pairs first.", code="no_scan")
    return scan


def _level() -> int:
    return EXACT if request.values.get("level") == str(EXACT) else NORMALISED


def _rule() -> str:
    rule = request.values.get("rule", "")
    return rule if rule in RULES else RULES[0]

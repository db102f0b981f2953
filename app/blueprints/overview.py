"""The overview of a dataset: whether one can train on it now, and if not, what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.view import tell, tell_step
from app.core.errors import BadUsage, NotFound
from app.core.stats import KINDS, name_language
from app.core.text import plural
from app.core.validation import FIXES, RULES, SEVERITIES, Profile
from app.core.validation.costs import say_price
from app.core.validation.lints import LINTS
from app.forms.cleaning import address_parts
from app.forms.filters import title_of_finding
from app.models import Dataset
from app.services import datasets, duplicates, history, jobs, runners, stats, tasks, validation
from app.services.validation import CheckRun, Choices, Found, Overview

bp = Blueprint("overview", __name__, url_prefix="/datasets/<int:dataset_id>")

# What is put right on another page: what the button says, and the page.
_ELSEWHERE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "too-few": ("Import more…", "imports.index", {}),
    "too-few-for-some": ("Import more…", "imports.index", {}),
    "few-records": ("Import more…", "imports.index", {}),
    "no-records": ("Import…", "imports.index", {}),
    "some-systems": ("Set a prompt…", "cleaning.index", {"op": "system-prompt"}),
}
# What of a pair a fix may change.
_SHOWN_FIELDS = {
    "question": "",
    "answer": "",
    "system": "System prompt",
    "turns": "Earlier turns",
    "trace": "Steps",
    "reasoning": "Reasoning",
    "rejected_answer": "Worse answer",
    "extra": "Other columns",
}


@bp.get("/")
def index(dataset_id: int) -> ResponseReturnValue:
    """What the last check found, with the way to each thing, and how the pairs stand."""
    dataset = datasets.get(dataset_id)
    profiles, choices = validation.known_profiles(), validation.read_choices(dataset)
    seen = validation.view_check(dataset_id)
    run = CheckRun(dataset_id, ",".join(choices.profiles))
    return render_template(
        "overview/index.html",
        dataset=dataset,
        profiles=profiles,
        targets=[one for one in profiles.values() if one.layout],
        choices=choices,
        seen=seen,
        edited=validation.find_edited(seen.check) if seen and seen.steps else None,
        severities=SEVERITIES,
        job=tasks.find_running(validation.CHECK, run),
        safe=validation.count_safe(dataset_id, seen) if seen else 0,
        way_to_fix=lambda found: _way_to_fix(dataset_id, found),
        trained_at=lambda found: _trained_at(dataset_id, found),
        fixes=FIXES,
        beside=_find_beside(dataset, seen),
        lints=LINTS,
        passing=_count_passing(seen, profiles, choices) if seen else 0,
        latest=history.steps(dataset_id, size=4),
        most=validation.MOST_KEPT,
        costs=stats.list_costs(dataset, seen.check) if seen else [],
        say_price=say_price,
        kinds=KINDS,
        name_language=name_language,
    )


def _count_passing(seen: Overview, profiles: Mapping[str, Profile], choices: Choices) -> int:
    """How many rules of the chosen targets, and lints, found nothing."""
    names = [name for name in seen.check.profile.split(",") if name in profiles]
    asked = {code for name in names for code in profiles[name].rules} | (LINTS.keys() - set(choices.off))
    return len(asked - {one["code"] for one in seen.summary["codes"]})


@dataclass(frozen=True, slots=True)
class Way:
    """A button that puts a finding right: where it leads, or with ``sends`` what it does at once."""

    label: str
    href: str
    sends: str = ""


def _way_to_fix(dataset_id: int, found: Found) -> Way | None:
    """What puts a finding right: a preview, an action with the number of pairs, or the page where it is done."""
    if found.code in _ELSEWHERE:
        label, endpoint, arguments = _ELSEWHERE[found.code]
        return Way(label, url_for(endpoint, dataset_id=dataset_id, **arguments))
    fix = validation.fix_of(found)
    if fix is None:
        return None
    if fix.step is not None:
        which: dict[str, Any] = {"finding": found.code} if fix.is_all else {}
        address = url_for("cleaning.index", dataset_id=dataset_id, **address_parts(fix.step), **which)
        return Way(fix.label, address)
    if fix.action == "edit":
        return Way(fix.label, url_for("pairs.index", dataset_id=dataset_id, finding=found.code, pair="first"))
    return Way(fix.label, url_for(".fix", dataset_id=dataset_id), found.code)


def _trained_at(dataset_id: int, found: Found) -> str | None:
    """Where it is shown what is trained of the pairs of a finding, if that is what it is about."""
    if found.code not in RULES or RULES[found.code].level != "trained" or not found.pairs:
        return None
    profile = found.targets[0] if found.targets else None
    return url_for("trained.index", dataset_id=dataset_id, finding=found.code, profile=profile)


@dataclass(frozen=True, slots=True)
class Beside:
    """Something to look at that no rule tells: what is alike, and what stands on both sides."""

    number: int
    title: str
    why: str
    shows: str
    way: Way
    severity: str = "warning"


def _find_beside(dataset: Dataset, seen: Overview | None) -> list[Beside]:
    """What the last search for duplicates and the splits have to say."""
    found, dataset_id = [], dataset.id
    scan = duplicates.latest_scan(dataset_id)
    groups: Any = duplicates.report_scan(scan)["groups"] if scan else {}
    if scan is None and dataset.entry_count > 1:
        address = url_for("duplicates.index", dataset_id=dataset_id)
        why = "Whether pairs say the same in other words, or contradict each other, is not known yet."
        way = Way("Look for duplicates", url_for("duplicates.scan", dataset_id=dataset_id), "duplicates")
        found.append(Beside(0, "Nobody looked for duplicates", why, address, way, "hint"))
    if number := groups.get("copies"):
        address = url_for("duplicates.index", dataset_id=dataset_id)
        why = f"{plural(number, 'group')} of pairs say the same, or almost."
        found.append(Beside(number, "Duplicates", why, address, Way(f"Review {plural(number, 'group')}", address)))
    if number := groups.get("conflicts"):
        address = url_for("duplicates.index", dataset_id=dataset_id, tab="conflicts")
        why = f"{plural(number, 'question')} with two or more answers that do not agree."
        label = f"Resolve {plural(number, 'question')}"
        found.append(Beside(number, "Conflicting answers", why, address, Way(label, address)))
    few = validation.find_unapproved(seen, dataset) if seen is not None else None
    if few is not None:
        approved, waiting, least = few
        address = url_for("review.index", dataset_id=dataset_id, status=["review", "draft"])
        why = f"An export takes the approved pairs alone, {approved:,} so far; the target wants at least {least:,}."
        way = Way(f"Review {plural(waiting, 'pair')}", address)
        found.append(Beside(approved, "Too few approved pairs", why, address, way))
    if seen is not None and (number := seen.leaks):
        address = url_for("splits.index", dataset_id=dataset_id)
        why = "The test would ask what training has already shown."
        way = Way(f"Move {number:,} together", url_for("splits.move", dataset_id=dataset_id), "leaks")
        found.append(Beside(number, "On both sides of the split", why, address, way))
    return found


@bp.post("/check/fix")
def fix(dataset_id: int) -> ResponseReturnValue:
    """Put a finding right in its pairs, as one step of the history."""
    datasets.get(dataset_id)
    applied = validation.fix_finding(dataset_id, request.form.get("code", ""))
    tell_step(dataset_id, applied, "Nothing was left to fix.")
    return redirect(url_for(".index", dataset_id=dataset_id), code=303)


@bp.get("/check/fixes")
def fixes(dataset_id: int) -> ResponseReturnValue:
    """All that can be fixed at once: how many pairs change by which finding, and the first of them."""
    dataset, codes = datasets.get(dataset_id), _chosen_codes(request.args.getlist("code"))
    seen = validation.view_check(dataset_id)
    return render_template(
        "overview/fixes.html",
        dataset=dataset,
        safe=validation.safe_fixes(seen),
        codes=codes,
        plan=validation.plan_fixes(dataset_id, codes),
        most=validation.MOST_KEPT,
        shown_fields=_SHOWN_FIELDS,
    )


@bp.post("/check/fixes")
def fix_all(dataset_id: int) -> ResponseReturnValue:
    """Fix all chosen findings as one step of the history."""
    datasets.get(dataset_id)
    applied = validation.fix_all(dataset_id, _chosen_codes(request.form.getlist("code")))
    tell_step(dataset_id, applied, "Nothing was left to fix.")
    return redirect(url_for(".index", dataset_id=dataset_id), code=303)


def _chosen_codes(said: list[str]) -> list[str] | None:
    """The findings that a form names, with an empty one that it always sends; None, which is all, for no form."""
    return [one for one in said if one] if said else None


@bp.post("/check")
def check(dataset_id: int) -> ResponseReturnValue:
    """Check all pairs for the chosen targets, which stay chosen."""
    profile = validation.choose_targets(dataset_id, request.form.getlist("profile"))
    job = tasks.start(validation.CHECK, CheckRun(dataset_id, profile))
    if job.state != "done":
        return redirect(url_for(".run", dataset_id=dataset_id, job_id=job.id), code=303)
    return redirect(url_for(".index", dataset_id=dataset_id), code=303)


@bp.post("/check/edited")
def recheck(dataset_id: int) -> ResponseReturnValue:
    """Look again at the few pairs that were edited since the last check."""
    number = validation.recheck_edited(dataset_id)
    tell(f"Checked {plural(number, 'pair')} again.")
    return redirect(url_for(".index", dataset_id=dataset_id), code=303)


@bp.get("/check/<int:job_id>")
def run(dataset_id: int, job_id: int) -> ResponseReturnValue:
    """A check in the background: its progress, then the overview."""
    job = jobs.get(job_id)
    if job.dataset_id != dataset_id or job.kind != validation.CHECK.name:
        raise NotFound(f"There is no check {job_id} of this dataset.", job_id=job_id)
    if job.state == "done":
        return redirect(url_for(".index", dataset_id=dataset_id))
    return render_template("overview/run.html", dataset=datasets.get(dataset_id), job=job, worker=runners.any_worker())


@bp.post("/cost")
def set_cost(dataset_id: int) -> ResponseReturnValue:
    """Keep the model, its price and the epochs for a target."""
    said = {name: request.form.get(name, "") for name in ("model", "price", "currency", "epochs")}
    stats.keep_cost(dataset_id, request.form.get("profile", ""), **said)
    tell("Kept the price and the epochs.")
    return redirect(url_for(".index", dataset_id=dataset_id, _anchor="cost"), code=303)


@bp.post("/check/lints")
def choose_lints(dataset_id: int) -> ResponseReturnValue:
    """Choose which lints are asked from the next check on."""
    number = validation.choose_lints(dataset_id, request.form.getlist("lint"))
    tell(f"{number} of {plural(len(LINTS), 'lint')} on. Check again to see what they find.")
    return redirect(url_for(".index", dataset_id=dataset_id), code=303)


@bp.post("/check/aside")
def set_aside(dataset_id: int) -> ResponseReturnValue:
    """Waive a finding with a reason, switch a lint off, or take either back."""
    code, action = request.form.get("code", ""), request.form.get("action", "")
    actions: dict[str, Any] = {
        "waive": lambda: validation.waive_finding(dataset_id, code, request.form.get("reason", "")),
        "off": lambda: validation.switch_off(dataset_id, code),
        "back": lambda: validation.take_back(dataset_id, code),
    }
    if action not in actions:
        raise BadUsage("Choose what to do with the finding.")
    actions[action]()
    done = {"waive": "is waived", "off": "is switched off", "back": "counts again"}[action]
    tell(f"“{title_of_finding(code)}” {done}.")
    return redirect(url_for(".index", dataset_id=dataset_id), code=303)

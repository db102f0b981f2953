"""Splits: shares and what stays together, what that would do, and what stands on both sides."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.view import back_or, tell_step
from app.core import difference
from app.core.errors import LttError, NotFound
from app.core.options import command_line, command_words, options_of
from app.core.splits import (
    GROUPS,
    STRATA,
    WHY,
    KindFacts,
    Leaks,
    SplitOptions,
    SplitRows,
    count_sides,
    describe_kinds,
    leaks_of,
    name_empty,
    share_by_tag,
    tell_documents,
)
from app.core.text import is_number, plural
from app.forms.splits import PRESETS, SplitForm
from app.models import Job
from app.services import datasets, entries, history, jobs, runners, splits, tasks
from app.services.splits import MoveRun, SplitRun

bp = Blueprint("splits", __name__, url_prefix="/datasets/<int:dataset_id>/splits")
SHOWN, MOST = 3, 50
FEW_TAGS = 6
# From this share of all pairs on, one document would decide where everything goes.
LARGE = 0.2


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """The settings, what they would do, and what would leak."""
    dataset = datasets.get(dataset_id)
    rows, last = splits.recall_rows(dataset_id), splits.last_split(dataset_id)
    kinds, usual = describe_kinds(rows), splits.last_options(dataset_id)
    form = SplitForm(request.args, usual or suggest_options(len(rows), kinds))
    facts: dict[str, Any] = {"plan": None, "problem": None}
    try:
        options = form.options()
        plan = splits.plan_split(dataset_id, options)
        made = plan.assignment
        facts |= {
            "plan": plan,
            "options": options,
            "flow": made.flow,
            "kinds_moved": leaks_of(options.group_by),
            "leaks": leak_facts(dataset_id, rows, plan.leaks, form),
            "tags": share_by_tag(rows, made.after, options.shares),
            "command": command_line("split", "--dataset", dataset.name, *words_of(options, usual), one_line=False),
        }
    except LttError as error:
        facts["problem"] = error
    return render_template(
        "splits/index.html",
        dataset=dataset,
        form=form,
        last=last,
        now=count_sides(rows.sides()),
        kinds={name: (GROUPS[name], describe_kind(name, kinds[name], len(rows), rows.searched)) for name in GROUPS},
        families=kinds["family"],
        searched=rows.searched,
        strata=STRATA,
        presets=PRESETS,
        why=WHY,
        every_tag=request.args.get("tags") == "all",
        few_tags=FEW_TAGS,
        **facts,
    )


def words_of(options: SplitOptions, usual: SplitOptions | None) -> list[str]:
    """What to write on the command line to say the same, where what is left out is as in the last division."""
    words = command_words(options)
    for one in options_of(SplitOptions):
        value = getattr(options, one.name)
        if usual and one.name != "lock" and value == one.default != getattr(usual, one.name):
            words += [one.flag, ",".join(value) if isinstance(value, tuple) else one.say(value)]
    return words


def suggest_options(count: int, kinds: dict[str, KindFacts]) -> SplitOptions:
    """What to begin with: kept together is what the pairs tell of themselves, unless one group is a large part."""
    told = [name for name in ("conversation", "source", "duplicates") if 0 < kinds[name].largest <= LARGE * count]
    return SplitOptions(group_by=tuple(told))


def describe_kind(name: str, facts: KindFacts, count: int, searched: bool) -> str:
    """What ticking it would keep together, in one line."""
    largest = f"the largest holds {facts.largest / count:.0%} of all pairs" if count and facts.largest else ""
    if name == "conversation":
        several = f"{plural(facts.groups, 'conversation')} with several pairs"
        return several if facts.groups else "None has several pairs"
    if name == "duplicates":
        found = f"{plural(facts.groups, 'group')} with {plural(facts.pairs, 'pair')}"
        return found if searched else "No search was made yet"
    if name == "tag":
        return f"{plural(facts.keys, 'tag')}. A whole tag would go to one side" if facts.keys else "No pair has a tag"
    words = {"source": ("document", "No pair names its document"), "file": ("file", "No pair was imported")}[name]
    return f"{plural(facts.keys, words[0])}{f'; {largest}' if largest else ''}" if facts.keys else words[1]


def leak_facts(dataset_id: int, rows: SplitRows, leaks: Leaks, form: SplitForm) -> dict[str, Any]:
    """The first leaks of a kind with both pairs."""
    number = MOST if request.args.get("leaks") == "all" else SHOWN
    listed: Any = leaks.as_dict(rows)["leaks"]
    chosen = [one for one in listed if not form.why or one[3] == form.why]
    shown = chosen[:number]
    found = entries.by_ids(dataset_id, {one for leak in shown for one in leak[:2]})
    both = [(found.get(left), found.get(right), score, why) for left, right, score, why in shown]
    return {"counts": leaks.counts, "total": len(chosen), "shown": [one for one in both if one[0] and one[1]]}


bp.add_app_template_filter(name_empty)
bp.add_app_template_filter(tell_documents)


@bp.app_template_global("compared_texts")
def compared_texts(before: str, after: str) -> list[difference.Piece]:
    """The words of the second text, with what differs from the first."""
    return difference.excerpt_changes(difference.compare_words(before, after), 120)


@bp.post("")
def make(dataset_id: int) -> ResponseReturnValue:
    """Divide the dataset as the form says."""
    datasets.get(dataset_id)
    last = splits.last_split(dataset_id)
    options = SplitForm(request.form, last[1] if last else SplitOptions()).options()
    return _lead_to(dataset_id, tasks.start(splits.SPLIT, SplitRun(dataset_id, options)))


@bp.post("/move")
def move(dataset_id: int) -> ResponseReturnValue:
    """Move together what stands in several splits: all of a kind, or what hangs together with some pairs.

    Where that would empty a split or take more than half of it, this is said and asked first.
    """
    dataset = datasets.get(dataset_id)
    why = tuple(name for name in request.form.getlist("why") if name)
    ids = tuple(int(one) for one in request.form.getlist("id") if is_number(one))
    run = MoveRun(dataset_id, why, ids or None)
    if not request.form.get("sure"):
        before, after, is_costly = splits.plan_move(run)
        if is_costly:
            target = back_or(url_for(".index", dataset_id=dataset_id))
            return render_template(
                "splits/sure.html", dataset=dataset, run=run, before=before, after=after, target=target
            )
    return _lead_to(dataset_id, tasks.start(splits.MOVE, run))


def _lead_to(dataset_id: int, job: Job) -> ResponseReturnValue:
    if job.state != "done":
        return redirect(url_for(".run", dataset_id=dataset_id, job_id=job.id), code=303)
    tell_step(dataset_id, history.applied_of(dataset_id, job.result or {}), "Nothing moved.")
    return redirect(back_or(url_for(".index", dataset_id=dataset_id)), code=303)


@bp.get("/runs/<int:job_id>")
def run(dataset_id: int, job_id: int) -> ResponseReturnValue:
    """A run in the background: its progress, then the splits."""
    job = jobs.get(job_id)
    if job.dataset_id != dataset_id or job.kind not in (splits.SPLIT.name, splits.MOVE.name):
        raise NotFound(f"There is no run {job_id} of splits in this dataset.", job_id=job_id)
    if job.state == "done":
        return _lead_to(dataset_id, job)
    return render_template("splits/run.html", dataset=datasets.get(dataset_id), job=job, worker=runners.any_worker())

"""A new run: what is chosen, what is recommended and why, what stands against it, and what it will need."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app.blueprints.errors import problem_of
from app.blueprints.training.page import bp, find_duration
from app.blueprints.view import tell
from app.core.errors import Conflict, LttError
from app.core.options import Option
from app.core.targets import EXPORT_TARGETS
from app.core.text import is_number, plural
from app.core.training import METHODS, TARGETS, Base
from app.core.validation.costs import say_price
from app.forms.arguments import require_names
from app.forms.training import FIRST, OF_BASE, OPTIONS, WORDS, TrainingForm, applies, write
from app.models import Dataset
from app.providers.tuning import Obstacle
from app.services import advice, datasets, snapshots, training
from app.services.training import Finding, Recommendation, RunPlan, local

# Among so many of the newest runs one is looked for that tells how long this one will take.
LOOKED_AT = 20
LISTED = 50
SHARE_HELD_OUT = 10


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting on the page: what stands in its field, what is recommended, and why."""

    option: Option
    shown: str
    recommended: str
    why: str
    sources: tuple[str, ...]
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class Way:
    """What settles a finding: a field to set (``epochs=3``), or a page to go to."""

    label: str
    setting: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A finding about a run: whether it blocks the start, what it is, and what settles it."""

    tone: str
    title: str
    said: str
    ways: tuple[Way, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will need as far as an earlier one tells: seconds, MB, and which run that was."""

    seconds: float
    memory_mb: float | None
    run: int


@bp.get("/new")
def new(dataset_id: int) -> ResponseReturnValue:
    """The choices of a run that is to be, with the recommended ones filled in."""
    require_names(request.args, *WORDS, *OPTIONS, *(f"{name}_shown" for name in OPTIONS))
    form = read_form(dataset_id, request.args)
    facts = page_facts(dataset_id, form)
    if request.headers.get("HX-Request"):
        return render_template("training/_planned.html", **facts)
    return render_template("training/new.html", **facts)


@bp.post("")
def start(dataset_id: int) -> ResponseReturnValue:
    """Start the run that is chosen, or the runs of a sweep one after the other."""
    form = read_form(dataset_id, request.form)
    recommended, filled = _recommend(dataset_id, form)
    try:
        _require_number(dataset_id, form.values.get("number", ""))
        choices = form.choices(dataset_id, recommended, filled)
        made = training.create_sweep(choices, form.sweep) if form.sweep else [training.create_run(choices)]
    except LttError as error:
        # What was typed stays; nothing was started.
        page = render_template("training/new.html", **page_facts(dataset_id, form, error))
        return page, problem_of(error).status
    for run in made:
        training.start_run(run.id)
    if form.sweep:
        tell(f"{plural(len(made), 'run')} wait in one queue.")
        return redirect(url_for(".index", dataset_id=dataset_id, sweep=made[0].sweep), code=303)
    return redirect(url_for(".show", dataset_id=dataset_id, number=made[0].number), code=303)


def _find_number(dataset_id: int) -> int:
    """The number that the next run gets."""
    return max((run.number for run in training.list_runs(dataset_id, size=1)), default=0) + 1


def _require_number(dataset_id: int, said: str) -> None:
    """Raise Conflict where the run that the button named was started meanwhile, as from a second tab."""
    number = _find_number(dataset_id)
    if is_number(said) and int(said) < number:
        again = f"Run {said} was started meanwhile. Start run {number} where you want one more."
        raise Conflict(again, code="started_meanwhile", run=number)


def read_form(dataset_id: int, values: "MultiDict[str, str]") -> TrainingForm:
    """The form, over the run that it repeats where it names one."""
    like = values.get("like", "")
    run = training.get_run(dataset_id, int(like)) if is_number(like) else None
    return TrainingForm(values, training.spec_of(run) if run else None, run.place if run else "local")


def _recommend(dataset_id: int, form: TrainingForm) -> tuple[list[Recommendation], list[Recommendation]]:
    """What is recommended for what is chosen now, and for what the page was filled in for."""

    def ask(held: str) -> list[Recommendation]:
        kind, _, method = held.partition(":")
        return training.recommend(dataset_id, Base(kind, kind), method)

    return ask(form.held), ask(form.values.get("was") or form.held)


def page_facts(dataset_id: int, form: TrainingForm, refused: LttError | None = None) -> dict[str, Any]:
    """All that the page says of the choices."""
    dataset = datasets.get(dataset_id)
    recommended, filled = _recommend(dataset_id, form)
    places, here = training.list_places(), local.make_place()
    where = form.text("where") or "local"
    is_known = where != "local" or here.is_probed or bool(form.values.get("look"))
    plan, problem = None, refused
    try:
        choices = form.choices(dataset_id, recommended, filled)
        plan = training.plan_run(choices, ask_place=is_known, over=form.sweep)
    except LttError as error:
        problem = problem or error
    advised, by_name = form.advised(recommended), {one.name: one for one in recommended}
    wrong = problem.details.get("option") if problem else None
    adapter = form.shown("adapter", recommended, filled) == "1"
    rows = [
        _setting_row(
            one, form.shown(name, recommended, filled), getattr(advised, name), by_name.get(name), name == wrong
        )
        for name, one in OPTIONS.items()
        if applies(name, form.base_kind, form.method, adapter)
    ]
    found = advice.view_advice(dataset_id)
    known = here.probe() if here.is_probed else None
    return {
        "dataset": dataset,
        "form": form,
        "plan": plan,
        "problem": problem,
        "swept": len(plan.swept) if plan else 0,
        "rows": [row for row in rows if row.option.name in FIRST],
        "more": [row for row in rows if row.option.name not in FIRST],
        "changed": sum(row.option.name not in FIRST and row.shown != row.recommended for row in rows),
        "methods": [(name, METHODS[name]) for name in OF_BASE[form.base_kind]],
        "places": [(one.name, one.title) for one in places],
        "here": known,
        "may_download": form.shown("allow_download", recommended, filled) == "1",
        "is_known": is_known,
        "where": where,
        "snapshots": snapshots.list_snapshots(dataset_id, size=LISTED),
        "chosen_snapshot": plan.snapshot if plan and form.text("snapshot") else None,
        "advised": found[0] if found else None,
        "blocks": list(list_blocks(dataset, plan, [one.name for one in places], known)) if plan else [],
        "estimate": estimate(plan) if plan else None,
        "number": _find_number(dataset_id),
        "again": form.like is not None,
        "say_price": say_price,
        "target_title": plan.quote.service if plan and plan.quote else EXPORT_TARGETS[TARGETS[form.method]].title,
    }


def _setting_row(one: Option, shown: str, advised: Any, known: Recommendation | None, is_wrong: bool) -> SettingRow:
    why = known.reason[:1].upper() + known.reason[1:] if known else one.help
    why = why if why.endswith(".") else f"{why}."
    return SettingRow(one, shown, write(advised), why, known.sources if known else (), is_wrong)


def list_blocks(dataset: Dataset, plan: RunPlan, places: list[str], here: Mapping[str, Any] | None) -> Iterator[Block]:
    """What stands against a run and what is to be known, each with what settles it. ``here`` is what was found."""
    quantizes = (here or {}).get("qlora", {})
    if plan.choices.where == "local" and plan.choices.method == "qlora" and quantizes.get("works") is False:
        yield Block(
            "warn", "QLoRA does not work here.", str(quantizes.get("why", "")), (Way("Use LoRA", "method=lora"),)
        )
    for one in plan.obstacles:
        yield Block(
            "error" if one.blocking else "warn", "", one.message, tuple(_ways_round(dataset, plan, one, places))
        )
    # Where nothing is left to train on, what is found of nothing says no more.
    for found in plan.survey.findings if plan.survey.splits.get("train") else ():
        if found.blocks or found.severity == "warning":
            said = f"{found.said}." if found.said[-1:] not in ("", ".", "!", "?") else found.said
            title = f"{found.title}: {plural(found.records, 'pair')}."
            if said and found.records > 1:
                said = f"For example: {said}"
            yield Block("error" if found.blocks else "warn", title, said, tuple(_ways_to_fix(dataset, plan, found)))
    if plan.survey.splits.get("train") and not plan.survey.splits.get("validation"):
        divide = Way("Divide the dataset…", href=url_for("splits.index", dataset_id=dataset.id))
        hold = Way(f"Hold out {SHARE_HELD_OUT}%", f"held_out={SHARE_HELD_OUT}")
        said = training.NO_VALIDATION.partition(": ")[2]
        yield Block(
            "warn",
            "There are no validation pairs.",
            f"{said[:1].upper()}{said[1:]}",
            (hold, divide),
        )


def _ways_round(dataset: Dataset, plan: RunPlan, one: Obstacle, places: list[str]) -> Iterator[Way]:
    if one.code == "no_training_pairs" and not dataset.entry_count:
        yield Way("Import a file…", href=url_for("imports.index", dataset_id=dataset.id))
    elif one.code == "no_training_pairs":
        yield Way(
            "See what is left out", href=url_for("export.index", dataset_id=dataset.id, to=TARGETS[plan.choices.method])
        )
    if one.code == "not_downloaded":
        yield Way("It may be downloaded", "allow_download=1")
    if one.code == "no_memory" and plan.choices.method in ("full", "lora") and plan.base.kind != "toy":
        yield Way("Use QLoRA", "method=qlora") if plan.choices.method == "lora" else Way("Use LoRA", "method=lora")
    if one.code in ("no_extra", "no_memory") and plan.choices.where == "local" and "bundle" in places:
        yield Way("Make a bundle", "where=bundle")


def _ways_to_fix(dataset: Dataset, plan: RunPlan, found: Finding) -> Iterator[Way]:
    longest = plan.survey.tokens.get("max")
    if (
        found.code in ("too-long", "answer-cut", "question-cut", "no-answer-left")
        and longest
        and longest > plan.choices.settings.max_tokens
    ):
        yield Way(f"Use {longest:,}", f"max_tokens={longest}")
    yield Way("See the findings", href=url_for("overview.index", dataset_id=dataset.id))


def estimate(plan: RunPlan) -> Estimate | None:
    """What the newest finished run of the same model, method and place says of this one; None where there is none."""
    for run in training.list_runs(plan.choices.dataset_id, size=LOOKED_AT):
        if run.state != "done" or run.place != plan.choices.where:
            continue
        spec = training.spec_of(run)
        if (spec.base.kind, spec.base.name, spec.method) != (plan.base.kind, plan.base.name, plan.choices.method):
            continue
        points = training.read_run(run).points
        if not points or not points[-1].step:
            continue
        # Of a run that was paused or taken up again only the time in which it trained counts.
        steps, took = points[-1].step, points[-1].seconds or find_duration(run)
        if not took:
            continue
        before, now = spec.settings, plan.choices.settings
        larger = now.batch_size * now.accumulation / (before.batch_size * before.accumulation)
        memory = max((one.memory_mb for one in points if one.memory_mb is not None), default=None)
        return Estimate(took / steps * sum(plan.steps_swept) * larger, memory, run.number)
    return None

"""What a run would be, before there is one: its data, what speaks against it, what is recommended and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.advice import Advice, load_facts
from app.core.text import plural
from app.core.training import (
    METHODS,
    Base,
    FrozenData,
    RunSpec,
    count_steps,
    name_command,
    number_checkpoints,
)
from app.models import Dataset, Snapshot
from app.providers.tuning import Obstacle
from app.providers.tuning.hosted import HostedPlace
from app.services import advice, datasets, export, snapshots
from app.services.training.choices import RunChoices
from app.services.training.data import Survey, export_options, survey_data
from app.services.training.places import find_place, target_of
from app.services.training.quoting import Quote, quote_run
from app.services.training.sweeping import combine_swept

# Data of so many pairs is looked at while a page waits; of more it is checked when the run starts.
SURVEYED = 20_000
NO_VALIDATION = (
    "There are no validation pairs: nothing will tell when the model begins to learn by heart, which checkpoint is"
    " best, or when to stop. Divide the dataset, or hold out a part of the training pairs by the seed."
)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The recommended value of a setting, with its reason and where that was read."""

    name: str
    value: Any
    reason: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run as it would be. ``is_surveyed`` says that its data was looked at pair by pair; else only its splits are
    known, and findings are told when it starts."""

    choices: RunChoices
    dataset: Dataset
    snapshot: Snapshot | None
    base: Base
    survey: Survey
    is_surveyed: bool
    obstacles: list[Obstacle]
    notes: list[str]
    recommended: list[Recommendation]
    steps_per_epoch: int
    steps: int
    checkpoint_every: int
    checkpoints: int
    command: str
    estimate: dict[str, Any] = field(default_factory=dict)
    # What it costs, where a service trains it.
    quote: Quote | None = None
    # The runs of a sweep, which share all of this but steps and checkpoints.
    swept: list[RunChoices] = field(default_factory=list)

    @property
    def steps_swept(self) -> list[int]:
        """The steps of each run of a sweep; those of the run itself where there is none."""
        rows = self.survey.rows.get("train", 0)
        return [count_steps(rows, one.settings)[1] for one in self.swept] or [self.steps]

    @property
    def is_blocked(self) -> bool:
        """Whether it cannot start as it is: something must be fixed first, or the place refuses."""
        return bool(self.refusals) or bool(self.survey.blocking and not self.choices.override.strip())

    @property
    def refusals(self) -> list[Obstacle]:
        """What no reason can pass over."""
        return [one for one in self.obstacles if one.blocking]

    def as_dict(self) -> dict[str, Any]:
        """The plan as programs see it."""
        survey = self.survey
        return {
            "dataset": self.dataset.name,
            "snapshot": snapshots.label_of(self.snapshot) if self.snapshot else None,
            "snapshot_hash": self.snapshot.hash if self.snapshot else None,
            "where": self.choices.where,
            "base": {"kind": self.base.kind, "name": self.base.name},
            "method": self.choices.method,
            "splits": survey.splits,
            "left_out": [{"reason": reason, "records": number} for reason, number in survey.left_out.items()],
            "findings": [
                {
                    "code": one.code,
                    "title": one.title,
                    "severity": one.severity,
                    "records": one.records,
                    "message": one.said,
                    "blocks": one.blocks,
                }
                for one in survey.findings
            ],
            "checked": self.is_surveyed,
            "obstacles": [
                {"code": one.code, "message": one.message, "blocks": one.blocking, **one.details}
                for one in self.obstacles
            ],
            "notes": self.notes,
            "recommended": {
                one.name: {"value": one.value, "reason": one.reason, "sources": list(one.sources)}
                for one in self.recommended
            },
            "steps_per_epoch": self.steps_per_epoch,
            "steps": self.steps,
            "runs": max(len(self.swept), 1),
            "checkpoint_every": self.checkpoint_every,
            "checkpoints": self.checkpoints,
            "estimate": self.estimate,
            "quote": self.quote.as_dict() if self.quote else None,
            "blocked": self.is_blocked,
            "command": self.command,
        }


def plan_run(
    choices: RunChoices, *, ask_place: bool = True, over: Mapping[str, Sequence[str]] | None = None
) -> RunPlan:
    """What a run would be, or the runs of a sweep that goes ``over`` some settings. Nothing is written; without
    ``ask_place`` the place is not asked what speaks against it."""
    choices = choices.checked()
    swept = combine_swept(choices, over) if over else []
    dataset = datasets.get(choices.dataset_id)
    snapshot = _find_snapshot(choices)
    records = snapshot.records if snapshot else dataset.entry_count
    place = find_place(choices.where)
    # Who entered a price wants to know what it costs, which takes a look at each pair.
    is_surveyed = records <= SURVEYED or (isinstance(place, HostedPlace) and bool(choices.price))
    survey = _survey(dataset, snapshot, choices) if is_surveyed else _count(dataset, snapshot, choices)
    rows = survey.rows.get("train", 0)
    every, checkpoints = number_checkpoints(rows, choices.settings)
    each, total = count_steps(rows, choices.settings)
    base, label = choices.find_base(), snapshots.label_of(snapshot) if snapshot else ""
    obstacles = find_obstacles(survey, base)
    if ask_place:
        obstacles += place.check(_draft(choices, dataset, snapshot, survey), None)
    rest = [
        word
        for name, word in (("seed", "--seed"), ("held_out", "--held-out"), ("price", "--price"))
        for word in _said(choices, name, word)
    ]
    for setting, values in (over or {}).items():
        rest += ["--sweep", f"{setting}={','.join(values)}"]
    quote = quote_run(choices, place, survey, is_surveyed=is_surveyed) if isinstance(place, HostedPlace) else None
    command = name_command(dataset.name, label, choices.where, base, choices.method, choices.settings, *rest)
    return RunPlan(
        choices,
        dataset,
        snapshot,
        base,
        survey,
        is_surveyed,
        obstacles,
        find_notes(survey, choices),
        recommend(choices.dataset_id, base, choices.method),
        each,
        total,
        every,
        checkpoints,
        command,
        {"cost": quote.sum} if quote else {},
        quote,
        swept,
    )


def _said(choices: RunChoices, name: str, word: str) -> list[str]:
    value = getattr(choices, name)
    return [] if value == RunChoices.__dataclass_fields__[name].default else [word, str(value)]


def _find_snapshot(choices: RunChoices) -> Snapshot | None:
    if choices.snapshot:
        return snapshots.find_snapshot(choices.dataset_id, choices.snapshot)
    return snapshots.newest_of_now(choices.dataset_id)


def _survey(dataset: Dataset, snapshot: Snapshot | None, choices: RunChoices) -> Survey:
    return survey_data(
        dataset,
        snapshot,
        target_of(choices.where, choices.method),
        seed=choices.seed,
        held_out=choices.held_out,
        model=choices.find_base().name,
        max_tokens=choices.settings.max_tokens,
    )


def _count(dataset: Dataset, snapshot: Snapshot | None, choices: RunChoices) -> Survey:
    """The splits as far as columns tell."""
    counted = export.count_by_split(dataset.id, export_options(snapshot, target_of(choices.where, choices.method)))
    if set(counted) <= {None}:
        counted = {"train": counted.get(None, 0)}
    if choices.held_out and not counted.get("validation"):
        held = counted.get("train", 0) * choices.held_out // 100
        counted = {**counted, "validation": held, "train": counted.get("train", 0) - held}
    splits = {name: counted.get(name, 0) for name in ("train", "validation", "test")}
    return Survey(splits, dict(splits))


def find_obstacles(survey: Survey, base: Base) -> list[Obstacle]:
    """What speaks against a run whatever trains it."""
    found = []
    if not survey.splits.get("train"):
        said = "No pair is left to train on. See what the export leaves out."
        if not survey.left_out and not any(survey.splits.values()):
            said = "There are no pairs to train on yet."
        found.append(Obstacle("no_training_pairs", said))
    if base.kind == "hub" and not base.licence:
        said = f"Say under which licence you use {base.name}: it goes into the card of what you train."
        found.append(Obstacle("no_licence", said, blocking=False))
    return found


def find_notes(survey: Survey, choices: RunChoices) -> list[str]:
    """What to know of a run, though nothing speaks against it."""
    notes = []
    if survey.splits.get("train") and not survey.splits.get("validation"):
        notes.append(NO_VALIDATION)
    elif choices.held_out:
        notes.append(
            f"{plural(survey.splits['validation'], 'pair')} of the training pairs are held out for validation"
            f" by the seed {choices.seed}."
        )
    return notes


def _draft(choices: RunChoices, dataset: Dataset, snapshot: Snapshot | None, survey: Survey) -> RunSpec:
    return RunSpec(
        choices.name,
        frozen_data(dataset, snapshot),
        survey.splits,
        choices.find_base(),
        choices.method,
        choices.settings,
        choices.seed,
        choices.held_out,
    )


def frozen_data(dataset: Dataset, snapshot: Snapshot | None) -> FrozenData:
    """What ``run.json`` says of the data."""
    if snapshot is None:
        return FrozenData(dataset.name, dataset.id, 0, "", "", dataset.entry_count)
    return FrozenData(
        dataset.name, dataset.id, snapshot.number, snapshot.name or "", snapshot.hash or "", snapshot.records
    )


def recommend(dataset_id: int, base: Base, method: str) -> list[Recommendation]:
    """Settings to begin with, each with its reason and source: from the advice where a check counted the pairs."""
    if base.kind == "toy":
        why = "A toy model learns from nothing, so it takes large steps with all of its weights."
        return [Recommendation("method", "full", why), Recommendation("learning_rate", 1e-3, why)]
    found = advice.view_advice(dataset_id)
    return _from_advice(found[0]) if found else []


def _from_advice(found: Advice) -> list[Recommendation]:
    names, sources = {"batch": "batch_size", "length": "max_tokens"}, load_facts().sources
    given = []
    for one in found.settings:
        cited = tuple(sources[name].title for name in one.sources if name in sources)
        if one.name == "method" and one.start not in METHODS:
            continue
        given.append(Recommendation(names.get(one.name, one.name), one.start, one.reason, cited))
        if one.name == "rank" and isinstance(one.start, int):
            given.append(Recommendation("alpha", 2 * one.start, "twice the rank", cited))
    return given

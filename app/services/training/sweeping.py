"""Several values of a setting, each combination of which is a run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count, product
from math import prod
from typing import Any

from sqlalchemy import select

from app.core.advice import say_number
from app.core.errors import Invalid
from app.core.options import options_of, read_text
from app.core.training import TrainingSettings, trains_adapter
from app.models import TrainingRun, db
from app.providers.tuning.hosted import HostedPlace
from app.services.training.choices import RunChoices
from app.services.training.places import find_place

# What a sweep may go over, and how many runs it may be.
SWEPT = ("rank", "learning_rate", "epochs")
LEAST_SWEPT, MOST_SWEPT = 2, 8


def combine_swept(choices: RunChoices, over: Mapping[str, Sequence[str]], name: str = "") -> list[RunChoices]:
    """The choices of each run of a sweep, joined by a name: where none is given it is one that no sweep has.

    Raises Invalid for what cannot be swept, too many, or the same twice.
    """
    name = name or choices.name or _find_free_name(choices.dataset_id)
    known = {one.name: one for one in options_of(TrainingSettings)}
    if strange := [setting for setting in over if setting not in SWEPT]:
        raise Invalid(f"A sweep goes over {', '.join(SWEPT)}, not over {strange[0]}.", code="bad_sweep")
    if not LEAST_SWEPT <= (number := prod(map(len, over.values()))) <= MOST_SWEPT:
        said = f"A sweep is {LEAST_SWEPT} to {MOST_SWEPT} runs; these are {number:,}."
        raise Invalid(said, code="bad_sweep")
    if isinstance(find_place(choices.where), HostedPlace):
        said = "Each run at a service costs a sum of its own, which somebody confirms. Start them one by one."
        raise Invalid(said, code="bad_sweep")
    read = {setting: [read_text(known[setting], value) for value in values] for setting, values in over.items()}
    if double := [setting for setting, values in read.items() if len(set(values)) < len(values)]:
        raise Invalid(f"The sweep names a value of {double[0]} twice. Leave one out.", code="bad_sweep")
    if "rank" in over and not trains_adapter(choices.method, choices.settings):
        said = "A rank is that of an adapter, and this run trains the weights themselves. Leave the ranks out."
        raise Invalid(said, code="bad_sweep")
    combined = []
    for values in product(*read.values()):
        chosen: dict[str, Any] = dict(zip(read, values, strict=True))
        title = ", ".join(f"{known[setting].label.lower()} {say_number(value)}" for setting, value in chosen.items())
        settings = replace(choices.settings, **chosen).checked()
        combined.append(replace(choices, settings=settings, sweep=name, name=f"{name}: {title}"))
    return combined


def _find_free_name(dataset_id: int) -> str:
    taken = set(db.session.execute(select(TrainingRun.sweep).where(TrainingRun.dataset_id == dataset_id)).scalars())
    return next(name for number in count(1) if (name := f"Sweep {number}") not in taken)

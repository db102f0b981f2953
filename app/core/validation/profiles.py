"""Profiles: the rules and limits of one trainer or provider, as dated data.

A profile is a JSON file in the folder ``profiles`` beside this module. A folder of the user may hold others, and ones
that take the place of ours by their name. ``extends`` names a profile whose values it takes over where it says nothing
else; of objects it says only what differs, and null takes a value away.
"""

from collections.abc import Mapping, Sequence
from datetime import date as Date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from app.core.errors import BadUsage, Invalid
from app.core.tokens import find_family

FOLDER = Path(__file__).with_name("profiles")
DEFAULT = "openai-sft"
ALL = "all"


Severity = Literal["error", "warning", "hint"]
Trains = Literal["all", "answers", "last-answer", "completion"]


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a fact was found: the document or code, its version, and whether it was read, run or only told of."""

    title: str
    kind: Literal["documentation", "code", "run", "thread", "specification"]
    url: str = ""
    version: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How large a file may be, how many records it may and must have, and what a record may hold."""

    megabytes: float | None = None
    records_min: int | None = None
    records_max: int | None = None
    records_advised: int | None = None
    weight_min: float | None = None
    images: int | None = None
    image_megabytes: float | None = None


class Length(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a record may be, in tokens, and what becomes of one that is longer, where that is known.

    ``keeps`` says of a record that is cut which end stays. ``setting`` is the target's own name of the limit.
    """

    tokens: int | None = None
    beyond: Literal["cut", "drop", "refuse"] | None = None
    keeps: Literal["start", "end", "turns"] = "start"
    setting: str = ""


class Reasoning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a target reads the reasoning of an answer: a key of its message, or ``<think>`` text; and what else."""

    key: str | None = None
    note: str = ""


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that the target trains, with what differs for it. ``price`` is per million trained tokens."""

    name: str
    tokens: int | None = None
    records_min: int | None = None
    records_max: int | None = None
    price: float | None = None
    currency: str = "USD"
    reasoning: bool | None = None


class Epochs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many epochs the target runs where nobody says: ``usual``, or others for few or very many records.

    Where ``usual`` epochs would read fewer than ``examples_min`` records they become more, up to ``most``; where they
    would read more than ``examples_max``, fewer. ``source`` says where that is from.
    """

    usual: int
    examples_min: int | None = None
    examples_max: int | None = None
    most: int | None = None
    source: str


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that the target announced for a day: how grave it is before that day is over, and after it.

    It is not told at a time for which nothing is said.
    """

    date: Date
    says: str
    before: Severity | None = None
    after: Severity | None = None


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules and limits of one target. ``docs/validation.md`` explains each field.

    ``shapes`` are the forms of rows that the target reads, in the order in which they are tried; ``layout`` is ours,
    in which a dataset would be exported, or empty where we cannot write it yet.
    """

    name: str
    title: str
    date: Date
    about: str = ""
    sources: tuple[Source, ...]
    layout: str = ""
    format: str = "jsonl"
    shapes: tuple[str, ...]
    refuses: Literal["file", "run", "nothing"] = "file"
    drops: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    limits: Limits = Limits()
    roles: Mapping[str, tuple[str, ...]] = {}
    row_keys: Mapping[str, tuple[str, ...]] = {}
    message_keys: tuple[str, ...] = ()
    arguments: Literal["text", "object", "any"] = "any"
    tools: Literal["list", "text", "any"] = "any"
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    banned: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()
    trains: Trains = "answers"
    trains_by_shape: Mapping[str, Trains] = {}
    trains_setting: str = ""
    # Whether a message can say that it is not trained, and the key that this is read from.
    weights: bool = False
    weight_key: str = "weight"
    length: Length = Length()
    reasoning: Reasoning = Reasoning()
    # Whether conversations are written by the chat template of the model, which somebody can name.
    template: bool = False
    epochs: Epochs | None = None
    models: tuple[Model, ...] = ()
    calendar: tuple[Event, ...] = ()
    rules: Mapping[str, Severity]

    def model(self, name: str) -> Model | None:
        """The model of that name, if the profile knows it."""
        return next((one for one in self.models if one.name == name), None)


def require_model(name: str, profiles: Sequence[Profile]) -> None:
    """Raise BadUsage where none of the profiles knows a model, and it is of no family whose tokens can be counted."""
    known = [one.name for profile in profiles for one in profile.models]
    if name and name not in known and not find_family(name):
        have = f"There are: {', '.join(dict.fromkeys(known))}." if known else "There are none."
        raise BadUsage(f"No chosen profile has a model {name!r}. {have}", code="no_model")


def load_profiles(folder: Path | None = None) -> dict[str, Profile]:
    """Every profile by name, those of the user's folder in place of ours. Raises Invalid for a file that is none."""
    if folder is None or not folder.is_dir():
        return dict(_load_own())
    return _decode_all(_read_folder(FOLDER), _read_folder(folder))


def choose_profiles(said: str, known: Mapping[str, Profile]) -> list[Profile]:
    """The profiles that a text names, separated by commas; ``all`` is every one. Raises BadUsage."""
    names = list(dict.fromkeys(name.strip() for name in said.split(",") if name.strip()))
    if names == [ALL]:
        return list(known.values())
    for name in names:
        if name not in known:
            raise BadUsage(f"There is no profile {name!r}. Use all, or some of {', '.join(known)}.", code="no_profile")
    if not names:
        raise BadUsage(f"Name a profile: all, or some of {', '.join(known)}.", code="no_profile")
    return [known[name] for name in names]


@cache
def _load_own() -> dict[str, Profile]:
    return _decode_all(_read_folder(FOLDER), {})


def _read_folder(folder: Path) -> dict[str, dict[str, Any]]:
    """The values of all profiles of a folder by their names, which are those of their files."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        try:
            values = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise Invalid(f"The profile {path.name} is no JSON object: {error}.", code="bad_profile") from error
        found[path.stem] = {**values, "name": path.stem}
    return found


def _decode_all(ours: Mapping[str, dict[str, Any]], theirs: Mapping[str, dict[str, Any]]) -> dict[str, Profile]:
    found = {}
    for name in (*ours, *(name for name in theirs if name not in ours)):
        try:
            found[name] = msgspec.convert(_extended(name, [theirs, ours]), Profile)
        except msgspec.ValidationError as error:
            raise Invalid(f"The profile {name}.json is not in order: {error}.", code="bad_profile") from error
    return found


def _extended(name: str, layers: Sequence[Mapping[str, dict[str, Any]]], after: tuple[str, ...] = ()) -> dict[str, Any]:
    """The values of a profile with those that it takes over; its own name means ours. Raises Invalid."""
    layer = next((layer for layer in layers if name in layer), None)
    if layer is None or name in after:
        raise Invalid(f"The profile {after[-1]}.json extends {name!r}, which is no other profile.", code="bad_profile")
    values = dict(layer[name])
    base = values.pop("extends", None)
    if base is None:
        return values
    if base == name and layer is not layers[-1]:
        merged = _extended(base, layers[-1:])
    else:
        merged = _extended(str(base), layers, (*after, name))
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            value = {inner: one for inner, one in {**merged[key], **value}.items() if one is not None}
        merged[key] = value
    return {key: value for key, value in merged.items() if value is not None}

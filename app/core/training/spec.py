"""``run.json``: everything that is needed to repeat a run. It is written once, before the run begins."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import msgspec

from app.core.errors import Invalid
from app.core.options import decode, encode
from app.core.training.settings import COMPARING, METHODS, TARGETS, TrainingSettings

VERSION = 1
BASE_KINDS = {
    "toy": "A toy model made from the data",
    "folder": "A folder of this computer",
    "hub": "A model of the Hub",
}


@dataclass(frozen=True, slots=True)
class FrozenData:
    """The snapshot that a run is trained on: its dataset, number, name, hash and how many pairs it holds."""

    dataset: str
    dataset_id: int
    number: int
    name: str
    hash: str
    records: int


@dataclass(frozen=True, slots=True)
class Base:
    """The model that is trained: ``kind`` is toy, folder or hub; of a folder ``path`` says where it lies.

    ``licence`` is what the user confirmed of it. For a place that has models of its own, ``kind`` is hub and ``name``
    is what the place calls it.
    """

    kind: str
    name: str
    path: str | None = None
    licence: str = ""


TOY = Base("toy", "toy")


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One run. ``files`` are SHA-256 by path in the folder of the run; ``held_out`` is the share in percent of the
    training pairs that became the validation split by the seed, where the snapshot had none."""

    name: str
    snapshot: FrozenData
    splits: dict[str, int]
    base: Base
    method: str
    settings: TrainingSettings
    seed: int = 42
    held_out: int = 0
    files: dict[str, str] = field(default_factory=dict)
    template: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    made_at: str = ""

    @property
    def target(self) -> str:
        """The export target in whose shape the data is written."""
        return TARGETS[self.method]

    @property
    def tells_perplexity(self) -> bool:
        """Whether its losses are those of texts, so that e to their power is a perplexity."""
        return self.method not in COMPARING

    def as_dict(self) -> dict[str, Any]:
        """The spec as JSON values, as ``run.json`` holds them."""
        return {"version": VERSION, **asdict(self), "settings": encode(self.settings)}


def encode_spec(spec: RunSpec) -> bytes:
    """The bytes of ``run.json``."""
    return msgspec.json.format(msgspec.json.encode(spec.as_dict()), indent=2) + b"\n"


def decode_spec(said: bytes | Mapping[str, Any]) -> RunSpec:
    """The spec that ``run.json`` holds. Raises Invalid for what is none, or of a later version."""
    try:
        values = dict(msgspec.json.decode(said) if isinstance(said, bytes) else said)
        if values.pop("version", None) != VERSION:
            raise Invalid("This run.json is of another version of the program.", code="bad_spec")
        settings = decode(TrainingSettings, values.pop("settings", {}), ignore_unknown=True)
        known = {name: values[name] for name in RunSpec.__dataclass_fields__ if name in values}
        spec = msgspec.convert({**known, "settings": {}}, RunSpec)
    except (msgspec.MsgspecError, TypeError, ValueError) as error:
        raise Invalid(f"This is no run.json: {error}", code="bad_spec") from error
    if spec.method not in METHODS or spec.base.kind not in BASE_KINDS:
        raise Invalid("This run.json names a method or a kind of base model that there is not.", code="bad_spec")
    return replace(spec, settings=settings)

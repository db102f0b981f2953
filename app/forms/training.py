"""What the page of a new run is told. All of it stands in the address, so that a run to be is a link."""

import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from werkzeug.datastructures import MultiDict

from app.core.errors import BadUsage, Invalid
from app.core.options import Option, options_of, read_text
from app.core.training import COMPARING, METHODS, RunSpec, TrainingSettings, usual_settings
from app.core.training.planning import say_setting
from app.services.training import SWEPT, Recommendation, RunChoices

OPTIONS = {one.name: one for one in options_of(TrainingSettings)}
_CHOICES = {one.name: one for one in options_of(RunChoices) if one.name in ("seed", "held_out")}
BASES = ("toy", "folder", "hub")
# Which methods there are for a kind of base model, the usual one first.
OF_BASE = {"toy": ("full", "dpo", "kto"), "folder": ("lora", "qlora", "full", "dpo", "kto")}
OF_BASE["hub"] = OF_BASE["folder"]
# What stands in the table at once; all others are folded away.
FIRST = ("max_tokens", "epochs", "learning_rate", "batch_size", "accumulation", "rank", "alpha", "checkpoint_every")
_OF_ADAPTER = ("rank", "alpha", "dropout")
# Whatever an address may say beside the settings.
WORDS = (
    "asked", "was", "like", "set", "look", "number", "snapshot", "base", "folder", "hub", "licence", "where", "method",
    "seed", "held_out", "name", "note", "override", "price", "confirm", *(f"sweep_{name}" for name in SWEPT),
)  # fmt: skip


@dataclass(frozen=True)
class TrainingForm:
    """The choices on the page. ``recommended`` is filled in where nothing else is said; ``like`` is a run to repeat.

    A value that the page filled in by itself for another base model or method (``was``) is not taken for one that a
    person chose.
    """

    values: "MultiDict[str, str]"
    like: RunSpec | None = None
    like_place: str = "local"

    @cached_property
    def _said(self) -> "MultiDict[str, str]":
        """The values, after the button that was pressed: ``set`` is a field and its value."""
        said = MultiDict(self.values)
        for one in self.values.getlist("set"):
            name, sign, value = one.partition("=")
            if not sign or name not in {*WORDS, *OPTIONS}:
                raise BadUsage("set is the name of a field and its value, such as epochs=3.", code="no_argument")
            said[name] = value
        return said

    @property
    def asked(self) -> bool:
        """Whether the form was sent, and not only the page opened."""
        return "asked" in self.values

    def text(self, name: str) -> str:
        """What stands in a field that is no setting."""
        if name in self._said:
            return self._said[name].replace("\r\n", "\n").strip()
        like = self.like
        if like is None or self.asked:
            return {"seed": "42", "held_out": "0", "where": "local"}.get(name, "")
        return {
            "snapshot": str(like.snapshot.number),
            "folder": like.base.path or "",
            "hub": like.base.name if like.base.kind == "hub" else "",
            "licence": like.base.licence,
            "where": self.like_place,
            "seed": str(like.seed),
            "held_out": str(like.held_out),
        }.get(name, "")

    @property
    def base_kind(self) -> str:
        """toy, folder or hub."""
        said = self._said.get("base", "")
        if said and said not in BASES:
            raise BadUsage(f"base is one of {', '.join(BASES)}.", code="no_choice")
        return said or (self.like.base.kind if self.like else "toy")

    @property
    def base(self) -> str:
        """The base model as a run names it; empty where it is not named yet."""
        kind = self.base_kind
        return "toy" if kind == "toy" else self.text(kind)

    @property
    def method(self) -> str:
        """The method; one that the base model cannot be trained by is changed to its usual one."""
        said = self._said.get("method") or (self.like.method if self.like and not self.asked else "")
        if said and said not in METHODS:
            raise BadUsage(f"method is one of {', '.join(METHODS)}.", code="no_choice")
        offered, was = OF_BASE[self.base_kind], self.values.get("was", "").partition(":")[0]
        if was in BASES and was != self.base_kind and said == OF_BASE[was][0]:
            # It was filled in for another kind of base model.
            return offered[0]
        return said if said in offered else offered[0]

    @property
    def held(self) -> str:
        """For which base model and method the values were filled in."""
        return f"{self.base_kind}:{self.method}"

    def advised(self, recommended: list[Recommendation], held: str = "") -> TrainingSettings:
        """The settings as they are recommended, else usual, for a base model and a method."""
        kind, _, method = (held or self.held).partition(":")
        if kind not in BASES or method not in METHODS:
            raise BadUsage("was is a kind of base model and a method, such as toy:full.", code="no_choice")
        said: dict[str, Any] = {one.name: one.value for one in recommended if one.name in OPTIONS}
        return replace(
            usual_settings(kind, method), **{name: _fit(OPTIONS[name], value) for name, value in said.items()}
        )

    def shown(self, name: str, recommended: list[Recommendation], filled: list[Recommendation]) -> str:
        """What stands in the field of a setting. ``filled`` is what was recommended when the page filled it in."""
        begun = self.like.settings if self.like and not self.asked else self.advised(recommended)
        start = getattr(begun, name)
        if name not in self._said:
            # A tick that is off is not sent.
            is_off = OPTIONS[name].kind == "tick" and self.asked and f"{name}_shown" in self.values
            return "" if is_off else write(start)
        text = self._said[name].strip()
        was = self.values.get("was", "")
        if not text or (was and was != self.held and text == write(getattr(self.advised(filled, was), name))):
            return write(start)
        return text

    def settings(self, recommended: list[Recommendation], filled: list[Recommendation]) -> TrainingSettings:
        """The settings. Raises Invalid for a value that is none."""
        values = {}
        for name, one in OPTIONS.items():
            text = self.shown(name, recommended, filled)
            if one.kind == "number":
                text = text.replace(",", "").replace("\u202f", "")
            values[name] = read_text(one, text)
        return TrainingSettings(**values)

    def choices(self, dataset_id: int, recommended: list[Recommendation], filled: list[Recommendation]) -> RunChoices:
        """The run that is chosen. Raises Invalid and BadUsage where the choices make no sense."""
        if not self.base:
            what = "the folder of the base model" if self.base_kind == "folder" else "the model of the Hub"
            raise Invalid(f"Name {what}.", code="no_base")
        if self.base_kind == "folder" and not os.path.isdir(os.path.expanduser(self.base)):
            raise Invalid(f"There is no folder {self.base} on this computer.", code="no_base")
        numbers = {name: read_text(one, self.text(name) or str(one.default)) for name, one in _CHOICES.items()}
        return RunChoices(
            dataset_id,
            snapshot=self.text("snapshot"),
            where=self.text("where") or "local",
            base=self.base,
            licence=self.text("licence"),
            method=self.method,
            settings=self.settings(recommended, filled),
            name=self.text("name"),
            note=self.text("note"),
            override=self.text("override"),
            price=self.text("price"),
            confirmed=self.text("confirm"),
            **numbers,
        )

    @property
    def parts(self) -> dict[str, list[str]]:
        """What an address says to show the same choices."""
        return {name: values for name, values in self._said.lists() if name not in ("look", "set", "number")}

    @property
    def is_swept(self) -> bool:
        """Whether several values stand in a field of a sweep."""
        return any(self.text(f"sweep_{name}") for name in SWEPT)

    @property
    def sweep(self) -> dict[str, list[str]]:
        """The values of each setting that a sweep goes over; empty where there is no sweep. Raises Invalid."""
        found = {}
        for name in SWEPT:
            parts = [part for part in self.text(f"sweep_{name}").replace(",", " ").split() if part]
            for part in parts:
                read_text(OPTIONS[name], part)
            if parts:
                found[name] = list(dict.fromkeys(parts))
        return found


def write(value: Any) -> str:
    """The value of a setting as its field holds it."""
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, float) and 0 < value < 0.01:
        digits, _, power = f"{value:.6e}".partition("e")
        return f"{float(digits):g}e{int(power)}"
    return say_setting(value)


def _fit(one: Option, value: Any) -> Any:
    """A recommended value in the setting's own type and bounds."""
    value = float(value) if one.kind == "decimal" else int(value) if one.kind == "number" else value
    return min(max(value, one.between[0]), one.between[1]) if one.between else value


def applies(name: str, base_kind: str, method: str, adapter: bool) -> bool:
    """Whether a setting means anything for a base model and a method."""
    if name.startswith("toy_"):
        return base_kind == "toy"
    if name in _OF_ADAPTER:
        return method in ("lora", "qlora") or (method in COMPARING and adapter)
    if name == "adapter":
        return method in COMPARING and base_kind != "toy"
    if name == "beta":
        return method in COMPARING
    # It stands beside the name of the model.
    return name != "allow_download"

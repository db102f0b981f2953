"""What the field says about models and settings, as dated data: ``facts.json`` beside this module.

Each fact names its sources, and a source says when it was read. What was not checked is marked so; bands that were made
here of several sources name ``ours``.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date as Date
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Literal, Protocol

import msgspec

FILE = Path(__file__).with_name("facts.json")
Setting = Literal["learning_rate", "epochs", "rank", "batch"]
Method = Literal["lora", "qlora", "full"]
Verdict = Literal["too few", "more advised", "enough", "too many"]
Number = int | float
Range = tuple[Number, Number]


class Cites(Protocol):
    """What names its sources."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of sources."""


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a fact is from, and when it was read there."""

    title: str
    publisher: str
    kind: Literal["documentation", "code", "thread", "study", "licence", "ours"]
    read: Date
    url: str = ""
    version: str = ""


class Count(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many examples somebody asks for: at ``least``, to ``start`` with, at ``most``; ``note`` says it in words."""

    who: str
    note: str
    sources: tuple[str, ...]
    least: int | None = None
    start: int | None = None
    most: int | None = None

    def judge(self, number: int) -> Verdict:
        """Whether so many are what ``note`` asks for."""
        if number < (self.least or 1):
            return "too few"
        if number < (self.start or 0):
            return "more advised"
        return "enough" if self.most is None or number <= self.most else "too many"


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value to start with, and the range to try."""

    start: Number
    low: Number
    high: Number


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is advised from ``least`` records on, up to the next band."""

    least: int
    title: str
    says: str
    sources: tuple[str, ...]
    rank: Choice | None = None
    epochs: Choice | None = None
    learning_rate: Choice | None = None


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody says of a setting; of one method only where ``method`` is set."""

    setting: Setting
    who: str
    low: Number
    high: Number
    sources: tuple[str, ...]
    method: Literal["", "lora", "full", "preference"] = ""
    note: str = ""


class Note(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of advice."""

    title: str
    says: str
    sources: tuple[str, ...]


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The least memory (GB) for a model of so many billion parameters."""

    billions: Number
    qlora: Number
    lora: Number


class Memory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two tables of memory in GB: one by a factor for each billion of parameters, one measured for some sizes."""

    per_billion: Mapping[Method, Number]
    per_billion_sources: tuple[str, ...]
    measured: tuple[Measured, ...]
    measured_sources: tuple[str, ...]


class Size(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of a family. Memory in GB is what was said of this very model, ``unsaid`` where not for which method."""

    name: str
    sources: tuple[str, ...]
    billions: Number | None = None
    qlora: Range | None = None
    lora: Range | None = None
    unsaid: Range | None = None


class Family(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A family of models; ``licence_source`` is where its licence was read, empty where that was only heard of."""

    name: str
    licence: str
    sources: tuple[str, ...]
    sizes: tuple[Size, ...]
    licence_source: str = ""
    reads_reasoning: bool | None = None
    languages: int | None = None
    # Whether somebody says not to train it by QLoRA.
    no_qlora: bool = False
    note: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    sources: Mapping[str, Source]
    counts: tuple[Count, ...]
    bands: tuple[Band, ...]
    values: tuple[Value, ...]
    batch: Choice
    notes: Mapping[str, Note]
    memory: Memory
    families: tuple[Family, ...]

    def cited(self) -> Iterator[str]:
        """Every source that a fact names."""
        sizes = (size for family in self.families for size in family.sizes)
        parts: Iterable[Iterable[Cites]] = (
            self.counts, self.bands, self.values, self.notes.values(), self.families, sizes,
        )  # fmt: skip
        for one in chain.from_iterable(parts):
            yield from one.sources
        yield from (family.licence_source for family in self.families if family.licence_source)
        yield from self.memory.per_billion_sources
        yield from self.memory.measured_sources


@cache
def load_facts() -> Facts:
    """The facts, decoded strictly. Raises ValueError where one names a source that there is not."""
    facts = msgspec.json.decode(FILE.read_bytes(), type=Facts)
    if unknown := set(facts.cited()) - facts.sources.keys():
        raise ValueError(f"{FILE.name} names sources that it does not have: {', '.join(sorted(unknown))}")
    return facts


def say_number(value: Number) -> str:
    """A number as the field writes it: 2e-4 for a small one, else plainly."""
    if 0 < value < 0.01:
        digits, _, power = f"{value:.1e}".partition("e")
        return f"{float(digits):g}e{int(power)}"
    return f"{value:g}"


def say_range(low: Number, high: Number) -> str:
    """A range in words; one number where both ends are the same."""
    return say_number(low) if low == high else f"{say_number(low)} to {say_number(high)}"

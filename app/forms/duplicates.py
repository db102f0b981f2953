"""What the duplicates page is told. All of it stands in the address, so that a view is a link."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.datastructures import MultiDict

from app.core.duplicates import DEFAULT_LEVEL, EXACT, LEVELS, NORMALISED
from app.core.text import is_number
from app.forms.arguments import read_choice, read_whole
from app.forms.options import read_form
from app.services.duplicates import SCOPES, ScanOptions

TABS = {
    "copies": "Duplicates",
    "conflicts": "Conflicts",
    "variants": "Variants",
    "families": "Families",
    "splits": "Between splits",
    "dismissed": "Not duplicates",
}
# Shown when asked for by a link; no tab of its own.
SETTLED = "settled"
ORDERS = {"score": "Most alike", "size": "Largest"}
MEMBERS = 12
# The last ones are what is chosen in the group that is open.
ARGUMENTS = (
    *("tab", "level", "order", "scope", "cursor", "group", "skip"),
    *("keep", "unite", "others", "base", "rest", "remove", "rejected", "seen", "next", "csrf_token"),
)
LEVEL_NAMES = {EXACT: "Identical", NORMALISED: "Same but for case"}


def level_name(level: int) -> str:
    """A level in words: identical texts, the same text written otherwise, or a score."""
    return LEVEL_NAMES.get(level, f"{level}%")


@dataclass(frozen=True)
class DuplicatesView:
    """Which groups are shown, which of them is open, and what is chosen in it."""

    values: "MultiDict[str, str]"

    @property
    def tab(self) -> str:
        """The kind of groups."""
        return read_choice(self.values, "tab", (*TABS, SETTLED), "copies")

    @property
    def what(self) -> str:
        """The kind of groups in the words of the search; those between splits are copies."""
        return "copies" if self.tab == "splits" else self.tab

    @property
    def level(self) -> int:
        """How alike the texts are at least."""
        return int(read_choice(self.values, "level", [str(one) for one in LEVELS], str(DEFAULT_LEVEL)))

    @property
    def order(self) -> str:
        """The most alike first, or the largest."""
        return read_choice(self.values, "order", tuple(ORDERS), "score")

    @property
    def scope(self) -> str:
        """What was compared with: this dataset itself, or something else."""
        return read_choice(self.values, "scope", SCOPES, "")

    @property
    def cursor(self) -> str:
        """The page of the list."""
        return self.values.get("cursor", "")

    @property
    def group(self) -> int | None:
        """The group that is open."""
        return read_whole(self.values, "group", None)

    @property
    def skip(self) -> int:
        """How many members of a large group come before those that are shown."""
        return min(read_whole(self.values, "skip", 0), 10_000_000)

    def parts(self, **changes: Any) -> dict[str, Any]:
        """The parts of the address of this view, with changes; what goes without saying is left out."""
        parts: dict[str, Any] = {
            "tab": self.tab if self.tab != "copies" else None,
            "level": self.level if self.level != DEFAULT_LEVEL else None,
            "order": self.order if self.order != "score" else None,
            "scope": self.scope or None,
            "cursor": self.cursor or None,
            "group": self.group,
        }
        return {name: value for name, value in {**parts, **changes}.items() if value is not None}


@dataclass(frozen=True)
class GroupChoice:
    """What is chosen in a group: the pair to keep, those that go, and what happens to the others."""

    values: "MultiDict[str, str]"

    @property
    def keep(self) -> int | None:
        """The pair to keep; 0 stands for the other side."""
        return read_number(self.values.get("keep", ""))

    @property
    def unite(self) -> bool:
        """Whether the kept pair takes the tags and sources of the others."""
        return self.values.get("unite") == "1" or "seen" not in self.values

    @property
    def others(self) -> str:
        """What becomes of the other answers to one question."""
        return "prefer" if self.values.get("others") == "prefer" else "remove"

    @property
    def ticked(self) -> frozenset[int] | None:
        """The pairs that go; None where the ticks were made against another pair to keep, or say nothing."""
        base = self.values.get("base")
        if base is None or read_number(base) != self.keep or self.values.get("rest") == "1":
            return None
        return frozenset(read_numbers(self.values.getlist("remove")))

    @property
    def versions(self) -> Mapping[int, int]:
        """The version of each pair as it was shown."""
        pairs = (one.partition(":") for one in self.values.get("seen", "").split(",")[:500])
        found = ((read_number(left), read_number(right)) for left, _, right in pairs)
        return {one: version for one, version in found if one is not None and version is not None}


def read_scan(values: Mapping[str, str]) -> ScanOptions:
    """What to compare, and with what; a file comes beside the form."""
    scope = values.get("with", "")
    said = {"on": values.get("side", ""), "semantic": values.get("semantic", "")}
    said |= {"dataset": values.get("dataset", "")} if scope == "dataset" else {}
    options = read_form(ScanOptions, said, asked=True)
    return replace(options, splits=() if scope == "splits" else None)


def read_number(text: str) -> int | None:
    """A number that fits an id, or nothing."""
    return int(text) if is_number(text) else None


def read_numbers(texts: Iterable[str]) -> list[int]:
    """The numbers among texts."""
    return [one for one in map(read_number, texts) if one is not None]

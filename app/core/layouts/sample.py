"""The first rows of a file, and what layouts make of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Row = Mapping[str, Any]


class Claim(NamedTuple):
    """That rows are of a layout: the reason in words, and the columns that the layout has a place for."""

    reason: str
    columns: frozenset[str]


@dataclass(frozen=True)
class Recognition:
    """The layout and the columns, how sure that is (sure, likely, ask), and why."""

    layout: str
    mapping: dict[str, str] = field(default_factory=dict)
    confidence: str = "sure"
    reasons: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Sample:
    """The first rows of a file, as layouts ask them whether they are theirs."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        counts = Counter(name for row in rows for name in row)
        self.names = list(counts)
        self.columns = frozenset(name for name in counts if counts[name] * 2 > len(rows))

    def has(self, *names: str) -> bool:
        """Whether most rows have all of these columns."""
        return self.columns.issuperset(names)

    def has_any(self, *names: str) -> bool:
        """Whether most rows have one of these columns."""
        return not self.columns.isdisjoint(names)

    def claim(self, reason: str, *columns: str) -> Claim:
        """That the rows are of the layout that has a place for these columns."""
        return Claim(reason, self.columns.intersection(columns))

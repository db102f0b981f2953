"""The first rows of a file, and what layouts make of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from app.core.layouts.shapes import Row, is_flag, is_message, is_turn, unpacked


class Claim(NamedTuple):
    """That rows are of a layout: the reason in words, the columns it has a place for, and how many rows fit.

    ``mapping`` says which column is what, for layouts whose columns have names of their own. A claim that is
    ``special`` saw what only this layout has; one that is not sure is asked about.
    """

    reason: str
    columns: frozenset[str]
    rows: int
    mapping: Mapping[str, str] = MappingProxyType({})
    special: bool = False
    is_sure: bool = True


@dataclass(frozen=True)
class Recognition:
    """The layout and the columns, how sure that is (sure, likely, ask), and why."""

    layout: str
    mapping: dict[str, str] = field(default_factory=dict)
    confidence: str = "sure"
    reasons: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Sample:
    """The first rows of a file, as layouts ask them whether they are theirs. A column counts that any row has."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.columns = dict.fromkeys(name for row in rows for name in row)

    def count(self, fits: Callable[[Row], bool]) -> int:
        """How many rows fit."""
        return sum(map(fits, self.rows))

    def says(self, name: str) -> bool:
        """Whether some row has more than a number or a flag in this column: a text, a list or an object."""
        return any(not is_flag(row.get(name)) for row in self.rows)

    @cached_property
    def chats(self) -> dict[str, list[dict[str, Any]]]:
        """Columns that hold messages or pairs of turns, each with the first message of each row that has some.

        The column with most rows stands first.
        """
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.rows:
            for name, value in row.items():
                messages = unpacked(value)
                if isinstance(messages, list) and messages and (is_message(messages[0]) or is_turn(messages[0])):
                    found.setdefault(name, []).append(messages[0])
        return dict(sorted(found.items(), key=lambda item: -len(item[1])))

    def claim(self, reason: str, rows: int, *columns: str) -> Claim | None:
        """That so many rows are of the layout that has a place for these columns; None where no row is."""
        return Claim(reason, frozenset(self.columns).intersection(columns), rows) if rows else None

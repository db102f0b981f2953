"""From pairs to groups: components at every level at once, as the merges of single linkage.

Going down the levels, components grow together. Each one that exists for some levels is a group with these levels
as its range, so that a threshold picks groups from what is stored (single-linkage dendrogram by Kruskal's order).
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.core.duplicates.base import FLOOR, LEVELS, UNKNOWN, Family, Group, Pairs, difference_names, kind_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Edge = tuple[int, int, int, float, int]


class _Components:
    """Components that grow; of each the members, the weakest score and the marks of its edges."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}
        self.members: dict[int, list[int]] = {}
        self.score: dict[int, float] = {}
        self.marks: dict[int, int] = {}
        self.since: dict[int, int] = {}

    def find_root(self, node: int) -> int:
        parent = self._parent
        if node not in parent:
            parent[node] = node
            self.members[node], self.score[node], self.marks[node] = [node], 100.0, 0
            return node
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join_roots(self, left: int, right: int) -> int:
        """Put the smaller component into the larger one; the root that stays."""
        if len(self.members[left]) < len(self.members[right]):
            left, right = right, left
        self._parent[right] = left
        self.members[left] += self.members.pop(right)
        self.score[left] = min(self.score[left], self.score.pop(right))
        self.marks[left] |= self.marks.pop(right)
        return left


def group_pairs(
    pairs: Pairs,
    what: str = "copies",
    *,
    sides: "npt.NDArray[np.uint8] | None" = None,
    families: Iterable[Family] = (),
    by_meaning: bool = False,
) -> list[Group]:
    """All groups at all levels. ``what`` is one of copies, conflicts and variants.

    ``sides`` (one number per record) keeps groups that span two sides. Variants inside one family are left to it.
    Near copies are called semantic where texts were compared ``by_meaning`` as well.
    """
    found: list[Group] = []
    components = _Components()

    def end_group(root: int, lowest: int) -> None:
        """End a component as a group, if it is one of those that are wanted."""
        highest = components.since.pop(root)
        members, marks = components.members[root], components.marks[root]
        if (what != "copies" and not marks) or (sides is not None and len({int(sides[one]) for one in members}) < 2):
            return
        kind = kind_of(highest) if what == "copies" else what.removesuffix("s")
        if by_meaning and kind == "near":
            kind = "semantic"
        names = difference_names(marks & 0x7F)
        found.append(Group(tuple(sorted(members)), kind, lowest, highest, components.score[root], names))

    edges = _edges_by_level(pairs, what, families)
    for level in reversed(LEVELS):
        touched: set[int] = set()
        for left, right, _, score, marks in edges.get(level, ()):
            first, second = components.find_root(left), components.find_root(right)
            for root in (first, second):
                if components.since.get(root, level) > level:
                    end_group(root, level + 1)
            if first != second:
                touched -= {first, second}
                first = components.join_roots(first, second)
            components.score[first] = min(components.score[first], score)
            components.marks[first] |= marks
            touched.add(first)
        for root in touched:
            components.since[root] = level
    for root in list(components.since):
        end_group(root, FLOOR)
    return found


def count_by_level(found: Iterable[Group]) -> dict[int, int]:
    """How many groups there are at each level."""
    change: Counter[int] = Counter()
    for group in found:
        change[group.highest] += 1
        change[group.lowest - 1] -= 1
    total, result = 0, {}
    for level in reversed(LEVELS):
        total += change[level]
        result[level] = total
    return result


def _edges_by_level(pairs: Pairs, what: str, families: Iterable[Family]) -> dict[int, list[Edge]]:
    """The edges that hold groups together, by level; the last value of an edge are its marks."""
    import numpy as np

    unknown = pairs.answer_level == UNKNOWN
    same = unknown | (pairs.answer_level >= FLOOR) & (pairs.answer_differs == 0)
    if what == "copies":
        wanted = (pairs.differs == 0) & same
        level, marks = np.minimum(pairs.level, pairs.answer_level), np.zeros(len(pairs), np.uint8)
    elif what == "conflicts":
        wanted = (pairs.differs == 0) & ~unknown
        level = pairs.level
        # The highest bit marks other answers, so that one without a named difference counts as well.
        marks = np.where(same, 0, pairs.answer_differs | 0x80).astype(np.uint8)
    else:
        # What lies inside one family is left to it.
        family = np.full(int(max(pairs.right.max(initial=-1), pairs.left.max(initial=-1))) + 1, -1, np.int32)
        for number, one in enumerate(families):
            family[[member for member in one.members if member < len(family)]] = number
        wanted = (pairs.differs == 0) | (family[pairs.left] < 0) | (family[pairs.left] != family[pairs.right])
        level, marks = pairs.level, pairs.differs
    columns = (pairs.left, pairs.right, level, pairs.score, marks)
    by_level: dict[int, list[Edge]] = {}
    for edge in zip(*(column[wanted].tolist() for column in columns), strict=True):
        by_level.setdefault(edge[2], []).append(edge)
    return by_level

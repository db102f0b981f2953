"""What a division looks like: what there is to keep together, and the shares of each tag."""

from typing import NamedTuple

import numpy as np

from app.core.record import SPLITS
from app.core.splits.assign import join_groups, tie_pairs
from app.core.splits.rows import Sides, SplitRows

# Fewer test pairs of a tag say nothing about it.
FEWEST = 5


class KindFacts(NamedTuple):
    """What could be kept together by one kind: groups of several pairs, all pairs in them, the largest, and keys."""

    groups: int
    pairs: int
    largest: int
    keys: int


class TagShares(NamedTuple):
    """A tag with how many of its pairs are in train, validation and test, and what is wrong with that."""

    tag: str
    counts: tuple[int, ...]
    note: str

    @property
    def total(self) -> int:
        """How many of its pairs are in some split."""
        return sum(self.counts)


def describe_kinds(rows: SplitRows) -> dict[str, KindFacts]:
    """What there is to keep together, by kind."""
    found = {}
    for kind in ("conversation", "source", "duplicates", "tag", "file", "family"):
        if kind == "duplicates":
            ties = [tie_pairs(rows.links.left, rows.links.right)]
        else:
            ties = [rows.ties(kind), *([rows.tie_turns()] if kind == "conversation" else [])]
        sizes = np.bincount(join_groups(len(rows), ties), minlength=1)
        several = sizes[sizes > 1]
        keys = 0 if kind == "duplicates" else rows.count_groups(kind)[0]
        found[kind] = KindFacts(len(several), int(several.sum()), int(several.max(initial=0)), keys)
    return found


def share_by_tag(rows: SplitRows, sides: Sides, shares: tuple[float, ...]) -> list[TagShares]:
    """The tags, those furthest from the shares first."""
    places, keys = rows.ties("tag")
    labels = {key: label for label, key in rows.labels["tag"].items()}
    values, codes = np.unique(keys, return_inverse=True)
    counts = np.zeros((len(values), len(SPLITS) + 1), np.int64)
    np.add.at(counts, (codes, sides[places]), 1)
    found = []
    for key, row in zip(values.tolist(), counts[:, 1:].tolist(), strict=True):
        test, note = row[-1], ""
        if shares[-1] and sum(row) and test < FEWEST:
            note = "No test pair" if not test else f"{test} test pair{'s are' if test > 1 else ' is'} too few to judge"
        found.append(TagShares(labels[key], tuple(row), note))

    def distance(one: TagShares) -> float:
        return sum(abs(number / (one.total or 1) - share) for number, share in zip(one.counts, shares, strict=True))

    return sorted(found, key=lambda one: (-round(distance(one), 4), -one.total, one.tag))

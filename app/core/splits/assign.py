"""Which split each pair goes to: decided for each group of pairs by a hash of its key, and nothing else.

A group is what keys of the chosen kinds hold together, over any number of steps: two documents with one family are one
group. Its key is that of its first pair, in the order of the pairs: the document, else the conversation, file, tag or
family, else what the pair says. So pairs that come behind others move none of them, unless one joins two groups.

A hash is a place from 0 to 1. Test lies at the beginning and validation at the end, so that other shares move pairs
from or to train only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.record import SPLITS
from app.core.splits.options import SplitOptions
from app.core.splits.rows import KINDS, NUMBER_OF, Numbers, Sides, SplitRows, Tie, count_sides, hash_key, named_counts
from app.core.text import plural

TRAIN, VALIDATION, TEST = (NUMBER_OF[name] for name in SPLITS)
# A group of so many times a split's share of all pairs is too large for it.
HUGE = 2.0
# From so far on it is told that the shares are not quite met.
FAR = 0.03
_GOLDEN = (5**0.5 - 1) / 2
Places = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a division would do: the split of each pair, by number, and what there is to say about it.

    ``groups`` counts what was kept together, single pairs among them. ``torn`` are groups that stand in several splits
    because pairs keep theirs, each by its first pair. ``notes`` say what could not be done.
    """

    before: Sides
    after: Sides
    groups: int
    largest: int
    torn: Numbers
    notes: tuple[str, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many pairs are in train, validation and test then."""
        return count_sides(self.after)

    @property
    def flow(self) -> list[tuple[int, int]]:
        """How many pairs come to each split and how many go."""
        come, go = (np.bincount(one[self.before != self.after], minlength=4) for one in (self.after, self.before))
        return list(zip(come[1:].tolist(), go[1:].tolist(), strict=True))

    @property
    def placed(self) -> int:
        """How many pairs had no split."""
        return int((self.before == 0).sum())

    @property
    def moved(self) -> int:
        """How many pairs go from one split to another."""
        return int(((self.before != 0) & (self.before != self.after)).sum())

    @property
    def stayed(self) -> int:
        """How many pairs keep the split they have."""
        return len(self.after) - self.placed - self.moved

    def as_dict(self) -> dict[str, object]:
        """The numbers as programs see them."""
        return {
            **named_counts(self.counts),
            "placed": self.placed,
            "moved": self.moved,
            "stayed": self.stayed,
            "groups": self.groups,
            "largest": self.largest,
            "torn": len(self.torn),
            "notes": list(self.notes),
        }


def assign_splits(rows: SplitRows, options: SplitOptions, *, keep: bool = False) -> Assignment:
    """Give every pair a split. With ``keep`` those that have one keep it, and their groups follow them."""
    before = rows.sides()
    count = len(rows)
    used = [kind for kind in KINDS if kind == "family" or kind in options.group_by]
    ties = {kind: tie for kind in used if len((tie := rows.ties(kind)).places)}
    joins = list(ties.values())
    if "conversation" in options.group_by:
        joins.append(rows.tie_turns())
    if "duplicates" in options.group_by:
        joins.append(tie_pairs(rows.links.left, rows.links.right))
    # What has nothing to go by but itself stays with what says the same.
    lone = np.ones(count, bool)
    for tie in joins:
        lone[tie.places] = False
    contents = rows.tie_contents()
    joins.append(Tie(contents.places[lone], contents.keys[lone]))
    first = join_groups(count, joins)
    sizes = np.bincount(first, minlength=count)
    roots = np.flatnonzero(first == np.arange(count))
    where = _place_groups(rows, ties, roots, options)
    share_of = dict(zip((TRAIN, VALIDATION, TEST), options.shares, strict=True))
    side = np.full(count, TRAIN, np.uint8)
    side[roots[where >= 1 - share_of[VALIDATION]]] = VALIDATION
    side[roots[where < share_of[TEST]]] = TEST
    notes: list[str] = []
    # What is far too large for a split goes to the largest one.
    main = max(share_of, key=lambda one: share_of[one])
    least = min(share for share in share_of.values() if share)
    for root in roots[(sizes[roots] > 1) & (sizes[roots] > HUGE * count * least)].tolist():
        if side[root] != main and sizes[root] > HUGE * count * share_of[int(side[root])]:
            notes.append(
                f"A group of {plural(int(sizes[root]), 'pair')} is too large for {SPLITS[side[root] - 1]} and goes to "
                f"{SPLITS[main - 1]}."
            )
            side[root] = main
    held = np.zeros(count, bool)
    torn = np.zeros(0, np.int64)
    kept = np.flatnonzero(before) if keep else np.zeros(0, np.int64)
    if keep:
        seen = np.zeros(count, np.uint8)
        np.bitwise_or.at(seen, first[kept], np.uint8(1) << before[kept])
        for number in (TRAIN, VALIDATION, TEST):
            side[seen == 1 << number] = number
        held = seen != 0
        torn = np.flatnonzero((seen & (seen - np.uint8(1))) != 0)
    after = side[first]
    _settle_torn(rows, first, torn, before, after)
    after[kept] = before[kept]
    free = roots[~held[roots]]
    distance = where[~held[roots]]
    notes += _fill_up(after, first, free, distance, sizes, share_of, options.minimum)
    away = [abs(number / (count or 1) - share_of[side]) for side, number in enumerate(count_sides(after), 1)]
    if count and max(away) > FAR and len(roots) > 1 and not keep:
        few = plural(len(roots), "group")
        notes.append(f"Hashes meet the shares on average, and there are only {few}. Another seed may come closer.")
    return Assignment(before, after, len(roots), int(sizes.max(initial=0)), torn, tuple(notes))


def tie_pairs(left: Numbers, right: Numbers) -> Tie:
    """Pairs of places as keys that the two of each share."""
    numbers = np.arange(len(left), dtype=np.int64)
    return Tie(np.concatenate((left, right)), np.concatenate((numbers, numbers)))


def join_groups(count: int, ties: Sequence[Tie]) -> Numbers:
    """Of each place the first place of its group, where groups are what the ties hold together over any steps."""
    first = np.arange(count, dtype=np.int64)
    numbered = [(places, np.unique(keys, return_inverse=True)[1]) for places, keys in ties if len(places)]
    while numbered:
        before = first.copy()
        for places, codes in numbered:
            lowest = np.full(int(codes.max()) + 1, count, np.int64)
            np.minimum.at(lowest, codes, first[places])
            # The place that stood for each group so far follows, and with it all that it stands for.
            np.minimum.at(first, first[places].copy(), lowest[codes])
            np.minimum.at(first, places, lowest[codes])
        first = first[first]
        if np.array_equal(first, before):
            break
    return first


def _place_groups(rows: SplitRows, ties: dict[str, Tie], roots: Numbers, options: SplitOptions) -> Places:
    """Where each group lies from 0 to 1."""
    if options.stratify == "tag":
        return _place_by_mix(rows, roots, options.seed)
    key = np.array(rows.contents, np.int64)
    for kind in reversed(KINDS):
        if kind in ties:
            places, keys = ties[kind]
            # Of several keys of a pair its first one counts.
            key[places[::-1]] = keys[::-1]
    mixed = key[roots].view(np.uint64) ^ np.uint64(hash_key("seed", str(options.seed)) & 0xFFFF_FFFF_FFFF_FFFF)
    return (_spread_bits(_spread_bits(mixed)) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _place_by_mix(rows: SplitRows, roots: Numbers, seed: int) -> Places:
    """Places that are spread evenly within each first tag, in the order of the groups.

    Steps of the golden ratio leave no stretch empty and none crowded, however many there are, and one more step moves
    none before it (the additive recurrence of low discrepancy).
    """
    stratum = np.zeros(len(rows), np.int64)
    places, keys = rows.ties("tag")
    stratum[places[::-1]] = keys[::-1]
    order = np.argsort(stratum[roots], kind="stable")
    sorted_strata = stratum[roots][order]
    begins = np.flatnonzero(np.concatenate(([True], sorted_strata[1:] != sorted_strata[:-1]))[: len(order)])
    lengths = np.diff(np.append(begins, len(order)))
    rank = np.arange(len(order)) - np.repeat(begins, lengths)
    starts = [(hash_key("mix", f"{seed}\0{one}") >> 11) * 2.0**-53 for one in sorted_strata[begins].tolist()]
    where = np.empty(len(order))
    where[order] = (np.repeat(starts, lengths) + rank * _GOLDEN) % 1.0
    return where


def _spread_bits(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Spread all bits over all bits (the finaliser of splitmix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def _settle_torn(rows: SplitRows, first: Numbers, torn: Numbers, before: Sides, after: Sides) -> None:
    """Of groups whose pairs keep several splits: a new pair follows its family, else the most of its group."""
    if not len(torn):
        return
    members = np.flatnonzero(np.isin(first, torn))
    new = members[before[members] == 0]
    if not len(new):
        return
    votes = np.zeros((len(rows), len(SPLITS) + 1), np.int64)
    old = members[before[members] != 0]
    np.add.at(votes, (first[old], before[old]), 1)
    after[new] = votes[first[new]].argmax(axis=1)
    places, keys = rows.ties("family")
    _, codes = np.unique(keys, return_inverse=True)
    if not len(places):
        return
    votes = np.zeros((int(codes.max()) + 1, len(SPLITS) + 1), np.int64)
    has = before[places] != 0
    np.add.at(votes, (codes[has], before[places[has]]), 1)
    follows = np.isin(places, new) & (votes.sum(axis=1) > 0)[codes]
    after[places[follows]] = votes[codes[follows]].argmax(axis=1)


def _fill_up(
    after: Sides,
    first: Numbers,
    free: Numbers,
    where: Places,
    sizes: Numbers,
    share_of: dict[int, float],
    minimum: int,
) -> list[str]:
    """Move the nearest groups into splits that have too few pairs, as far as there are any; what is left to say."""
    notes = []
    counts = dict(zip((TRAIN, VALIDATION, TEST), count_sides(after), strict=True))
    moved: dict[int, int] = {}
    near = {TEST: where, VALIDATION: 1 - where, TRAIN: np.abs(where - 0.5)}
    for side in (TEST, VALIDATION, TRAIN):
        least = minimum if share_of[side] else 0
        if counts[side] >= least:
            continue
        order = np.argsort(near[side], kind="stable")
        # Those that fit first; then, where none does, the smallest.
        for fits in (True, False):
            for place in order if fits else order[np.argsort(sizes[free[order]], kind="stable")]:
                root = int(free[place])
                giver, size = moved.get(root, int(after[root])), int(sizes[root])
                if counts[side] >= least:
                    break
                if giver == side or (fits and size > least - counts[side]) or counts[giver] - size < minimum:
                    continue
                moved[root] = side
                counts[giver] -= size
                counts[side] += size
        if counts[side] < least:
            name = SPLITS[side - 1]
            notes.append(
                f"{name.capitalize()} has {counts[side]:,} of at least {plural(least, 'pair')}: no group is left."
            )
    if moved:
        changed = np.zeros(len(first), np.uint8)
        changed[list(moved)] = list(moved.values())
        now = changed[first]
        after[now != 0] = now[now != 0]
    for side, share in share_of.items():
        if share and not counts[side] and not minimum and len(after):
            name = SPLITS[side - 1].capitalize()
            notes.append(f"{name} is empty: no group fell there. Ask for a least number, or take another seed.")
    return notes

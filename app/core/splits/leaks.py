"""What stands in several splits and should not: the test would ask what training has already shown."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from app.core.record import SPLITS
from app.core.splits.assign import join_groups, tie_pairs
from app.core.splits.rows import Numbers, Sides, SplitRows, Tie
from app.core.text import plural

# Why two pairs in different splits are a leak, worst first.
WHY = {
    "exact": "Same text",
    "near": "Near-duplicate",
    "question": "Same question, another answer",
    "family": "Same family",
    "conversation": "Same conversation",
    "source": "Same document",
}


@dataclass(frozen=True, slots=True)
class Leaks:
    """Leaks as parallel arrays, worst kinds first and the most alike first: places, score (0 to 100) and kind."""

    left: Numbers
    right: Numbers
    score: Sequence[float]
    why: Sequence[str]
    # How many documents have pairs in several splits where that is no leak.
    documents: int = 0

    def __len__(self) -> int:
        return len(self.why)

    @property
    def counts(self) -> dict[str, int]:
        """How many leaks there are of each kind that there is."""
        return {name: number for name in WHY if (number := sum(one == name for one in self.why))}

    def as_dict(self, rows: SplitRows, most: int | None = None) -> dict[str, object]:
        """The first leaks by the names of their pairs as programs see them, and how many there are of each kind."""
        ends = zip(self.left[:most].tolist(), self.right[:most].tolist(), self.score, self.why, strict=False)
        listed = [(rows.names[left], rows.names[right], score, why) for left, right, score, why in ends]
        return {
            "leaks": listed,
            "leak_counts": self.counts,
            "documents_apart": self.documents,
            "searched": rows.searched,
        }


def leaks_of(group_by: Collection[str]) -> tuple[str, ...]:
    """The kinds that are leaks where this is kept together: that pairs share a document is one only if documents are.

    A document may be a whole manual, whose pairs have nothing else in common.
    """
    return tuple(name for name in WHY if name != "source" or "source" in group_by)


def find_leaks(rows: SplitRows, sides: Sides, why: Collection[str]) -> Leaks:
    """The leaks of a division. What shares a key is named once for each further split in which it stands."""
    sides = sides.copy()
    sides[np.array(rows.rejected, np.int64)] = 0
    parts: list[tuple[Numbers, Numbers, Sequence[float], str]] = []
    contents = np.array(rows.contents, np.int64)
    for name in WHY:
        if name not in why:
            continue
        if name in ("near", "question"):
            left, right, score, copies = rows.links
            apart = (sides[left] != sides[right]) & (sides[left] != 0) & (sides[right] != 0)
            wanted = copies if name == "near" else ~copies
            found = np.flatnonzero(apart & wanted & (contents[left] != contents[right]))
            found = found[np.argsort(-score[found], kind="stable")]
            parts.append((left[found], right[found], [round(float(one), 1) for one in score[found]], name))
        else:
            ties = [rows.tie_contents() if name == "exact" else rows.ties(name)]
            ties += [rows.tie_turns()] if name == "conversation" else []
            for tie in ties:
                firsts, others = _split_keys(tie, sides)
                parts.append((firsts, others, [100.0] * len(firsts), name))
    nothing = np.zeros(0, np.int64)
    return Leaks(
        np.concatenate([part[0] for part in parts] or [nothing]),
        np.concatenate([part[1] for part in parts] or [nothing]),
        [score for part in parts for score in part[2]],
        [part[3] for part in parts for _ in part[2]],
        0 if "source" in why else len(np.unique(_split_keys(rows.ties("source"), sides)[0])),
    )


def name_empty(counts: Sequence[int]) -> str:
    """Which of validation and test is empty, in a sentence; nothing where none is."""
    empty = [name for name, number in zip(SPLITS[1:], counts[1:], strict=True) if not number]
    return f"{' and '.join(empty).capitalize()} {'is' if len(empty) == 1 else 'are'} empty." if empty else ""


def tell_documents(number: int) -> str:
    """That documents stand in several splits, where that is no leak; nothing where none does."""
    if not number:
        return ""
    has = "has" if number == 1 else "have"
    return f"{plural(number, 'document')} {has} pairs in several splits, as documents are not kept together."


def costs_much(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether a move leaves some split empty that was not, or takes more than half of it."""
    return any(2 * now < was for was, now in zip(before, after, strict=True))


def _split_keys(tie: Tie, sides: Sides) -> tuple[Numbers, Numbers]:
    """For each key the first pair that has it, and the first one of each further split."""
    placed = sides[tie.places] != 0
    places, keys = tie.places[placed], tie.keys[placed]
    if not len(places):
        return places, places
    order = np.lexsort((places, sides[places], keys))
    places, keys = places[order], keys[order]
    begins = np.concatenate(([True], keys[1:] != keys[:-1]))
    turns = begins | np.concatenate(([True], sides[places[1:]] != sides[places[:-1]]))
    group = np.cumsum(begins) - 1
    heads = places[begins]
    further = np.flatnonzero(turns & ~begins)
    return heads[group[further]], places[further]


def move_together(
    rows: SplitRows,
    sides: Sides,
    shares: Sequence[float],
    why: Collection[str],
    together: Collection[str] = (),
    only: Collection[int] | None = None,
) -> Sides:
    """The splits where no leak of these kinds is left, or none with the places in ``only``.

    Whatever hangs together moves as one, with its families and copies and what ``together`` names, so that no other
    leak comes of it; rejected pairs stay. It goes where most of it is; of two splits alike to the one that has least
    of its share.
    """
    kinds = {"exact", "family", *why, *together}
    ties = [rows.ties(kind) for kind in ("family", "conversation", "source", "tag", "file") if kind in kinds]
    ties += [rows.tie_contents(), *([rows.tie_turns()] if "conversation" in kinds else [])]
    if kinds & {"near", "question", "duplicates"}:
        wanted = rows.links.copies | bool(kinds & {"question", "duplicates"})
        ties.append(tie_pairs(rows.links.left[wanted], rows.links.right[wanted]))
    used = np.ones(len(rows), bool)
    used[np.array(rows.rejected, np.int64)] = False
    ties = [Tie(places[used[places]], keys[used[places]]) for places, keys in ties]
    first = join_groups(len(rows), ties)
    votes = np.zeros((len(rows), len(SPLITS) + 1), np.int64)
    placed = np.flatnonzero(sides)
    np.add.at(votes, (first[placed], sides[placed]), 1)
    torn = np.flatnonzero((votes[:, 1:] > 0).sum(axis=1) > 1)
    if only is not None:
        torn = torn[np.isin(torn, first[np.array(sorted(only), np.int64)])]
    counts = votes.sum(axis=0)[1:].astype(float)
    target = np.array(shares) * max(len(placed), 1)
    goal = np.zeros(len(rows), np.uint8)
    for root in torn.tolist():
        mine = votes[root, 1:]
        most = np.flatnonzero(mine == mine.max())
        short = [(target[one] - counts[one]) / max(target[one], 1e-9) for one in most]
        to = int(most[int(np.argmax(short))])
        counts -= mine
        counts[to] += mine.sum()
        goal[root] = to + 1
    after = sides.copy()
    moves = (goal[first] != 0) & (sides != 0)
    after[moves] = goal[first][moves]
    return after

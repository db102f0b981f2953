"""Labelled pairs and clusters from the folder that ``LTT_CORPUS_DIR`` names: how many of them are found.

A pair counts as found at a level where its texts reach it and differ in nothing named. Average precision ranks pairs
without a named difference first, then by score. Of graded pairs those of 4 and more are duplicates, those of 2 and
less are none, the others are left out.
"""

import csv
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

from app.core import duplicates

Rated = tuple[bool, int, float]
GRADED_SAME, GRADED_OTHER = 4.0, 2.0


def report(_folder: Path, _rows: int) -> str:
    """The section of the report."""
    folder = Path(os.environ.get("LTT_CORPUS_DIR", "")) / "duplicates"
    lines = ["## labelled, pairs and clusters", ""]
    if not folder.is_dir():
        return "\n".join([*lines, "LTT_CORPUS_DIR names no folder with labelled duplicates."]) + "\n"
    lines += ["| pairs | number | duplicates | P at 90 | R at 90 | P at 80 | R at 80 | average precision |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for path in sorted(folder.glob("*.csv")):
        rated = _rated(path)
        if rated:
            lines.append(_line(path.stem, rated))
    return "\n".join([*lines, "", *_clusters(folder / "clusters_known_truth.jsonl")]) + "\n"


def _rated(path: Path) -> list[Rated]:
    """Each pair as (whether it is a duplicate, its level as copies, its rank)."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or "text1" not in rows[0]:
        return []
    found = []
    for row in rows:
        grade = float(row["label"])
        if "graded" in path.stem and GRADED_OTHER < grade < GRADED_SAME:
            continue
        match = duplicates.compare_texts(row["text1"], row["text2"])
        level = 0 if match.differs else match.level
        is_same = grade >= (GRADED_SAME if "graded" in path.stem else 1)
        found.append((is_same, level, match.score + (1000 if not match.differs else 0)))
    return found


def _line(name: str, rated: Sequence[Rated]) -> str:
    same = sum(one[0] for one in rated)
    parts = [
        f"{value:.3f}" for level in (duplicates.DEFAULT_LEVEL, duplicates.FLOOR) for value in _at(rated, level, same)
    ]
    precision = f"{_average_precision(rated):.3f}" if same else ""
    return f"| {name} | {len(rated):,} | {same / len(rated):.2f} | {' | '.join(parts)} | {precision} |"


def _at(rated: Sequence[Rated], level: int, same: int) -> tuple[float, float]:
    """Precision and recall; of nothing found the precision is 1, of nothing to find the recall."""
    found = [one[0] for one in rated if one[1] >= level]
    return (sum(found) / len(found) if found else 1.0), (sum(found) / same if same else 1.0)


def _average_precision(rated: Iterable[Rated]) -> float:
    """The mean of the precisions at each duplicate, going down the ranks; equal ranks count together."""
    ranks: dict[float, Counter[bool]] = {}
    for is_same, _, rank in rated:
        ranks.setdefault(rank, Counter())[is_same] += 1
    seen = hits = 0
    total = 0.0
    for rank in sorted(ranks, reverse=True):
        seen, hits = seen + ranks[rank].total(), hits + ranks[rank][True]
        total += ranks[rank][True] * hits / seen
    return total / max(hits, 1)


def _clusters(path: Path) -> list[str]:
    """The table of the clusters: of each kind of change what was put together with what it was made from."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    answers = [row["answer"] for row in rows]
    found = duplicates.search_texts([row["question"] for row in rows], answers=lambda at: [answers[one] for one in at])
    lines = ["| change | number | at 101 | at 90 | as conflicts | as variants |", "|---|---|---|---|---|---|"]
    shown = [("copies", duplicates.NORMALISED), ("copies", 90), ("conflicts", 90), ("variants", 90)]
    together = [_together(found, what, level) for what, level in shown]
    base = {row["cluster"]: at for at, row in enumerate(rows) if row["kind"] == "base"}
    origin = {at: base.get(row["cluster"].removesuffix("n"), -1) for at, row in enumerate(rows)}
    for kind in sorted({row["kind"] for row in rows} - {"base"}):
        mine = [at for at, row in enumerate(rows) if row["kind"] == kind and origin[at] >= 0]
        shares = [sum((min(at, origin[at]), max(at, origin[at])) in pairs for at in mine) for pairs in together]
        lines.append(f"| {kind} | {len(mine)} | {' | '.join(f'{share / max(len(mine), 1):.3f}' for share in shares)} |")
    copies = together[1]
    right = sum(rows[left]["cluster"] == rows[right]["cluster"] for left, right in copies)
    told = f"Pairs in groups of copies at 90: {len(copies):,}, of which of one cluster {right:,}."
    return [*lines, "", told, *_intents(path.with_name("banking77_test.csv"))]


def _intents(path: Path) -> list[str]:
    """How many groups of copies hold questions with different intents, which are surely no copies."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = duplicates.search_texts([row["text"] for row in rows])
    every = [
        one
        for one in duplicates.group_pairs(found.pairs, "copies")
        if one.lowest <= duplicates.DEFAULT_LEVEL <= one.highest
    ]
    mixed = [one for one in every if len({rows[at]["category"] for at in one.members}) > 1]
    return [f"{path.stem}: {len(every):,} groups of copies at 90, of which {len(mixed):,} hold two intents."]


def _together(found: duplicates.Found, what: str, level: int) -> set[tuple[int, int]]:
    groups = duplicates.group_pairs(found.pairs, what, families=found.families)
    return {
        pair for one in groups if one.lowest <= level <= one.highest for pair in combinations(sorted(one.members), 2)
    }

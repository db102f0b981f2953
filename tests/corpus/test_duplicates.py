"""Duplicates in real files and in labelled ones: what is found by which level, and what is never offered to go."""

import csv
import json
import os
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from app.core import duplicates

FOLDER = Path(os.environ.get("LTT_CORPUS_DIR", ""))
pytestmark = pytest.mark.skipif("LTT_CORPUS_DIR" not in os.environ, reason="LTT_CORPUS_DIR is not set")

NORMALISED = ("exact", "case", "spaces", "punctuation", "invisible", "fullwidth", "html", "quotes")
NEAR = ("typo", "prefix", "tail", "reorder")


@pytest.fixture(scope="module")
def labelled() -> list[dict[str, str]]:
    """Pairs whose copies are known, because a program made them."""
    with (FOLDER / "duplicates" / "clusters_known_truth.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module", params=["question", "pair"])
def found(labelled: list[dict[str, str]], request: pytest.FixtureRequest) -> duplicates.Found:
    answers = [row["answer"] for row in labelled]
    return duplicates.search_texts(
        [row["question"] for row in labelled],
        answers=lambda at: [answers[one] for one in at],
        options=duplicates.Options(side=request.param),
    )


def pairs_of(found: duplicates.Found, what: str, level: int) -> set[tuple[int, int]]:
    groups = duplicates.group_pairs(found.pairs, what, families=found.families)
    at_level = (one for one in groups if one.lowest <= level <= one.highest)
    return {pair for one in at_level for pair in combinations(one.members, 2)}


def recall(labelled: list[dict[str, str]], predicted: set[tuple[int, int]]) -> dict[str, float]:
    """Of each kind the share that was put together with the pair it was made from."""
    base = {row["cluster"]: at for at, row in enumerate(labelled) if row["kind"] == "base"}
    hits, total = Counter(), Counter()
    for at, row in enumerate(labelled):
        if row["kind"] != "base" and row["cluster"] in base:
            total[row["kind"]] += 1
            hits[row["kind"]] += tuple(sorted((at, base[row["cluster"]]))) in predicted
    return {kind: hits[kind] / total[kind] for kind in total}


def test_writing_is_seen_through_by_the_normal_form_alone(labelled, found):
    reached = recall(labelled, pairs_of(found, "copies", duplicates.NORMALISED))
    # Four texts lost the decimal points of their prices with their punctuation: these are other numbers.
    assert reached.pop("punctuation") >= 0.92
    assert {kind: reached[kind] for kind in NORMALISED if kind in reached and reached[kind] < 0.99} == {}


def test_near_copies_are_found_by_default(labelled, found):
    reached = recall(labelled, pairs_of(found, "copies", duplicates.DEFAULT_LEVEL))
    assert {kind: reached[kind] for kind in NEAR if reached[kind] < (0.93 if kind == "typo" else 0.95)} == {}


def test_changed_numbers_names_and_negations_are_never_merged(labelled, found):
    offered = pairs_of(found, "copies", duplicates.DEFAULT_LEVEL)
    assert [pair for pair in offered if labelled[pair[0]]["cluster"] != labelled[pair[1]]["cluster"]] == []


def test_other_answers_are_conflicts_and_not_copies(labelled, found):
    kind = "CONFLICT_other_answer"
    assert recall(labelled, pairs_of(found, "conflicts", duplicates.DEFAULT_LEVEL))[kind] == 1
    assert recall(labelled, pairs_of(found, "copies", duplicates.FLOOR))[kind] == 0


def test_one_story_with_other_numbers_is_never_offered():
    with (FOLDER / "duplicates" / "gsm8k_vs_gsmhard_numbers_changed.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = duplicates.search_texts([row["text1"] for row in rows] + [row["text2"] for row in rows])
    offered = pairs_of(found, "copies", duplicates.FLOOR)
    assert [at for at in range(len(rows)) if (at, at + len(rows)) in offered] == []


@pytest.mark.parametrize(
    ("name", "question", "answer", "surplus"),
    [("BankFAQs.csv", "Question", "Answer", 274), ("korean_ChatbotData.csv", "Q", "A", 73)],
)
def test_exact_copies_of_real_files_are_counted(name, question, answer, surplus):
    with (FOLDER / "real" / "csv" / name).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    answers = [row[answer] for row in rows]
    found = duplicates.search_texts([row[question] for row in rows], answers=lambda at: [answers[one] for one in at])
    exact = [one for one in duplicates.group_pairs(found.pairs, "copies") if one.highest == duplicates.EXACT]
    assert sum(len(one.members) - 1 for one in exact) == surplus

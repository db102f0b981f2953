"""What stands in several splits: found by kind, and moved together without another leak."""

import numpy as np
import pytest

from app.core.splits import WHY, Link, costs_much, find_leaks, leaks_of, move_together, name_empty
from tests.core.splits.test_assign import rows_of

SHARES = (0.8, 0.1, 0.1)


def found(rows, why=tuple(WHY)):
    leaks = find_leaks(rows, rows.sides(), why)
    return [
        (rows.names[left], rows.names[right], score, why)
        for left, right, score, why in zip(leaks.left, leaks.right, leaks.score, leaks.why, strict=True)
    ]


def linked(rows, *links):
    left, right, score, copies = zip(*links, strict=True)
    rows.links = Link(np.array(left), np.array(right), np.array(score, np.float32), np.array(copies))
    return rows


def test_each_kind_is_found_worst_first():
    rows = rows_of(
        {"split": "train", "content": 1, "source": "d"},
        {"split": "test", "content": 1},
        {"split": "validation", "source": "d", "family": "f", "conversation": "c"},
        {"split": "train", "family": "f"},
        {"split": "test", "conversation": "c"},
        {"source": "d"},
    )
    linked(rows, (0, 2, 96.5, True), (3, 4, 91, False), (0, 3, 99, True))
    assert found(rows) == [
        (1, 2, 100.0, "exact"),
        (1, 3, 96.5, "near"),
        (4, 5, 91.0, "question"),
        (4, 3, 100.0, "family"),
        (3, 5, 100.0, "conversation"),
        (1, 3, 100.0, "source"),
    ]
    assert [one[3] for one in found(rows, why=("near", "source"))] == ["near", "source"]
    assert find_leaks(rows, rows.sides(), WHY).counts["near"] == 1


def test_a_document_in_several_splits_leaks_only_where_documents_are_kept_together():
    rows = rows_of(*({"source": f"d{n // 3}", "split": ("train", "test", "validation")[n % 3]} for n in range(6)))
    leaks = find_leaks(rows, rows.sides(), leaks_of(("conversation",)))
    assert leaks.counts == {} and leaks.documents == 2
    leaks = find_leaks(rows, rows.sides(), leaks_of(("source",)))
    assert leaks.counts == {"source": 4} and leaks.documents == 0


def test_rejected_pairs_leak_nothing_and_stay():
    rows = rows_of(
        {"split": "train", "family": "f"},
        {"split": "test", "family": "f"},
        {"split": "train"},
        {"split": "validation"},
        {"split": "test"},
    )
    # The rejected pair is like two others, which are not alike.
    linked(rows, (2, 3, 99, True), (3, 4, 98, True))
    rows.rejected.extend((1, 3))
    assert found(rows) == []
    assert move_together(rows, rows.sides(), SHARES, tuple(WHY)).tolist() == rows.sides().tolist()


@pytest.mark.parametrize(
    ("before", "after", "much"),
    [((30, 3, 2), (35, 0, 0), True), ((8, 2, 1), (9, 2, 0), True), ((8, 4, 3), (10, 2, 3), False),
     ((8, 5, 3), (11, 2, 3), True), ((2, 0, 9), (9, 0, 2), True), ((9, 0, 2), (9, 0, 2), False)],
)  # fmt: skip
def test_a_move_costs_much_that_empties_a_split_or_takes_most_of_it(before, after, much):
    assert costs_much(before, after) is much


def test_an_empty_validation_or_test_is_named():
    assert name_empty((5, 1, 1)) == "" and name_empty((5, 0, 1)) == "Validation is empty."
    assert name_empty((5, 0, 0)) == "Validation and test are empty."


def test_what_has_no_split_does_not_leak():
    rows = linked(rows_of({"split": "train", "source": "d"}, {"source": "d"}), (0, 1, 99, True))
    assert found(rows) == []


def test_a_key_in_three_splits_is_named_for_each_further_one():
    rows = rows_of(*({"source": "d", "split": split} for split in ("test", "train", "train", "validation")))
    assert found(rows) == [(2, 4, 100.0, "source"), (2, 1, 100.0, "source")]


def test_what_moves_together_leaves_no_leak_of_its_kind_and_makes_none():
    pairs = [{"split": ("train", "test", "validation")[n % 3], "family": f"f{n // 4}"} for n in range(40)]
    rows = linked(rows_of(*pairs), *((n, n + 5, 95, True) for n in range(0, 35, 9)))
    after = move_together(rows, rows.sides(), SHARES, ("near",))
    assert not len(find_leaks(rows, after, ("near", "family", "exact")))


def test_most_of_a_group_decides_where_it_goes():
    rows = rows_of(*({"source": "d", "split": split} for split in ("train", "test", "test")))
    assert move_together(rows, rows.sides(), SHARES, ("source",)).tolist() == [3, 3, 3]


def test_of_two_splits_alike_the_one_that_is_short_gets_it():
    rest = [{"split": "train"}] * 70 + [{"split": "test"}] * 30
    rows = rows_of({"split": "train"}, {"split": "test"}, *rest)
    linked(rows, (0, 1, 99, True))
    assert move_together(rows, rows.sides(), SHARES, ("near",)).tolist()[:2] == [1, 1]
    assert move_together(rows, rows.sides(), (0.2, 0.1, 0.7), ("near",)).tolist()[:2] == [3, 3]


def test_only_the_named_leak_is_mended():
    rows = rows_of(*({"source": f"d{n // 2}", "split": ("train", "test")[n % 2]} for n in range(6)))
    after = move_together(rows, rows.sides(), SHARES, ("source",), only=[3])
    assert sorted({*after.tolist()[2:4]}) in ([1], [3]) and after.tolist()[:2] == [1, 3]


def test_what_was_kept_together_stays_so():
    pairs = [{"source": "a", "split": "train"}, {"source": "a", "split": "train"}, {"source": "b", "split": "test"}]
    rows = linked(rows_of(*pairs, *[{"split": "test"}] * 9), (1, 2, 99, True))
    after = move_together(rows, rows.sides(), SHARES, ("near",), together=("source",))
    assert not len(find_leaks(rows, after, ("near", "source")))


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_leaks_where_there_is_nothing(count):
    rows = rows_of(*({"split": "train"} for _ in range(count)))
    assert found(rows) == [] and move_together(rows, rows.sides(), SHARES, ("near",)).tolist() == [1] * count

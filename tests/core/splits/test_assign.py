"""Which split a pair goes to: by its group, the same every time, and none moves because others come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import BadUsage
from app.core.record import Message, Record
from app.core.splits import NO_LINKS, Link, SplitOptions, SplitRows, assign_splits, join_groups
from app.core.splits.rows import Tie

KINDS = ("source", "conversation", "tag", "family")


def rows_of(*pairs):
    """Rows of dicts with a content and, where they have them, keys and a split."""
    rows = SplitRows()
    for number, pair in enumerate(pairs, 1):
        content = pair.get("content", number * 7919)
        place = rows.add_rows((number,), (content,), (pair.get("split"),))
        for kind in KINDS:
            for label in pair.get(kind, "").split():
                rows.tie(kind, place, label)
    return rows


def sides(rows, keep=False, **options):
    return assign_splits(rows, SplitOptions(**options), keep=keep).after.tolist()


def documents(number, pairs=5):
    """Pairs of documents, two wordings of each question in one family."""
    return [
        {"source": f"d{doc}", "family": f"f{doc}.{one // 2}", "content": hash((doc, one))}
        for doc in range(number)
        for one in range(pairs)
    ]


def test_no_document_and_no_family_stands_in_two_splits_and_more_rows_move_none():
    pairs = documents(100)
    found = assign_splits(rows_of(*pairs), SplitOptions(group_by=("source",)))
    assert found.groups == 100 and found.largest == 5 and min(found.counts) > 0
    for kind in ("source", "family"):
        placed = {(pair[kind], side) for pair, side in zip(pairs, found.after.tolist(), strict=True)}
        assert len(placed) == len({pair[kind] for pair in pairs})
    more = [*pairs, *documents(4), *({"source": f"new{n}"} for n in range(8))]
    assert sides(rows_of(*more), group_by=("source",))[: len(pairs)] == found.after.tolist()


def test_shares_are_kept_and_the_seed_decides():
    rows = rows_of(*({} for _ in range(20_000)))
    found = assign_splits(rows, SplitOptions(ratios="70/20/10"))
    assert [round(one / 20_000, 1) for one in found.counts] == [0.7, 0.2, 0.1]
    again = assign_splits(rows, SplitOptions(ratios="70/20/10"))
    other = assign_splits(rows, SplitOptions(ratios="70/20/10", seed=43))
    assert (again.after == found.after).all() and (other.after != found.after).any()


def test_the_result_is_the_same_on_every_machine():
    rows = rows_of(*({"source": f"d{number}"} for number in range(12)), *({} for _ in range(12)))
    expected = sides(rows, ratios="40/30/30", group_by=("source",))
    assert expected == [1, 3, 2, 3, 1, 1, 1, 1, 2, 3, 3, 1, 2, 3, 3, 3, 3, 1, 2, 2, 1, 1, 1, 2]


def test_other_shares_move_pairs_from_and_to_train_only():
    rows = rows_of(*({} for _ in range(3000)))
    before, after = (np.array(sides(rows, ratios=ratios)) for ratios in ("80/10/10", "60/15/25"))
    moved = {(one, other) for one, other in zip(before.tolist(), after.tolist(), strict=True) if one != other}
    assert moved == {(1, 2), (1, 3)}


def test_what_says_the_same_stays_together():
    rows = rows_of(*({"content": number // 2} for number in range(400)))
    for options in ({}, {"minimum": 60}, {"stratify": "tag"}):
        found = sides(rows, **options)
        assert found[::2] == found[1::2]


def test_groups_hang_together_over_any_number_of_steps():
    chain = [{"source": f"s{n}", "family": f"f{n} f{n + 1}"} for n in range(50)]
    assert len(set(sides(rows_of(*chain[::-1]), ratios="34/33/33"))) == 1
    both = [{"source": "a", "tag": "x"}, {"source": "b", "tag": "x y"}, {"source": "c", "tag": "y"}, {"source": "c"}]
    assert assign_splits(rows_of(*both), SplitOptions(group_by=("source", "tag"))).groups == 1
    assert assign_splits(rows_of(*both), SplitOptions(group_by=("source",))).groups == 3


@given(st.lists(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 9)), max_size=30), max_size=3))
def test_joined_groups_are_those_of_a_plain_search(ties):
    found = join_groups(
        30, [Tie(np.array([p for p, _ in tie], int), np.array([k for _, k in tie], int)) for tie in ties]
    )
    expected = list(range(30))
    for _ in range(30):
        for tie in ties:
            for place, key in tie:
                expected[place] = min(expected[other] for other, same in tie if same == key or other == place)
    assert found.tolist() == expected


_PAIR = st.fixed_dictionaries(
    {}, optional={kind: st.integers(0, 12).map(lambda n: f"k{n}") for kind in ("source", "family", "tag")}
)


@settings(max_examples=60)
@given(
    st.lists(_PAIR, max_size=25),
    st.lists(_PAIR, max_size=10),
    st.sampled_from([(), ("source",), ("tag",), ("source", "tag")]),
)
def test_pairs_that_come_behind_move_none_unless_they_join_groups(old, new, group_by):
    first = assign_splits(rows_of(*old), SplitOptions(ratios="40/30/30", group_by=group_by))
    both = rows_of(*old, *({**pair, "content": -number} for number, pair in enumerate(new, 1)))
    fresh = assign_splits(both, SplitOptions(ratios="40/30/30", group_by=group_by))
    # Where they may not move at all they keep what they have, and what is new follows.
    for number, side in enumerate(first.after.tolist()):
        both.now[number] = side
    kept = assign_splits(both, SplitOptions(ratios="40/30/30", group_by=group_by), keep=True)
    assert kept.after[: len(old)].tolist() == first.after.tolist()
    if not len(kept.torn) and first.largest * 3 < len(old):
        assert fresh.after[: len(old)].tolist() == first.after.tolist() or fresh.notes or first.notes


def test_a_pair_that_joins_groups_of_two_splits_moves_neither_and_is_told():
    rows = rows_of(
        {"source": "a", "split": "train"}, {"source": "b", "split": "test"}, {"source": "a b", "family": "f"}
    )
    found = assign_splits(rows, SplitOptions(group_by=("source",)), keep=True)
    assert found.after.tolist()[:2] == [1, 3] and found.torn.tolist() == [0]


def test_a_new_wording_follows_its_family_even_where_its_document_is_torn():
    rows = rows_of(
        {"source": "d", "split": "train"},
        {"source": "d", "split": "train"},
        {"source": "d", "family": "f", "split": "test"},
        {"source": "d", "family": "f"},
        {"source": "d"},
    )
    assert sides(rows, keep=True, group_by=("source",)) == [1, 1, 3, 3, 1]


def test_pairs_that_keep_their_split_draw_their_group_along():
    rows = rows_of(*({"source": "d", **({"split": "test"} if n == 3 else {})} for n in range(6)))
    assert sides(rows, keep=True, group_by=("source",)) == [3] * 6
    assert len(set(sides(rows, group_by=("source",)))) == 1


def test_each_split_gets_its_least_number_as_far_as_there_are_groups():
    rows = rows_of(*({} for _ in range(40)))
    assert min(assign_splits(rows, SplitOptions(minimum=8)).counts) >= 8
    whole = rows_of(*({"source": "all"} for _ in range(40)))
    found = assign_splits(whole, SplitOptions(minimum=8, group_by=("source",)))
    assert sorted(found.counts) == [0, 0, 40] and any("at least 8 pairs" in note for note in found.notes)
    none = assign_splits(rows, SplitOptions(ratios="90/10/0", minimum=8))
    assert none.counts[2] == 0 and none.counts[1] >= 8


def test_the_least_number_takes_groups_that_fit_before_larger_ones():
    pairs = [{"source": f"big{n // 30}"} for n in range(60)] + [{"source": f"s{n}"} for n in range(40)]
    found = assign_splits(rows_of(*pairs), SplitOptions(ratios="98/1/1", minimum=5, group_by=("source",)))
    assert found.counts[1] == 5 and found.counts[2] == 5


def test_a_group_far_too_large_for_a_split_goes_to_train():
    for seed in range(30):
        pairs = [{"source": "big"} for _ in range(60)] + [{"source": f"s{n}"} for n in range(40)]
        found = assign_splits(rows_of(*pairs), SplitOptions(group_by=("source",), seed=seed))
        assert found.after[0] == 1


def test_every_tag_has_the_same_mix():
    pairs = [{"tag": f"t{number % 7}"} for number in range(700)]
    found = np.array(sides(rows_of(*pairs), stratify="tag"))
    for tag in range(7):
        train, validation, test = (int((found[tag::7] == side).sum()) for side in (1, 2, 3))
        assert abs(train - 80) <= 2 and abs(validation - 10) <= 2 and abs(test - 10) <= 2
    more = sides(rows_of(*pairs, *({"tag": f"t{number}"} for number in range(9))), stratify="tag")
    assert more[:700] == found.tolist()


def test_alike_pairs_stay_together_where_that_is_asked():
    rows = rows_of(*({} for _ in range(200)))
    left, right = np.arange(0, 200, 2), np.arange(1, 200, 2)
    rows.links = Link(left, right, np.full(100, 95, np.float32), np.ones(100, bool))
    found = sides(rows, group_by=("duplicates",))
    assert found[::2] == found[1::2]
    assert sides(rows)[::2] != sides(rows)[1::2]


def said(*texts):
    return [Message("user" if place % 2 == 0 else "assistant", text) for place, text in enumerate(texts)]


def test_pairs_of_one_conversation_are_known_by_where_they_go_on():
    talk = said("hello", "hi", "and?", "so", "thanks", "bye")
    records = [Record(talk[n].text, talk[n + 1].text, turns=tuple(talk[:n])) for n in (0, 2, 4)]
    records += [Record("hello", "hi", turns=tuple(said("another", "talk"))), Record("alone", "yes")]
    rows = rows_of(*({} for _ in records))
    for place, record in enumerate(records):
        rows.add_turns(place, record)
    assert assign_splits(rows, SplitOptions(group_by=("conversation",))).groups == 3
    assert assign_splits(rows, SplitOptions()).groups == 5


def test_small_numbers_of_conversations_count_within_their_file():
    rows = rows_of(*({} for _ in range(5)))
    told = [
        '{"conversation_id":1}',
        '{"conversation_id":1}',
        '{"thread_id":"8f3a-11"}',
        '{"thread_id":"8f3a-11"}',
        '{"a_b":1}',
    ]
    found = [rows.tie_conversation(place, text, f"f{place}") for place, text in enumerate(told)]
    assert found == [True, True, True, True, False]
    assert assign_splits(rows, SplitOptions(group_by=("conversation",))).groups == 4


def test_nothing_to_divide_is_no_error():
    found = assign_splits(SplitRows(links=NO_LINKS), SplitOptions(minimum=3, stratify="tag", group_by=("source",)))
    assert found.counts == (0, 0, 0) and found.groups == 0


@pytest.mark.parametrize(
    "options",
    [
        {"ratios": "80/20"},
        {"ratios": "80/10/20"},
        {"ratios": "a/b/c"},
        {"ratios": "110/-5/-5"},
        {"ratios": "nan/50/50"},
        {"group_by": ("colour",)},
        {"group_by": ("tag",), "stratify": "tag"},
        {"stratify": "colour"},
        {"minimum": -1},
    ],
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(BadUsage):
        SplitOptions(**options)


def test_options_that_mean_the_same_are_the_same():
    one = SplitOptions(ratios="80.0/10%/ 10", group_by=("source,conversation", "source"))
    assert one == SplitOptions(group_by=("conversation", "source")) and one.shares == (0.8, 0.1, 0.1)
    assert SplitOptions(ratios="33.3/33.3/33.4").ratios == "33.3/33.3/33.4"

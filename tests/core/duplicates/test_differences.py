"""What like texts may not differ in to be copies."""

import pytest

from app.core.duplicates import compare
from app.core.duplicates.differences import bits, differences
from app.core.duplicates.normal import normalised


def kinds(one, other):
    return [found.kind for found in differences(one, other, normalised(one), normalised(other))]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Refunds take 2 days", "Refunds take 3 days", ["number"]),
        ("It costs $1.50", "It costs $15.0", ["number"]),
        ("The shop opens on Monday", "The shop opens on Friday", ["date"]),
        ("It is 5 km away", "It is 5 miles away", ["unit"]),
        ("Can Martin go there?", "Can Judith go there?", ["name"]),
        ("Martin eats fish", "Judith eats fish", ["name"]),
        ("Why does oil rise", "Why does not oil rise", ["negation"]),
        ("Does it work", "Doesn't it work", ["negation"]),
        ("True, it works", "False, it works", ["yes/no"]),
        ("这个可以退吗", "这个不可以退吗", ["negation"]),
        ("이 제품은 환불이 됩니다", "이 제품은 환불이 안 됩니다 않", ["negation"]),
    ],
)
def test_meaning_is_named(one, other, expected):
    assert kinds(one, other) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Refunds take 2 days", "Refunds take two days"),
        ("It costs $1,000.00", "It costs 1000"),
        ("Weather in London", "wether in Lodnon"),
        ("HOW DO I SEE MARTIN", "how do i see a martin"),
        ("David met Dasha. David left", "Davdi met Dasha. David left"),
        ("Where do I reset it?", "Where can I reset it?"),
    ],
)
def test_writing_is_no_difference(one, other):
    assert kinds(one, other) == []


def test_bits_go_by_the_order_of_names():
    one, other = "Does 1 work on Monday", "Does 2 not work on Friday"
    assert bits(differences(one, other, normalised(one), normalised(other))) == 0b10011


def test_comparing_two_texts_says_why():
    assert compare("Same", "Same").level == 102
    assert compare("Same!", "same").level == 101
    moved = compare("apples and pears taste good", "pears and apples taste good")
    assert (moved.level, moved.why) == (100, "They have the same words in another order.")
    assert compare("one thing", "quite another matter").level < 80

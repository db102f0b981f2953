"""Differences between texts, word by word, and what is marked of them."""

import pytest

from app.core.difference import marked, spotted, words


def test_a_deletion_and_an_insertion_side_by_side_are_one_replacement():
    assert words("within 2 days", "within two days") == [
        ("equal", "within "),
        ("delete", "2"),
        ("insert", "two"),
        ("equal", " days"),
    ]


@pytest.mark.parametrize(
    ("text", "others", "expected"),
    [
        ("in 30 days", ["in 14 days", "in 100 days"], ["30"]),
        ("in 30 days", ["in 30 days"], []),
        ("No.", ["Yes, gladly and at once."], []),
        ("", ["anything"], []),
    ],
    ids=["one word", "nothing differs", "all differs", "empty"],
)
def test_what_the_others_say_otherwise_is_marked(text, others, expected):
    pieces = marked(text, others)
    assert [piece for kind, piece in pieces if kind == "insert"] == expected
    assert "".join(piece for _, piece in pieces) == text


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("Yes, in 5 days, not 15.", {"5", "yes"}, ["Yes", "5"]),
        ("我们不送货", {"不"}, ["不"]),
        ("a+b (c)", {"c", "(c"}, ["(c"]),
        ("nothing", set(), []),
    ],
    ids=["whole words", "no blanks", "signs", "none"],
)
def test_wanted_words_are_spotted(text, wanted, expected):
    pieces = spotted(text, wanted)
    assert [piece for kind, piece in pieces if kind == "insert"] == expected
    assert "".join(piece for _, piece in pieces) == text

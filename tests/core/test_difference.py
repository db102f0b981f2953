"""Word differences: both texts come back, an excerpt keeps whole words, and what contradicts is marked."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core import difference
from app.core.difference import compare_words, mark_differences, mark_words

LONG = "Several words come before the place that changes, and all of them are whole words in the excerpt. "


@given(st.text(), st.text())
def test_the_pieces_are_both_texts(before, after):
    pieces = difference.compare_words(before, after)
    assert "".join(text for kind, text in pieces if kind != "insert") == before
    assert "".join(text for kind, text in pieces if kind != "delete") == after


def test_a_changed_word_is_shown_whole():
    pieces = difference.compare_words("Send an e-mail today.", "Send an email today.")
    assert pieces == [("equal", "Send an "), ("delete", "e-mail"), ("insert", "email"), ("equal", " today.")]


def test_an_excerpt_begins_and_ends_with_whole_words():
    [first, last] = [
        text
        for kind, text in difference.excerpt_changes(difference.compare_words(f"{LONG * 2}x {LONG * 2}", LONG * 4))
        if kind == "equal"
    ]
    assert first.startswith("… ") and f" {first.split()[1]} " in LONG
    assert last.endswith(" …") and f" {last.split()[-2]} " in f" {LONG}"
    assert len(first) <= 64 and len(last) <= 64


@pytest.mark.parametrize("text", ["漢" * 300, "あ" * 300])
def test_writing_without_blanks_is_cut_anywhere(text):
    [(_, first), *_] = difference.excerpt_changes([("equal", text), ("insert", "x")])
    assert first == "… " + text[:60]


def test_a_deletion_and_an_insertion_side_by_side_are_one_replacement():
    assert compare_words("within 2 days", "within two days") == [
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
    pieces = mark_differences(text, others)
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
    pieces = mark_words(text, wanted)
    assert [piece for kind, piece in pieces if kind == "insert"] == expected
    assert "".join(piece for _, piece in pieces) == text


@pytest.mark.parametrize(
    ("before", "after", "deleted", "inserted"),
    [
        (f"{LONG * 9}mark {LONG * 9}", LONG * 18, "mark ", ""),
        (f"{LONG * 9}old {LONG * 9}", f"{LONG * 9}new {LONG * 9}", "old", "new"),
        (LONG * 9, f"{LONG * 9}and more", "", "and more"),
        (f"one {LONG * 9}", LONG * 9, "one ", ""),
    ],
    ids=["deleted", "replaced", "at the end", "at the beginning"],
)
def test_long_texts_are_cut_to_what_changes(before, after, deleted, inserted):
    first, second = difference.cut_to_change(before, after, 600)
    pieces = compare_words(first, second)
    assert "".join(text for kind, text in pieces if kind == "delete").strip(" ") == deleted.strip(" ")
    assert "".join(text for kind, text in pieces if kind == "insert").strip(" ") == inserted.strip(" ")
    assert len(first) < 610 and len(second) < 610 and "…" in first and "…" in second


def test_of_many_changes_in_long_texts_the_first_are_shown_as_they_are():
    before = "".join(f"w{number} x " for number in range(100_000))
    pieces = compare_words(*difference.cut_to_change(before, before.replace("x ", ""), 600))
    assert sum(kind == "delete" for kind, _ in pieces) > 10
    assert {text.strip() for kind, text in pieces if kind != "equal" and text.strip()} == {"x"}


def test_of_a_long_deletion_no_other_words_are_said_to_come():
    first, second = difference.cut_to_change(f"Before. {'gone ' * 100_000}After.", "Before. After.", 600)
    assert not [text for kind, text in compare_words(first, second) if kind == "insert" and text.strip()]
    assert first.startswith("Before. gone") and first.endswith("…")


@given(st.text(max_size=90), st.text(max_size=90), st.integers(4, 40))
@example("00000", "01001", 4)
def test_cut_texts_still_differ_and_are_short(before, after, longest):
    first, second = difference.cut_to_change(before, after, longest)
    assert (first == second) == (before == after) or not before or not after
    assert len(first) <= longest + 4 and len(second) <= longest + 4


def test_what_is_not_there_stays_so_in_a_cut():
    assert difference.cut_to_change("a" * 900, None, 600)[1] is None
    assert difference.cut_to_change("short", "texts", 600) == ("short", "texts")


def test_of_a_long_text_only_what_was_edited_differs():
    before = "so it was said. " * 20_000
    after = before[:160_000] + "And then. " + before[160_000:]
    pieces = compare_words(before, after)
    assert [kind for kind, _ in pieces] == ["equal", "insert", "equal"] and len(pieces[1][1]) < 20
    assert "".join(text for kind, text in pieces if kind != "delete") == after
    lines = [f"Line {at} says this and that and more.\n" for at in range(3000)]
    edited = [*lines[:2], "A new one.\n", *lines[2:2500], "Line 2500 says nothing.\n", *lines[2501:]]
    pieces = compare_words("".join(lines), "".join(edited))
    assert [text for kind, text in pieces if kind == "insert"] == ["A new one.\n", "nothing"]
    assert "".join(text for kind, text in pieces if kind != "delete") == "".join(edited)
    assert "".join(text for kind, text in pieces if kind != "insert") == "".join(lines)
    other = "first " + "x y " * 20_000 + "last"
    assert [kind for kind, _ in compare_words(other, other.replace("x", "z"))] == ["equal", "delete", "insert", "equal"]

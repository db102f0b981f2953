"""Word differences: what is equal, deleted and inserted gives both texts back, and an excerpt keeps whole words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import difference

LONG = "Several words come before the place that changes, and all of them are whole words in the excerpt. "


@given(st.text(), st.text())
def test_the_pieces_are_both_texts(before, after):
    pieces = difference.words(before, after)
    assert "".join(text for kind, text in pieces if kind != "insert") == before
    assert "".join(text for kind, text in pieces if kind != "delete") == after


def test_a_changed_word_is_shown_whole():
    pieces = difference.words("Send an e-mail today.", "Send an email today.")
    assert pieces == [("equal", "Send an "), ("delete", "e-mail"), ("insert", "email"), ("equal", " today.")]


def test_an_excerpt_begins_and_ends_with_whole_words():
    [first, last] = [
        text
        for kind, text in difference.excerpt(difference.words(f"{LONG * 2}x {LONG * 2}", LONG * 4))
        if kind == "equal"
    ]
    assert first.startswith("… ") and f" {first.split()[1]} " in LONG
    assert last.endswith(" …") and f" {last.split()[-2]} " in f" {LONG}"
    assert len(first) <= 64 and len(last) <= 64


@pytest.mark.parametrize("text", ["漢" * 300, "あ" * 300])
def test_writing_without_blanks_is_cut_anywhere(text):
    [(_, first), *_] = difference.excerpt([("equal", text), ("insert", "x")])
    assert first == "… " + text[:60]

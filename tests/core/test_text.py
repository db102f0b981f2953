"""Small functions on text."""

import sys

import pytest

from app.core.text import BLANK_CHARACTERS, clip, fold_newlines, is_blank, plural, restore_newlines


@pytest.mark.parametrize(
    "text", [None, "", " ", "\n\t", "\ufeff", "\u200b\u200d", "\u2800", "\u3164", "\ufe0f", "\x07"]
)
def test_what_prints_nothing_is_blank(text):
    assert is_blank(text)


def test_a_database_trims_what_is_blank():
    codes = (code for code in range(1, sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF)
    assert "".join(filter(is_blank, map(chr, codes))) == BLANK_CHARACTERS


@pytest.mark.parametrize("text", ["a", " a ", ".", "０", "あ", "🙂", "\u0301", "-", "<"])
def test_what_can_be_seen_is_not_blank(text):
    assert not is_blank(text)


@pytest.mark.parametrize("stored", ["a\nb", "a\r\nb", "a\rb", "a\r\nb\nc\r", "\n", "a\n\n", ""])
def test_a_text_area_sent_back_untouched_is_the_stored_text(stored):
    submitted = fold_newlines(stored).replace("\n", "\r\n")
    assert restore_newlines(submitted, stored) == stored


def test_an_edit_keeps_crlf_only_where_nothing_else_was_used():
    assert restore_newlines("a\r\nB", "a\r\nb") == "a\r\nB"
    assert restore_newlines("a\r\nB", "a\nb") == "a\nB"
    assert restore_newlines("a\r\nB\r\nc", "a\r\nb\nc") == "a\nB\nc"
    assert restore_newlines("a\r\nb", None) == "a\nb"


@pytest.mark.parametrize(("n", "said"), [(0, "0 pairs"), (1, "1 pair"), (2, "2 pairs"), (12480, "12,480 pairs")])
def test_plural(n, said):
    assert plural(n, "pair") == said


def test_plural_of_an_irregular_noun():
    assert plural(2, "entry", "entries") == "2 entries"


def test_clip_makes_one_short_line():
    assert clip("a\n b") == "a b"
    assert clip("a\ud800b") == "a?b"
    assert clip("word " * 50, 20) == "word word word word…"
    assert len(clip("x" * 500, 20)) == 20

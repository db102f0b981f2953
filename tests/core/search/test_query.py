"""The language of the search box: what is taken, and that nothing is an error."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import BadUsage
from app.core.search import query
from app.core.search.marks import find_marks
from app.core.search.matching import make_matcher
from app.core.search.query import Label, Measure, Words, parse_query
from app.core.search.texts import FIELDS
from app.core.search.words import fold, index_text, words_of
from app.core.stored import StoredEntry

DOCS = Path(__file__).parents[3] / "docs" / "search.md"


def test_the_page_tells_all_of_it_with_examples_that_hold() -> None:
    told = DOCS.read_text(encoding="utf-8")
    typed = re.findall(r"^\| `([^`]+)` \|", told, re.MULTILINE)
    assert len(typed) > 10
    for one in typed:
        assert parse_query(one).terms and not parse_query(one).remarks, one
    for name in (*FIELDS, *query.LABELS, *query.STATES, *query.THINGS, *query.MEASURES):
        assert re.search(rf"\b{name}\b", told), name


@pytest.mark.parametrize("text", ["", "  ", '""', '"" ""', "\u200b", "\ud800", "\x00"])
def test_what_asks_for_nothing_finds_everything(text: str) -> None:
    assert parse_query(text).terms == ()


def test_a_text_over_the_limit_is_refused() -> None:
    with pytest.raises(BadUsage, match="longer than 1,000"):
        parse_query("x" * 60_000)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("status:odd", "after status: comes one of"),
        ("colour:red", "there is no field colour"),
        ("len>x", "a whole number"),
        ("tag:", "nothing stands after tag:"),
        ("regex:/(/", "cannot be read"),
        ("regex:x", "between slashes"),
        ('"open', "not closed"),
    ],
)
def test_what_is_not_understood_is_taken_as_it_stands_and_said(text: str, why: str) -> None:
    found = parse_query(text)
    assert [type(term) for term in found.terms] == [Words]
    assert why in found.remarks[0]


def test_one_status_or_another_is_one_condition_and_tags_are_each_their_own() -> None:
    found = parse_query("status:draft tag:a status:review tag:b len>=3")
    assert found.terms == (
        Label("status", ("draft", "review")),
        Label("tag", ("a",)),
        Label("tag", ("b",)),
        Measure("len", ">=", 3),
    )


@pytest.mark.parametrize(
    ("text", "typed", "found"),
    [
        ("Ein ÄPFEL-Korb", "apfel", ["ÄPFEL"]),
        ("E\u0301TUDE", "étude", ["E\u0301TUDE"]),
        ("我在北京大学", "北京", ["北京"]),
        ("ガラスとカラス", "ガラス", ["ガラス"]),
        ("ｶﾞﾗｽ", "ガラス", ["ｶﾞﾗｽ"]),
        ("50% and 50 %", "50%", ["50%"]),
        ("red red apple", '"red apple"', ["red apple"]),
        ("Colour, color", "regex:/colou?r/i", ["Colour", "color"]),
        ("aaa\naa", "regex:/^a/", ["a", "a"]),
        ("stop top", r"regex:/\btop/", ["top"]),
        ("ﬁne İstanbul", "fine istanbul", ["ﬁne", "İstanbul"]),
        ("كِتَاب", "كتاب", ["كِتَاب"]),
    ],
)
def test_what_matched_is_told_in_the_text_as_it_stands(text: str, typed: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in find_marks(text, parse_query(typed))] == found
    assert make_matcher(parse_query(typed))(StoredEntry(text))


@given(st.text(max_size=80))
def test_any_text_is_taken_and_looked_for(text: str) -> None:
    matches = make_matcher(parse_query(text))
    assert matches(StoredEntry("Any.")) in (True, False)
    assert all(0 <= start < end <= len(text) for start, end in find_marks(text, parse_query(text)))


@given(st.text(max_size=80))
def test_the_index_is_given_the_same_words(text: str) -> None:
    # What SQLite's tokenizer does: it parts at all of ASCII but letters and digits.
    parted = re.findall(
        r"[a-z0-9\u0080-\U0010ffff]+", "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in index_text(text))
    )
    assert parted == words_of(fold(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fixed OR savings", "“OR” is looked for as it stands: all conditions"),
        ("re:", "there is no field re."),
        ("DEPOSIT*", "without a star"),
        ("/dep.sit/", "a pattern is written regex:/dep.sit/."),
    ],
)
def test_the_language_of_another_search_gets_a_remark_how_to_write_it(text, said) -> None:
    [remark] = parse_query(text).remarks
    assert said in remark


@pytest.mark.parametrize("text", ['"OR"', "or", "and", "/", "//", "*", "path/to/file", 'a:b:c"', "5*3"])
def test_words_that_only_look_a_little_like_it_get_no_such_remark(text) -> None:
    assert not any("regex" in one or "star" in one for one in parse_query(text).remarks)

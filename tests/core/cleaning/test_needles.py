"""What must stand in a text for a pattern to match: never too much, or pairs would be passed over."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from app.core.cleaning import Step, compile_recipe
from app.core.cleaning.needles import literals_of, needles_of


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        (r"for ([1-3]\d) days", " days"),
        (r"colou?r", "colo"),
        (r"abc+d", "abc"),
        (r"ab*cde", "cde"),
        (r"ab{0,2}cde", "cde"),
        (r"a\.b\.c", "a.b.c"),
        (r"\x41bc def", " def"),
        (r"\dabc def", " def"),
        (r"\p{L}xyz", "xyz"),
        (r"[abc]def[^]]ghij", "ghij"),
        (r"[]x]yz", "yz"),
        (r"(abc(def))?gh", "gh"),
        (r"^User: ", "User: "),
        (r"\\section", "\\section"),
        ("a|bcd", ""),
        ("(?i)abc", ""),
        ("abc(?:def)?", ""),
        ("(abc)?", ""),
        (r"\s+", ""),
        ("a", ""),
        ("abc\\", "abc"),
        ("abc[", "abc"),
        ("abc{", "ab"),
    ],
)
def test_the_longest_literal_of_a_pattern(pattern, literal):
    assert max(literals_of(pattern), key=len, default="") == literal


@pytest.mark.parametrize(
    ("text", "needle"), [("Straße", (("tra",), True)), ("KISS", None), ("User:", (("er:",), True))]
)
def test_without_case_only_letters_that_fold_alike_count(text, needle):
    assert needles_of(text, mode="literal", ignore_case=True) == needle


PIECES = [
    "ab",
    "c",
    "?",
    "*",
    "+",
    "{0,1}",
    "{2}",
    ".",
    "(",
    ")",
    "[ab]",
    "[^c]",
    r"\d",
    r"\.",
    r"\x61",
    "^",
    "$",
    "b",
    "{e<=1}",
]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8), st.text("abc.1{}", max_size=12))
def test_a_text_that_matches_holds_the_literals(pieces, text):
    pattern = "".join(pieces)
    try:
        found = regex.compile(pattern, regex.VERSION0 | regex.MULTILINE).search(text, timeout=1)
    except regex.error:
        return
    if found:
        assert all(literal in text for literal in literals_of(pattern))


def test_a_recipe_of_a_pattern_has_its_needles():
    cleaner = compile_recipe([Step("find-replace", {"find": r"for (\d+) days", "mode": "regex"})])
    assert cleaner.needles == ("for ", " days")

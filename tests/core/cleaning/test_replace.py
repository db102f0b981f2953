"""Removing and replacing texts and patterns."""

import time
from typing import Any

import pytest

from app.core.cleaning import CleaningStopped, Step, compile_recipe
from app.core.cleaning.patterns import MAX_CHARACTERS
from app.core.errors import Invalid
from app.core.record import Record


def cleaned(text: str, operation: str, /, **options: Any) -> str:
    result = compile_recipe([Step(operation, options)]).clean(Record(text))
    assert isinstance(result, Record)
    return result.question


def test_removing_a_text_keeps_what_stands_before_it() -> None:
    assert cleaned("Hello there. User: what now?", "remove-text", text="User:") == "Hello there.  what now?"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"text": "User:"}, "A  b  c"),
        ({"text": "User:", "part": "up-to"}, " b User: c"),
        ({"text": "User:", "part": "from"}, "A "),
        ({"text": "user:"}, "A User: b User: c"),
        ({"text": "user:", "ignore_case": True}, "A  b  c"),
        ({"text": r"User:\s*", "mode": "regex"}, "A b c"),
        ({"text": "Use", "whole_word": True}, "A User: b User: c"),
    ],
)
def test_each_way_to_remove(options: dict[str, Any], expected: str) -> None:
    assert cleaned("A User: b User: c", "remove-text", **options) == expected


@pytest.mark.parametrize("find", [".*", r"\1", r"\g<0>", "[a", "(?i)", "$", "a{2}"])
def test_a_literal_is_taken_as_it_is_written(find: str) -> None:
    assert cleaned(f"x{find}y", "find-replace", find=find, replace=r"\0\1$1") == r"x\0\1$1y"
    assert cleaned(f"x {find} y", "find-replace", find=find, replace=r"\1", ignore_case=True) == r"x \1 y"
    assert cleaned("plain text", "find-replace", find=find, replace="") == "plain text"


def test_groups_are_put_in_again() -> None:
    options = {"find": r"(\w+), (?P<first>\w+)", "replace": r"\g<first> \1", "mode": "regex"}
    assert cleaned("Curie, Marie", "find-replace", **options) == "Marie Curie"


def test_lines_have_beginnings_and_ends() -> None:
    assert cleaned("> a\n> b", "find-replace", find="^> ", mode="regex") == "a\nb"


@pytest.mark.parametrize(
    ("text", "find", "expected"),
    [
        ("art party art", "art", "X party X"),
        ("العربية عربية", "عربية", "العربية X"),
        ("서울 서울시", "서울", "X 서울시"),
        ("cafe cafe\u0301", "cafe", "X cafe\u0301"),
    ],
)
def test_whole_words_in_any_script(text: str, find: str, expected: str) -> None:
    assert cleaned(text, "find-replace", find=find, replace="X", whole_word=True) == expected


@pytest.mark.parametrize(("pattern", "position"), [("(", 1), ("a)", 1), ("[z-a]", 4), ("a{2,1}", 2), ("*", 0), ("", 0)])
def test_a_bad_pattern_is_refused_with_its_position(pattern: str, position: int) -> None:
    with pytest.raises(Invalid) as refused:
        compile_recipe([Step("find-replace", {"find": pattern, "mode": "regex", "whole_word": True})])
    assert refused.value.details["position"] == position
    assert refused.value.details["option"] == "find"


@pytest.mark.parametrize("replacement", [r"\2", r"\g<x>", r"\g<", r"\q"])
def test_a_bad_replacement_is_refused(replacement: str) -> None:
    with pytest.raises(Invalid) as refused:
        compile_recipe([Step("find-replace", {"find": "(a)", "replace": replacement, "mode": "regex"})])
    assert refused.value.code == "bad_replacement"


def test_a_catastrophic_pattern_is_stopped() -> None:
    cleaner = compile_recipe([Step("find-replace", {"find": r"^(a|aa)+$", "replace": "", "mode": "regex"})])
    start = time.process_time()
    with pytest.raises(CleaningStopped) as stopped:
        cleaner.clean(Record("a" * 60 + "!"))
    assert stopped.value.code == "regex_too_slow"
    assert time.process_time() - start < 2.5


@pytest.mark.parametrize(
    "options",
    [
        {"find": "a", "replace": "x" * 2000},
        {"find": "A", "replace": "x" * 2000, "ignore_case": True},
        {"find": "(?=(.*))", "replace": r"\1\1", "mode": "regex"},
    ],
)
def test_a_text_may_not_grow_without_limit(options: dict[str, Any]) -> None:
    with pytest.raises(CleaningStopped) as stopped:
        cleaned("a" * 10_000, "find-replace", **options)
    assert stopped.value.code == "output_too_large"


def test_a_long_text_may_shrink() -> None:
    assert cleaned("ab" * MAX_CHARACTERS, "find-replace", find="ab", replace="c") == "c" * MAX_CHARACTERS


@pytest.mark.parametrize(
    ("operation", "options", "expected"),
    [
        ("remove-text", {"text": "User:"}, (("User:",), False)),
        ("remove-text", {"text": "USER:", "ignore_case": True}, (("er:",), True)),
        ("find-replace", {"find": "art", "whole_word": True}, (("art",), False)),
        ("find-replace", {"find": "éis", "ignore_case": True}, ((), False)),
        ("find-replace", {"find": "a+", "mode": "regex"}, ((), False)),
    ],
)
def test_the_needle_must_occur_for_a_text_to_change(operation: str, options: dict[str, Any], expected: object) -> None:
    cleaner = compile_recipe([Step(operation, options)])
    assert (cleaner.needles, cleaner.ignore_case) == expected


def test_letters_of_a_needle_fold_to_nothing_outside_ascii() -> None:
    """What the database finds without case must be no less than what the pattern finds."""
    import regex

    for letter in "abcdefghjlmnopqrtuvwxyz":
        found = regex.findall(letter, "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)])), regex.IGNORECASE)
        assert sorted(found) == [letter.upper(), letter]


@pytest.mark.parametrize(
    ("text", "find", "after"),
    [
        ("a \U0001f469\u200d\U0001f4bb b", "\U0001f469", "a \U0001f4bb b"),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f4bb", "\U0001f469"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f469", "\U0001f468\U0001f467"),
        ("\U0001f469\U0001f3fd\u200d\U0001f4bb", "\U0001f469\U0001f3fd", "\U0001f4bb"),
        ("\u2764\ufe0f\u200d\U0001f525", "\u2764", "\U0001f525"),
        ("\u2764\ufe0f\u200d\U0001f525", "\U0001f525", "\u2764\ufe0f"),
        ("1\ufe0f\u20e3 one", "1", " one"),
        ("\u0915\u094d\u200d\u0937 x", "x", "\u0915\u094d\u200d\u0937 "),
        ("\u0646\u0645\u06cc\u200c\u062e x", "x", "\u0646\u0645\u06cc\u200c\u062e "),
        ("\U0001f469\u200d\U0001f4bb x", "x", "\U0001f469\u200d\U0001f4bb "),
        ("loose \u200d x", "x", "loose \u200d "),
    ],
)
def test_an_emoji_that_loses_a_part_leaves_no_joiner(text, find, after):
    for step in (
        Step("remove-text", {"text": find}),
        Step("find-replace", {"find": find}),
        Step("find-replace", {"find": find, "mode": "regex"}),
        Step("remove-text", {"text": find, "ignore_case": True}),
    ):
        assert compile_recipe([step]).clean(Record(f"Q {text}", "a")).question == f"Q {after}"

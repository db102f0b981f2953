"""Patterns of users: what is refused before it runs, and that nothing runs wild."""

import random
import time

import pytest

from app.core.cleaning import Step, compile_recipe
from app.core.cleaning.base import CleaningStopped
from app.core.cleaning.patterns import Pattern, limit_time, share_time
from app.core.errors import Invalid, LttError


@pytest.mark.parametrize(
    ("source", "position"),
    [
        ("(?R)", 0), ("a(?R)?b", 1), ("(?0)", 0), ("(?1)(a)", 0), ("(a)(?-1)", 3), ("(?+1)(a)", 0),
        ("(?<n>a)(?&n)", 7), ("(?P<n>a)(?P>n)", 8), ("(?(DEFINE)(?<n>a))", 0),
        ("a{4000000000}", 1), ("a{2,1001}", 1), ("(a{1000}){1000}", 9), ("((a{30}){30}){30}", 13), ("a{100}{100}{2}", 11),
        ("(?:ab){e<=3}", 6), ("(?:ab){1i+1d<=2}", 6), ("x{s}", 1), ("\\L<words>", 0),
        ("(?x) a # (", 0), ("(?V1)[a--b]", 0), ("(?ie)a", 0),
        ("(" * 21 + ")" * 21, 19), ("(a)" * 101, 300), ("a" * 1_000_000, 1000),
    ],
)  # fmt: skip
def test_what_has_no_bound_is_refused_with_its_place(source: str, position: int) -> None:
    began = time.process_time()
    with pytest.raises(Invalid) as refused:
        Pattern(source)
    assert refused.value.code == "bad_pattern" and refused.value.details["position"] == position
    assert f"character {position + 1}" in refused.value.message
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "source",
    [
        r"\d{4}-\d{2}-\d{2}", r"(?i)a", r"(?s:.)", r"(?P<b>x)(?P=b)", r"(?<e>x)\g<e>", r"{user}", r"\{e\}", "[{e}](?!x)",
        "[]()]", "[(]{5}", "(?#((a", "(?|(a)|(b))", "(a)?(?(1)b|c)", r"\p{L}+(?>x|y)++", r"(?<=ab*)c", r"a(*SKIP)(*FAIL)|b", "a{",
    ],
)  # fmt: skip
def test_what_people_write_is_taken(source: str) -> None:
    try:
        Pattern(source).search("a text")
    except Invalid as error:
        assert "cannot be read" in error.message  # its syntax, and not a bound


def test_literals_have_a_bound_of_their_own() -> None:
    assert Pattern("x(?R)" * 1000, literal=True, ignore_case=True).search("nothing") is None
    with pytest.raises(Invalid, match="10,000 characters"):
        Pattern("x" * 10_001, literal=True)


@pytest.mark.parametrize(("operation", "option"), [("remove-boilerplate", "phrases"), ("remove-prefixes", "prefixes")])
def test_lists_of_phrases_have_a_bound(operation: str, option: str) -> None:
    for lines in ("a phrase\n" * 10_000, "x" * 1_000_000):
        with pytest.raises(Invalid, match="at most 1,000 lines"):
            compile_recipe([Step(operation, {option: lines})])


def test_the_patterns_of_a_recipe_share_their_time() -> None:
    with share_time():
        first, second = Pattern("(a|aa)+$"), Pattern("(b|bb)+$")
    with pytest.raises(CleaningStopped):
        first.search("a" * 80 + "!")
    began = time.process_time()
    with pytest.raises(CleaningStopped):
        second.search("b" * 80 + "!")
    assert time.process_time() - began < 0.5


def _make_pattern(chance: random.Random, depth: int = 0) -> str:
    atoms = [
        "a",
        "b",
        ".",
        r"\w",
        r"\d",
        "[a-c]",
        "[^x]",
        r"\p{L}",
        r"\b",
        "^",
        "$",
        "(?R)",
        "(?1)",
        "{e<=2}",
        "[[:alpha:]]",
        r"\X",
        "|",
        "\\",
    ]
    repeats = ["*", "+", "?", "*?", "++", "{2}", "{1,30}", "{500}", "{9999}", "{,5}", "{", "{i}"]
    opens = ["(", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?|", "(?i:", "(?P<n>", "(?(1)", "(?x:", "(?#"]
    parts = []
    for _ in range(chance.randint(1, 5)):
        if depth < 6 and chance.random() < 0.35:
            parts.append(chance.choice(opens) + _make_pattern(chance, depth + 1) + chance.choice([")", ")", ")", ""]))
        else:
            parts.append(chance.choice(atoms))
        if chance.random() < 0.5:
            parts.append(chance.choice(repeats))
    return "".join(parts)


@pytest.mark.parametrize("fixed", [1, 2, None])
def test_no_pattern_runs_wild(fixed: int | None) -> None:
    seed = fixed or random.randrange(10**9)
    chance = random.Random(seed)
    for _ in range(300):
        source = _make_pattern(chance)
        began = time.monotonic()
        try:
            pattern = Pattern(source, ignore_case=chance.random() < 0.5, whole_word=chance.random() < 0.3)
            for text in ("abc " * 50, "a" * 3000 + "!", "äß\U0001f469\u200d\U0001f4bb"):
                pattern.replace("-", text)
        except LttError:
            pass
        assert time.monotonic() - began < 10, (seed, source)


def test_what_was_read_before_gives_no_time_beyond_that_of_a_look() -> None:
    pattern = Pattern("(a|aa)+$")
    for _ in range(60):
        pattern.search("b" * 800_000)
    began = time.monotonic()
    with limit_time(0.2), pytest.raises(CleaningStopped, match="too slow"):
        pattern.search("a" * 800_000 + "!")
    # Without the limit it may take 48 seconds.
    assert time.monotonic() - began < 20

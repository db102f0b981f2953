"""The list of checks is complete: each has a test here or elsewhere that exists, or a reason."""

import ast
import re
from pathlib import Path

import pytest

from tests.faults.checks import CHECKS, NAMED_ELSEWHERE
from tests.serving import ROOT

HERE = Path(__file__).parent


def names_of(path: Path) -> set[str]:
    """The names of the tests in a file, those of classes with the class."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
    return found


def numbers_here() -> set[str]:
    """The numbers that tests of this folder carry in their names."""
    names = {name for path in HERE.glob("test_*.py") for name in names_of(path)}
    return {match[1].upper() for name in names if (match := re.match(r"test_(d\d\d)_", name))}


def test_the_list_has_every_number() -> None:
    assert list(CHECKS) == [f"D{number:02}" for number in range(1, 85)]
    assert numbers_here() <= set(CHECKS)


@pytest.mark.parametrize("number", CHECKS)
def test_a_check_is_made_or_says_why_not(number: str) -> None:
    check = CHECKS[number]
    assert check.promise
    assert (number in numbers_here()) or check.elsewhere or len(check.not_here) > 40


@pytest.mark.parametrize("name", sorted(NAMED_ELSEWHERE))
def test_a_test_that_is_named_exists(name: str) -> None:
    path, test = name.split("::", 1)
    assert not path.startswith("tests/faults/")
    assert test in names_of(ROOT / path)

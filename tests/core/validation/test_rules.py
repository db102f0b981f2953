"""Every rule finds its bad example and is silent on its good one; rules take any row without failing."""

from collections.abc import Sequence
from datetime import date

import msgspec
import pytest

from app.core.formats import Source
from app.core.formats.jsonl import encode_line
from app.core.reading import ReadSettings
from app.core.validation import RULES, FileFacts, Rule, ValidateOptions, load_profiles
from app.core.validation.files import validate_file
from app.core.validation.rules.base import Example, TwoFiles

PROFILES = load_profiles()
TODAY = date(2026, 11, 29)


def file_of(rows: bytes | Sequence[object]) -> Source:
    data = rows if isinstance(rows, bytes) else b"".join(map(encode_line, rows))
    return Source.of_bytes(data, name="rows.jsonl")


def codes_in(rule: Rule, example: Example) -> set[str]:
    """The codes that the rule's profile finds in an example."""
    profile = PROFILES[rule.profile]
    if isinstance(example, FileFacts):
        return {rule.code for _ in rule.check(example, profile)}
    other = file_of(example.other) if isinstance(example, TwoFiles) else None
    source = file_of(example.rows if isinstance(example, TwoFiles) else example)
    report = validate_file(source, ReadSettings(), ValidateOptions(), [profile], today=TODAY, against=other)
    return {one["code"] for one in report["findings"]}


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_finds_its_bad_example_and_not_its_good_one(rule: Rule) -> None:
    assert rule.code in PROFILES[rule.profile].rules
    assert rule.code in codes_in(rule, rule.bad)
    assert rule.code not in codes_in(rule, rule.good)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_says_in_sentences_what_it_is_for(rule: Rule) -> None:
    assert rule.title and not rule.title.endswith(".")
    assert rule.why.endswith(".") and rule.check.__doc__


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_names_its_sources_and_its_day(name: str) -> None:
    profile = PROFILES[name]
    assert profile.sources and profile.date <= TODAY
    assert set(profile.rules) <= RULES.keys() and set(profile.drops) <= profile.rules.keys()
    assert msgspec.to_builtins(profile)

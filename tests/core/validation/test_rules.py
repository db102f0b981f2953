"""Every rule finds its bad example and is silent on its good one; rules take any row without failing."""

import copy
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.formats import Source
from app.core.formats.jsonl import encode_line
from app.core.layouts import LAYOUTS
from app.core.reading import ReadSettings
from app.core.validation import FIXES, RULES, Checker, FileFacts, Findings, Rule, ValidateOptions, load_profiles, rules
from app.core.validation.files import validate_file
from app.core.validation.rules.base import Example, TwoFiles
from app.core.validation.shapes import READ_KEYS, SHAPES, Seen
from app.core.validation.training import Trained
from app.providers.tokenizers import load_tokenizer

PROFILES = load_profiles()
TODAY = date(2026, 11, 29)


def rows_of(example: Example) -> list[dict[str, object]]:
    """The rows of an example, if it has any."""
    if isinstance(example, bytes | FileFacts | Trained) or callable(example):
        return []
    return [dict(row) for row in (example.rows if isinstance(example, TwoFiles) else example)]


EXAMPLE_ROWS = [row for rule in RULES.values() for example in (rule.good, rule.bad) for row in rows_of(example)]
KEYS = sorted(
    {key for row in EXAMPLE_ROWS for key in row} | {"role", "content", "weight", "tool_calls", "id", "function"}
)


def file_of(rows: bytes | Sequence[object]) -> Source:
    data = rows if isinstance(rows, bytes) else b"".join(map(encode_line, rows))
    return Source.of_bytes(data, name="rows.jsonl")


def codes_in(rule: Rule, example: Example) -> set[str]:
    """The codes that the rule's profile finds in an example."""
    profile = PROFILES[rule.profile]
    if isinstance(example, FileFacts | Trained):
        return {rule.code for _ in rule.check(example, profile)}
    example = example() if callable(example) else example
    other = file_of(example.other) if isinstance(example, TwoFiles) else None
    source = file_of(example.rows if isinstance(example, TwoFiles) else example)
    report = validate_file(
        source, ReadSettings(), ValidateOptions(), [profile], today=TODAY, against=other, load_tokenizer=load_tokenizer
    )
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


def test_every_rule_is_used_by_some_profile_and_every_fix_by_some_rule() -> None:
    assert set(RULES) == {code for profile in PROFILES.values() for code in profile.rules}
    sources = [path.read_text(encoding="utf-8") for path in Path(rules.__path__[0]).glob("*.py")]
    assert [name for name in FIXES if not any(f'"{name}"' in text for text in sources)] == []
    assert all(set(one.drops) <= set(one.rules) for one in PROFILES.values())


@pytest.mark.parametrize("name", PROFILES)
def test_the_example_of_a_layout_is_clean_for_its_profile(name: str) -> None:
    profile = PROFILES[name]
    rows = [LAYOUTS[profile.layout].example] * (profile.limits.records_min or 8)
    source = Source.of_bytes(b"".join(map(encode_line, rows)), name="train.jsonl")
    report = validate_file(source, ReadSettings(), ValidateOptions(), [profile], today=TODAY)
    assert report["profiles"][name]["checked"] == "as it is"
    assert [one for one in report["findings"] if one["severity"] == "error"] == []


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", " ", "user", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutated_rows(draw: st.DrawFn) -> object:
    """A row of some example, with values put in place of some of its own, keys taken away and others added."""
    row = copy.deepcopy(draw(st.sampled_from(EXAMPLE_ROWS)))
    for _ in range(draw(st.integers(1, 4))):
        at = row
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(at[key], (dict, list)) and draw(st.booleans()):
                at = at[key]
                continue
            if draw(st.booleans()):
                at[key] = draw(JSON_VALUES)
            elif isinstance(at, dict):
                del at[key]
                at[draw(st.sampled_from(KEYS))] = draw(JSON_VALUES)
            else:
                at.append(copy.deepcopy(at[key]))
            break
    return row


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated_rows())
def test_no_row_whatever_it_holds_makes_a_rule_fail(row: object) -> None:
    for profile in PROFILES.values():
        findings = Findings()
        for usual in profile.shapes:
            checker = Checker(profile, findings, own=True, usual=usual)
            checker.check(checker.seen(row), 1, 1)
            checker.check(Seen(row, SHAPES[usual]), 2, 2)
            checker.close(FileFacts())
            assert checker.outcome.kept + checker.outcome.dropped == 2


TEXTS = ("User: hi", "weigh(A7)", '{"name":"weigh","arguments":{}}', "<image>", "7", "<think>x</think>weigh(A7)")


@st.composite
def rows_of_one_form(draw: st.DrawFn) -> tuple[dict[str, object], dict[str, object]]:
    """Two rows that differ in texts, and in what stands under a key beside their messages."""
    name, role, text = draw(st.sampled_from([("messages", "role", "content"), ("conversations", "from", "value")]))
    roles = draw(
        st.lists(st.sampled_from(["system", "user", "assistant", "human", "gpt", "function_call", "x"]), max_size=4)
    )
    key = draw(st.none() | st.sampled_from(KEYS))
    made = []
    for _ in range(2):
        row: dict[str, object] = {name: [{role: one, text: draw(st.sampled_from(TEXTS))} for one in roles]}
        made.append(row if key is None or key == name else {**row, key: draw(JSON_VALUES)})
    return made[0], made[1]


@settings(max_examples=300, deadline=None)
@given(rows_of_one_form() | st.tuples(mutated_rows(), mutated_rows()))
def test_what_is_remembered_of_plain_rows_changes_nothing(rows: tuple[Any, Any]) -> None:
    """Alone and after another row the same is found, but for what rules of all rows say."""
    sets = {code for code, one in RULES.items() if one.level == "set"}
    for profile in PROFILES.values():
        found = []
        for before in (False, True):
            findings = Findings()
            checker = Checker(profile, findings, own=True)
            if before:
                checker.check(checker.seen(rows[0]), 1, 1)
            checker.check(checker.seen(rows[1]), 2, 2)
            listed = [one for kind in findings.listed.values() for one in kind]
            found.append([one for one in listed if one.record == 2 and one.code not in sets])
        assert found[0] == found[1]


def test_every_key_of_a_row_whose_value_a_rule_reads_is_known_as_such() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in Path(rules.__path__[0]).glob("*.py"))
    read = set(re.findall(r'row(?:\.get\(|\[)"(\w+)"', text)) | set(re.findall(r'"(\w+)" (?:not )?in seen\.row', text))
    assert len(read) > 5 and read <= READ_KEYS

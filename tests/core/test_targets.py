"""Export targets: each names a layout that is written, and says what it holds, its limits, source and date."""

from datetime import date

import pytest

from app.core.errors import BadUsage
from app.core.formats import FORMATS
from app.core.layouts import LAYOUTS
from app.core.spec import Spec, parse_target
from app.core.targets import EXPORT_TARGETS, GROUPS, describe_targets
from app.core.validation import load_profiles


@pytest.mark.parametrize("target", EXPORT_TARGETS.values(), ids=lambda one: one.name)
def test_a_target_can_be_written_and_says_where_its_form_is_from(target):
    profiles = load_profiles()
    assert target.group in GROUPS and LAYOUTS[target.layout].is_written
    assert all(FORMATS[name].write for name in target.formats)
    assert not target.profile or target.profile in profiles
    assert target.group == "tables" or target.profile or (target.source and date.fromisoformat(target.date))


def test_the_rules_of_a_target_are_asked_of_the_rows_that_it_gets():
    for target in EXPORT_TARGETS.values():
        profile = load_profiles().get(target.profile)
        if profile and target.name == target.profile:
            assert profile.layout in ("", target.layout), target.name


def test_targets_are_described_with_limits_and_dates():
    found = {one["name"]: one for one in describe_targets(load_profiles())}
    assert found["openai"]["limits"]["records_min"] == 10 and found["openai"]["date"] >= "2026-11"
    assert found["huggingface"]["container"] == "folder or .zip" and found["openai-legacy"]["legacy"]
    assert "reasoning" in found["together"]["holds"] and "reasoning" not in found["openai"]["holds"]
    assert list(dict.fromkeys(one["group"] for one in found.values())) == list(GROUPS)


@pytest.mark.parametrize(
    ("said", "name", "spec"),
    [
        ("together", "", Spec("jsonl", "together", "together")),
        ("alpaca", "", Spec("json", "alpaca", "alpaca")),
        ("alpaca", "x.jsonl", Spec("jsonl", "alpaca", "alpaca")),
        ("alpaca", "x.csv", Spec("json", "alpaca", "alpaca")),
        ("csv-excel", "-", Spec("csv", "columns", "csv-excel")),
        ("csv", "", Spec("csv", "columns")),
        ("jsonl:openai", "x.csv", Spec("jsonl", "openai")),
        ("", "x.jsonl.gz", Spec("jsonl", "openai")),
        ("", "x.csv.zst", Spec("csv", "columns")),
    ],
)
def test_a_target_is_named_or_said_as_format_and_layout(said, name, spec):
    assert parse_target(said, name) == spec


def test_an_unknown_target_is_refused_with_those_that_there_are():
    with pytest.raises(BadUsage, match=r"no export target 'togther'.*together"):
        parse_target("togther")

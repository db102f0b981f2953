"""Validation of real files: nothing fails, and what the manifest calls good is not called wrong."""

import json
import os
from datetime import date
from pathlib import Path

import pytest

from app.core.errors import Invalid
from app.core.formats import Source
from app.core.reading import ReadSettings
from app.core.validation import ValidateOptions, load_profiles
from app.core.validation.files import validate_file

FOLDER = Path(os.environ.get("LTT_CORPUS_DIR", "")) / "real"
pytestmark = pytest.mark.skipif("LTT_CORPUS_DIR" not in os.environ, reason="LTT_CORPUS_DIR is not set")

PROFILES = load_profiles()
# What is true of good data too: no worse answers, few rows, words that one service refuses, prompts that end with a tool.
TRUE_OF_GOOD_DATA = {"no-records", "too-few", "banned-words", ("openai-rft", "last-role")}


def manifest():
    path = FOLDER / "manifest.json"
    if "LTT_CORPUS_DIR" not in os.environ or not path.exists():
        return []
    return json.loads(path.read_text(encoding="utf-8"))["files"]


def validate(one, *names):
    options = ValidateOptions(lint=False)
    chosen = [PROFILES[name] for name in names]
    source = Source.of_path(FOLDER / one["path"])
    return validate_file(source, ReadSettings(), options, chosen, today=date(2026, 11, 29))


@pytest.mark.parametrize("one", manifest(), ids=lambda one: one["path"])
def test_a_file_is_checked_for_all_targets_or_its_columns_are_asked_for(one):
    try:
        report = validate(one, *PROFILES)
    except Invalid as error:
        assert error.code == "choose_mapping" or one["kind"] not in ("qa", "chat", "squad", "wrapped")
        return
    for fate in report["profiles"].values():
        assert fate["kept"] + fate["dropped"] == report["records"]
    wrong = [(each["profile"], each["code"]) for each in report["rules"] if each["severity"] == "error"]
    if one["kind"] in ("chat", "qa") and not one["expected_bad_rows"]:
        assert [each for each in wrong if each[1] not in TRUE_OF_GOOD_DATA and each not in TRUE_OF_GOOD_DATA] == []


def test_the_known_faults_of_a_toy_file_are_found():
    [one] = [one for one in manifest() if one["path"].endswith("toy_chat_fine_tuning.jsonl")]
    report = validate(one, "openai-sft", "llama-factory")
    found = {(each["profile"], each["code"], each["record"]) for each in report["findings"]}
    assert {
        ("openai-sft", "too-few", None),
        ("openai-sft", "no-user", 4),
        ("openai-sft", "some-systems", 3),
        ("llama-factory", "turn-order", 4),
    } <= found
    assert report["profiles"]["llama-factory"]["dropped"] == 1


@pytest.mark.parametrize("name", [path.name for path in sorted((FOLDER / "malformed").glob("*"))] if manifest() else [])
def test_a_malformed_file_is_checked_or_refused_with_a_sentence(name):
    source = Source.of_path(FOLDER / "malformed" / name)
    try:
        report = validate_file(
            source, ReadSettings(), ValidateOptions(), list(PROFILES.values()), today=date(2026, 11, 29)
        )
    except Exception as error:  # noqa: BLE001 (whatever it is, it must be one of ours)
        assert getattr(error, "message", ""), repr(error)
        return
    assert report["records"]

"""Every operation over naughty strings and real files: it never fails, and what it changes can be taken back."""

import csv
import json
import os
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import pytest

from app.core.changes import change_between
from app.core.cleaning import OPERATIONS, Step, compile_recipe
from app.core.cleaning.detect import suggest_steps
from app.core.record import Record
from app.core.text import is_blank
from app.services import datasets, history
from tests.round_trips import OPTIONS, clean_and_undo

FOLDER = Path(os.environ.get("LTT_CORPUS_DIR", ""))
pytestmark = pytest.mark.skipif("LTT_CORPUS_DIR" not in os.environ, reason="LTT_CORPUS_DIR is not set")

FILES = ("covid_faq_covidbert.csv", "korean_ChatbotData.csv", "BankFAQs.csv")
FIELDS = ("question", "answer", "rejected_answer", "system")


def naughty() -> Iterator[str]:
    yield from json.loads((FOLDER / "suites/blns/blns.json").read_text(encoding="utf-8"))


def real() -> Iterator[Record]:
    for name in FILES:
        with (FOLDER / "real/csv" / name).open(encoding="utf-8-sig", newline="") as file:
            yield from (Record(row[0], row[1]) for row in islice(csv.reader(file), 1000))
    for article in json.loads((FOLDER / "real/json/arcd-test.json").read_text(encoding="utf-8"))["data"]:
        for part in article["paragraphs"]:
            yield from (Record(one["question"], part["context"]) for one in part["qas"])


@pytest.fixture(scope="module")
def records() -> list[Record]:
    strings = list(naughty())
    return [Record(a, b, system=b) for a, b in pairwise(strings)] + list(real())


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_an_operation_changes_can_be_taken_back(name: str, records: list[Record]) -> None:
    step = Step(name, OPTIONS.get(name, {}))
    cleaner, again = compile_recipe([step]), compile_recipe([step])
    for record in records:
        result = cleaner.clean(record)
        assert again.clean(record) == result
        if isinstance(result, Record):
            before, after = ({field: getattr(one, field) for field in FIELDS} for one in (record, result))
            change = change_between(1, before, after)
            assert (change is None) is (result is record)
            if change:
                assert {**after, **{field: value[1] for field, value in change.inverse().fields.items()}} == before


@pytest.fixture
def dataset_id(app, records: list[Record]) -> Iterator[int]:
    with app.app_context():
        made = datasets.create_dataset("Real").id
        history.create(made, [one for one in records if not is_blank(one.question)], summary="Add real pairs")
        yield made


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_previewed_is_done_and_undone(name: str, dataset_id: int) -> None:
    clean_and_undo(dataset_id, name)


def test_real_html_is_suggested_for_conversion(records: list[Record]) -> None:
    suggestions = {one.step.operation: one for one in suggest_steps(records)}
    assert suggestions["html-to-markdown"].sentence.endswith("hold HTML.")
    assert suggestions["fix-mojibake"].count > 100

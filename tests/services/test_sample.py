"""The sample dataset."""

from app.core.record import Record
from app.services import datasets, duplicates, entries, sample
from app.services.cleaning import suggesting
from app.services.duplicates import Filter, ScanOptions


def records() -> list[Record]:
    """All sample pairs."""
    return [record for some in sample.sample_records().values() for record in some]


def test_most_of_the_sample_is_approved_and_the_rest_is_there_to_decide(app):
    with app.app_context():
        dataset = sample.load_sample()
        assert dataset.counts["approved"] >= 60 and set(dataset.counts) == {"approved", "review", "draft", "rejected"}
        assert len(entries.tag_counts(dataset.id)) > 5


def test_it_holds_every_kind_of_pair():
    assert any(one.turns for one in records())
    assert any(message.tool_calls for one in records() for message in one.trace)
    assert any(one.rejected_answer for one in records())


def test_cleaning_finds_something_in_it(app):
    with app.app_context():
        found = suggesting.suggest_for_dataset(sample.load_sample().id).counts
    assert {"fix-mojibake", "html-to-markdown", "mask", "trim"} <= set(found)


def test_duplicates_finds_a_conflict_and_near_copies_in_it(app):
    with app.app_context():
        scan = duplicates.scan_dataset(sample.load_sample().id, ScanOptions())
        kinds = {kind: len(duplicates.list_groups(scan, Filter(kind, 85)).groups) for kind in ("conflicts", "copies")}
    assert kinds["conflicts"] >= 1 and kinds["copies"] >= 2


def test_what_is_personal_in_it_is_invented():
    text = " ".join(f"{one.question} {one.answer}" for one in records())
    assert "@example.org" in text and "+44 20 7946 0" in text


def test_the_sample_can_be_loaded_again(app):
    with app.app_context():
        first, second = sample.load_sample().id, sample.load_sample().id
        assert datasets.compute_digest(first) == datasets.compute_digest(second)

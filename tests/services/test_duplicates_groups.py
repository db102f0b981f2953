"""What the lists tell of groups: numbers of groups, done ones and pairs, and what a group differs in."""

import pytest

from app.core.record import Record
from app.services import datasets, duplicates, history
from app.services.duplicates import Filter, ListSummary, ScanOptions
from tests.services.duplicates import ALL, EQUAL, NORMALISED, groups, only, scanned


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["Within 30 days.", "Within 14 days.", "Within 100 days."], "30 / 14 / 100"),
        (["Yes, gladly.", "No, never."], "yes / no"),
        (["The lamp is red.", "The lamp is blue."], "red / blue"),
        (["By the label.", "The carrier sends an invoice that you forward."], "other text"),
        (["It costs 5.", "It is free of any charge for everybody."], "other text"),
    ],
    ids=["numbers", "yes or no", "one other word", "other texts", "a number on one side"],
)
def test_a_conflict_is_told_by_what_its_answers_say(dataset_id, answers, expected):
    _, scan = scanned(dataset_id, *(Record("Can I return a rug?", answer) for answer in answers))
    (group,) = groups(scan, "conflicts")
    assert duplicates.describe_groups(scan, [group]) == {group.id: expected}


@pytest.mark.parametrize(("records", "expected"), [(EQUAL, "identical"), (NORMALISED, "same text")])
def test_copies_are_told_by_how_alike_they_are(dataset_id, records, expected):
    _, scan = scanned(dataset_id, *records)
    assert list(duplicates.describe_groups(scan, groups(scan)).values()) == [expected]


def test_what_is_decided_is_done_until_it_is_undone(dataset_id):
    _, scan = scanned(dataset_id, *ALL)
    assert duplicates.summarise_list(scan, Filter()) == ListSummary(groups=3, done=0, pairs=6)
    first = groups(scan)[0]
    duplicates.keep_pair(dataset_id, first.id, duplicates.view_group(scan, first.id).keep)
    assert duplicates.summarise_list(scan, Filter()) == ListSummary(groups=3, done=1, pairs=4)
    assert duplicates.summarise_list(scan, Filter("settled")).groups == 1
    history.undo(dataset_id)
    assert duplicates.summarise_list(scan, Filter()) == ListSummary(groups=3, done=0, pairs=6)


def test_only_equal_copies_can_be_settled_by_a_rule(dataset_id):
    _, scan = scanned(dataset_id, *ALL)
    assert duplicates.count_safe(scan) == 2
    duplicates.dismiss_group(dataset_id, only(scan, level=102).group.id)
    assert duplicates.count_safe(scan) == 1


def test_scans_of_each_scope_show_newest_first(dataset_id):
    scanned(dataset_id, *EQUAL)
    other = datasets.create_dataset("Other").id
    duplicates.scan_dataset(dataset_id, ScanOptions("question", dataset=other))
    duplicates.scan_dataset(dataset_id, ScanOptions())
    assert [one.kind for one in duplicates.list_scans(dataset_id)] == ["own", "dataset"]
    assert not duplicates.has_splits(dataset_id)

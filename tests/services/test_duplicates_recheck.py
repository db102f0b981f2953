"""Looking again at what changed since a scan, without searching everything."""

import pytest

from app.core.errors import Conflict
from app.core.record import Record
from app.models import DuplicatePair, db
from app.services import datasets, duplicates, history, pairs
from app.services.duplicates import ScanOptions, recheck
from app.services.pairs import Selection
from tests.services.duplicates import (
    ALL,
    ALONE,
    CARD,
    CONFLICT,
    EQUAL,
    NEAR,
    NORMALISED,
    TWO_DAYS,
    check,
    contents,
    fill,
    groups,
    members,
    only,
    same_as_a_new_scan,
    scanned,
)


@pytest.fixture(autouse=True)
def _by_rare_words(monkeypatch):
    """Candidates come from the index, as in a large dataset."""
    monkeypatch.setattr(recheck, "FEW", 0)


def test_edits_additions_and_deletions_count_as_changed(dataset_id):
    ids, scan = scanned(dataset_id, *ALL)
    assert duplicates.count_changed(scan) == 0
    pairs.save_pair(dataset_id, ids[0], {"question": "Edited?"}, version=1)
    pairs.save_pair(dataset_id, ids[0], {"answer": "Edited twice."}, version=2)
    new = fill(dataset_id, *NEAR, *ALONE)
    pairs.save_pair(dataset_id, new[0], {"answer": "Edited."}, version=1)
    assert duplicates.count_changed(scan) == 4
    history.delete(dataset_id, [ids[1]])
    assert duplicates.count_changed(scan) == 5


def test_what_does_not_touch_the_texts_does_not_count(dataset_id):
    ids, scan = scanned(dataset_id, *ALL)
    pairs.tag_pairs(dataset_id, Selection(tuple(ids)), add=["t"])
    pairs.set_status(dataset_id, Selection(tuple(ids)), "approved")
    assert duplicates.count_changed(scan) == 0


def test_removed_duplicates_do_not_count_as_changed(dataset_id):
    _, scan = scanned(dataset_id, *ALL)
    duplicates.settle_all(scan, 90, "approved")
    assert duplicates.count_changed(scan) == 0


def test_undoing_an_edit_that_the_scan_knew_counts_and_redoing_it_does_not(dataset_id):
    ids = fill(dataset_id, *ALL)
    pairs.save_pair(dataset_id, ids[0], {"question": "Edited?"}, version=1)
    scan = duplicates.scan_dataset(dataset_id, ScanOptions())
    history.undo(dataset_id)
    assert duplicates.count_changed(scan) == 1
    history.redo(dataset_id)
    assert duplicates.count_changed(scan) == 0


def test_an_import_that_was_staged_during_the_scan_counts_once_it_shows(dataset_id):
    fill(dataset_id, *ALL)
    staged = history.stage(dataset_id, kind="import")
    scan = duplicates.scan_dataset(dataset_id, ScanOptions())
    from app.models import ChangeSet, transaction

    with transaction() as session:
        history.add_rows(session, session.get_one(ChangeSet, staged), [history.new_row(NEAR[0])])
    assert duplicates.count_changed(scan) == 0
    history.publish(staged, summary="Import")
    assert duplicates.count_changed(scan) == 1
    assert check(dataset_id).pairs == 1
    same_as_a_new_scan(dataset_id)


def test_a_new_near_duplicate_is_found(dataset_id):
    ids, scan = scanned(dataset_id, NEAR[0], *EQUAL, *ALONE)
    (new,) = fill(dataset_id, NEAR[1])
    done = check(dataset_id)
    assert (done.pairs, done.made) == (1, 1)
    assert members(scan) == [[ids[0], new], ids[1:3]]
    assert duplicates.count_changed(duplicates.latest_scan(dataset_id)) == 0
    same_as_a_new_scan(dataset_id)


def test_pairs_added_in_two_turns_are_found_alike(dataset_id):
    scanned(dataset_id, *ALONE)
    (first,) = fill(dataset_id, NEAR[0])
    check(dataset_id)
    (second,) = fill(dataset_id, NEAR[1])
    check(dataset_id)
    assert members(duplicates.latest_scan(dataset_id)) == [[first, second]]
    same_as_a_new_scan(dataset_id)


def test_new_pairs_are_compared_with_each_other(dataset_id):
    scanned(dataset_id, *ALONE)
    new = fill(dataset_id, *NEAR, *CONFLICT)
    check(dataset_id)
    scan = duplicates.latest_scan(dataset_id)
    assert members(scan) == [new[:2]] and members(scan, "conflicts") == [new[2:]]


def test_a_member_whose_text_changed_leaves_its_group(dataset_id):
    ids, scan = scanned(dataset_id, *EQUAL, EQUAL[0], *NORMALISED)
    untouched = next(one.id for one in groups(scan) if one.kind == "normalised")
    pairs.save_pair(dataset_id, ids[0], {"question": "Something else altogether, new"}, version=1)
    check(dataset_id)
    assert members(scan) == [ids[1:3], ids[3:]]
    assert untouched in [one.id for one in groups(scan)]
    same_as_a_new_scan(dataset_id)


def test_a_member_that_was_the_link_between_others_leaves_them_together(dataset_id):
    ids, scan = scanned(dataset_id, *[Record(CARD, TWO_DAYS)] * 3)
    history.delete(dataset_id, [ids[0]])
    check(dataset_id)
    assert members(scan) == [ids[1:]]


def test_a_dismissed_group_opens_again_when_a_member_changes(dataset_id):
    ids, scan = scanned(dataset_id, *NEAR)
    duplicates.dismiss_group(dataset_id, only(scan).group.id)
    fill(dataset_id, *ALONE)
    check(dataset_id)
    assert groups(scan) == [] and members(scan, "dismissed") == [ids]
    pairs.save_pair(dataset_id, ids[0], {"question": CARD + " then"}, version=1)
    check(dataset_id)
    assert members(scan) == [ids] and only(scan).state == "changed"
    assert groups(scan, "dismissed") == []


def test_a_dismissed_pair_stays_apart_when_a_third_comes(dataset_id):
    ids, scan = scanned(dataset_id, *CONFLICT[:2])
    duplicates.dismiss_group(dataset_id, only(scan, "conflicts").group.id)
    fill(dataset_id, *ALONE)
    check(dataset_id)
    assert groups(scan, "conflicts") == [] and members(scan, "dismissed") == [ids]


def test_a_settled_group_stays_settled_and_a_new_copy_makes_a_new_one(dataset_id):
    ids, scan = scanned(dataset_id, *NEAR)
    settled = only(scan).group.id
    duplicates.keep_pair(dataset_id, settled, ids[0])
    (new,) = fill(dataset_id, NEAR[1])
    check(dataset_id)
    assert members(scan) == [[ids[0], new]]
    assert [one.id for one in groups(scan, "settled")] == [settled]


def test_undoing_a_settled_step_after_a_recheck_brings_all_back(dataset_id):
    ids, scan = scanned(dataset_id, *NEAR)
    step = duplicates.keep_pair(dataset_id, only(scan).group.id, ids[0]).step
    (new,) = fill(dataset_id, NEAR[1])
    check(dataset_id)
    history.undo(dataset_id, step.number)
    check(dataset_id)
    assert members(scan) == [[*ids, new]]
    same_as_a_new_scan(dataset_id)


def test_an_undone_import_takes_its_pairs_out_of_the_groups(dataset_id):
    scanned(dataset_id, NEAR[0], *ALONE)
    fill(dataset_id, NEAR[1])
    check(dataset_id)
    history.undo(dataset_id)
    scan = duplicates.latest_scan(dataset_id)
    assert check(dataset_id).dropped == 1 and groups(scan) == []
    same_as_a_new_scan(dataset_id)


def test_copies_of_a_removed_pair_are_still_found(dataset_id):
    ids, scan = scanned(dataset_id, Record(CARD, TWO_DAYS), Record(CARD, TWO_DAYS), *ALONE)
    duplicates.keep_pair(dataset_id, only(scan).group.id, ids[1])
    (new,) = fill(dataset_id, NEAR[1])
    check(dataset_id)
    assert members(scan) == [[ids[1], new]]


def test_nothing_changed_is_nothing_done(dataset_id):
    _, scan = scanned(dataset_id, *ALL)
    before = contents(scan), db.session.query(DuplicatePair).count()
    done = check(dataset_id)
    assert (done.pairs, done.made, done.dropped) == (0, 0, 0)
    assert (contents(scan), db.session.query(DuplicatePair).count()) == before


@pytest.mark.parametrize("side", ["question", "answer", "pair"])
def test_the_compared_side_stays(dataset_id, side):
    scanned(dataset_id, *ALL, options=ScanOptions(side))
    fill(dataset_id, *ALL)
    check(dataset_id)
    checked = duplicates.latest_scan(dataset_id)
    assert members(checked, level=102) == members(duplicates.scan_dataset(dataset_id, ScanOptions(side)), level=102)


def test_many_changes_mean_a_new_scan(dataset_id, monkeypatch):
    _, scan = scanned(dataset_id, *ALL)
    monkeypatch.setattr(recheck, "LEAST_LARGEST", 1)
    fill(dataset_id, *ALL)
    done = duplicates.recheck_changed(dataset_id)
    assert done.whole and done.scan_id > scan.id and "searched again" in done.sentence
    assert len(groups(duplicates.latest_scan(dataset_id), level=102)) == 11


def test_without_a_scan_there_is_nothing_to_recheck(dataset_id):
    with pytest.raises(Conflict, match="Search for duplicates first"):
        duplicates.recheck_changed(dataset_id)


def test_the_digest_stays(dataset_id):
    scanned(dataset_id, *ALL)
    fill(dataset_id, *ALL)
    before = datasets.compute_digest(dataset_id)
    check(dataset_id)
    assert datasets.compute_digest(dataset_id) == before

"""Deciding about groups: one step each that can be undone, never over an edit, never in bulk where pairs differ."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import Conflict, Invalid
from app.core.record import Message, Record
from app.models import ChangeSet, NotDuplicate, db
from app.services import datasets, duplicates, entries, history, pairs, work
from app.services.duplicates import Filter, ScanOptions, bulk
from app.services.jobs import Cancelled, Unwatched
from tests.services.duplicates import (
    ALL,
    CARD,
    CONFLICT,
    EQUAL,
    NEAR,
    NORMALISED,
    TWO_DAYS,
    VARIANT,
    alive,
    fill,
    groups,
    members,
    only,
    scanned,
)


def settle(dataset_id, scan, level=90, rule="approved"):
    return duplicates.settle_all(scan, level, rule)


def test_keeping_one_removes_the_others_and_takes_their_tags(dataset_id):
    ids, scan = scanned(dataset_id, *NEAR)
    done = duplicates.keep_pair(dataset_id, only(scan).group.id, ids[0])
    assert done.step.summary == f"Keep pair {ids[0]}, remove 1 duplicate"
    assert alive(dataset_id) == ids[:1]
    assert entries.get(dataset_id, ids[0]).tag_list == ["refunds", "money"]
    assert duplicates.count_by_tab(scan) | {"copies": 0, "settled": 1} == duplicates.count_by_tab(scan)


def test_keeping_without_uniting_leaves_the_pair_as_it_is(dataset_id):
    ids, scan = scanned(dataset_id, *NEAR)
    duplicates.keep_pair(dataset_id, only(scan).group.id, ids[0], unite=False)
    assert entries.get(dataset_id, ids[0]).tag_list == ["refunds"]


def test_sources_of_removed_copies_are_kept_beside_the_pair(dataset_id):
    from app.services import imports, uploads
    from app.services.imports import Settings

    for name in ("first.csv", "second.csv"):
        row = imports.add(dataset_id, uploads.save_text("question,answer\nq one two,a\n", name), Settings())
        imports.start(row.id, Settings())
    ids = alive(dataset_id)
    scan = duplicates.scan_dataset(dataset_id, ScanOptions())
    duplicates.keep_pair(dataset_id, only(scan).group.id, ids[0])
    assert entries.get(dataset_id, ids[0]).record().extra == {"sources": ["second.csv, row 1"]}


def test_undoing_opens_the_group_again_and_redoing_settles_it(dataset_id):
    ids, scan = scanned(dataset_id, *NEAR)
    before = datasets.compute_digest(dataset_id)
    group = only(scan).group.id
    step = duplicates.keep_pair(dataset_id, group, ids[1]).step
    settled = duplicates.view_group(scan, group)
    assert (settled.state, settled.step, settled.size) == ("settled", step.number, 1)
    with pytest.raises(Conflict, match="settled already"):
        duplicates.keep_pair(dataset_id, group, ids[1])
    history.undo(dataset_id)
    assert datasets.compute_digest(dataset_id) == before
    assert (only(scan).state, only(scan).size, duplicates.count_by_tab(scan)["settled"]) == ("open", 2, 0)
    history.redo(dataset_id)
    assert groups(scan) == [] and groups(scan, "settled")[0].id == group


def test_groups_that_a_decision_empties_are_settled_with_it(dataset_id):
    ids, scan = scanned(dataset_id, EQUAL[0], EQUAL[1], Record(EQUAL[0].question + " please", EQUAL[0].answer))
    assert len(groups(scan, level=102)) == 1 and only(scan, level=90).size == 3
    duplicates.keep_pair(dataset_id, only(scan, level=90).group.id, ids[2])
    assert groups(scan, level=102) == [] and groups(scan, level=90) == []
    history.undo(dataset_id)
    assert len(groups(scan, level=102)) == 1 and only(scan, level=90).size == 3


def test_a_pair_that_was_edited_since_it_was_shown_is_a_conflict(dataset_id):
    ids, scan = scanned(dataset_id, *NEAR)
    shown = only(scan)
    pairs.save_pair(dataset_id, ids[1], {"answer": "Edited meanwhile."}, version=1)
    before = datasets.compute_digest(dataset_id)
    for decide in (
        lambda: duplicates.keep_pair(dataset_id, shown.group.id, ids[0], versions=shown.versions),
        lambda: duplicates.merge_pairs(dataset_id, shown.group.id, ids[0], {}, versions=shown.versions),
        lambda: duplicates.prefer_answer(dataset_id, shown.group.id, ids[0], [ids[1]], versions=shown.versions),
    ):
        with pytest.raises(Conflict, match=str(ids[1])) as caught:
            decide()
        assert caught.value.details == {"entries": [ids[1]]}
    assert datasets.compute_digest(dataset_id) == before and only(scan).state == "open"


def test_a_pair_that_was_deleted_since_it_was_shown_is_a_conflict(dataset_id):
    ids, scan = scanned(dataset_id, *NEAR, NEAR[0])
    shown = only(scan)
    history.delete(dataset_id, [ids[1]])
    with pytest.raises(Conflict, match=str(ids[1])):
        duplicates.keep_pair(dataset_id, shown.group.id, ids[0], versions=shown.versions)


def test_what_is_not_in_the_group_is_refused(dataset_id):
    ids, scan = scanned(dataset_id, *NEAR, *NORMALISED)
    group = next(one.id for one in groups(scan) if one.kind == "near")
    for wrong in (
        lambda: duplicates.keep_pair(dataset_id, group, ids[2]),
        lambda: duplicates.keep_pair(dataset_id, group, None),
        lambda: duplicates.keep_pair(dataset_id, group, ids[0], remove=[ids[0]]),
        lambda: duplicates.keep_pair(dataset_id, group, ids[0], remove=[ids[2]]),
        lambda: duplicates.keep_pair(dataset_id, group, ids[0], remove=[]),
        lambda: duplicates.merge_pairs(dataset_id, group, ids[0], {"question": ids[2]}),
        lambda: duplicates.merge_pairs(dataset_id, group, ids[0], {"status": ids[1]}),
        lambda: duplicates.prefer_answer(dataset_id, group, ids[0], [ids[0]]),
        lambda: duplicates.prefer_answer(dataset_id, group, ids[0], []),
        lambda: duplicates.prefer_answer(dataset_id, group, ids[0], [ids[1]]),
    ):
        with pytest.raises(Invalid):
            wrong()
    assert alive(dataset_id) == ids


def test_a_variant_is_removed_only_where_it_is_named(dataset_id):
    ids, scan = scanned(dataset_id, *VARIANT)
    group = only(scan, "variants").group.id
    with pytest.raises(Invalid, match="no pair to remove"):
        duplicates.keep_pair(dataset_id, group, ids[0])
    duplicates.keep_pair(dataset_id, group, ids[0], remove=[ids[1]])
    assert alive(dataset_id) == ids[:1]


def test_the_right_answer_of_a_conflict_is_kept(dataset_id):
    ids, scan = scanned(dataset_id, *CONFLICT)
    done = duplicates.keep_pair(dataset_id, only(scan, "conflicts").group.id, ids[1])
    assert done.step.summary == f"Keep pair {ids[1]}, remove 2 conflicting pairs"
    assert alive(dataset_id) == [ids[1]] and groups(scan, "conflicts") == []


def test_merging_writes_the_best_parts_into_one(dataset_id):
    ids = fill(dataset_id, *NEAR)
    pairs.save_pair(dataset_id, ids[1], {"system": "Be brief."}, version=1)
    pairs.save_pair(dataset_id, ids[0], {"reasoning": "Cards differ."}, version=1)
    scan = duplicates.scan_dataset(dataset_id, ScanOptions())
    before = datasets.compute_digest(dataset_id)
    picks = {"question": ids[0], "answer": ids[0], "system": ids[1], "reasoning": ids[0]}
    done = duplicates.merge_pairs(dataset_id, only(scan).group.id, ids[1], picks)
    assert done.step.summary == f"Merge 2 pairs into {ids[1]}"
    merged = entries.get(dataset_id, ids[1])
    assert (merged.question, merged.system, merged.tag_list) == (CARD, "Be brief.", ["money", "refunds"])
    assert merged.reasoning == "Cards differ."
    assert alive(dataset_id) == [ids[1]]
    history.undo(dataset_id)
    assert datasets.compute_digest(dataset_id) == before and only(scan).state == "open"


@pytest.mark.parametrize("tags", [["chosen"], ["refunds"], []])
def test_merging_takes_the_tags_that_are_given(dataset_id, tags):
    ids, scan = scanned(dataset_id, *NEAR)
    duplicates.merge_pairs(dataset_id, only(scan).group.id, ids[0], {}, tags)
    assert entries.get(dataset_id, ids[0]).tag_list == tags


def test_a_draft_that_gets_an_answer_needs_review(dataset_id):
    ids, scan = scanned(dataset_id, Record(CARD), Record(CARD, TWO_DAYS), options=ScanOptions("question"))
    found = [*groups(scan), *groups(scan, "conflicts"), *groups(scan, "variants")]
    if found:
        duplicates.merge_pairs(dataset_id, found[0].id, ids[0], {"answer": ids[1]})
        assert entries.get(dataset_id, ids[0]).status == "review"


def test_a_conflict_becomes_preference_pairs(dataset_id):
    ids, scan = scanned(dataset_id, *CONFLICT)
    pairs.save_pair(dataset_id, ids[1], {"status": "approved"}, version=1)
    before = datasets.compute_digest(dataset_id)
    done = duplicates.prefer_answer(dataset_id, only(scan, "conflicts").group.id, ids[1], [ids[0], ids[2]])
    assert done.step.summary == f"Prefer the answer of pair {ids[1]}: 2 preference pairs"
    kept, made = entries.stream_entries(dataset_id)
    assert (kept.id, kept.answer, kept.rejected_answer) == (ids[1], CONFLICT[1].answer, CONFLICT[0].answer)
    assert (made.question, made.answer, made.rejected_answer) == (kept.question, kept.answer, CONFLICT[2].answer)
    assert made.status == "approved" and made.split == kept.split
    assert groups(scan, "conflicts") == []
    history.undo(dataset_id)
    assert datasets.compute_digest(dataset_id) == before and len(groups(scan, "conflicts")) == 1
    history.redo(dataset_id)
    assert len(alive(dataset_id)) == 2


def test_a_worse_answer_that_is_there_stays(dataset_id):
    records = [
        Record(one.question, one.answer, rejected_answer="Never." if one is CONFLICT[0] else None) for one in CONFLICT
    ]
    ids, scan = scanned(dataset_id, *records)
    duplicates.prefer_answer(dataset_id, only(scan, "conflicts").group.id, ids[0], [ids[1]])
    worse = [one.rejected_answer for one in entries.stream_entries(dataset_id)]
    assert worse == ["Never.", None, CONFLICT[1].answer]
    assert [one.id for one in only(scan, "conflicts").members] == [ids[0], ids[2]]


def test_what_is_no_duplicate_is_remembered_for_later_scans(dataset_id):
    ids, scan = scanned(dataset_id, *NEAR, *EQUAL)
    group = next(one for one in groups(scan) if one.kind == "near")
    before = datasets.compute_digest(dataset_id)
    assert duplicates.dismiss_group(dataset_id, group.id).pairs == 1
    assert datasets.compute_digest(dataset_id) == before
    assert members(scan) == [ids[2:]] and members(scan, "dismissed") == [ids[:2]]
    later = duplicates.scan_dataset(dataset_id, ScanOptions())
    assert members(later) == [ids[2:]] and members(later, "dismissed") == [ids[:2]]
    with pytest.raises(Conflict, match="no duplicates"):
        duplicates.keep_pair(dataset_id, groups(later, "dismissed")[0].id, ids[0])
    duplicates.undismiss_group(dataset_id, groups(later, "dismissed")[0].id)
    assert db.session.query(NotDuplicate).count() == 0
    assert members(later) == [ids[:2], ids[2:]]
    assert members(duplicates.scan_dataset(dataset_id, ScanOptions())) == [ids[:2], ids[2:]]


def test_equal_pairs_can_be_no_duplicates_too(dataset_id):
    ids, scan = scanned(dataset_id, *EQUAL)
    duplicates.dismiss_group(dataset_id, only(scan).group.id)
    duplicates.dismiss_group(dataset_id, only(scan).group.id) if groups(scan) else None
    assert groups(duplicates.scan_dataset(dataset_id, ScanOptions())) == [] and alive(dataset_id) == ids


def test_not_duplicates_holds_while_the_contents_stay(dataset_id):
    ids, scan = scanned(dataset_id, *NEAR)
    duplicates.dismiss_group(dataset_id, only(scan).group.id)
    pairs.save_pair(dataset_id, ids[0], {"question": CARD + " then"}, version=1)
    assert members(duplicates.scan_dataset(dataset_id, ScanOptions())) == [ids]
    history.undo(dataset_id)
    assert members(duplicates.scan_dataset(dataset_id, ScanOptions())) == []


def test_groups_inside_a_dismissed_one_are_dismissed_with_it(dataset_id):
    ids, scan = scanned(dataset_id, *EQUAL, Record(EQUAL[0].question + " please", EQUAL[0].answer))
    duplicates.dismiss_group(dataset_id, only(scan, level=90).group.id)
    assert groups(scan, level=102) == [] and groups(scan, level=90) == []
    duplicates.undismiss_group(dataset_id, groups(scan, "dismissed", 90)[0].id)
    assert members(scan, level=102) == [ids[:2]] and members(scan, level=90) == [ids]


def test_a_large_group_cannot_be_dismissed(dataset_id, monkeypatch):
    monkeypatch.setattr("app.services.duplicates.dismissals.LARGEST", 1)
    _, scan = scanned(dataset_id, *EQUAL)
    with pytest.raises(Invalid, match="higher level"):
        duplicates.dismiss_group(dataset_id, only(scan).group.id)


def test_in_bulk_only_safe_copies_go(dataset_id):
    ids, scan = scanned(dataset_id, *ALL)
    before = datasets.compute_digest(dataset_id)
    seen = duplicates.preview_settling(scan, 90, "approved")
    assert seen.sentence == "2 groups, 2 pairs go"
    assert alive(dataset_id) == ids
    done = settle(dataset_id, scan)
    assert (done.groups, done.removed) == (seen.groups, seen.pairs)
    assert done.applied.step.summary == "Settle 2 groups of copies, remove 2 pairs"
    assert alive(dataset_id) == [one for one in ids if one not in (ids[0], ids[2])]
    assert datasets.get(dataset_id).entry_count == len(ids) - 2
    assert duplicates.count_by_tab(scan) | {
        "copies": 1,
        "settled": 2,
        "conflicts": 1,
        "variants": 1,
    } == duplicates.count_by_tab(scan)
    history.undo(dataset_id)
    assert datasets.compute_digest(dataset_id) == before and duplicates.count_by_tab(scan)["copies"] == 3


def test_at_the_highest_level_only_equal_pairs_go(dataset_id):
    ids, scan = scanned(dataset_id, *ALL)
    assert duplicates.preview_settling(scan, 102, "newest").pairs == 1
    settle(dataset_id, scan, 102)
    assert len(alive(dataset_id)) == len(ids) - 1


def test_what_differs_beside_question_and_answer_is_never_removed_in_bulk(dataset_id):
    question, answer = "How do I reset my password?", "Choose Forgot password."
    records = [
        Record(question, answer),
        Record(question, answer, system="Answer as a pirate."),
        Record(question, answer, turns=(Message("user", "Hello"), Message("assistant", "Hi"))),
        Record(question, answer, rejected_answer="Ask somebody."),
        Record(question, answer, reasoning="They forgot it."),
        Record(question, answer),
    ]
    ids, scan = scanned(dataset_id, *records)
    seen = duplicates.preview_settling(scan, 90, "newest")
    assert (seen.groups, seen.pairs, seen.stay) == (1, 1, 4)
    settle(dataset_id, scan, rule="newest")
    assert alive(dataset_id) == ids[1:]
    assert only(scan).size == 5


def test_settling_judges_what_the_pairs_hold_now(dataset_id):
    ids, scan = scanned(dataset_id, *EQUAL, *NORMALISED)
    pairs.save_pair(dataset_id, ids[0], {"answer": "Call us on 555."}, version=1)
    assert duplicates.preview_settling(scan, 90, "approved").pairs == 1
    settle(dataset_id, scan)
    assert ids[0] in alive(dataset_id) and ids[1] in alive(dataset_id)


def test_an_edit_while_settling_stops_it(dataset_id, monkeypatch):
    ids, scan = scanned(dataset_id, *EQUAL)
    collect = bulk.stage_verdicts

    def edited_meanwhile(*arguments):
        done = collect(*arguments)
        arguments[3].commit()
        pairs.save_pair(dataset_id, ids[0], {"answer": "Just corrected."}, version=1)
        return done

    monkeypatch.setattr(bulk, "stage_verdicts", edited_meanwhile)
    with pytest.raises(Conflict, match="Nothing was removed"):
        duplicates.settle_all(scan, 90, "approved")
    assert alive(dataset_id) == ids
    assert db.session.query(ChangeSet).filter_by(state="staging").count() == 0


def test_settling_twice_does_nothing_more(dataset_id):
    _, scan = scanned(dataset_id, *ALL)
    settle(dataset_id, scan)
    again = settle(dataset_id, scan)
    assert (again.applied.step, again.removed) == (None, 0)
    assert again.as_dict()["change_set"] is None


def test_the_tags_of_removed_copies_stay(dataset_id):
    records = [Record("How are you today?", "Fine.", tags=(tag,)) for tag in "abc"]
    ids, scan = scanned(dataset_id, *records)
    settle(dataset_id, scan, rule="newest")
    assert entries.get(dataset_id, ids[2]).tag_list == ["c", "a", "b"]


def test_stopped_settling_leaves_nothing(dataset_id, monkeypatch):
    ids, scan = scanned(dataset_id, *ALL)

    class Stopped(Unwatched):
        def publish(self):
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        duplicates.settle_all(scan, 90, "approved", Stopped())
    assert alive(dataset_id) == ids and db.session.query(ChangeSet).filter_by(state="staging").count() == 0


def test_what_a_killed_run_staged_is_swept(dataset_id):
    ids, scan = scanned(dataset_id, *ALL)
    with pytest.raises(SystemExit), work.work(duplicates.KIND, dataset_id) as w:
        bulk.stage_verdicts(scan, 90, "approved", w)
        w.commit()
        raise SystemExit
    assert alive(dataset_id) == ids and len(groups(scan)) == 3
    assert work.sweep() > 0
    assert db.session.get(ChangeSet, w.set_id) is None and alive(dataset_id) == ids


ACTION = st.tuples(st.sampled_from(["keep", "merge", "prefer", "settle", "dismiss", "undo"]), st.integers(0, 20))


def perform(dataset_id, scan, action, number):
    found = [one for what in ("copies", "conflicts", "variants") for one in groups(scan, what, 80 + number)]
    if action == "settle":
        settle(dataset_id, scan, rule=duplicates.RULES[number % 4])
    elif action == "undo":
        if history.next_undo(dataset_id).kind == duplicates.KIND:
            history.undo(dataset_id)
    elif found:
        decide(dataset_id, scan, found[number % len(found)], action, number)


def decide(dataset_id, scan, group, action, number):
    ids = [one.id for one in duplicates.view_group(scan, group.id).members]
    kept, others = ids[number % len(ids)], [one for one in ids if one != ids[number % len(ids)]]
    if action == "keep":
        duplicates.keep_pair(dataset_id, group.id, kept, remove=others)
    elif action == "merge":
        duplicates.merge_pairs(dataset_id, group.id, kept, {"question": others[0], "answer": others[-1]})
    elif action == "prefer" and group.kind == "conflict":
        answers = {one.id: one.answer for one in entries.stream_entries(dataset_id)}
        worse = [one for one in others if answers[one] != answers[kept]]
        if worse:
            duplicates.prefer_answer(dataset_id, group.id, kept, worse)
    elif action == "dismiss":
        duplicates.dismiss_group(dataset_id, group.id)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTION, max_size=8))
def test_whatever_is_decided_undoing_all_of_it_returns_the_digest(app, actions):
    with app.app_context():
        dataset_id = datasets.create_dataset("Any").id
        _, scan = scanned(dataset_id, *ALL, EQUAL[0], NEAR[0])
        before, open_before = (
            datasets.compute_digest(dataset_id),
            duplicates.list_groups(scan, Filter(), size=100).groups,
        )
        for action, number in actions:
            perform(dataset_id, scan, action, number)
            assert datasets.get(dataset_id).entry_count == len(alive(dataset_id))
        while history.next_undo(dataset_id).kind == duplicates.KIND:
            assert history.undo(dataset_id).skipped_count == 0
        assert datasets.compute_digest(dataset_id) == before
        for one in groups(scan, "dismissed", 90):
            if duplicates.get_group(dataset_id, one.id)[1].state == "dismissed":
                duplicates.undismiss_group(dataset_id, one.id)
        if not any(action == "dismiss" for action, _ in actions):
            assert [one.id for one in groups(scan)] == [one.id for one in open_before]


TYPED = [
    ({"answer": "Choose it,\r\nthen wait."}, {"answer": "Choose it,\nthen wait."}),
    ({"answer": "Three\nlines\nhere."}, {"answer": "Three\r\nlines\r\nhere."}),
    ({"answer": ""}, {"answer": "", "status": "draft"}),
    ({"system": ""}, {"system": None}),
    (
        {"question": "How do I reset it?", "system": "Be kind."},
        {"question": "How do I reset it?", "system": "Be kind."},
    ),
]


@pytest.mark.parametrize(("texts", "expected"), TYPED, ids=lambda value: ", ".join(value))
def test_typed_texts_are_merged_as_a_text_area_sends_them(dataset_id, texts, expected):
    other = Record("How do I reset my password?", "Three\r\nlines\r\nhere.")
    (kept, *_), scan = scanned(dataset_id, *EQUAL, other)
    duplicates.merge_pairs(dataset_id, only(scan, "conflicts").group.id, kept, {}, texts=texts)
    entry = entries.get(dataset_id, kept)
    assert {name: getattr(entry, name) for name in expected} == expected


def test_a_merge_to_a_blank_question_changes_nothing(dataset_id):
    (kept, _), scan = scanned(dataset_id, *EQUAL)
    with pytest.raises(Invalid, match="question is empty"):
        duplicates.merge_pairs(dataset_id, only(scan).group.id, kept, {}, texts={"question": " \r\n"})
    assert len(alive(dataset_id)) == 2


def test_wordings_of_one_family_are_no_copies_in_bulk(dataset_id):
    wordings = [replace(one, family="f") for one in NORMALISED]
    ids, scan = scanned(dataset_id, *wordings, replace(EQUAL[0], family="a"), replace(EQUAL[1], family="b"))
    assert bulk.preview_settling(scan, 90, "newest").pairs == 1
    settle(dataset_id, scan)
    assert alive(dataset_id)[:2] == ids[:2] and len(alive(dataset_id)) == 3

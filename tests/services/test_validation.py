"""Checks of datasets that are kept: exact counts, pairs listed by a finding, staleness, and what is set aside."""

import pytest
from sqlalchemy import func, select

from app.core.errors import BadUsage, Conflict, Invalid
from app.core.filters import Filters
from app.core.record import Record
from app.models import Check, FoundProblem, db
from app.services import datasets, entries, history, pairs, tasks, validation
from app.services.jobs import Cancelled, Unwatched
from app.services.validation import CheckRun, keeping, rechecking

BOLD = "<p>It is <b>open</b>.</p>"


def check(dataset_id, profile="plain"):
    return tasks.start(validation.CHECK, CheckRun(dataset_id, profile)).result


def found(dataset_id, code):
    return [one.question for one in entries.list_page(dataset_id, Filters(findings=(code,)), order="oldest").entries]


def codes(dataset_id):
    seen = validation.view_check(dataset_id)
    return {one.code: one.pairs for group in seen.groups.values() for one in group}


@pytest.fixture
def hours(dataset_id):
    """Twelve pairs: two with remains of HTML, one equal to another."""
    records = [Record(f"When is shop {n} open?", f"Shop {n} opens at {n}.") for n in range(9)]
    records += [Record("And the bakery?", BOLD), Record("And the bank?", BOLD), records[0]]
    history.create(dataset_id, records, summary="Add")
    return dataset_id


def test_pairs_are_listed_by_what_was_found_in_them(hours):
    check(hours)
    assert codes(hours)["html"] == 2 and found(hours, "html") == ["And the bakery?", "And the bank?"]
    assert entries.count_entries(hours, Filters(findings=("html",))) == 2
    assert found(hours, "no-such-code") == []


def test_a_pair_that_was_rewritten_is_listed_no_more_and_one_that_was_approved_still_is(hours):
    check(hours)
    first, second = entries.list_page(hours, Filters(findings=("html",)), order="oldest").entries
    pairs.save_pair(hours, first.id, {"answer": "It is open."}, version=first.version)
    pairs.save_pair(hours, second.id, {"status": "approved"}, version=second.version)
    assert found(hours, "html") == ["And the bank?"]
    seen = validation.view_check(hours)
    assert (seen.steps, seen.changed) == (2, 2) and codes(hours)["html"] == 2
    check(hours)
    assert validation.view_check(hours).steps == 0 and codes(hours)["html"] == 1


def test_no_more_pairs_were_changed_than_there_are(hours):
    check(hours)
    for answer in map(str, range(20)):
        entry = entries.list_page(hours, Filters()).entries[0]
        pairs.save_pair(hours, entry.id, {"answer": answer}, version=entry.version)
    seen = validation.view_check(hours)
    assert (seen.steps, seen.changed) == (20, 12)


def test_undo_and_redo_count_as_changes_since(hours):
    entry = entries.list_page(hours, Filters()).entries[0]
    step = pairs.save_pair(hours, entry.id, {"answer": "Another."}, version=entry.version).step
    check(hours)
    history.undo(hours, step.number)
    assert validation.view_check(hours).steps == 1
    history.redo(hours, step.number)
    assert validation.view_check(hours).steps == 0


def test_the_next_check_replaces_the_one_before_with_all_that_it_kept(hours):
    check(hours)
    check(hours, "plain,trl")
    assert [one.profile for one in db.session.execute(select(Check)).scalars()] == ["plain,trl"]
    current = validation.view_check(hours).check.id
    assert set(db.session.execute(select(FoundProblem.check_id)).scalars()) == {current}


def test_all_are_counted_where_not_all_are_listed(hours, monkeypatch):
    monkeypatch.setattr(keeping, "MOST_KEPT", 1)
    check(hours)
    html = next(one for one in validation.view_check(hours).groups["warning"] if one.code == "html")
    assert html.pairs == 2 and not html.all_listed and len(found(hours, "html")) == 1


def test_what_is_stopped_leaves_nothing_and_keeps_the_check_before_it(hours, monkeypatch):
    check(hours)
    before = validation.view_check(hours).check.id

    class Stopped(Unwatched):
        def publish(self):
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        keeping.check_dataset(hours, "plain", Stopped())
    assert validation.view_check(hours).check.id == before
    assert db.session.execute(select(func.count()).select_from(Check)).scalar_one() == 1
    assert set(db.session.execute(select(FoundProblem.check_id)).scalars()) == {before}


def test_what_a_killed_check_left_is_swept(hours):
    check(hours)
    with history.transaction() as session:
        left = Check(dataset_id=hours, profile="plain", job_id=999)
        session.add(left)
        session.flush()
        found = {
            "code": "html",
            "entry_id": 1,
            "position": 1,
            "profile": "",
            "severity": "hint",
            "path": "",
            "message": "",
        }
        session.add(FoundProblem(check_id=left.id, **found))
    assert validation.sweep_checks() == 1
    assert db.session.execute(select(func.count()).select_from(Check)).scalar_one() == 1


def test_pairs_to_fix_are_counted_once_whatever_number_of_targets_refuses_them(dataset_id):
    history.create(dataset_id, [Record(f"Question {n}?", f"Answer {n}.") for n in range(3)], summary="Add")
    check(dataset_id, "openai-sft,azure")
    seen = validation.view_check(dataset_id)
    assert [one.code for one in seen.groups["error"]] == ["too-few"] and seen.to_fix == 0
    assert seen.groups["error"][0].targets == ("openai-sft", "azure")
    assert seen.summary["profiles"]["openai-sft"]["spread"]["counts"][0:24] and seen.summary["records"] == 3


def test_a_waived_finding_counts_no_more_until_it_is_taken_back(hours):
    check(hours)
    validation.waive_finding(hours, "html", "The shop shows HTML.")
    assert "html" not in codes(hours)
    assert [(one.code, reason) for one, reason in validation.view_check(hours).waived] == [
        ("html", "The shop shows HTML.")
    ]
    validation.take_back(hours, "html")
    assert codes(hours)["html"] == 2


def test_a_lint_that_is_switched_off_is_not_asked(hours):
    validation.switch_off(hours, "html")
    check(hours)
    assert "html" not in codes(hours)
    validation.take_back(hours, "html")
    check(hours)
    assert codes(hours)["html"] == 2


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda one: validation.waive_finding(one, "html", " "), "Say why"),
        (lambda one: validation.waive_finding(one, "no-such", "x"), "There is no rule"),
        (lambda one: validation.switch_off(one, "too-few"), "rule of the target"),
        (lambda one: validation.choose_targets(one, []), "No target"),
        (lambda one: validation.choose_targets(one, ["nobody"]), "nobody"),
    ],
)
def test_what_cannot_be_chosen_is_refused(hours, call, said):
    with pytest.raises((BadUsage, Invalid), match=said):
        call(hours)


def test_splits_and_leaks_are_counted_by_the_check(dataset_id):
    rows = [Record(f"q{n}", f"a{n}", source="one document", family="f" if n > 1 else None) for n in range(4)]
    history.create(dataset_id, rows, summary="Add")
    ids = [one.id for one in entries.stream_entries(dataset_id)]
    pairs.set_split(dataset_id, pairs.Selection(tuple(ids[:3])), "train")
    pairs.set_split(dataset_id, pairs.Selection(tuple(ids[3:])), "test")
    check(dataset_id)
    summary = validation.view_check(dataset_id).summary
    assert summary["splits"] == {"train": 3, "validation": 0, "test": 1} and summary["leaks"] == {"family": 1}
    assert summary["documents_apart"] == 1
    pairs.set_status(dataset_id, pairs.Selection(tuple(ids[3:])), "rejected")
    check(dataset_id)
    summary = validation.view_check(dataset_id).summary
    assert summary["leaks"] == {} and summary["documents_apart"] == 0


def test_the_choices_go_with_a_copy(hours):
    validation.waive_finding(hours, "html", "On purpose.")
    copied = datasets.copy_dataset(hours)
    assert validation.read_choices(copied).waived == {"html": "On purpose."}


def test_forgetting_empties_what_findings_quote(hours):
    check(hours)
    entry = entries.list_page(hours, Filters(findings=("html",))).entries[0]
    step = pairs.save_pair(hours, entry.id, {"answer": "It is open."}, version=entry.version).step
    assert any(db.session.execute(select(FoundProblem.message)).scalars())
    history.forget(hours, step.number)
    assert not any(db.session.execute(select(FoundProblem.message)).scalars())
    assert codes(hours)["html"] == 2


def edit(dataset_id, entry, **values):
    current = entries.get(dataset_id, entry.id)
    return pairs.save_pair(dataset_id, entry.id, values, version=current.version).step


def test_a_recheck_finds_what_a_full_check_would(hours):
    check(hours)
    first, second = entries.list_page(hours, Filters(findings=("html",)), order="oldest").entries
    clean = next(one for one in entries.stream_entries(hours) if "shop 3" in one.question)
    edit(hours, first, answer="It is open.")
    edit(hours, second, answer="<p>It is <i>shut</i>.</p>")
    edit(hours, clean, answer="<p>Ask <b>them</b>.</p> TODO \ufffd")
    edit(hours, clean, status="draft")
    assert validation.recheck_edited(hours) == 3
    seen, rechecked = validation.view_check(hours), codes(hours)
    listed = {code: found(hours, code) for code in rechecked}
    assert seen.steps == 0 and seen.summary["rechecked"] == 3
    check(hours)
    assert rechecked == codes(hours) and listed == {code: found(hours, code) for code in rechecked}
    assert seen.to_fix == validation.view_check(hours).to_fix and rechecked["html"] == 2


def test_rechecks_follow_one_another_and_an_undo(hours):
    check(hours)
    before = codes(hours)
    entry = next(one for one in entries.stream_entries(hours) if "shop 3" in one.question)
    step = edit(hours, entry, answer="<p>Once <b>more</b>.</p>")
    validation.recheck_edited(hours)
    edit(hours, entry, reasoning="<p>Think <b>hard</b>.</p>")
    validation.recheck_edited(hours)
    assert codes(hours)["html"] == 3
    history.undo(hours)
    history.undo(hours, step.number)
    assert validation.recheck_edited(hours) == 1
    assert codes(hours) == before


def test_pairs_that_must_be_fixed_are_counted_again(dataset_id):
    history.create(dataset_id, [Record(f"Question {n}?", f"Answer {n}.") for n in range(12)], summary="Add")
    check(dataset_id, "bedrock-nova")
    entry = next(iter(entries.stream_entries(dataset_id)))
    edit(dataset_id, entry, answer="User: hello")
    validation.recheck_edited(dataset_id)
    seen = validation.view_check(dataset_id)
    assert seen.to_fix == 1 and "banned-words" in [one.code for one in seen.groups["error"]]
    edit(dataset_id, entry, answer="Hello.")
    validation.recheck_edited(dataset_id)
    seen = validation.view_check(dataset_id)
    assert seen.to_fix == 0 and "banned-words" not in codes(dataset_id)


@pytest.mark.parametrize("status", [None, "draft", "approved"])
def test_a_pair_that_comes_needs_a_full_check(hours, status):
    pair = next(iter(entries.stream_entries(hours)))
    pairs.set_status(hours, pairs.Selection((pair.id,)), "rejected")
    check(hours)
    if status is None:
        pairs.add_pair(hours, "New?", "Yes.")
    else:
        pairs.set_status(hours, pairs.Selection((pair.id,)), status)
    assert validation.find_edited(validation.view_check(hours).check) is None
    with pytest.raises(Conflict, match="Check again"):
        validation.recheck_edited(hours)


@pytest.mark.parametrize(
    "change",
    [
        lambda one, pair: pairs.delete_pairs(one, pairs.Selection((pair.id,))),
        lambda one, pair: pairs.set_status(one, pairs.Selection((pair.id,)), "rejected"),
        lambda one, pair: edit(one, pair, answer=""),
    ],
)
def test_a_recheck_follows_pairs_that_go(hours, change):
    unanswered = next(iter(entries.stream_entries(hours)))
    edit(hours, unanswered, answer="")
    check(hours)
    gone = entries.list_page(hours, Filters(findings=("html",))).entries[0]
    # One that was not checked before makes no difference.
    pairs.delete_pairs(hours, pairs.Selection((unanswered.id,)))
    change(hours, gone)
    assert validation.recheck_edited(hours) == 2
    rechecked, records = codes(hours), validation.view_check(hours).summary["records"]
    check(hours)
    assert rechecked == codes(hours) and rechecked["html"] == 1
    assert records == validation.view_check(hours).summary["records"] == 10


def test_what_comes_back_needs_a_full_check(hours):
    check(hours)
    pairs.delete_pairs(hours, pairs.Selection((next(iter(entries.stream_entries(hours))).id,)))
    validation.recheck_edited(hours)
    history.undo(hours)
    assert validation.find_edited(validation.view_check(hours).check) is None


def test_another_system_prompt_needs_a_full_check(hours):
    check(hours)
    edit(hours, next(iter(entries.stream_entries(hours))), answer="Another.")
    datasets.update_dataset(hours, system_prompt="Be brief.")
    seen = validation.view_check(hours)
    assert seen.is_prompt_changed and validation.find_edited(seen.check) is None
    check(hours)
    assert not validation.view_check(hours).is_prompt_changed


def test_all_pairs_but_rejected_ones_are_looked_at_also_once_one_is_approved(hours):
    check(hours, "openai-sft")
    before = codes(hours)
    ids = [one.id for one in entries.stream_entries(hours)]
    pairs.set_status(hours, pairs.Selection((ids[0],)), "approved")
    assert validation.find_edited(validation.view_check(hours).check) == []
    assert codes(hours) == before
    assert check(hours, "openai-sft")["records"] == 12 and codes(hours) == before
    assert validation.count_to_fix(datasets.get(hours)) == 0
    seen = validation.view_check(hours)
    assert validation.find_unapproved(seen, datasets.get(hours)) == (1, 11, 10)
    pairs.set_status(hours, pairs.Selection(tuple(ids)), "approved")
    assert validation.find_unapproved(seen, datasets.get(hours)) is None
    assert validation.find_edited(validation.view_check(hours).check) == []


def test_a_verdict_on_how_many_pairs_there_are_follows_their_number(hours):
    ids = [one.id for one in entries.stream_entries(hours)]
    pairs.set_status(hours, pairs.Selection(tuple(ids[:5])), "rejected")
    check(hours, "openai-sft")
    assert "too-few" in codes(hours) and validation.count_to_fix(datasets.get(hours)) == 1
    pairs.set_status(hours, pairs.Selection(tuple(ids[:5])), "approved")
    assert "too-few" not in codes(hours) and validation.count_to_fix(datasets.get(hours)) == 0
    pairs.delete_pairs(hours, pairs.Selection(tuple(ids[:4])))
    [few] = [one for one in validation.view_check(hours).groups["error"] if one.code == "too-few"]
    assert few.said == ("There are 8 records; the target wants at least 10.",)
    assert validation.count_to_fix(datasets.get(hours)) == 1


def test_of_equal_pairs_the_approved_one_stays(hours):
    first, *_, repeat = sorted(entries.stream_entries(hours), key=lambda one: one.id)
    pairs.set_status(hours, pairs.Selection((repeat.id,)), "approved")
    check(hours, "openai-sft")
    validation.fix_all(hours, ["repeated-row"])
    left = {one.id for one in entries.stream_entries(hours)}
    assert repeat.id in left and first.id not in left and len(left) == 11


def test_many_edits_of_one_pair_hide_no_edit_of_another(hours, monkeypatch):
    monkeypatch.setattr(rechecking, "MOST_RECHECKED", 1)
    check(hours)
    first, second = list(entries.stream_entries(hours))[:2]
    for number in range(10):
        edit(hours, first, answer=f"Answer {number}.")
    assert validation.find_edited(validation.view_check(hours).check) == [first.id]
    edit(hours, second, answer="Another.")
    assert validation.find_edited(validation.view_check(hours).check) is None


def test_a_check_also_keeps_what_the_pairs_are(hours):
    check(hours)
    stats = validation.view_check(hours).summary["stats"]
    assert (stats["records"], stats["turns"], stats["labels"]) == (12, {"1": 12}, None)
    assert stats["kinds"]["text"] == 12 and stats["lengths"]["answer"]["max"] == len(BOLD)

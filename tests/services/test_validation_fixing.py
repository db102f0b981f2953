"""Fixing findings: what each offers, that it does just that as one step, and that the overview follows."""

import pytest

from app.core.errors import Invalid, NotFound
from app.core.filters import Filters
from app.core.record import Message, Record
from app.core.validation import RULES
from app.core.validation.lints import LINTS
from app.services import cleaning, datasets, entries, history, pairs, tasks, validation
from app.services.validation import CheckRun, fixing, keeping
from tests.chat_templates import CHATML, model_folder


def check(dataset_id, profile="plain"):
    tasks.start(validation.CHECK, CheckRun(dataset_id, profile))


def counts(dataset_id):
    seen = validation.view_check(dataset_id)
    return {one.code: one.pairs for group in seen.groups.values() for one in group if one.pairs}


def fill(dataset_id, *records):
    history.create(dataset_id, records, summary="Add")


def fix_offered(dataset_id, code):
    return validation.fix_of(validation.find_finding(validation.view_check(dataset_id), code))


@pytest.fixture
def planted(dataset_id):
    """Thirty pairs in order and, of each lint that a step of cleaning puts right, three pairs."""
    fill(dataset_id, *(Record(f"When is shop {n} open?", f"Shop {n} opens at {n}.") for n in range(30)))
    for one in LINTS.values():
        if one.step:
            [bad] = one.bad
            fill(dataset_id, *(Record(f"{n}: {bad.question}", bad.answer) for n in range(3)))
    check(dataset_id)
    return dataset_id


@pytest.mark.parametrize("code", [one.code for one in LINTS.values() if one.step])
def test_the_preview_of_a_fix_changes_the_pairs_of_its_finding(planted, code):
    fix = fix_offered(planted, code)
    assert fix.action == "clean" and "3 pairs…" in fix.label
    wish = cleaning.CleaningOptions((fix.step,), Filters(findings=(code,)))
    assert cleaning.preview_dataset(planted, wish).scan.affected == fix.pairs == 3
    # What is listed is all that the step would change.
    assert cleaning.preview_dataset(planted, cleaning.CleaningOptions((fix.step,))).scan.affected == 3


@pytest.mark.parametrize("code", [one.code for one in LINTS.values() if one.step])
def test_a_fix_is_one_step_and_what_was_found_goes(planted, code):
    before = history.newest_number(planted)
    applied = validation.fix_finding(planted, code)
    assert applied.changed == 3 and history.newest_number(planted) == before + 1
    assert code not in counts(planted) and validation.view_check(planted).steps == 0
    history.undo(planted)
    check(planted)
    assert counts(planted)[code] == 3


def test_texts_outside_of_question_and_answer_are_cleaned_as_well(dataset_id):
    html = "<p>It is <b>open</b>.</p>"
    turns = (Message("user", "Is it open?"), Message("assistant", html))
    fill(dataset_id, Record("And now?", "Yes.", system=html), Record("And then?", "Yes.", turns=turns))
    check(dataset_id)
    assert counts(dataset_id)["html"] == 2
    assert validation.fix_finding(dataset_id, "html").changed == 2 and "html" not in counts(dataset_id)


def test_repeats_are_deleted_but_for_one(dataset_id):
    same = Record("When is it open?", "At nine.")
    fill(dataset_id, same, same, same, Record("And the bank?", "At ten."))
    check(dataset_id)
    assert fix_offered(dataset_id, "repeated-row").label == "Delete 2 repeats"
    assert validation.fix_finding(dataset_id, "repeated-row").changed == 2
    assert [one.question for one in entries.stream_entries(dataset_id)] == [same.question, "And the bank?"]
    assert "repeated-row" not in counts(dataset_id)


def test_the_last_of_equal_pairs_is_never_deleted(dataset_id):
    same = Record("When is it open?", "At nine.")
    fill(dataset_id, same, same)
    check(dataset_id)
    first, second = entries.stream_entries(dataset_id)
    pairs.delete_pairs(dataset_id, pairs.Selection((first.id,)))
    edited = fix_offered(dataset_id, "repeated-row")
    assert edited.pairs == 1 and validation.fix_finding(dataset_id, "repeated-row").step is None
    assert [one.id for one in entries.stream_entries(dataset_id)] == [second.id]


def test_a_repeat_of_a_pair_that_was_rejected_since_is_not_deleted(dataset_id):
    same = Record("When is it open?", "At nine.")
    fill(dataset_id, same, same, same)
    check(dataset_id)
    first, second, _ = entries.stream_entries(dataset_id)
    pairs.set_status(dataset_id, pairs.Selection((first.id,)), "rejected")
    assert validation.fix_finding(dataset_id, "repeated-row").changed == 1
    assert [one.id for one in entries.stream_entries(dataset_id)] == [first.id, second.id]


def test_a_fix_changes_only_pairs_that_are_listed(dataset_id, monkeypatch):
    monkeypatch.setattr(keeping, "MOST_KEPT", 2)
    fill(dataset_id, *(Record(f"{n}: Is it open?", "<p>It is <b>open</b>.</p>") for n in range(4)))
    first, *_ = entries.stream_entries(dataset_id)
    pairs.set_status(dataset_id, pairs.Selection((first.id,)), "rejected")
    check(dataset_id)
    assert validation.fix_finding(dataset_id, "html").changed == 2
    kept = [one.answer for one in entries.stream_entries(dataset_id)]
    assert kept[0] == "<p>It is <b>open</b>.</p>" and len(set(kept)) == 2


def test_a_button_counts_the_pairs_that_still_have_it(dataset_id):
    same = Record("When is it open?", "At nine.")
    fill(dataset_id, same, same, same)
    check(dataset_id)
    _, second, third = entries.stream_entries(dataset_id)
    pairs.save_pair(dataset_id, second.id, {"answer": "At ten."}, version=second.version)
    assert fix_offered(dataset_id, "repeated-row").label == "Delete 1 repeat"
    pairs.save_pair(dataset_id, third.id, {"answer": "At eleven."}, version=third.version)
    with pytest.raises(NotFound):
        fix_offered(dataset_id, "repeated-row")


def test_what_says_nothing_is_rejected_and_undone(dataset_id):
    fill(dataset_id, Record("How heavy is A7?", "TBD"), Record("How heavy is A8?", "It weighs 12 kg."))
    check(dataset_id)
    assert fix_offered(dataset_id, "placeholder").label == "Reject 1 pair"
    validation.fix_finding(dataset_id, "placeholder")
    assert [one.status for one in entries.stream_entries(dataset_id)] == ["rejected", "review"]
    assert "placeholder" not in counts(dataset_id) and validation.view_check(dataset_id).summary["records"] == 1
    history.undo(dataset_id)
    assert {one.status for one in entries.stream_entries(dataset_id)} == {"review"}


def test_answers_in_a_row_are_merged(dataset_id):
    trace = (Message("assistant", "It weighs 12 kg."),)
    fill(dataset_id, Record("How heavy is A7?", "With its lid 13 kg.", trace=trace), Record("And A8?", "9 kg."))
    check(dataset_id, "azure")
    assert fix_offered(dataset_id, "two-answers").label == "Merge in 1 pair"
    validation.fix_finding(dataset_id, "two-answers")
    [merged, _] = entries.stream_entries(dataset_id)
    assert (merged.trace, merged.answer) == (None, "It weighs 12 kg.\n\nWith its lid 13 kg.")
    assert "two-answers" not in counts(dataset_id)


def test_a_weight_is_mended_where_it_is_kept(dataset_id):
    extra = {"_layout": {"answer": {"extra": {"weight": True}}}, "ticket": 7}
    fill(dataset_id, Record("How heavy is A7?", "12 kg.", extra=extra))
    check(dataset_id, "openai-sft")
    assert counts(dataset_id)["weight-value"] == 1 and validation.view_check(dataset_id).to_fix == 1
    assert validation.count_to_fix(datasets.get(dataset_id)) == 1
    validation.fix_finding(dataset_id, "weight-value")
    [entry] = entries.stream_entries(dataset_id)
    assert entry.record().extra == {"_layout": {"answer": {"weight": 1}}, "ticket": 7}
    assert "weight-value" not in counts(dataset_id) and validation.view_check(dataset_id).to_fix == 0


def test_an_empty_system_message_goes_unless_another_would_come_in_its_place(dataset_id):
    fill(dataset_id, Record("How heavy is A7?", "12 kg.", system=""))
    check(dataset_id, "openai-sft")
    datasets.update_dataset(dataset_id, system_prompt="Be brief.")
    applied = validation.fix_finding(dataset_id, "blank-system")
    assert applied.step is None and applied.skipped_count == 1
    datasets.update_dataset(dataset_id, system_prompt="")
    assert validation.fix_finding(dataset_id, "blank-system").changed == 1
    [entry] = entries.stream_entries(dataset_id)
    assert entry.system is None


def test_a_pair_that_was_written_anew_is_left_alone(dataset_id):
    fill(dataset_id, Record("How heavy is A7?", "TBD"), Record("How heavy is A8?", "TBD"))
    check(dataset_id)
    first = next(iter(entries.stream_entries(dataset_id)))
    pairs.save_pair(dataset_id, first.id, {"answer": "It weighs 12 kg."}, version=first.version)
    assert validation.fix_finding(dataset_id, "placeholder").changed == 1
    assert [one.status for one in entries.stream_entries(dataset_id)] == ["review", "rejected"]


def test_what_is_put_right_by_hand_is_not_done_at_once(dataset_id):
    with pytest.raises(NotFound, match="no check yet"):
        validation.fix_finding(dataset_id, "cut-off")
    text = "Put the heavy parts at the bottom. Fill the gaps with paper. Then close the lid, tape it and"
    fill(dataset_id, Record("How is a box packed?", text))
    check(dataset_id)
    assert fix_offered(dataset_id, "cut-off").action == "edit"
    with pytest.raises(Invalid, match="by hand"):
        validation.fix_finding(dataset_id, "cut-off")
    with pytest.raises(NotFound, match="found nothing by"):
        validation.fix_finding(dataset_id, "html")


@pytest.mark.parametrize("code", [*fixing._MENDS, *fixing._REJECTS, *fixing._NOT_OF_PAIRS, fixing._REPEATS])
def test_every_code_that_is_named_is_there(code):
    assert code in RULES or code in LINTS


def test_a_fix_that_cannot_be_looked_at_again_is_done_all_the_same(dataset_id, tmp_path):
    fill(dataset_id, Record("How heavy is A7?", "TBD"), Record("How heavy is A8?", "It weighs 12 kg."))
    folder = model_folder(tmp_path, CHATML)
    validation.choose_template(dataset_id, str(folder))
    check(dataset_id)
    (folder / "tokenizer_config.json").unlink()
    applied = validation.fix_finding(dataset_id, "placeholder")
    assert applied.step is not None and applied.changed == 1 and validation.view_check(dataset_id).steps == 1

"""Fixing all that is safe at once: what is proposed is what is done, in one step, and nothing that needs a judgement."""

import pytest

from app.core.errors import Invalid, NotFound
from app.core.record import Message, Record
from app.core.stored import content_of
from app.services import entries, history, pairs, validation
from app.services.validation import safe_fixes, view_check
from tests.services.test_validation_fixing import check, counts, fill


def contents(dataset_id):
    return {one.id: content_of(one) for one in entries.stream_entries(dataset_id)}


@pytest.fixture
def faulty(dataset_id):
    """Ten pairs in order, and others with one fault, with several, and with what somebody has to judge."""
    fill(dataset_id, *(Record(f"When is shop {n} open?", f"Shop {n} opens at {n} in the morning.") for n in range(10)))
    fill(
        dataset_id,
        Record("Where is ZÃ¼rich?", "<p>In <b>Switzerland</b>, on a lake\u200b.</p>"),
        Record("How heavy is box A7?", "It weighs 12&nbsp;kg &ndash; or more."),
        Record("How do I print 1?", "```python\nprint(1)"),
        Record("When is it open?", "At nine."),
        Record("When is it open?", "At nine."),
        Record("Who answers?", "Write to ann.miller@example.org."),
        Record("What is it?", "TBD"),
        Record("And now?", "It is open.", turns=(Message("user", "Hi"), Message("user", "Is it open?"))),
    )
    check(dataset_id, "together")
    return dataset_id


def test_all_that_is_safe_is_fixed_in_one_step_as_it_was_proposed(faulty):
    before = contents(faulty)
    plan = validation.plan_fixes(faulty, size=100)
    assert (plan.total, plan.deleted) == (5, 1) and validation.count_safe(faulty, view_check(faulty)) == 5
    assert {"broken-encoding", "html", "html-entities", "open-code-block", "repeated-row"} <= plan.pairs.keys()
    assert contents(faulty) == before
    number = history.newest_number(faulty)
    applied = validation.fix_all(faulty)
    assert applied.changed == 5 and history.newest_number(faulty) == number + 1
    after = contents(faulty)
    assert {one.before.id: one.after and content_of(one.after) for one in plan.first} == {
        one: after.get(one) for one in before if after.get(one) != before[one]
    }
    texts = [text for content in after.values() for text in (content[2], content[4])]
    assert "Where is Zürich?" in texts and "In **Switzerland**, on a lake." in texts
    # What somebody has to judge stays.
    assert "Write to ann.miller@example.org." in texts and "TBD" in texts
    assert not safe_fixes(view_check(faulty)).keys() & plan.pairs.keys()
    assert {"personal-data", "placeholder"} <= counts(faulty).keys()
    history.undo(faulty)
    assert contents(faulty) == before


def test_messages_that_a_target_wants_joined_are_joined_with_all_else(dataset_id):
    turns = (Message("user", "Hi"), Message("assistant", "<p>Hello <b>you</b>.</p>"), Message("user", "Is it open?"))
    fill(dataset_id, *(Record(f"And shop {n}?", f"Shop {n} is open.", turns=turns) for n in range(3)))
    check(dataset_id, "together")
    assert {"same-role", "html"} <= safe_fixes(view_check(dataset_id)).keys()
    plan = validation.plan_fixes(dataset_id)
    assert plan.total == 3 and plan.pairs["html"] == plan.pairs["same-role"] == 3
    validation.fix_all(dataset_id)
    first = next(entries.stream_entries(dataset_id)).record()
    assert [one.text for one in first.turns][1] == "Hello **you**."
    assert not counts(dataset_id).keys() & {"same-role", "html"}


def test_chosen_findings_alone_are_fixed(faulty):
    assert validation.fix_all(faulty, ["html"]).changed == 1
    assert "html" not in counts(faulty) and "html-entities" in counts(faulty)


@pytest.mark.parametrize("code", ["personal-data", "placeholder", "nonsense"])
def test_what_needs_a_judgement_is_refused(faulty, code):
    before = contents(faulty)
    with pytest.raises(Invalid, match="fixed without a look"):
        validation.fix_all(faulty, [code])
    assert contents(faulty) == before


def test_pairs_that_were_edited_since_and_findings_that_were_waived_are_left_alone(faulty):
    html = next(one for one in entries.stream_entries(faulty) if "Switzerland" in one.answer)
    pairs.save_pair(faulty, html.id, {"answer": "<p>Mine.</p>"}, version=html.version)
    validation.waive_finding(faulty, "html-entities", "They are meant.")
    assert "html-entities" not in validation.plan_fixes(faulty).pairs
    validation.fix_all(faulty)
    answers = [one.answer for one in entries.stream_entries(faulty)]
    assert "<p>Mine.</p>" in answers and "It weighs 12&nbsp;kg &ndash; or more." in answers


def test_a_pair_that_would_lose_its_answer_is_left_alone(dataset_id):
    fill(dataset_id, Record("How heavy is box A7?", "I hope this helps!"))
    check(dataset_id)
    assert "boilerplate" in safe_fixes(view_check(dataset_id))
    assert validation.plan_fixes(dataset_id).total == 0 and validation.fix_all(dataset_id).step is None


def test_without_a_check_there_is_nothing_to_fix(dataset_id):
    assert validation.plan_fixes(dataset_id).total == 0
    with pytest.raises(NotFound, match="no check yet"):
        validation.fix_and_tell(dataset_id)


def test_a_waiver_that_finds_nothing_any_more_is_still_told(faulty):
    validation.waive_finding(faulty, "html", "It is meant.")
    assert view_check(faulty).idle == []
    html = next(one for one in entries.stream_entries(faulty) if "Switzerland" in one.answer)
    pairs.save_pair(faulty, html.id, {"answer": "In Switzerland."}, version=html.version)
    check(faulty, "together")
    assert view_check(faulty).idle == [("html", "It is meant.")] and view_check(faulty).waived == []
    validation.take_back(faulty, "html")
    assert view_check(faulty).idle == []

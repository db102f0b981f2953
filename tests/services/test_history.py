"""History: each write is a step; undo and redo swap its sides and never overwrite a later edit."""

import pytest
from sqlalchemy.exc import OperationalError

from app.core.changes import Change
from app.core.errors import Conflict, Invalid, NotFound
from app.core.filters import Filters
from app.core.record import Message, Record
from app.models import ChangeSet, Entry, db
from app.services import datasets, entries, history, pairs, work


def ids(dataset_id):
    return [entry.id for entry in entries.stream_entries(dataset_id)]


def answers(dataset_id):
    return [entry.answer for entry in entries.stream_entries(dataset_id)]


@pytest.fixture
def three(dataset_id):
    """A dataset of three pairs, and their ids."""
    history.create(dataset_id, [Record("q1", "a1"), Record("q2", "a2"), Record("q3", "a3")], summary="Add 3 pairs")
    return ids(dataset_id)


def change(entry_id, before, after):
    return Change(entry_id, {"answer": (before, after)})


def test_created_pairs_keep_their_order_and_text(dataset_id, three):
    assert answers(dataset_id) == ["a1", "a2", "a3"]
    assert datasets.get(dataset_id).counts == {"review": 3}


def test_steps_of_one_transaction_are_all_counted(dataset_id):
    with history.transaction():
        for status in ("approved", "approved", "rejected"):
            history.create(dataset_id, [Record("q", "a")], summary="Add", status=status)
    db.session.expire_all()
    assert datasets.get(dataset_id).counts == {"approved": 2, "rejected": 1}


def test_an_unanswered_record_becomes_a_draft(dataset_id):
    history.create(dataset_id, [Record("q", "")], summary="Add")
    assert datasets.get(dataset_id).counts == {"draft": 1}


def test_a_trace_that_ends_with_a_tool_call_is_answered(dataset_id):
    call = Message("assistant", tool_calls=[{"id": "1"}])
    history.create(dataset_id, [Record("q", "", trace=(call,))], summary="Add")
    assert datasets.get(dataset_id).counts == {"review": 1}


@pytest.mark.parametrize("question", ["", "  ", "\ufeff\u200b"])
def test_a_blank_question_adds_nothing(dataset_id, question):
    with pytest.raises(Invalid, match="question is empty"):
        history.create(dataset_id, [Record("fine", "a"), Record(question, "a")], summary="Add")
    assert ids(dataset_id) == [] and history.steps(dataset_id) == []


def test_no_records_make_no_step(dataset_id):
    assert history.create(dataset_id, [], summary="Add").step is None
    assert history.steps(dataset_id) == []


def test_a_change_is_skipped_where_the_entry_moved_on(dataset_id, three):
    result = history.apply(
        dataset_id, [change(three[0], "a1", "x"), change(three[1], "old", "y")], summary="Edit", kind="edit"
    )
    assert (result.changed, [s.entry_id for s in result.skipped]) == (1, [three[1]])
    assert answers(dataset_id) == ["x", "a2", "a3"]


def test_a_change_that_changes_nothing_makes_no_step(dataset_id, three):
    assert history.apply(dataset_id, [change(three[0], "a1", "a1")], summary="Edit", kind="edit").step is None
    assert [step.number for step in history.steps(dataset_id)] == [1]


def test_a_field_that_does_not_exist_is_refused(dataset_id, three):
    with pytest.raises(Invalid, match="no field 'mood'"):
        history.apply(dataset_id, [Change(three[0], {"mood": ("", "x")})], summary="Edit", kind="edit")


def test_undo_of_an_edit_brings_the_text_back_and_counts_a_version(dataset_id, three):
    history.apply(dataset_id, [change(three[0], "a1", "x")], summary="Edit", kind="edit")
    history.undo(dataset_id)
    entry = entries.get(dataset_id, three[0])
    assert (entry.answer, entry.version) == ("a1", 3)


def test_undo_of_an_import_hides_its_pairs_and_redo_shows_them(dataset_id, three):
    before = datasets.compute_digest(dataset_id)
    history.undo(dataset_id)
    assert ids(dataset_id) == [] and datasets.get(dataset_id).entry_count == 0
    history.redo(dataset_id)
    assert datasets.compute_digest(dataset_id) == before and datasets.get(dataset_id).counts == {"review": 3}


def test_deleted_pairs_keep_their_ids(dataset_id, three):
    history.delete(dataset_id, three[:2])
    assert ids(dataset_id) == three[2:] and datasets.get(dataset_id).entry_count == 1
    history.undo(dataset_id)
    assert ids(dataset_id) == three and datasets.get(dataset_id).entry_count == 3


def test_undo_keeps_what_was_edited_since_and_says_so(dataset_id, three):
    history.apply(dataset_id, [change(i, f"a{n}", "bulk") for n, i in enumerate(three, 1)], summary="S", kind="clean")
    pairs.save_pair(dataset_id, three[1], {"answer": "by hand"}, version=2)
    result = history.undo(dataset_id, 2)
    assert answers(dataset_id) == ["a1", "by hand", "a3"]
    assert [(s.entry_id, s.reason) for s in result.skipped] == [(three[1], "The answer was changed since.")]


def test_undo_anyway_overwrites_a_later_edit(dataset_id, three):
    history.apply(dataset_id, [change(three[0], "a1", "bulk")], summary="S", kind="clean")
    pairs.save_pair(dataset_id, three[0], {"answer": "by hand"}, version=2)
    assert history.undo(dataset_id, 2, anyway=True).skipped == []
    assert answers(dataset_id)[0] == "a1"


def test_a_later_edit_of_another_field_does_not_block(dataset_id, three):
    history.apply(dataset_id, [change(three[0], "a1", "bulk")], summary="S", kind="clean")
    pairs.save_pair(dataset_id, three[0], {"question": "other"}, version=2)
    history.undo(dataset_id, 2)
    entry = entries.get(dataset_id, three[0])
    assert (entry.question, entry.answer) == ("other", "a1")


def test_an_edit_there_and_back_does_not_block(dataset_id, three):
    history.apply(dataset_id, [change(three[0], "a1", "B")], summary="S", kind="clean")
    pairs.save_pair(dataset_id, three[0], {"answer": "A"}, version=2)
    pairs.save_pair(dataset_id, three[0], {"answer": "B"}, version=3)
    assert history.undo(dataset_id, 2).skipped_count == 0
    assert answers(dataset_id)[0] == "a1"


def test_undo_of_an_import_keeps_pairs_that_were_edited_since(dataset_id, three):
    pairs.save_pair(dataset_id, three[1], {"answer": "better"}, version=1)
    result = history.undo(dataset_id, 1)
    assert answers(dataset_id) == ["better"] and [s.entry_id for s in result.skipped] == [three[1]]
    assert datasets.get(dataset_id).entry_count == 1


def test_a_kept_pair_joins_its_import_again_on_redo(dataset_id, three):
    pairs.save_pair(dataset_id, three[1], {"answer": "better"}, version=1)
    history.undo(dataset_id, 1)
    history.redo(dataset_id, 1)
    history.undo(dataset_id, 2)
    history.undo(dataset_id, 1)
    assert ids(dataset_id) == [] and datasets.get(dataset_id).counts == {}


def test_undo_of_chosen_pairs_is_a_new_step(dataset_id, three):
    history.apply(dataset_id, [change(i, f"a{n}", "x") for n, i in enumerate(three, 1)], summary="S", kind="clean")
    result = history.undo(dataset_id, 2, entry_ids=[three[0], three[2]])
    assert answers(dataset_id) == ["a1", "x", "a3"]
    assert result.step.summary == "Undo 2 of 3 pairs of step 2"
    history.undo(dataset_id)
    assert answers(dataset_id) == ["x", "x", "x"]


def test_chosen_pairs_of_an_import_can_be_taken_out(dataset_id, three):
    history.undo(dataset_id, 1, entry_ids=[three[0]])
    assert ids(dataset_id) == three[1:]


def test_redo_needs_an_undone_step(dataset_id, three):
    with pytest.raises(Conflict, match="not undone"):
        history.redo(dataset_id, 1)
    with pytest.raises(NotFound, match="nothing to redo"):
        history.redo(dataset_id)


def test_nothing_is_left_to_undo_on_a_new_dataset(dataset_id):
    with pytest.raises(NotFound, match="nothing to undo"):
        history.undo(dataset_id)


def test_a_new_step_ends_the_quick_redo_but_not_the_one_from_history(dataset_id, three):
    history.delete(dataset_id, three[:1])
    history.undo(dataset_id)
    history.delete(dataset_id, three[2:])
    with pytest.raises(NotFound):
        history.redo(dataset_id)
    history.redo(dataset_id, 2)
    assert ids(dataset_id) == [three[1]]


def test_go_back_undoes_all_later_steps(dataset_id, three):
    history.delete(dataset_id, three[:1])
    pairs.save_pair(dataset_id, three[1], {"answer": "x"}, version=1)
    assert len(history.go_back(dataset_id, 1)) == 2
    assert answers(dataset_id) == ["a1", "a2", "a3"]


def test_a_step_with_several_fields_counts_one_version(dataset_id, three):
    fields = {"answer": ("a1", "x"), "question": ("q1", "y"), "status": ("review", "approved")}
    history.apply(dataset_id, [Change(three[0], fields)], summary="S", kind="edit")
    history.undo(dataset_id)
    entry = entries.get(dataset_id, three[0])
    assert (entry.version, entry.question, entry.status) == (3, "q1", "review")
    assert datasets.get(dataset_id).counts == {"review": 3}


def test_hashes_follow_the_text(dataset_id, three):
    before = db.session.get(Entry, three[0]).content_hash
    pairs.save_pair(dataset_id, three[0], {"answer": "x"}, version=1)
    assert db.session.get(Entry, three[0], populate_existing=True).content_hash not in (None, before)
    history.undo(dataset_id)
    assert db.session.get(Entry, three[0], populate_existing=True).content_hash == before


def test_a_small_step_leaves_the_hashes_that_a_large_one_left_empty(dataset_id, three, monkeypatch):
    hashes = [db.session.get(Entry, one).content_hash for one in three]
    monkeypatch.setattr("app.services.history.undoing.REHASH_AT_ONCE", 1)
    monkeypatch.setattr("app.services.history.changing.REHASH_AT_ONCE", 1)
    history.apply(
        dataset_id, [change(one, f"a{at}", "x") for at, one in enumerate(three, 1)], summary="S", kind="clean"
    )
    pairs.save_pair(dataset_id, three[0], {"answer": "y"}, version=2)
    rows = [db.session.get(Entry, one, populate_existing=True).content_hash for one in three]
    assert rows[0] not in (None, hashes[0]) and rows[1:] == [None, None]
    history.undo(dataset_id)
    history.undo(dataset_id)
    assert history.rehash(dataset_id) == 3
    assert [db.session.get(Entry, one, populate_existing=True).content_hash for one in three] == hashes


def test_staged_rows_show_only_after_publishing(dataset_id):
    staged = history.stage(dataset_id, kind="import")
    with history.transaction() as session:
        change_set = session.get_one(ChangeSet, staged)
        history.add_rows(session, change_set, [history.new_row(Record(f"q{n}", "a")) for n in range(5)])
    assert ids(dataset_id) == [] and datasets.get(dataset_id).entry_count == 0
    step = history.publish(staged, summary="Import 5 pairs").step
    assert (len(ids(dataset_id)), step.number, datasets.get(dataset_id).entry_count) == (5, 1, 5)


def staged_with(dataset_id, *records):
    staged = history.stage(dataset_id, kind="import")
    with history.transaction() as session:
        rows = [history.new_row(record) for record in records]
        history.add_rows(session, session.get_one(ChangeSet, staged), rows)
    return staged


def test_staged_rows_and_changes_are_published_and_undone_as_one_step(dataset_id, three):
    before = datasets.compute_digest(dataset_id)
    staged = staged_with(dataset_id, Record("q4", "a4"))
    result = history.publish(staged, summary="Import", statuses={"review": 1}, changes=[change(three[0], "a1", "x")])
    assert (result.changed, result.step.created, result.step.changed) == (2, 1, 1)
    assert answers(dataset_id) == ["x", "a2", "a3", "a4"] and datasets.get(dataset_id).counts == {"review": 4}
    after = datasets.compute_digest(dataset_id)
    history.undo(dataset_id)
    assert datasets.compute_digest(dataset_id) == before and datasets.get(dataset_id).counts == {"review": 3}
    history.redo(dataset_id)
    assert datasets.compute_digest(dataset_id) == after and datasets.get(dataset_id).counts == {"review": 4}


def test_publishing_nothing_makes_no_step(dataset_id):
    staged = history.stage(dataset_id, kind="import")
    assert history.publish(staged, summary="Import 0 pairs").step is None
    assert history.steps(dataset_id) == []


def test_a_discarded_stage_leaves_nothing(dataset_id):
    staged = history.stage(dataset_id, kind="import")
    with history.transaction() as session:
        change_set = session.get_one(ChangeSet, staged)
        history.add_rows(session, change_set, [history.new_row(Record("q", "a"))])
    assert work.sweep() == 1
    assert db.session.query(Entry).count() == 0


def test_writing_outside_a_transaction_is_refused(dataset_id, three):
    db.session.get(Entry, three[0]).answer = "sneaky"
    with pytest.raises(OperationalError, match="readonly"):
        db.session.commit()
    db.session.rollback()


def test_what_a_step_changed_can_be_read_back(dataset_id, three):
    history.apply(dataset_id, [change(three[0], "a1", "x")], summary="S", kind="clean")
    [seen] = history.changes_of(dataset_id, 2)
    assert (seen.entry.id, seen.fields) == (three[0], {"answer": ("a1", "x")})
    assert [s.entry.id for s in history.changes_of(dataset_id, 1, after_id=three[0])] == three[1:]


def test_two_datasets_number_their_steps_apart(dataset_id, three):
    other = datasets.create_dataset("Other").id
    history.create(other, [Record("q", "a")], summary="Add")
    assert history.steps(other)[0].number == 1
    history.undo(other)
    assert entries.count_entries(dataset_id, Filters()) == 3

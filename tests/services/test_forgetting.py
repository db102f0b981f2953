"""Forgetting and compacting: the pairs stay, the older texts go, the steps say that they cannot be undone."""

from pathlib import Path

import pytest

from app.core.cleaning import Step
from app.core.errors import Conflict
from app.core.record import Record
from app.models import ChangeRow, Entry, db
from app.services import cleaning, datasets, entries, history, pairs
from app.services.cleaning import CleaningOptions, CleaningOrder

SECRET = "mail someone.private@example.org now"


def masked(dataset_id):
    """A pair that was edited, then masked; the numbers of the steps."""
    history.create(dataset_id, [Record("q", SECRET), Record("other", "plain")], summary="Add")
    [first, second] = entries.stream_entries(dataset_id)
    pairs.save_pair(dataset_id, first.id, {"answer": SECRET + "!"}, version=1)
    pairs.save_pair(dataset_id, second.id, {"answer": "changed"}, version=1)
    done = cleaning.run_cleaning(CleaningOrder(dataset_id, CleaningOptions((Step("mask"),))))
    return done.applied.step.number


def bytes_of(app):
    folder = Path(app.config["LTT_DATA_DIR"])
    return b"".join(path.read_bytes() for path in folder.glob("ltt.db*"))


def test_the_originals_of_a_mask_are_gone_from_the_file(dataset_id, app):
    number = masked(dataset_id)
    assert b"someone.private" in bytes_of(app)
    after = datasets.compute_digest(dataset_id).all
    assert history.forget(dataset_id, number) == 1
    assert b"someone.private" not in bytes_of(app)
    assert datasets.compute_digest(dataset_id).all == after
    with pytest.raises(Conflict, match="removed from the history"):
        history.undo(dataset_id, number)


def test_steps_that_hold_other_texts_can_still_be_undone(dataset_id):
    number = masked(dataset_id)
    history.forget(dataset_id, number)
    assert [(step.number, step.state) for step in history.steps(dataset_id)] == [
        (4, "compacted"),
        (3, "applied"),
        (2, "compacted"),
        (1, "applied"),
    ]
    assert history.undo(dataset_id).changed == 1
    assert [entry.answer for entry in entries.stream_entries(dataset_id)][1] == "plain"


def test_compacting_keeps_the_pairs_and_the_sentences(dataset_id):
    number = masked(dataset_id)
    ids = [entry.id for entry in entries.stream_entries(dataset_id)]
    history.delete(dataset_id, ids[1:])
    history.create(dataset_id, [Record("gone", "x")], summary="Add one more")
    history.undo(dataset_id)
    before, counts = datasets.compute_digest(dataset_id).all, dict(datasets.get(dataset_id).counts)
    sentences = [step.summary for step in history.steps(dataset_id)]
    assert history.compact(dataset_id, 99) == number + 2
    assert datasets.compute_digest(dataset_id).all == before and datasets.get(dataset_id).counts == counts
    assert [step.summary for step in history.steps(dataset_id)] == sentences
    assert {step.state for step in history.steps(dataset_id)} == {"compacted"}
    assert db.session.query(ChangeRow).count() == 0 and db.session.query(Entry).count() == 1
    assert history.next_undo(dataset_id) is None and history.next_redo(dataset_id) is None


def test_newer_steps_stay_undoable_after_compacting_older_ones(dataset_id):
    masked(dataset_id)
    before = [entry.answer for entry in entries.stream_entries(dataset_id)]
    history.compact(dataset_id, 3)
    history.undo(dataset_id)
    assert [entry.answer for entry in entries.stream_entries(dataset_id)] == [SECRET + "!", "changed"]
    history.redo(dataset_id)
    assert [entry.answer for entry in entries.stream_entries(dataset_id)] == before


def test_steps_are_found_by_their_words_and_kind(dataset_id):
    masked(dataset_id)
    assert [step.number for step in history.steps(dataset_id, text="personal")] == [4]
    assert [step.number for step in history.steps(dataset_id, kind="bulk")] == [4]
    assert [step.number for step in history.steps(dataset_id, kind="edits")] == [3, 2, 1]
    assert history.steps(dataset_id, text="100%") == []

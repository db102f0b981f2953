"""Writing pairs by hand."""

import pytest

from app.core.errors import Conflict, Gone, Invalid
from app.core.filters import Filters
from app.services import datasets, entries, history, pairs
from app.services.pairs import Selection


def only(dataset_id):
    [entry] = entries.stream_entries(dataset_id)
    return entry


def test_a_new_pair_needs_review(dataset_id):
    pairs.add_pair(dataset_id, "How?", "So.", tags=[" a ", "", "a", "b  c"])
    entry = only(dataset_id)
    assert (entry.status, entry.tag_list) == ("review", ["a", "b c"])


def test_a_new_pair_without_answer_is_a_draft(dataset_id):
    pairs.add_pair(dataset_id, "How?", " \n", status="approved")
    assert only(dataset_id).status == "draft"


@pytest.mark.parametrize("text", ["a\x00b", "half \ud800"])
def test_text_that_no_database_keeps_is_refused(dataset_id, text):
    for more in ({"answer": text}, {"reasoning": text}):
        with pytest.raises(Invalid):
            pairs.add_pair(dataset_id, "q", **more)


def test_saving_what_is_there_makes_no_step_even_with_an_old_version(dataset_id):
    pairs.add_pair(dataset_id, "q", "a\r\n")
    entry = only(dataset_id)
    values = {"question": entry.question, "answer": entry.answer, "system": None, "status": "review", "tags": None}
    assert pairs.save_pair(dataset_id, entry.id, values, version=entry.version).step is None
    assert len(history.steps(dataset_id)) == 1


def test_reasoning_is_edited_taken_away_and_brought_back(dataset_id):
    pairs.add_pair(dataset_id, "q", "a", reasoning="r")
    entry = only(dataset_id)
    pairs.save_pair(dataset_id, entry.id, {"reasoning": "R"}, version=1)
    pairs.save_pair(dataset_id, entry.id, {"reasoning": ""}, version=2)
    assert only(dataset_id).reasoning is None
    assert entries.value_at(dataset_id, entry.id, 2).reasoning == "R"
    history.undo(dataset_id)
    history.undo(dataset_id)
    assert only(dataset_id).reasoning == "r"


def test_a_stale_save_changes_nothing(dataset_id):
    pairs.add_pair(dataset_id, "q", "a")
    entry = only(dataset_id)
    pairs.save_pair(dataset_id, entry.id, {"answer": "A"}, version=1)
    with pytest.raises(Conflict):
        pairs.save_pair(dataset_id, entry.id, {"answer": "B"}, version=1)
    assert only(dataset_id).answer == "A"


def test_saving_a_deleted_pair_offers_to_restore_it(dataset_id):
    pairs.add_pair(dataset_id, "q", "a")
    entry = only(dataset_id)
    history.delete(dataset_id, [entry.id])
    with pytest.raises(Gone):
        pairs.save_pair(dataset_id, entry.id, {"answer": "mine"}, version=1)
    pairs.restore_pair(dataset_id, entry.id, {"answer": "mine"}, version=2)
    assert (only(dataset_id).id, only(dataset_id).answer) == (entry.id, "mine")


@pytest.mark.parametrize(
    ("before", "after", "status"), [("", "now", "review"), ("a", "", "draft"), ("a", "b", "review")]
)
def test_status_follows_the_answer(dataset_id, before, after, status):
    pairs.add_pair(dataset_id, "q", before)
    pairs.save_pair(dataset_id, only(dataset_id).id, {"answer": after}, version=1)
    assert only(dataset_id).status == status


def test_a_chosen_status_wins_when_an_answer_comes(dataset_id):
    pairs.add_pair(dataset_id, "q", "")
    pairs.save_pair(dataset_id, only(dataset_id).id, {"answer": "a", "status": "approved"}, version=1)
    assert only(dataset_id).status == "approved"


def test_unanswered_pairs_are_not_approved(dataset_id):
    pairs.add_pair(dataset_id, "q", "")
    pairs.add_pair(dataset_id, "q2", "a")
    result = pairs.set_status(dataset_id, Selection(filters=Filters()), "approved")
    assert (result.changed, result.skipped[0].reason) == (1, "The pair has no answer yet.")
    assert datasets.get(dataset_id).counts == {"draft": 1, "approved": 1}


def test_tags_are_added_and_removed_in_one_step(dataset_id):
    pairs.add_pair(dataset_id, "q", "a", tags=["old"])
    result = pairs.tag_pairs(dataset_id, Selection(filters=Filters()), add=["new"], remove=["old"])
    assert (only(dataset_id).tag_list, result.step.summary) == (["new"], "Tag 1 pair with “new”")


@pytest.mark.parametrize("call", [{"add": [" "]}, {"add": ["x" * 81]}])
def test_no_tag_and_a_long_tag_are_refused(dataset_id, call):
    with pytest.raises(Invalid):
        pairs.tag_pairs(dataset_id, Selection(filters=Filters()), **call)


def test_delete_takes_only_what_matches(dataset_id):
    pairs.add_pair(dataset_id, "keep", "a")
    pairs.add_pair(dataset_id, "drop", "a")
    assert pairs.delete_pairs(dataset_id, Selection(filters=Filters(text="drop"))).step.summary == "Delete 1 pair"
    assert only(dataset_id).question == "keep"


def test_an_unknown_status_is_refused(dataset_id):
    with pytest.raises(Invalid, match="no status 'done'"):
        pairs.set_status(dataset_id, Selection((1,)), "done")


def test_source_family_and_split_are_edited_and_brought_back(dataset_id):
    pairs.add_pair(dataset_id, "q", "a", source=" manual.pdf ", family="f", split="train")
    entry = only(dataset_id)
    assert (entry.source, entry.family, entry.split) == ("manual.pdf", "f", "train")
    content = datasets.compute_digest(dataset_id).content
    pairs.save_pair(dataset_id, entry.id, {"source": "faq.md", "family": "", "split": None}, version=1)
    entry = only(dataset_id)
    assert (entry.source, entry.family, entry.split) == ("faq.md", None, None)
    assert datasets.compute_digest(dataset_id).content == content
    history.undo(dataset_id)
    entry = only(dataset_id)
    assert (entry.source, entry.family, entry.split) == ("manual.pdf", "f", "train")


@pytest.mark.parametrize("name", ["source", "family", "split"])
def test_a_source_family_or_split_that_cannot_be_is_refused(dataset_id, name):
    with pytest.raises(Invalid):
        pairs.add_pair(dataset_id, "q", "a", **{name: "dev\x00"})


def test_a_selection_is_put_into_a_split_and_out_of_it_again(dataset_id):
    for number in range(3):
        pairs.add_pair(dataset_id, f"q{number}", "a")
    ids = tuple(one.id for one in entries.stream_entries(dataset_id))
    assert pairs.set_split(dataset_id, Selection(ids[:2]), "test").step.summary == "Put 2 pairs into test"
    assert entries.split_counts(dataset_id) == {"test": 2}
    assert pairs.set_split(dataset_id, Selection(filters=Filters()), "").changed == 2
    assert entries.split_counts(dataset_id) == {}
    with pytest.raises(Invalid):
        pairs.set_split(dataset_id, Selection(ids), "dev")

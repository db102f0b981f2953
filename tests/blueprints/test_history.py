"""The history page."""

import re

import pytest

from app.services import datasets, entries, history, pairs
from app.services.pairs import Selection
from tests import factories
from tests.pages import as_shown


@pytest.fixture
def dataset_id(app):
    with app.app_context():
        made = factories.dataset()
        pairs.save_pair(made, 1, {"answer": "Changed."}, version=1)
        return made


def digest(app, dataset_id):
    with app.app_context():
        return datasets.compute_digest(dataset_id)


def test_steps_are_told_with_what_they_changed(client, dataset_id):
    text = client.get(f"/datasets/{dataset_id}/history").text
    assert (
        "Edit “Question 1?”" in text
        and "You are here" in text
        and "<del>Answer 1</del>" in text
        and "<ins>Changed</ins>" in text
    )


def test_undo_and_redo_go_there_and_back(client, app, dataset_id):
    before = digest(app, dataset_id)
    page = client.post(f"/datasets/{dataset_id}/history/undo", follow_redirects=True)
    assert "Undone: Edit" in page.text and digest(app, dataset_id) != before
    client.post(f"/datasets/{dataset_id}/history/redo", follow_redirects=True)
    assert digest(app, dataset_id) == before


def test_what_was_edited_since_is_kept_listed_and_taken_along_on_request(client, app, dataset_id):
    with app.app_context():
        pairs.save_pair(dataset_id, 1, {"answer": "Again."}, version=2)
    page = client.post(f"/datasets/{dataset_id}/history/undo", data={"number": "4"})
    assert "was left as it is" in (text := as_shown(page.text)) and "The answer was changed since." in text
    client.post(f"/datasets/{dataset_id}/history/4/overwrite")
    with app.app_context():
        assert entries.get(dataset_id, 1).answer == "Answer 1."


def test_chosen_pairs_of_a_step_are_undone(client, app, dataset_id):
    with app.app_context():
        pairs.set_status(dataset_id, pairs.Selection((1, 2, 3)), "approved")
    client.post(f"/datasets/{dataset_id}/history/undo", data={"number": "5", "chosen": "1", "id": ["1", "2"]})
    with app.app_context():
        assert datasets.get(dataset_id).counts == {"review": 2, "approved": 1}


def test_go_back_undoes_what_came_later(client, app, dataset_id):
    client.post(f"/datasets/{dataset_id}/history/1/go-back")
    with app.app_context():
        assert datasets.get(dataset_id).entry_count == 1


def test_nothing_to_undo_is_said_kindly(client, app):
    with app.app_context():
        empty = datasets.create_dataset("Empty").id
    page = client.post(f"/datasets/{empty}/history/undo", follow_redirects=True)
    assert page.status_code == 200 and "There is nothing to undo." in page.text


def test_a_step_that_does_not_exist_is_not_found(client, dataset_id):
    assert client.get(f"/datasets/{dataset_id}/history?step=99").status_code == 404


def test_a_step_says_whether_later_ones_changed_the_same_texts(client, app, dataset_id):
    with app.app_context():
        number = history.next_undo(dataset_id).number
        pairs.set_status(dataset_id, Selection((1, 2)), "approved")
    page = f"/datasets/{dataset_id}/history?step={number}"
    assert "1 step came later, but changed none of these texts." in client.get(page).text
    with app.app_context():
        pairs.save_pair(dataset_id, 1, {"answer": "Changed again."}, version=entries.get(dataset_id, 1).version)
    assert "2 steps came later and changed it again." in as_shown(client.get(page).text)


def test_a_step_that_added_pairs_says_that_later_ones_changed_them(client, app, dataset_id):
    page = f"/datasets/{dataset_id}/history?step=1"
    with app.app_context():
        first, before = next((one.entry.id, one.entry.answer) for one in history.changes_of(dataset_id, 1))
        pairs.save_pair(dataset_id, first, {"answer": "Another one."}, version=entries.get(dataset_id, first).version)
    text = as_shown(client.get(page).text)
    assert "came later and changed it again." in text and "added, as they were then" in text
    assert before in text and "Another one." not in text.split("added, as they were then")[1]


def test_compacting_says_how_many_steps_it_is_for(client, dataset_id):
    page = client.get(f"/datasets/{dataset_id}/history/compact?upto=2").text
    assert "Compact 2 steps" in page and "Add “Question 2?”" in page
    client.post(f"/datasets/{dataset_id}/history/compact", data={"upto": "2"})
    assert (
        "There is nothing to compact up to this step."
        in client.get(f"/datasets/{dataset_id}/history/compact?upto=2").text
    )
    assert "Compact 2 steps" in client.get(f"/datasets/{dataset_id}/history/compact").text


def test_a_status_is_shown_by_its_name(client, app, dataset_id):
    with app.app_context():
        pairs.set_status(dataset_id, Selection((1,)), "approved")
        number = history.next_undo(dataset_id).number
    text = as_shown(client.get(f"/datasets/{dataset_id}/history?step={number}").text)
    assert "<ins>Approved</ins>" in text and "Needs" in text
    assert "<ins>approved</ins>" not in text and "<del>review</del>" not in text


def test_what_cannot_be_undone_is_a_disabled_button(client, app):
    with app.app_context():
        empty = datasets.create_dataset("Empty").id
    page = client.get(f"/datasets/{empty}/pairs").text
    assert re.search(r'disabled\s+title="Nothing to undo"', page) and re.search(
        r'disabled\s+title="Nothing to redo"', page
    )


def test_steps_that_did_the_same_one_after_the_other_stand_together(client, app):
    with app.app_context():
        home = factories.dataset("Harbor", count=5)
        for entry in list(entries.stream_entries(home)):
            pairs.set_status(home, Selection(ids=(entry.id,)), "approved")
    page = as_shown(client.get(f"/datasets/{home}/history").text)
    assert "5 times, steps 6 to 10" in page and page.count('<span class="no num">') == 10

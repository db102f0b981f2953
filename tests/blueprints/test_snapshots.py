"""The pages of snapshots. They work without scripts."""

import re

import pytest

from app.services import datasets, entries, history, pairs, snapshots, tasks
from tests import factories

PAGE = "/datasets/1/snapshots"


@pytest.fixture
def made(app):
    """A dataset of three pairs."""
    with app.app_context():
        assert factories.dataset() == 1


def edit(app, entry_id, answer):
    """Write another answer."""
    with app.app_context():
        entry = entries.get(1, entry_id)
        pairs.save_pair(1, entry_id, {"answer": answer}, version=entry.version)


def text_of(answer):
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def test_a_dataset_without_pairs_or_snapshots_says_what_comes_next(app, client):
    with app.app_context():
        datasets.create_dataset("Empty")
    assert "No snapshots yet" in text_of(client.get(PAGE)) and "Import a file" in text_of(client.get(PAGE))
    assert "No snapshots yet" in text_of(client.get(PAGE, query_string={"from": ""}))


def test_a_click_freezes_and_the_page_compares_with_now(app, client, made):
    assert "Freeze 3 pairs as v1" in text_of(client.get(PAGE))
    frozen = client.post(PAGE, follow_redirects=True)
    assert "3 pairs frozen as v1" in text_of(frozen)
    edit(app, 2, "Two.")
    with app.app_context():
        history.delete(1, [3])
    page = client.get(PAGE)
    assert "0 pairs added, 1 removed, 1 changed; 1 is the same" in text_of(page)
    assert "<del>Answer 2</del>" in page.text and "<ins>Two</ins>" in page.text
    removed = client.get(PAGE, query_string={"from": "v1", "to": "now", "kind": "removed"})
    assert "Answer 3." in text_of(removed) and "<del>" not in removed.text


def test_a_name_a_note_and_a_part_are_said_on_a_page_of_its_own(client, made):
    page = client.get(f"{PAGE}/new", query_string={"q": "Question 1"})
    assert "ltt snapshot Tests --query" in text_of(page)
    client.post(PAGE, data={"name": "one", "note": "Only the first", "q": "Question 1"})
    page = text_of(client.get(f"{PAGE}/1"))
    assert "1 pair, frozen" in page and "A part of the dataset: --query Question 1" in page
    client.post(f"{PAGE}/1/name", data={"name": "first", "note": ""})
    assert "first" in text_of(client.get(PAGE))


def test_a_dataset_goes_back_and_the_step_can_be_undone(app, client, made):
    client.post(PAGE)
    edit(app, 2, "Two.")
    assert "1 pair would change, 0 come back and 0 be deleted" in text_of(client.get(f"{PAGE}/1"))
    told = client.post(f"{PAGE}/1/restore", follow_redirects=True)
    assert "Go back to snapshot v1" in text_of(told) and "/history/undo" in told.text
    with app.app_context():
        assert entries.get(1, 2).answer == "Answer 2."
        assert history.next_undo(1).kind == "snapshot"


def test_a_dataset_is_made_from_a_snapshot(app, client, made):
    client.post(PAGE)
    told = client.post(f"{PAGE}/1/copy", data={"name": "Copy"}, follow_redirects=True)
    assert "Copy 3 pairs of Tests, v1" in text_of(told)
    with app.app_context():
        assert datasets.find_dataset("Copy").entry_count == 3


def test_one_that_was_used_is_deleted_only_when_that_is_ticked(app, client, made):
    client.post(PAGE)
    with app.app_context():
        snapshots.add_use(snapshots.find_snapshot(1, 1).id, "export", "Export to openai")
    assert "Export to openai" in text_of(client.get(PAGE))
    assert client.post(f"{PAGE}/1/delete").status_code == 409
    assert client.post(f"{PAGE}/1/delete", data={"anyway": "1"}).status_code == 303
    assert "No snapshots yet" in text_of(client.get(PAGE))


def test_what_is_too_much_for_a_look_is_compared_in_the_background(app, client, made, monkeypatch):
    client.post(PAGE)
    edit(app, 2, "Two.")
    monkeypatch.setattr(snapshots, "MOST_AT_ONCE", 0)
    assert "1 pair was touched in between. Compare 1 pair" in text_of(client.get(PAGE))
    told = text_of(client.post(f"{PAGE}/compare", data={"from": "v1", "to": "now"}, follow_redirects=True))
    assert "0 pairs added, 0 removed, 1 changed; 2 are the same" in told


def test_pages_of_many_differences_follow_each_other(app, client):
    with app.app_context():
        factories.dataset(count=1)
    client.post(PAGE)
    with app.app_context():
        for number in range(25):
            pairs.add_pair(1, f"New {number}?", "Yes.")
    where = {"from": "v1", "to": "now", "kind": "added"}
    assert "1–20 of 25" in text_of(client.get(PAGE, query_string=where))
    assert "21–25 of 25" in text_of(client.get(PAGE, query_string={**where, "page": 2}))


@pytest.mark.parametrize(
    "address", [f"{PAGE}/9", f"{PAGE}?from=v9", f"{PAGE}?from=v1&to=v9", f"{PAGE}/runs/9", "/datasets/9/snapshots"]
)
def test_what_is_not_there_is_told(client, made, address):
    client.post(PAGE)
    assert client.get(address).status_code == 404


def test_a_run_that_goes_on_shows_its_progress(app, client, made):
    with app.app_context():
        job = tasks.enqueue(snapshots.FREEZE, snapshots.FreezeRun(1))
        address = f"{PAGE}/runs/{job.id}"
    assert "Load again" in text_of(client.get(address))
    with app.app_context():
        tasks.carry_out(job, here=True)
    assert client.get(address).status_code == 303

"""The page of backups, and pages that were loaded before one was put back."""

import io
import re

import pytest

from app.services import backups, datasets, entries, history, pairs
from tests import factories


@pytest.fixture
def backup(app):
    """A backup of a dataset with three pairs, to which a fourth was added since."""
    with app.app_context():
        dataset_id = factories.dataset()
        path = backups.make_backup()
        pairs.add_pair(dataset_id, "Added since?", "Yes.")
        return path


def token_of(page):
    return re.search(r'name="csrf_token" value="([^"]+)"', page.text)[1]


STALE = {
    "/datasets": {"name": "New one", "description": "What I typed."},
    "/datasets/1/settings": {"name": "Renamed", "description": "What I typed."},
    "/datasets/1/delete": {},
    "/datasets/1/archive": {},
    "/datasets/1/copy": {},
    "/datasets/1/pairs": {"question": "What I typed.", "status": "review"},
    "/datasets/1/pairs/1": {"question": "What I typed.", "version": "1", "status": "review"},
    "/datasets/1/pairs/4": {"question": "What I typed.", "version": "1", "status": "review"},
    "/datasets/1/pairs/1/restore": {"question": "What I typed.", "version": "1", "status": "review"},
    "/datasets/1/pairs/actions": {"id": "1", "action": "approved"},
    "/datasets/1/history/undo": {"number": "3"},
    "/datasets/1/history/redo": {},
    "/datasets/1/history/3/forget": {},
    "/datasets/1/history/1/go-back": {},
    "/datasets/1/recipes": {"op": "trim"},
    "/datasets/1/clean": {"op": "trim"},
    "/datasets/1/duplicates": {},
    "/datasets/1/import": {"text": "What I typed."},
    "/backup/restore": {"name": "x.db"},
}


@pytest.mark.parametrize(("address", "form"), STALE.items())
def test_nothing_is_written_from_a_page_of_before_a_restore_and_typed_text_is_kept(client, app, backup, address, form):
    token = token_of(client.get("/datasets/1/pairs?pair=1"))
    with app.app_context():
        backups.restore_backup(backup)
        pairs.add_pair(1, "Somebody else's", "a")
        before = state()
    page = client.post(address, data={**form, "csrf_token": token})
    assert page.status_code == 409 and "restored from a backup since" in page.text
    assert "What I typed." not in form.values() or "What I typed." in page.text
    with app.app_context():
        assert state() == before


def state():
    steps = [(one.number, one.state) for one in history.steps(1)]
    return datasets.compute_digest(), [one.name for one in datasets.list_datasets()], steps, len(backups.list_backups())


def test_a_pair_saved_over_a_restore_is_shown_beside_what_is_stored_and_can_be_saved_from_there(client, app, backup):
    old = token_of(client.get("/datasets/1/pairs?pair=1"))
    with app.app_context():
        backups.restore_backup(backup)
    form = {"question": "Q?", "answer": "Mine.", "version": "1", "status": "review", "tags": ""}
    page = client.post("/datasets/1/pairs/1", data={**form, "csrf_token": old})
    assert "Yours, not saved" in page.text and "When you opened it" not in page.text and "Mine." in page.text
    form["version"] = re.search(r'name="version" value="(\d+)"', page.text)[1]
    assert client.post("/datasets/1/pairs/1", data={**form, "csrf_token": token_of(page)}).status_code == 303
    with app.app_context():
        assert entries.get(1, 1).answer == "Mine."


def test_a_page_that_was_loaded_after_a_restore_writes(client, app, backup):
    with app.app_context():
        backups.restore_backup(backup)
    token = token_of(client.get("/datasets/1/pairs?pair=1"))
    answer = client.post("/datasets/1/pairs/actions", data={"id": "1", "action": "rejected", "csrf_token": token})
    assert answer.status_code == 303


def test_the_history_after_a_restore_counts_the_steps_that_there_are(client, app, backup):
    with app.app_context():
        backups.restore_backup(backup)
    assert "of 3" in re.sub(r"<[^>]+>", "", client.get("/datasets/1/history").text)
    assert client.get("/datasets/1/history/compact").status_code == 200


def test_a_file_that_is_no_backup_is_told_about_on_the_page(client):
    page = client.post("/backup/restore", data={"file": (io.BytesIO(b"nonsense"), "notes.db")})
    assert page.status_code == 422 and "Nothing was replaced." in page.text and "Put a backup back" in page.text
    assert page.text.count("<h1>") == 1 and "<h1>Settings</h1>" in page.text


def test_no_file_is_told_about_on_the_page(client):
    page = client.post("/backup/restore", data={})
    assert page.status_code == 422 and "No backup was chosen." in page.text and "Put a backup back" in page.text

"""Cleaning and recipes over the API."""

import pytest

from app.core.record import Record
from app.models import db
from app.services import cleaning, datasets, entries, history, jobs, pairs, runners, tasks

REMOVE = {"steps": [{"operation": "remove-text", "options": {"text": "x "}, "fields": ["answer"]}]}


@pytest.fixture
def dataset_id(app):
    """The id of a dataset of three pairs."""
    with app.app_context():
        made = datasets.create_dataset("Tests").id
        history.create(made, [Record("q1", "x one"), Record("q2", "x "), Record("q3", "two")], summary="Add")
        yield made


def ids(dataset_id):
    db.session.rollback()
    return [entry.id for entry in entries.stream_entries(dataset_id)]


def answers(dataset_id):
    db.session.rollback()
    return [entry.answer for entry in entries.stream_entries(dataset_id)]


def test_a_preview_counts_and_shows(client, dataset_id):
    body = client.post(f"/api/v1/datasets/{dataset_id}/clean/preview", json=REMOVE).get_json()
    assert body["sentence"] == "2 of 3 pairs change; 1 becomes empty"
    assert (body["total"], body["changed"], body["emptied"], body["duplicates"]) == (3, 2, 1, 0)
    assert body["changes"][0]["fields"] == {"answer": {"before": "x one", "after": "one"}}
    assert body["changes"][1]["is"] == ["emptied"]
    assert answers(dataset_id) == ["x one", "x ", "two"]


def test_what_was_previewed_is_applied_but_for_what_was_edited_or_left_out(client, dataset_id):
    first, second, _ = ids(dataset_id)
    token = client.post(f"/api/v1/datasets/{dataset_id}/clean/preview", json=REMOVE).get_json()["preview"]
    pairs.save_pair(dataset_id, first, {"answer": "x edited"}, version=1)
    done = client.post(f"/api/v1/datasets/{dataset_id}/clean", json={**REMOVE, "preview": token, "leave": [second]})
    assert done.status_code == 200
    assert done.get_json()["skipped"] == [{"entry": first, "reason": "It was edited since the preview."}]
    assert done.get_json()["change_set"] is None
    assert answers(dataset_id) == ["x edited", "x ", "two"]


def test_applying_is_one_step_that_undo_takes_back(client, dataset_id):
    body = client.post(f"/api/v1/datasets/{dataset_id}/clean", json={**REMOVE, "ids": ids(dataset_id)[:1]}).get_json()
    assert (body["matched"], body["changed"], body["emptied"], body["change_set"]) == (1, 1, 0, 2)
    assert answers(dataset_id) == ["one", "x ", "two"]
    history.undo(dataset_id, 2)
    assert answers(dataset_id) == ["x one", "x ", "two"]


def test_many_pairs_are_a_job(client, dataset_id, monkeypatch):
    monkeypatch.setattr(cleaning.tasks, "AT_ONCE", 0)
    monkeypatch.setattr(runners, "any_worker", lambda: True)
    answer = client.post(f"/api/v1/datasets/{dataset_id}/clean", json=REMOVE)
    assert answer.status_code == 202 and answers(dataset_id)[0] == "x one"
    job_id = answer.get_json()["job"]["id"]
    assert tasks.run_now(job_id).result["changed"] == 2
    assert jobs.as_dict(jobs.get(job_id))["result"]["summary"] == "2 pairs changed."
    assert answers(dataset_id) == ["one", "", "two"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"steps": [{"operation": "nonsense"}]}, 422),
        ({"steps": [{"operation": "find-replace", "options": {"find": "(", "mode": "regex"}}]}, 422),
        ({"steps": [{"operation": "trim", "options": {"nonsense": 1}}]}, 422),
        ({"steps": [{"operation": "trim", "fields": ["nonsense"]}]}, 422),
        ({**REMOVE, "recipe_id": 1}, 400),
        ({"recipe_id": 99}, 404),
        ({**REMOVE, "status": ["nonsense"]}, 422),
    ],
)
def test_what_cannot_be_done_is_refused(client, dataset_id, body, status):
    assert client.post(f"/api/v1/datasets/{dataset_id}/clean", json=body).status_code == status
    assert answers(dataset_id) == ["x one", "x ", "two"]


def test_a_preview_that_is_gone_or_of_something_else_is_a_conflict(client, dataset_id):
    path = f"/api/v1/datasets/{dataset_id}/clean"
    assert client.post(path, json={**REMOVE, "preview": "0" * 32}).status_code == 409
    assert client.post(path, json={**REMOVE, "preview": "../../ltt.db"}).status_code == 409
    token = client.post(f"{path}/preview", json=REMOVE).get_json()["preview"]
    other = {"steps": [{"operation": "trim"}], "preview": token}
    assert client.post(path, json=other).get_json()["error"]["code"] == "preview_differs"


def test_recipes_are_kept_changed_and_put_away(client, dataset_id):
    made = client.post("/api/v1/recipes", json={"name": "Weekly", **REMOVE})
    assert made.status_code == 201 and made.headers["ETag"] == '"1"'
    address = made.headers["Location"]
    done = client.post(f"/api/v1/datasets/{dataset_id}/clean", json={"recipe_id": made.get_json()["id"]})
    assert done.get_json()["changed"] == 2
    changed = {"name": "Daily", "steps": [{"operation": "trim"}]}
    assert client.put(address, json=changed).status_code == 428
    assert client.put(address, json=changed, headers={"If-Match": '"1"'}).get_json()["name"] == "Daily"
    assert client.put(address, json=changed, headers={"If-Match": '"1"'}).status_code == 409
    assert client.delete(address).status_code == 200
    assert client.get(address).status_code == 404
    assert client.get("/api/v1/recipes").get_json() == {"recipes": []}


def test_every_operation_is_described(client, app):
    found = {one["name"]: one for one in client.get("/api/v1/operations").get_json()["operations"]}
    assert found["find-replace"]["options"][0]["name"] == "find"


def test_originals_are_forgotten_and_steps_compacted(client, dataset_id):
    number = client.post(f"/api/v1/datasets/{dataset_id}/clean", json=REMOVE).json["change_set"]
    assert client.post(f"/api/v1/datasets/{dataset_id}/history/{number}/forget").json == {"forgotten": 2}
    assert client.post(f"/api/v1/datasets/{dataset_id}/history/{number}/undo", json={}).status_code == 409
    assert client.post(f"/api/v1/datasets/{dataset_id}/history/{number}/compact").json == {"compacted": 1}
    assert client.get(f"/api/v1/datasets/{dataset_id}/history").json["steps"][-1]["state"] == "compacted"
    assert client.post(f"/api/v1/datasets/{dataset_id}/history/99/forget").status_code == 404

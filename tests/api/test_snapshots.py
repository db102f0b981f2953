"""Snapshots over the API."""

import pytest

from app.services import entries, pairs
from tests import factories

API = "/api/v1"


@pytest.fixture
def address(app):
    """Where the snapshots of a dataset with three pairs are."""
    with app.app_context():
        return f"{API}/datasets/{factories.dataset()}/snapshots"


def edit(app, entry_id, answer):
    """Write another answer."""
    with app.app_context():
        entry = entries.get(1, entry_id)
        pairs.save_pair(1, entry_id, {"answer": answer}, version=entry.version)


def test_a_snapshot_is_made_told_named_and_deleted(client, address):
    made = client.post(address, json={"name": "first", "note": "As it came"}).json
    assert (made["snapshot"], made["records"], made["name"]) == ("v1", 3, "first")
    assert client.get(f"{address}/{made['hash'][:9]}").json["note"] == "As it came"
    assert client.patch(f"{address}/v1", json={"name": "other"}).json["name"] == "other"
    assert client.get(f"{address}/first").status_code == 404
    assert client.delete(f"{address}/other").json == {"deleted": "v1"}
    assert client.get(address).json == {"snapshots": [], "total": 0, "next": None}


def test_a_create_that_is_sent_twice_freezes_once(client, address):
    sent = [client.post(address, json={}, headers={"Idempotency-Key": "k1"}).json for _ in range(2)]
    assert sent[0] == sent[1] and client.get(address).json["total"] == 1


def test_snapshots_and_their_pairs_are_listed_in_pages(app, client, address):
    for _ in range(3):
        client.post(address, json={})
    edit(app, 2, "Two.")
    first = client.get(address, query_string={"limit": 2}).json
    assert [one["snapshot"] for one in first["snapshots"]] == ["v3", "v2"] and first["next"] == 2
    rest = client.get(address, query_string={"before": 2}).json
    assert [one["snapshot"] for one in rest["snapshots"]] == ["v1"] and rest["next"] is None
    held = client.get(f"{address}/v1/entries", query_string={"limit": 2}).json
    assert [one["answer"] for one in held["entries"]] == ["Answer 1.", "Answer 2."] and held["next"] == 2
    held = client.get(f"{address}/v1/entries", query_string={"after": 2}).json
    assert [one["id"] for one in held["entries"]] == [3] and held["next"] is None


def test_a_comparison_is_paged_by_kind(app, client, address):
    client.post(address, json={})
    edit(app, 1, "One.")
    edit(app, 3, "Three.")
    told = client.get(f"{address}/v1/diff", query_string={"limit": 1}).json
    assert (told["from"], told["to"], told["changed"], told["same"], told["next"]) == ("v1", "now", 2, 1, 1)
    assert told["pairs"][0]["fields"] == {"answer": {"before": "Answer 1.", "after": "One."}}
    told = client.get(f"{address}/v1/diff", query_string={"limit": 1, "after": 1}).json
    assert told["pairs"][0]["id"] == 3 and told["next"] is None
    assert client.get(f"{address}/v1/diff", query_string={"kind": "added"}).json["pairs"] == []
    done = client.post(f"{address}/v1/diff", json={}).json
    assert done["ids"]["changed"] == [1, 3]


def test_a_dataset_is_brought_back_and_copied(app, client, address):
    made = client.post(address, json={}).json
    edit(app, 1, "One.")
    assert client.post(f"{address}/v1/restore").json["changed"] == 1
    assert client.get(f"{address}/v1/diff").json["changed"] == 0
    other = client.post(f"{address}/v1/copy", json={"name": "Copy"}).json["dataset_id"]
    again = client.post(f"{API}/datasets/{other}/snapshots", json={}).json
    assert again["hash"] == made["hash"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("", {"name": "now"}, 422),
        ("", {"q": "nowhere"}, 422),
        ("", {"colour": "red"}, 422),
        ("/v7/restore", {}, 404),
        ("/v7/diff", {"to": "v8"}, 404),
    ],
)
def test_refusals(client, address, path, body, status):
    answer = client.post(f"{address}{path}", json=body)
    assert answer.status_code == status and answer.json["error"]["message"].endswith(".")

"""Datasets, entries, history, exports and conversions over the API."""

import gc
import io
import json

import pytest
from flask import Request

from app.services import backups
from tests import factories

API = "/api/v1"


@pytest.fixture
def dataset_id(app):
    with app.app_context():
        return factories.dataset()


def test_a_dataset_lives_over_the_api(client):
    made = client.post(f"{API}/datasets", json={"name": "Mine"})
    address = f"{API}/datasets/{made.json['id']}"
    assert made.status_code == 201
    changed = client.patch(address, json={"description": "d"}, headers={"If-Match": made.headers["ETag"]})
    assert changed.json["description"] == "d"
    assert client.delete(address, headers={"If-Match": changed.headers["ETag"]}).status_code == 200
    assert client.get(address).status_code == 404
    assert client.post(f"{address}/restore").json["name"] == "Mine"
    assert [one["name"] for one in client.get(f"{API}/datasets").json["datasets"]] == ["Mine"]


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_a_dataset_is_written_only_as_it_was_seen(client, dataset_id, method):
    address = f"{API}/datasets/{dataset_id}"
    send = getattr(client, method)
    assert send(address, json={"name": "N"}).status_code == 428
    seen = {"If-Match": client.get(address).headers["ETag"]}
    client.post(f"{address}/entries", json={"question": "Added meanwhile?"})
    stale = send(address, json={"name": "N"}, headers=seen)
    assert (stale.status_code, stale.json["error"]["code"]) == (409, "stale_version")
    assert "holds 4 pairs now" in stale.json["error"]["message"]
    seen = {"If-Match": client.get(address).headers["ETag"]}
    assert send(address, json={"name": "N"}, headers=seen).status_code == 200
    assert send(address, json={"name": "N"}, headers=seen).status_code in (404, 409)


@pytest.mark.parametrize("verb", ["undo", "redo", "forget", "compact"])
def test_what_is_done_with_a_step_can_be_bound_to_the_revision(client, dataset_id, verb):
    address = f"{API}/datasets/{dataset_id}"
    stale = {"If-Match": client.get(address).headers["ETag"]}
    client.post(f"{address}/history/3/undo", json={})
    body = {"json": {}} if verb in ("undo", "redo") else {}
    assert client.post(f"{address}/history/3/{verb}", headers=stale, **body).json["error"]["code"] == "stale_version"


def test_nothing_that_a_program_holds_from_before_a_restore_fits(client, app, dataset_id):
    with app.app_context():
        path = backups.make_backup()
    address = f"{API}/datasets/{dataset_id}"
    dataset = {"If-Match": client.get(address).headers["ETag"]}
    lost = client.post(f"{address}/entries", json={"question": "Made after the backup?"}).json["id"]
    entry = {"If-Match": client.get(f"{address}/entries/1").headers["ETag"]}
    recipe = client.post(f"{API}/recipes", json={"name": "R", "steps": []}).json["id"]
    with app.app_context():
        backups.restore_backup(path)
    another = client.post(f"{address}/entries", json={"question": "Somebody else's?"}).json["id"]
    assert client.post(f"{API}/recipes", json={"name": "S", "steps": []}).json["id"] != recipe and another != lost
    assert client.patch(f"{address}/entries/1", json={"answer": "x"}, headers=entry).status_code == 409
    assert client.delete(f"{address}/entries/1", headers=entry).status_code == 409
    assert client.patch(f"{address}/entries/{lost}", json={"answer": "x"}, headers=entry).status_code == 404
    assert client.delete(address, headers=dataset).status_code == 409
    assert client.post(f"{address}/history/1/undo", json={}, headers=dataset).status_code == 409
    # Step 4 was the one that is lost; the other pair's has another number.
    assert client.post(f"{address}/history/4/undo", json={}).status_code == 404
    assert client.get(f"{address}/entries/{another}").status_code == 200


def test_a_create_sent_twice_happens_once(client, dataset_id):
    key = {"Idempotency-Key": "k1"}
    first = client.post(f"{API}/datasets/{dataset_id}/entries", json={"question": "Q?"}, headers=key)
    again = client.post(f"{API}/datasets/{dataset_id}/entries", json={"question": "Q?"}, headers=key)
    assert first.json == again.json and client.get(f"{API}/datasets/{dataset_id}").json["pairs"] == 4


def test_entries_are_paged_by_cursor(client, dataset_id):
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{API}/datasets/{dataset_id}/entries?limit=2&cursor={cursor}").json
        seen += [entry["id"] for entry in page["entries"]]
        cursor = page["next"]
    assert seen == [1, 2, 3] and page["total"] == 3


def test_a_change_needs_the_version_and_a_stale_one_is_told_the_present(client, dataset_id):
    address = f"{API}/datasets/{dataset_id}/entries/1"
    assert client.patch(address, json={"answer": "x"}).status_code == 428
    changed = client.patch(address, json={"answer": "x", "tags": ["a"]}, headers={"If-Match": '"1"'})
    assert (changed.json["answer"], changed.json["version"], changed.headers["ETag"]) == ("x", 2, '"2"')
    stale = client.patch(address, json={"answer": "y"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 409 and stale.json["error"]["details"]["entry"]["answer"] == "x"


def test_reasoning_is_written_changed_and_taken_away(client, dataset_id):
    made = client.post(
        f"{API}/datasets/{dataset_id}/entries", json={"question": "q", "answer": "a", "reasoning": "r"}
    ).json
    assert made["reasoning"] == "r"
    for version, text, left in ((1, "R", "R"), (2, "", None)):
        address, match = f"{API}/datasets/{dataset_id}/entries/{made['id']}", {"If-Match": f'"{version}"'}
        assert client.patch(address, json={"reasoning": text}, headers=match).json["reasoning"] == left


def test_a_deleted_entry_is_gone(client, dataset_id):
    address = f"{API}/datasets/{dataset_id}/entries/1"
    assert client.delete(address, headers={"If-Match": '"1"'}).json["changed"] == 1
    assert client.get(address).status_code == 410


def test_history_is_listed_undone_and_redone(client, dataset_id):
    before = client.get(f"{API}/digest?dataset={dataset_id}").json
    address = f"{API}/datasets/{dataset_id}/history"
    assert client.post(f"{address}/3/undo", json={}).json["changed"] == 1
    assert [step["state"] for step in client.get(address).json["steps"]] == ["undone", "applied", "applied"]
    assert client.post(f"{address}/3/undo", json={}).status_code == 409
    client.post(f"{address}/3/redo", json={})
    assert client.get(f"{API}/digest?dataset={dataset_id}").json == before


def test_undo_and_redo_without_a_body_are_about_the_whole_step(client, dataset_id):
    address = f"{API}/datasets/{dataset_id}/history"
    assert client.post(f"{address}/3/undo").json["changed"] == 1
    assert client.post(f"{address}/3/redo", data=b"").json["changed"] == 1
    assert client.post(f"{address}/3/undo", json=[1]).status_code == 422


def test_an_export_is_streamed(client, dataset_id):
    data = client.get(f"{API}/datasets/{dataset_id}/export?to=jsonl:alpaca").data
    assert [json.loads(line)["instruction"] for line in data.splitlines()][0] == "Question 1?"


def test_a_body_is_converted_and_fetched(client):
    made = client.post(f"{API}/convert?to=csv:columns&name=x.jsonl", data=b'{"question": "a", "answer": "b"}\n')
    assert made.status_code == 201 and made.json["written"] == 1
    with client.get(made.json["file"]) as answer:
        assert answer.data == b"question,answer\r\na,b\r\n"


def test_a_form_with_a_file_is_converted(client):
    data = {"file": (io.BytesIO(b"Q;A;More\na;b;c\n"), "faq.csv"), "to": "jsonl:alpaca", "keep_extra": "true"}
    made = client.post(f"{API}/convert", data=data)
    assert made.status_code == 201 and made.json["delimiter"] == ";"
    with client.get(made.json["file"]) as answer:
        assert json.loads(answer.data) == {"instruction": "a", "input": "", "output": "b", "More": "c"}
    assert client.post(f"{API}/convert", data={"x": (io.BytesIO(b"a"), "x")}).json["error"]["code"] == "no_file"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("post", "/datasets", {"name": ""}, 422), ("post", "/datasets", {"nom": "x"}, 422), ("get", "/datasets/99", None, 404),
        ("get", "/datasets/1/entries/99", None, 404), ("get", "/datasets/1/entries?limit=0", None, 400),
        ("get", "/datasets/1/entries?cursor=x", None, 400), ("get", "/datasets/1/export?to=pdf", None, 400),
        ("post", "/datasets/1/entries", {"question": " "}, 422), ("post", "/datasets/1/history/99/undo", {}, 404),
    ],
)  # fmt: skip
def test_errors_have_one_shape(client, dataset_id, method, path, body, status):
    answer = getattr(client, method)(API + path, **({"json": body} if body is not None else {}))
    assert answer.status_code == status and set(answer.json["error"]) == {"code", "message", "request_id", "details"}


def test_the_api_describes_itself(client):
    described = client.get(f"{API}/openapi.json").json
    assert described["openapi"].startswith("3.1") and f"{API}/datasets/{{dataset_id}}/entries" in described["paths"]


def test_source_family_and_split_are_written_and_changed(client, dataset_id):
    body = {"question": "q", "answer": "a", "source": "manual.pdf", "family": "f", "split": "test"}
    made = client.post(f"{API}/datasets/{dataset_id}/entries", json=body).json
    assert (made["source"], made["family"], made["split"]) == ("manual.pdf", "f", "test")
    address = f"{API}/datasets/{dataset_id}/entries/{made['id']}"
    changed = client.patch(address, json={"source": None, "split": "train"}, headers={"If-Match": '"1"'}).json
    assert (changed["source"], changed["family"], changed["split"]) == (None, "f", "train")
    assert client.patch(address, json={"split": "dev"}, headers={"If-Match": '"2"'}).status_code == 422


@pytest.mark.parametrize(
    ("address", "has"),
    [
        ("/datasets/1/entries?sort=question", "order, seed, cursor, limit"),
        ("/datasets/1/entries?filter=x", "order, seed, cursor, limit"),
        ("/datasets/1/entries?order=up", "'newest', 'oldest', 'edited'"),
        ("/datasets/1/entries?status=draft&status=nope", "'draft', 'review', 'approved' or 'rejected'"),
        ("/datasets/1/entries?split=nope", "'train', 'validation' or 'test'"),
        ("/datasets/1/entries?limit=abc", "valid integer"),
        ("/datasets/1/entries?" + "&".join(f"tag={n}" for n in range(5000)), "at most 50"),
        ("/datasets/1?sort=name", "It has none"),
        ("/datasets?sort=name", "It has archived"),
        ("/datasets/1/history?before=x", "valid integer"),
        ("/jobs?state=nope", "'queued', 'running'"),
        ("/digest?dataset=x", "valid integer"),
        ("/datasets/1/export?split=nope", "'train', 'validation' or 'test'"),
        ("/datasets/1/export?extra=nope", "valid boolean"),
        ("/datasets/1/duplicates?order=up", "'size' or 'score'"),
        ("/datasets/1/duplicates?scope=nope", "own, dataset, file, splits"),
    ],
)
def test_what_an_address_says_that_there_is_not_is_refused_with_what_there_is(client, dataset_id, address, has):
    answer = client.get(API + address)
    assert answer.status_code == 400 and has in answer.json["error"]["message"], answer.json


@pytest.mark.parametrize(
    ("method", "path"),
    [("post", "/datasets"), ("patch", "/datasets/1"), ("post", "/datasets/1/entries"), ("post", "/recipes"),
     ("post", "/datasets/1/clean/preview"), ("post", "/datasets/1/history/1/undo"), ("post", "/datasets/1/duplicates")],
)  # fmt: skip
def test_a_field_that_there_is_not_is_refused_however_many_there_are(client, dataset_id, method, path):
    one = getattr(client, method)(API + path, json={"nonsense": 1})
    assert one.status_code == 422 and "nonsense" in one.text
    many = getattr(client, method)(API + path, json={f"k{n}": 0 for n in range(120_000)})
    assert many.status_code == 422 and "120,000 fields" in many.json["error"]["message"] and len(many.data) < 1000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/datasets/1/clean", {"steps": [5] * 100_000}),
        ("/datasets/1/clean", {"steps": [], "ids": ["x"] * 100_000}),
        ("/datasets/1/clean", {"steps": [], "status": ["x"] * 100_000}),
        ("/datasets/1/duplicates/1/keep", {"versions": {f"k{n}": 1 for n in range(100_000)}}),
        ("/datasets/1/duplicates/1/keep", {"versions": {str(n): "x" for n in range(100_000)}}),
        ("/datasets/1/duplicates/1/merge", {"keep": 1, "versions": {}, "picks": {str(n): "x" for n in range(100_000)}}),
    ],
)
def test_a_long_list_of_wrong_values_is_refused_by_its_first(client, dataset_id, path, body):
    answer = client.post(API + path, json=body)
    assert answer.status_code == 422 and len(answer.json["error"]["details"]["fields"]) < 5


def test_a_refused_request_is_not_kept_in_memory(client, dataset_id):
    body = {f"k{n}": 0 for n in range(1000)}
    for path in ("/datasets", "/datasets/1/entries"):
        assert client.post(API + path, json=body).status_code == 422
    assert client.post(f"{API}/datasets/1/duplicates/1/keep", json={"versions": body}).status_code == 422
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, Request)]


def test_undo_of_a_hundred_thousand_pairs_by_number_works(client, dataset_id):
    answer = client.post(f"{API}/datasets/1/history/1/undo", json={"entries": list(range(1, 260_000))})
    assert answer.status_code == 200 and answer.json["changed"] == 1


def test_a_key_that_stands_twice_is_refused(client):
    answer = client.post(f"{API}/datasets", data='{"name": "a", "name": "b"}', content_type="application/json")
    assert answer.status_code == 400


def test_an_export_is_planned_made_proved_and_fetched(client, dataset_id):
    address = f"{API}/datasets/{dataset_id}"
    plan = client.get(f"{address}/export/plan?to=alpaca&ids=1-2").json
    assert plan["records"] == 2 and plan["losses"] == [{"what": "tags", "records": 2}]
    made = client.post(f"{address}/exports?to=csv&shuffle=1").json
    assert made["round_trip"] == {"records": 3, "back": 3, "differences": 0, "losses": []}
    with client.get(made["address"]) as fetched:
        sent = client.get(f"{address}/export?to=csv&shuffle=1").data
        assert fetched.data == sent and len(sent) == made["bytes"]
    assert client.get(f"{address}/exports/999").status_code == 404
    assert client.get(f"{address}/export?to=csv&ids=x").status_code in (400, 422)

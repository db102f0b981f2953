"""Duplicates over the API."""

import io

import pytest

from app.core.record import Record
from app.models import db
from app.services import datasets, duplicates, entries, history, pairs, runners, tasks
from tests.static_model import save_model

CARD = "How long does a refund take to reach my card?"
RECORDS = (
    Record(CARD, "Two days."),
    Record(CARD, "Two days.", tags=("money",)),
    Record("What is the return period?", "Thirty days after the delivery."),
    Record("What is the return period?", "A fortnight."),
)


@pytest.fixture
def dataset_id(app):
    """The id of a dataset with a copy and a conflict."""
    with app.app_context():
        made = datasets.create_dataset("Tests").id
        history.create(made, RECORDS, summary="Add")
        yield made


@pytest.fixture
def path(client, dataset_id):
    """The address of the dataset's duplicates, after a scan."""
    address = f"/api/v1/datasets/{dataset_id}/duplicates"
    assert client.post(address, json={}).status_code == 200
    return address


def alive(dataset_id):
    db.session.rollback()
    return [entry.id for entry in entries.stream_entries(dataset_id)]


def first(client, path, what="copies"):
    """The first group of a list, as it is shown."""
    group = client.get(f"{path}?what={what}").get_json()["groups"][0]["group"]
    return client.get(f"{path}/{group}").get_json()


def test_a_scan_answers_with_its_counts(client, dataset_id):
    body = client.post(f"/api/v1/datasets/{dataset_id}/duplicates", json={"on": "question"}).get_json()
    assert body["groups"] == {"copies": 1, "conflicts": 1, "variants": 0, "families": 0}
    assert (body["entries"], body["side"], body["with"]) == (4, "question", {"kind": "own"})


def test_meanings_are_compared_where_there_is_a_model(client, app, dataset_id, tmp_path, monkeypatch):
    address = f"/api/v1/datasets/{dataset_id}/duplicates"
    refused = client.post(address, json={"semantic": True})
    assert refused.status_code == 422 and "LTT_SEMANTIC_MODEL" in refused.text
    monkeypatch.setitem(app.config, "LTT_SEMANTIC_MODEL", str(save_model(tmp_path / "toy")))
    body = client.post(address, json={"semantic": True}).get_json()
    assert body["with"] == {"kind": "own", "semantic": True} and body["groups"]["copies"] == 1


def test_groups_are_listed_with_totals_and_stops(client, path):
    body = client.get(f"{path}?level=101&limit=1").get_json()
    assert body["totals"] | {"copies": 1, "conflicts": 1} == body["totals"] and body["changed_since"] == 0
    assert {"level": 102, "groups": 1} in body["stops"] and body["next"] is None
    assert body["groups"][0] | {"kind": "exact", "size": 2, "title": CARD, "state": "open"} == body["groups"][0]
    assert client.get(f"{path}?what=settled").get_json()["groups"] == []


def test_a_group_shows_members_and_what_would_go(client, path):
    body = first(client, path, "conflicts")
    assert (body["kind"], body["keep"], body["leaving"]) == ("conflict", 4, [3])
    assert body["members"][0]["question"] == RECORDS[2].question and body["members"][0]["match"]["level"] == 102
    assert client.get(f"{path}/{body['group']}?keep=3").get_json()["leaving"] == [4]


def test_keeping_one_is_a_step_that_undo_takes_back(client, path, dataset_id):
    shown = first(client, path)
    body = {"keep": 1, "versions": shown["versions"]}
    done = client.post(f"{path}/{shown['group']}/keep", json=body).get_json()
    assert done["summary"] == "Keep pair 1, remove 1 duplicate"
    assert alive(dataset_id) == [1, 3, 4] and entries.get(dataset_id, 1).tag_list == ["money"]
    assert client.get(f"{path}?what=settled").get_json()["groups"][0]["group"] == shown["group"]
    assert client.get(f"{path}/{shown['group']}").get_json()["settled_in"] == done["change_set"]
    history.undo(dataset_id, done["change_set"])
    assert alive(dataset_id) == [1, 2, 3, 4]


def test_a_pair_edited_meanwhile_is_a_conflict(client, path, dataset_id):
    shown = first(client, path)
    pairs.save_pair(dataset_id, 2, {"answer": "Edited."}, version=1)
    answer = client.post(f"{path}/{shown['group']}/keep", json={"keep": 1, "versions": shown["versions"]})
    assert answer.status_code == 409 and answer.get_json()["error"]["details"] == {"entries": [2]}
    assert alive(dataset_id) == [1, 2, 3, 4]


def test_merging_preferring_and_settling(client, path, dataset_id):
    copy, conflict = first(client, path), first(client, path, "conflicts")
    body = {"keep": 2, "picks": {"answer": 1}, "tags": ["best"], "versions": copy["versions"]}
    assert client.post(f"{path}/{copy['group']}/merge", json=body).get_json()["summary"] == "Merge 2 pairs into 2"
    assert entries.get(dataset_id, 2).tag_list == ["best"]
    body = {"chosen": 3, "rejected": [4], "versions": conflict["versions"]}
    assert client.post(f"{path}/{conflict['group']}/prefer", json=body).status_code == 200
    assert entries.get(dataset_id, 3).rejected_answer == RECORDS[3].answer
    assert alive(dataset_id) == [2, 3]


def test_all_safe_groups_are_counted_and_settled(client, path, dataset_id):
    seen = client.post(f"{path}/settle", json={"dry_run": True}).get_json()
    assert seen == {"groups": 1, "pairs": 1, "stay": 0, "sentence": "1 group, 1 pair goes"}
    assert client.post(f"{path}/settle", json={"rule": "newest"}).get_json()["removed"] == 1
    assert alive(dataset_id) == [2, 3, 4]


def test_not_duplicates_and_back(client, path):
    shown = first(client, path)
    assert client.post(f"{path}/{shown['group']}/dismiss").get_json() == {"group": shown["group"], "pairs": 1}
    assert client.get(path).get_json()["totals"]["dismissed"] == 1
    assert client.post(f"{path}/{shown['group']}/undismiss").status_code == 200
    assert client.get(path).get_json()["totals"]["copies"] == 1
    assert client.post(f"{path}/{shown['group']}/undismiss").status_code == 409


def test_a_recheck_finds_a_new_copy(client, path, dataset_id):
    pairs.add_pair(dataset_id, RECORDS[3].question, RECORDS[3].answer)
    assert client.get(path).get_json()["changed_since"] == 1
    assert client.post(f"{path}/recheck").get_json()["pairs"] == 1
    assert client.get(path).get_json()["totals"]["copies"] == 2


def test_a_hint_names_like_questions(client, path):
    found = client.get(f"{path}/hint", query_string={"q": CARD, "entry": 1}).get_json()["hints"]
    assert [one["entry"] for one in found] == [2] and found[0]["level"] == 102


def test_a_file_is_compared(client, dataset_id):
    file = (io.BytesIO(f"question,answer\n{CARD},Two days.\n".encode()), "bench.csv")
    address = f"/api/v1/datasets/{dataset_id}/duplicates"
    body = client.post(f"{address}/against", data={"file": file}).get_json()
    assert body["groups"]["copies"] == 1 and body["with"]["name"] == "bench.csv"
    (group,) = client.get(f"{address}?scope=file").get_json()["groups"]
    assert client.get(f"{address}/{group['group']}").get_json()["members"][-1]["source"] == "bench.csv, row 1"


def test_many_pairs_are_a_job(client, dataset_id, monkeypatch):
    monkeypatch.setattr(duplicates.tasks, "AT_ONCE", 0)
    monkeypatch.setattr(runners, "any_worker", lambda: True)
    address = f"/api/v1/datasets/{dataset_id}/duplicates"
    answer = client.post(address, json={})
    assert answer.status_code == 202 and client.get(address).status_code == 404
    again = client.post(address, json={}).get_json()
    assert again["job"]["id"] == answer.get_json()["job"]["id"]
    assert tasks.run_now(again["job"]["id"]).result["groups"]["copies"] == 1
    answer = client.post(f"{address}/settle", json={})
    assert answer.status_code == 202 and len(alive(dataset_id)) == 4
    assert tasks.run_now(answer.get_json()["job"]["id"]).result["removed"] == 1
    assert len(alive(dataset_id)) == 3


def test_a_scan_sent_twice_with_one_key_happens_once(client, dataset_id):
    address, headers = f"/api/v1/datasets/{dataset_id}/duplicates", {"Idempotency-Key": "once"}
    bodies = [client.post(address, json={}, headers=headers).get_json() for _ in range(2)]
    assert bodies[0] == bodies[1]
    assert client.get(address).get_json()["scan"]["scan"] == bodies[0]["scan"]


@pytest.mark.parametrize(
    ("method", "where", "body", "status"),
    [
        ("post", "", {"on": "nonsense"}, 422),
        ("post", "", {"dataset": 1}, 422),
        ("post", "", {"dataset": 99}, 404),
        ("post", "", {"dataset": 99, "splits": []}, 400),
        ("post", "", {"splits": ["train", "nonsense"]}, 422),
        ("post", "/against", None, 400),
        ("get", "?level=79", None, 400),
        ("get", "?what=nonsense", None, 400),
        ("get", "?scope=file", None, 404),
        ("get", "?cursor=after:x", None, 400),
        ("get", "/999", None, 404),
        ("post", "/999/keep", {"keep": 1, "versions": {}}, 404),
        ("post", "/1/keep", {"keep": 1}, 422),
        ("post", "/1/keep", {"keep": 3, "versions": {}}, 422),
        ("post", "/settle", {"rule": "nonsense"}, 400),
    ],
)
def test_what_cannot_be_done_is_refused(client, path, dataset_id, method, where, body, status):
    more = {"json": body} if body is not None else {"data": {"x": "1"}} if where == "/against" else {}
    if where == "/against":
        more["content_type"] = "multipart/form-data"
    assert getattr(client, method)(f"{path}{where}", **more).status_code == status
    assert alive(dataset_id) == [1, 2, 3, 4]

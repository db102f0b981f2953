"""Validation over the API: datasets, files, profiles."""

import io
import json

import pytest

from app.core.record import Record
from app.services import datasets, history, runners

ROWS = [Record(f"What is part {number}?", f"Part {number} is a bolt.") for number in range(1, 13)]
LINE = {"messages": [{"role": "user", "content": "Tare?"}, {"role": "assistant", "content": "Empty weight."}]}


@pytest.fixture
def dataset_id(app):
    """The id of a dataset with twelve pairs, of which one is not answered."""
    with app.app_context():
        made = datasets.create_dataset("Tests").id
        history.create(made, [*ROWS, Record("What is part 13?")], summary="Add")
        yield made


def test_a_dataset_is_checked_at_once(client, dataset_id):
    answer = client.post(f"/api/v1/datasets/{dataset_id}/validate", json={"profile": "openai-sft,trl", "limit": 3})
    body = answer.get_json()
    assert answer.status_code == 200 and body["records"] == 12 and body["errors"] == 0
    assert set(body["profiles"]) == {"openai-sft", "trl"} and len(body["findings"]) <= 3
    assert body["left_out"] == [{"reason": "without an answer", "records": 1}]


def test_a_large_dataset_is_checked_by_a_job(client, dataset_id, monkeypatch):
    from app.services.validation import tasks

    monkeypatch.setattr(tasks, "AT_ONCE", 5)
    monkeypatch.setattr(runners, "any_worker", lambda: True)
    answer = client.post(f"/api/v1/datasets/{dataset_id}/validate", json={})
    assert answer.status_code == 202 and answer.get_json()["job"]["kind"] == "validate"


@pytest.mark.parametrize(
    ("body", "status"),
    [({"profile": "nobody"}, 400), ({"limit": -1}, 422), ({"limit": "x"}, 422), ({"model": "x"}, 400)],
)
def test_wrong_wishes_are_refused_with_a_sentence(client, dataset_id, body, status):
    answer = client.post(f"/api/v1/datasets/{dataset_id}/validate", json=body)
    assert answer.status_code == status and answer.get_json()["error"]["message"]


def test_a_file_is_checked_and_not_kept(client, app):
    data = b"".join(json.dumps(LINE).encode() + b"\n" for _ in range(3)) + b"{]\n"
    sent = {"file": (io.BytesIO(data), "faq.jsonl"), "profile": "openai-sft"}
    body = client.post("/api/v1/validate", data=sent).get_json()
    found = {one["code"] for one in body["findings"] if one["severity"] == "error"}
    assert body["records"] == 4 and found == {"unreadable-row", "too-few"}
    raw = client.post(
        "/api/v1/validate?name=faq.jsonl&profile=plain", data=data, content_type="application/octet-stream"
    )
    assert raw.get_json()["profile"] == "plain"
    with app.app_context():
        from app.services import uploads

        assert not list(uploads.folder().iterdir())


def test_profiles_are_listed_with_their_sources(client):
    found = {one["name"]: one for one in client.get("/api/v1/profiles").get_json()["profiles"]}
    assert len(found) == 17 and all(one["sources"] and one["date"] for one in found.values())


def test_a_file_is_mended_and_the_copy_fetched(client):
    line = {**LINE, "id": 7}
    data = b"".join(json.dumps({**line, "id": number}).encode() + b"\n" for number in range(2)) + b"{]\n"
    answer = client.post("/api/v1/validate/mended?name=faq.jsonl", data=data, content_type="application/octet-stream")
    body = answer.get_json()
    assert answer.status_code == 201 and body["records"] == 1
    mends = {"drop-key": 1, "drop-repeats": 1}
    assert body["fixed"] == {"mended": 2, "written": 1, "left_out": 1, "mends": mends}
    with client.get(body["file"]) as copy:
        assert json.loads(copy.data) == LINE
    refused = client.post("/api/v1/validate/mended?name=faq.csv", data=b"question,answer\n1,2\n")
    assert refused.status_code == 422 and "ltt convert" in refused.get_json()["error"]["message"]


def test_what_a_check_found_is_kept_listed_page_by_page_and_fixed(client, app, dataset_id):
    address = f"/api/v1/datasets/{dataset_id}"
    assert client.get(f"{address}/check").status_code == 404
    assert client.get(f"{address}/findings").status_code == 404
    with app.app_context():
        bold = [Record(f"Where is shelf {number}?", f"<p>In <b>hall</b> {number}.</p>") for number in range(5)]
        history.create(dataset_id, [*bold, ROWS[0]], summary="Add")
    done = client.post(f"{address}/check", json={"profile": "openai-sft,trl"}).get_json()
    assert done["records"] == 18 and done["dataset_id"] == dataset_id
    body = client.get(f"{address}/check").get_json()
    assert body["profile"] == "openai-sft,trl" and set(body["profiles"]) == {"openai-sft", "trl"}
    found = {one["code"]: one for one in body["codes"]}
    assert found["html"]["pairs"] == 5 and found["html"]["fix"]["step"]["operation"] == "html-to-markdown"
    assert found["repeated-row"]["fix"] == {"action": "delete", "pairs": 1, "step": None}
    first = client.get(f"{address}/findings?code=html&limit=3").get_json()
    rest = client.get(f"{address}/findings?code=html&limit=3&cursor={first['next']}").get_json()
    assert len(first["findings"]) == 3 and len(rest["findings"]) == 2 and rest["next"] is None
    assert len({one["entry"] for one in first["findings"] + rest["findings"]}) == 5
    assert client.get(f"{address}/findings?cursor=zz").status_code == 400
    every = client.get(f"{address}/findings?profile=trl").get_json()["findings"]
    assert {one["profile"] for one in every} == {"trl"}
    fixed = client.post(f"{address}/findings/html/fix").get_json()
    assert fixed["changed"] == 5 and fixed["change_set"]
    assert "html" not in {one["code"] for one in client.get(f"{address}/check").get_json()["codes"]}
    assert client.post(f"{address}/findings/html/fix").status_code == 404


def test_findings_are_set_aside_over_the_api(client, dataset_id):
    address = f"/api/v1/datasets/{dataset_id}"
    client.post(f"{address}/check", json={})
    sent = client.post(f"{address}/findings/html/aside", json={"action": "waive", "reason": "Our site shows it."})
    assert sent.get_json() == {"waived": {"html": "Our site shows it."}, "off": []}
    assert client.post(f"{address}/findings/html/aside", json={"action": "waive"}).status_code == 422
    assert client.post(f"{address}/findings/html/aside", json={"action": "off"}).get_json()["off"] == ["html"]
    assert client.get(f"{address}/check").get_json()["off"] == ["html"]
    back = client.post(f"{address}/findings/html/aside", json={"action": "back"}).get_json()
    assert back == {"waived": {}, "off": []}

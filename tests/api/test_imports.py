"""Imports and jobs over the API."""

import io
import json

import pytest

from app.models import Import, db
from app.services import datasets, entries, jobs, tasks, uploads

CSV = b"question,answer\nHow?,So.\nOpen?,\n"


@pytest.fixture
def dataset_id(app):
    """The id of a new, empty dataset."""
    with app.app_context():
        yield datasets.create_dataset("Tests").id


def post(client, dataset_id, body=CSV, **options):
    return client.post(f"/api/v1/datasets/{dataset_id}/imports", data=body, query_string={"name": "faq.csv", **options},
                       content_type="application/octet-stream")  # fmt: skip


def stored(dataset_id):
    db.session.rollback()
    return [(e.question, e.answer) for e in entries.stream_entries(dataset_id)]


def test_a_raw_body_is_imported(client, dataset_id):
    response = post(client, dataset_id)
    body = response.get_json()
    assert response.status_code == 201 and response.headers["Location"].endswith(f"/imports/{body['id']}")
    assert (body["rows_in"], body["imported"], body["skipped"], body["quarantined"]) == (2, 1, 0, 1)
    assert body["quarantine"] == [
        {"row": 2, "line": 3, "code": "blank_answer", "reason": "Row 2 (line 3): The answer is empty."}
    ]
    assert (body["format"], body["layout"], body["change_set"]) == ("csv", "columns", 1)
    assert stored(dataset_id) == [("How?", "So.")]


def test_a_form_with_a_file_is_imported(client, dataset_id):
    data = {
        "file": (io.BytesIO(b"Topic;Reply text\nHow?;So.\n"), "x.csv"),
        "map": "question=Topic,answer=Reply text",
        "tag": "a,b",
    }
    response = client.post(f"/api/v1/datasets/{dataset_id}/imports", data=data)
    assert response.status_code == 201 and response.get_json()["delimiter"] == ";"
    assert next(iter(entries.stream_entries(dataset_id))).tag_list == ["a", "b"]


def test_a_large_file_is_a_job(client, dataset_id, app):
    app.config["LTT_INLINE_MB"] = 0
    response = post(client, dataset_id)
    job = response.get_json()["job"]
    assert response.status_code == 202 and job["state"] == "queued" and stored(dataset_id) == []
    with app.app_context():
        tasks.run_now(job["id"])
    done = client.get(response.headers["Location"]).get_json()
    assert done["state"] == "done" and done["result"]["imported"] == 1
    assert client.get(f"/api/v1/datasets/{dataset_id}/imports/{response.get_json()['import_id']}").status_code == 200


@pytest.mark.parametrize(
    ("body", "options", "status", "code"),
    [
        (b"", {}, 422, "no_rows"),
        (b"question,answer\n", {}, 422, "no_rows"),
        (b"\x89PNG\r\n\x1a\n", {}, 415, "wrong_kind"),
        (CSV, {"strict": "true"}, 422, "strict"),
        (b"question,answer\na,\n", {}, 422, "nothing_imported"),
        (b"utterance,intent\na,b\n", {}, 422, "choose_mapping"),
        (CSV, {"on_duplicate": "nonsense"}, 422, "bad_option"),
        (CSV, {"map": "nonsense"}, 400, "bad_usage"),
        (CSV, {"format": "nonsense"}, 422, "no_format"),
        (CSV, {"encoding": "nonsense"}, 422, "invalid"),
    ],
)
def test_what_is_refused_says_why_and_changes_nothing(client, dataset_id, body, options, status, code):
    response = post(client, dataset_id, body, **options)
    assert (response.status_code, response.get_json()["error"]["code"]) == (status, code)
    assert stored(dataset_id) == []


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"a":' * 100_000, b'{"question": NaN, "answer": 1}'])
def test_deep_and_unreal_json_is_refused(client, dataset_id, line):
    response = post(client, dataset_id, line + b"\n", name="x.jsonl")
    assert response.status_code in (400, 422)


def test_a_body_over_the_limit_is_refused_by_its_length(client, dataset_id, app):
    app.config["LTT_MAX_UPLOAD_MB"] = 1
    response = post(client, dataset_id, b"x" * (1024 * 1024 + 2))
    assert response.status_code == 413 and "LTT_MAX_UPLOAD_MB" in response.get_json()["error"]["message"]
    with app.app_context():
        assert list(uploads.folder().iterdir()) == []


def test_a_repeated_key_imports_once(client, dataset_id):
    headers = {"Idempotency-Key": "k1"}
    address = f"/api/v1/datasets/{dataset_id}/imports?name=faq.csv"
    first, again = (client.post(address, data=CSV, headers=headers, content_type="text/csv") for _ in range(2))
    assert first.status_code == again.status_code == 201 and first.get_json() == again.get_json()
    assert again.headers["Idempotency-Replayed"] == "true" and stored(dataset_id) == [("How?", "So.")]
    assert db.session.query(Import).count() == 1
    assert len([path for path in uploads.folder().iterdir() if not path.suffix]) == 1


def test_a_refused_import_with_a_key_can_be_repaired_and_sent_again(client, dataset_id):
    headers = {"Idempotency-Key": "k2"}
    address = f"/api/v1/datasets/{dataset_id}/imports?name=faq.csv&strict=1"
    assert client.post(address, data=CSV, headers=headers, content_type="text/csv").status_code == 422
    assert stored(dataset_id) == []


def test_no_such_dataset(client, app):
    assert post(client, 99).status_code == 404


def test_imports_are_listed_and_their_bad_rows_streamed(client, dataset_id):
    made = post(client, dataset_id).get_json()["id"]
    [one] = client.get(f"/api/v1/datasets/{dataset_id}/imports").get_json()["imports"]
    assert (one["id"], one["quarantined"]) == (made, 1)
    [line] = client.get(f"/api/v1/datasets/{dataset_id}/imports/{made}/quarantine").text.splitlines()
    assert json.loads(line)["raw"] == "Open?,\n"


def test_jobs_are_listed_cancelled_and_retried(client, dataset_id, app):
    app.config["LTT_INLINE_MB"] = 0
    job_id = post(client, dataset_id).get_json()["job"]["id"]
    assert [job["id"] for job in client.get("/api/v1/jobs?state=queued").get_json()["jobs"]] == [job_id]
    assert client.post(f"/api/v1/jobs/{job_id}/cancel").get_json()["state"] == "cancelled"
    assert client.post(f"/api/v1/jobs/{job_id}/cancel").status_code == 409
    assert client.post(f"/api/v1/jobs/{job_id}/retry").status_code == 202
    with app.app_context():
        assert jobs.get(job_id).state == "queued"
    assert client.get("/api/v1/jobs/99").status_code == 404


def test_a_raw_body_that_calls_itself_a_form_is_read_all_the_same(client, dataset_id):
    address = f"/api/v1/datasets/{dataset_id}/imports?name=faq.csv"
    answer = client.post(address, data=CSV, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 201
    assert answer.json["imported"] > 0


def test_a_chat_export_takes_who_answers(client, dataset_id):
    lines = b"01.06.24, 09:02 - Jo: Rye?\n01.06.24, 09:03 - Mill: Yes.\n01.06.24, 09:04 - Jo: Fine.\n"
    assert post(client, dataset_id, lines, name="chat.txt", who_answers="Jo", pause_hours=2).status_code == 201
    assert stored(dataset_id) == [("Yes.", "Fine.")]
    assert post(client, dataset_id, lines, name="chat.txt", pause_hours=0).status_code == 400


def test_a_field_without_a_name_is_nothing(client, dataset_id):
    body = b'--x\r\nContent-Disposition: form-data; name=""\r\n\r\nodd\r\n' + (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + CSV + b"\r\n--x--\r\n"
    )
    address = f"/api/v1/datasets/{dataset_id}/imports"
    answer = client.post(address, data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 201 and answer.json["imported"] == 1


def test_spreadsheet_safe_quoting_is_undone_unless_refused(client, dataset_id):
    table = b"question,answer\nHow?,'=1\n"
    body = post(client, dataset_id, table, name="x.spreadsheet-safe.csv").get_json()
    assert body["spreadsheet_safe"] is True and "name" in body["reasons"]["spreadsheet_safe"]
    post(client, dataset_id, table, name="x.spreadsheet-safe.csv", spreadsheet_safe="false")
    assert stored(dataset_id) == [("How?", "=1"), ("How?", "'=1")]


def test_several_files_are_one_import(client, dataset_id):
    files = [
        (io.BytesIO(b'{"question":"%s","answer":"a"}\n' % one), f"{one.decode()}.jsonl") for one in (b"train", b"test")
    ]
    body = client.post(f"/api/v1/datasets/{dataset_id}/imports", data={"file": files}).get_json()
    assert (body["imported"], [part["split"] for part in body["parts"]]) == (2, ["train", "test"])
    assert [one.split for one in entries.stream_entries(dataset_id)] == ["train", "test"]


def test_two_files_of_one_name_are_refused(client, dataset_id):
    files = [(io.BytesIO(CSV), "a.csv"), (io.BytesIO(CSV), "a.csv")]
    answer = client.post(f"/api/v1/datasets/{dataset_id}/imports", data={"file": files})
    assert answer.status_code == 422 and answer.get_json()["error"]["code"] == "same_name"

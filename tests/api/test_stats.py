"""Statistics over the API."""

import io

from tests import factories


def test_a_dataset_is_counted(client, app):
    with app.app_context():
        dataset_id = factories.dataset(count=3)
    answer = client.post(f"/api/v1/datasets/{dataset_id}/stats", json={"family": "qwen", "length": 2})
    assert answer.status_code == 200
    found = answer.json
    assert found["records"] == 3 and found["tokens"]["qwen"]["over"] == 3


def test_a_file_is_counted_and_not_kept(client):
    answer = client.post(
        "/api/v1/stats", data={"file": (io.BytesIO(b"question,answer\nTare?,Empty weight.\n"), "a.csv")}
    )
    assert answer.status_code == 200 and answer.json["records"] == 1


def test_an_unknown_family_is_refused_before_anything_is_counted(client, app):
    with app.app_context():
        dataset_id = factories.dataset(count=1)
    answer = client.post(f"/api/v1/datasets/{dataset_id}/stats", json={"family": "bert"})
    assert answer.status_code == 400 and "bert" in answer.json["error"]["message"]
    assert client.post("/api/v1/datasets/999/stats", json={}).status_code == 404

"""Advice over the API."""

import io

from app.services import tasks, validation
from app.services.validation import CheckRun
from tests import factories


def test_a_dataset_is_advised_by_its_last_check(client, app):
    with app.app_context():
        dataset_id = factories.dataset(count=3)
    refused = client.get(f"/api/v1/datasets/{dataset_id}/advice")
    assert refused.status_code == 409 and "Check the pairs first" in refused.json["error"]["message"]
    with app.app_context():
        tasks.start(validation.CHECK, CheckRun(dataset_id, "plain"))
    told = client.get(f"/api/v1/datasets/{dataset_id}/advice?memory=16").json
    assert told["records"] == 3 and told["memory"] == 16 and told["band"]["title"] == "Too few pairs to train on."
    assert client.get(f"/api/v1/datasets/{dataset_id}/advice?memory=0").status_code in (400, 422)
    assert client.get("/api/v1/datasets/999/advice").status_code == 404


def test_a_file_is_advised_on_and_not_kept(client):
    sent = {"file": (io.BytesIO(b"question,answer\nTare?,Empty weight.\n"), "a.csv"), "memory": "24"}
    told = client.post("/api/v1/advice", data=sent).json
    assert told["records"] == 1 and told["memory"] == 24 and told["settings"] == {}

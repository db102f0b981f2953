"""What writes through the API share: versions and keys against doing things twice."""

import pytest
from flask import Flask, jsonify, request
from flask.testing import FlaskClient

from app.blueprints.api.writing import expected_version, idempotent, with_version
from app.core.errors import Invalid
from app.services import datasets


@pytest.fixture
def api(app: Flask, client: FlaskClient) -> FlaskClient:
    """The API with an endpoint that makes a dataset and one that changes something."""

    @app.post("/api/v1/make")
    @idempotent
    def make():
        made = datasets.create_dataset(request.get_json()["name"])
        if made.name == "refused":
            raise Invalid("Not this one.")
        return with_version(jsonify(id=made.id), 1), 201

    @app.put("/api/v1/change")
    def change():
        return jsonify(version=expected_version())

    return client


def names(app: Flask) -> list[str]:
    """The names of all datasets."""
    with app.app_context():
        return [one.name for one in datasets.list_datasets()]


def test_a_repeated_create_happens_once_and_is_answered_alike(app: Flask, api: FlaskClient) -> None:
    first, second = (api.post("/api/v1/make", json={"name": "A"}, headers={"Idempotency-Key": "k1"}) for _ in "12")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert second.headers["ETag"] == first.headers["ETag"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert names(app) == ["A"]


def test_without_a_key_each_create_counts(app: Flask, api: FlaskClient) -> None:
    for name in ("A", "B"):
        api.post("/api/v1/make", json={"name": name})
    assert sorted(names(app)) == ["A", "B"]


def test_a_key_cannot_be_used_for_another_request(app: Flask, api: FlaskClient) -> None:
    api.post("/api/v1/make", json={"name": "A"}, headers={"Idempotency-Key": "k1"})
    answer = api.post("/api/v1/make", json={"name": "B"}, headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "key_reused")
    assert names(app) == ["A"]


def test_a_failed_create_keeps_neither_work_nor_key(app: Flask, api: FlaskClient) -> None:
    for _ in range(2):
        answer = api.post("/api/v1/make", json={"name": "refused"}, headers={"Idempotency-Key": "k1"})
        assert answer.status_code == 422
    assert names(app) == []


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "schön"])
def test_an_odd_key_is_refused(api: FlaskClient, key: str) -> None:
    answer = api.post("/api/v1/make", json={"name": "A"}, environ_overrides={"HTTP_IDEMPOTENCY_KEY": key})
    assert answer.status_code == 400


@pytest.mark.parametrize("text", ['"7"', "7", 'W/"7"'])
def test_the_version_is_read_from_if_match(api: FlaskClient, text: str) -> None:
    assert api.put("/api/v1/change", json={}, headers={"If-Match": text}).json == {"version": 7}


def test_a_change_without_a_version_is_428(api: FlaskClient) -> None:
    answer = api.put("/api/v1/change", json={})
    assert (answer.status_code, answer.json["error"]["code"]) == (428, "version_required")


@pytest.mark.parametrize("text", ["*", '"x"', '"1", "2"', "-1"])
def test_an_odd_version_is_refused(api: FlaskClient, text: str) -> None:
    assert api.put("/api/v1/change", json={}, headers={"If-Match": text}).status_code == 400


def test_the_api_describes_itself(client: FlaskClient) -> None:
    description = client.get("/api/v1/openapi.json").json
    assert description["openapi"].startswith("3.1")
    assert "Error" in description["components"]["schemas"]
    for operations in description["paths"].values():
        for operation in operations.values():
            assert operation["responses"]["default"]["content"]["application/json"]["schema"]["$ref"].endswith("Error")

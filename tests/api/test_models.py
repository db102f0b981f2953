"""Connections to servers of models over the API."""

import pytest

from tests.chat_server import KEY, serve_chat

API = "/api/v1/models"


@pytest.fixture
def server():
    with serve_chat() as running:
        yield running


@pytest.fixture
def body(server):
    """A connection to the server."""
    return {"name": "Mine", "address": server.address, "model": "small"}


def test_a_connection_is_made_tested_changed_and_removed(client, body, server):
    made = client.post(API, json=body)
    assert made.status_code == 201 and made.headers["ETag"] == '"1"' and made.json["test"] is None
    assert client.post(f"{API}/1/test").json["test"]["ok"]
    assert client.get(f"{API}/1/calls").json["calls"][0]["who"] == "A program"
    changed = client.put(f"{API}/1", json={**body, "cap": 2.5}, headers={"If-Match": '"1"'})
    assert changed.json["cap"] == 2.5 and changed.json["version"] == 2
    assert client.put(f"{API}/1", json=body, headers={"If-Match": '"1"'}).status_code == 409
    assert client.delete(f"{API}/1").status_code == 200 and client.get(API).json == {"models": []}
    assert client.get(f"{API}/1").status_code == 404 and client.get(f"{API}/1/calls").json["calls"]


def test_a_key_goes_in_and_never_out(client, body, server):
    made = client.post(API, json={**body, "api_key": KEY}, headers={"Idempotency-Key": "k1"})
    assert made.json["key"] == {"source": "stored", "variable": None, "problem": None}
    server.manners = ["echo-error"]
    answers = [made, client.post(f"{API}/1/test"), client.get(API), client.get(f"{API}/1/calls")]
    answers.append(client.put(f"{API}/1", json={**body, "name": "New", "stored_key": True}))
    answers.append(client.post(API, json={**body, "name": "New", "api_key": KEY}))
    answers.append(client.post(API, json={**body, "api_key": KEY, "parallel": "x"}))
    assert all(KEY not in answer.text for answer in answers)
    assert [answer.status_code for answer in answers[-3:]] == [200, 409, 422]
    assert server.requests[0][2]["Authorization"] == f"Bearer {KEY}"


def test_addresses_that_need_the_users_word_are_refused_with_a_code(client, body):
    refused = client.post(API, json={**body, "address": "http://10.0.0.1/v1"})
    assert refused.status_code == 422 and refused.json["error"]["code"] == "private_address"
    allowed = {"allow_http": True, "allow_private": True}
    assert client.post(API, json={**body, "address": "http://10.0.0.1/v1", **allowed}).status_code == 201


def test_servers_are_found_and_connected(client, server):
    found = client.post(f"{API}/find", json={"program": "vllm", "port": server.port}).json["found"]
    assert found == [{"program": "vllm", "address": server.address, "models": ["small"]}]
    assert client.post(f"{API}/connect", json={"program": "vllm"}).json["name"] == "vLLM"
    assert client.post(f"{API}/connect", json={"program": "ollama"}).status_code == 409

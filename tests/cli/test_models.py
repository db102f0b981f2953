"""``ltt models``."""

import pytest

from tests.chat_server import KEY, serve_chat


@pytest.fixture
def server():
    with serve_chat() as running:
        yield running


def test_a_model_is_added_tested_listed_and_removed(ltt, server):
    server.models[0]["max_model_len"] = 8192
    added = ltt("models", "add", "Mine", "--url", server.address, "--model", "small", "--cap", "2,50")
    assert added.code == 0 and "Connected Mine" in added.out and server.requests == []
    tested = ltt("models", "test", "Mine")
    assert tested.code == 0 and "8k context" in tested.out
    (one,) = ltt("models", "--json").json["models"]
    assert one["test"]["ok"] and one["cap"] == 2.5 and "Answers in" in ltt("models").out
    assert ltt("models", "remove", "Mine").code == 0 and ltt("models", "--json").json == {"models": []}
    assert ltt("models", "test", "Mine").code == 4


def test_a_key_comes_from_stdin_or_a_variable_and_is_never_printed(ltt, server, data_dir, monkeypatch):
    server.key = KEY
    monkeypatch.setenv("EXAMPLE_API_KEY", KEY)
    add = ("models", "add")
    rest = ("--url", server.address, "--model", "small", "--json")
    outcomes = [
        ltt(*add, "A", *rest, "--key-stdin", stdin=KEY.encode() + b"\n"),
        ltt(*add, "B", *rest, "--key-env", "EXAMPLE_API_KEY"),
    ]
    outcomes += [ltt("models", "test", name, "--json") for name in "AB"]
    assert [one.code for one in outcomes] == [0] * 4 and outcomes[1].json["key"]["variable"] == "EXAMPLE_API_KEY"
    outcomes += [ltt("models"), ltt(*add, "C", *rest, "--key-stdin", stdin=b"short")]
    assert outcomes[-1].code == 3 and all(KEY not in one.out + one.err for one in outcomes)
    assert ltt(*add, "D", *rest, "--key-stdin", "--key-env", "X").code == 2


def test_a_model_that_does_not_answer_is_a_finding(ltt, server):
    ltt("models", "add", "Mine", "--url", server.address, "--model", "missing")
    tested = ltt("models", "test", "Mine")
    assert tested.code == 1 and "has no model missing" in tested.out


def test_servers_are_found(ltt, server):
    found = ltt("models", "find", "--program", "ollama", "--port", server.port, "--connect", "--json").json
    assert found["found"][0]["models"] == ["small"] and found["connected"][0]["name"] == "Ollama"
    assert ltt("models", "find", "--port", "80").code == 2


def test_addresses_are_refused_until_they_are_allowed(ltt):
    add = ("models", "add", "Box", "--url", "http://192.168.1.9/v1", "--model", "m")
    refused = ltt(*add)
    assert refused.code == 3 and "private" in refused.err
    assert ltt(*add, "--allow-http", "--allow-private").code == 0

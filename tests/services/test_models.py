"""Connections to servers of models: kept, tested, found, called, and what is told of it."""

import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from threading import Thread

import pytest

from app.core.errors import Conflict, Invalid, NotFound
from app.models import transaction
from app.services import backups, models
from app.services.models import Started, Values
from app.services.models.testing import name_context
from tests.chat_server import KEY, serve_chat

ME = Started("me", "Settings")
pytestmark = pytest.mark.usefixtures("context")


@pytest.fixture
def server():
    with serve_chat() as running:
        yield running


@pytest.fixture
def local(server):
    """What is said of a connection to the server."""
    return Values("Local", server.address, "small", price_in=10.0, price_out=50.0, parallel=2)


@pytest.fixture
def connection(local):
    return models.add_connection(local)


def kept_keys(data_dir):
    return sorted((data_dir / "keys").glob("*")) if (data_dir / "keys").exists() else []


def test_a_connection_is_kept_and_found_by_name_and_id(connection, local):
    assert models.values_of(models.get("Local")) == local == models.values_of(models.get(connection.id))
    assert models.get(str(connection.id)).id == connection.id
    assert [one.name for one in models.list_connections()] == ["Local"]
    for which in ("Nobody", 99, "99"):
        with pytest.raises(NotFound):
            models.get(which)


def test_names_are_given_once(connection, local):
    with pytest.raises(Conflict, match="already"):
        models.add_connection(local)
    other = models.add_connection(replace(local, name="Other"))
    with pytest.raises(Conflict, match="already"):
        models.change_connection(other.id, local)


def test_a_stored_key_is_needed_and_kept_outside_the_database(local, data_dir):
    stored = replace(local, key_source="stored")
    for key in ("", " ", "short", "with a blank in it"):
        with pytest.raises(Invalid):
            models.add_connection(stored, key)
    assert kept_keys(data_dir) == []
    connection = models.add_connection(stored, f" {KEY}\n")
    note = models.describe_key(connection)
    assert (note.source, note.tail, note.problem) == ("stored", "7f2a", "")
    assert models.client_of(connection, ME).endpoint.has_key


def test_a_refused_connection_leaves_no_key(connection, local, data_dir):
    with pytest.raises(Conflict):
        models.add_connection(replace(local, key_source="stored"), KEY)
    with pytest.raises(Conflict):
        models.change_connection(connection.id, replace(local, key_source="stored"), KEY, version=99)
    assert kept_keys(data_dir) == []


def test_a_key_stays_while_its_host_does(local, data_dir, server):
    connection = models.add_connection(replace(local, key_source="stored"), KEY)
    changed = models.change_connection(connection.id, replace(local, key_source="stored", name="New", model="large"))
    assert models.describe_key(changed).problem == "" and len(kept_keys(data_dir)) == 1
    elsewhere = replace(local, key_source="stored", address="https://api.example.com/v1")
    with pytest.raises(Invalid, match="Paste the key for https://api.example.com"):
        models.change_connection(connection.id, elsewhere)
    models.change_connection(connection.id, elsewhere, "another-key-0123456789")
    assert len(kept_keys(data_dir)) == 1 and KEY not in kept_keys(data_dir)[0].read_text()
    models.change_connection(connection.id, replace(local, key_source="none"))
    assert kept_keys(data_dir) == []


def test_an_edited_database_cannot_send_a_key_elsewhere(local, server):
    connection = models.add_connection(replace(local, key_source="stored", address="https://api.example.com/v1"), KEY)
    with transaction():
        models.get(connection.id).address = server.address
    tested = models.test_connection(connection.id, ME)
    assert tested.test["code"] == "key" and server.requests == []


def test_changes_on_a_stale_version_are_refused(connection, local):
    models.change_connection(connection.id, replace(local, cap=5.0), version=1)
    with pytest.raises(Conflict) as error:
        models.change_connection(connection.id, local, version=1)
    assert error.value.code == "stale_version" and models.get(connection.id).cap == 5.0


def test_a_removed_connection_can_come_back_without_its_key(local, data_dir):
    connection = models.add_connection(replace(local, key_source="stored"), KEY)
    models.remove_connection("Local")
    assert models.list_connections() == [] and kept_keys(data_dir) == []
    again = models.restore_connection(connection.id)
    assert again.name == "Local" and "no key" in models.describe_key(again).problem
    models.remove_connection("Local")
    models.add_connection(local)
    with pytest.raises(Conflict):
        models.restore_connection(connection.id)


def test_a_model_that_answers_is_told_with_seconds_and_context(connection, server):
    server.models = [{"id": "small", "max_model_len": 32768}, {"id": "large"}]
    tested = models.test_connection(connection.id, ME).test
    assert tested["ok"] and tested["context"] == 32768 and set(tested["models"]) == {"small", "large"}
    assert tested["message"] == f"Answers in {tested['seconds']:.1f} s, 32k context"
    assert server.chats[0]["messages"] == [{"role": "user", "content": "Say ok."}]


@pytest.mark.parametrize(
    ("manner", "code"),
    [
        ("html", "not_json"),
        ("reset", "cut"),
        (500, "server"),
        (429, "busy"),
        (401, "key"),
        ("to 307 //evil.test/", "redirect"),
    ],
)
def test_a_test_says_what_is_wrong_in_one_sentence_or_two(connection, server, manner, code):
    server.manners = [manner]
    tested = models.test_connection(connection.id, ME)
    assert (tested.test["ok"], tested.test["code"]) == (False, code) and tested.test["message"].endswith((".", "?"))
    assert len(server.chats) == 1 and tested.tested_at


def test_a_test_without_its_key_sends_nothing(local, server, monkeypatch):
    monkeypatch.delenv("EXAMPLE_API_KEY", raising=False)
    connection = models.add_connection(replace(local, key_source="variable", variable="EXAMPLE_API_KEY"))
    tested = models.test_connection(connection.id, ME)
    assert "EXAMPLE_API_KEY is not set" in tested.test["message"] and server.requests == []
    monkeypatch.setenv("EXAMPLE_API_KEY", KEY)
    server.key = KEY
    assert models.test_connection(connection.id, ME).test["ok"]


def test_what_was_tested_is_forgotten_with_what_it_was_about(connection, local):
    models.test_connection(connection.id, ME)
    assert models.change_connection(connection.id, replace(local, cap=1.0)).test
    assert models.change_connection(connection.id, replace(local, model="large")).test is None


def test_what_a_server_takes_is_learned_by_the_test(connection, server):
    server.refuses_limit = True
    assert models.test_connection(connection.id, ME).test["ok"]
    with models.client_of(models.get(connection.id), ME) as client:
        client.complete([], max_tokens=1)
    assert "max_tokens" not in server.chats[-1]


def test_each_call_is_counted_with_who_and_where(connection, server, dataset_id):
    models.test_connection(connection.id, ME)
    with models.client_of(connection, Started("you", "Generate", dataset_id, 7)) as client:
        threads = [Thread(target=client.complete, args=([{"role": "user", "content": "x" * 50}],)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.manners = ["html"]
        with pytest.raises(Exception, match="not JSON"):
            client.complete([])
    newest, first = models.list_uses(connection.id)
    assert (first.who, first.page, first.calls, first.failed, first.tokens_in) == ("me", "Settings", 1, 0, 100)
    assert (newest.who, newest.page, newest.dataset_id, newest.job_id) == ("you", "Generate", dataset_id, 7)
    assert (newest.calls, newest.failed, newest.tokens_in, newest.tokens_out) == (7, 1, 600, 120)
    assert newest.sent_bytes > 300 and models.sum_uses()[connection.id].calls == 8


def test_a_call_counts_before_it_is_sent(connection, server, data_dir):
    counted = []

    def count(handler):
        with closing(sqlite3.connect(data_dir / "ltt.db")) as other:
            counted.extend(other.execute("SELECT calls, failed FROM model_uses"))
        handler.answer(200, handler.completion())

    server.manners = [count]
    models.test_connection(connection.id, ME)
    assert counted == [(1, 0)]


def test_uploads_and_the_like_are_counted_too(connection):
    models.record_use(connection, Started("me", "Training"), calls=2, sent_bytes=10)
    (use,) = models.list_uses(connection.id)
    assert (use.calls, use.sent_bytes, use.page) == (2, 10, "Training")


def test_a_client_stops_at_the_sum_of_its_connection(local, server):
    connection = models.add_connection(replace(local, cap=0.003))
    with models.client_of(connection, ME) as client:
        for _ in range(2):
            client.complete([])
        with pytest.raises(Conflict, match="spent"):
            client.complete([])


def test_a_tuned_model_is_connected_at_the_same_host_once(local, data_dir):
    base = models.add_connection(replace(local, key_source="stored", per_minute=60), KEY)
    tuned = models.add_tuned(base, "ft:small:me:faq:abc")
    assert (tuned.name, tuned.model, tuned.address) == ("abc", "ft:small:me:faq:abc", base.address)
    assert (tuned.per_minute, tuned.price_in, tuned.key_source) == (60, None, "stored")
    assert models.client_of(tuned, ME).endpoint.has_key and tuned.key_id != base.key_id
    assert models.add_tuned(base, "ft:small:me:faq:abc").id == tuned.id
    assert models.add_tuned(base, "other/abc").name == "abc 2"
    models.remove_connection(base.id)
    assert models.client_of(tuned, ME).endpoint.has_key


def test_servers_on_this_computer_are_found_and_connected(server):
    server.models = [{"id": "old", "created": 1}, {"id": "new", "created": 2}]
    found = {one.server.key: one for one in models.find_servers("vllm", server.port)}
    assert list(found) == ["ollama", "lmstudio", "llamacpp", "vllm", "tuned"]
    assert found["vllm"].models == ("new", "old") and found["vllm"].looked_at and found["ollama"].looked_at is None
    assert server.requests[0][1] == "/v1/models" and "Authorization" not in server.requests[0][2]
    connection = models.connect_found("vllm")
    assert (connection.name, connection.model, connection.address) == ("vLLM", "new", server.address)
    assert models.connect_found("vllm").id == connection.id
    assert models.connect_found("vllm", "old").name == "vLLM, old"
    with pytest.raises(Conflict):
        models.connect_found("vllm", "gone")
    assert len(models.disconnect_found("vllm")) == 2 and models.list_connections() == []


def test_what_does_not_answer_or_is_something_else_is_not_found(server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = models.find_servers("ollama", taken.getsockname()[1])
    assert found[0].models is None and found[0].looked_at
    server.pages["/v1/models"] = {"hello": "world"}
    assert models.find_servers("ollama", server.port)[0].models is None
    with pytest.raises(Conflict):
        models.connect_found("ollama")
    for program, port in (("other", 80), ("ollama", 0), ("ollama", 65536)):
        with pytest.raises(Invalid):
            models.find_servers(program, port)


def test_where_texts_go_is_told_truly(local):
    said = {}
    for name, values in {
        "here": local,
        "network": replace(local, address="http://192.168.1.7/v1", allow_http=True, allow_private=True),
        "internet": replace(local, address="https://api.example.com/v1"),
    }.items():
        said[name] = models.describe_sending(models.add_connection(replace(values, name=name)))
    assert {name: one.where for name, one in said.items()} == {name: name for name in said}
    assert said["here"].sentence == "Nothing leaves this computer." and "unencrypted" in said["network"].sentence


def test_contexts_are_told_as_people_do():
    named = {tokens: name_context(tokens) for tokens in (512, 8192, 32768, 40960, 131072, 128000, 200000, 1048576)}
    assert list(named.values()) == [
        "512 tokens of context", "8k context", "32k context", "40k context", "128k context", "128k context",
        "200k context", "1M context",
    ]  # fmt: skip


def test_a_key_is_in_no_file_but_its_own(local, server, data_dir, app):
    connection = models.add_connection(replace(local, key_source="stored"), KEY)
    for manner in ("echo", "echo-error", 401, "to 307 https://elsewhere.test/@KEY@"):
        server.manners = [manner]
        server.headers["X-Echo"] = "@KEY@"
        models.test_connection(connection.id, ME)
    backup = backups.make_backup()
    models.change_connection(connection.id, replace(local, key_source="stored", name="Renamed"))
    holding = [path for path in data_dir.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert holding == kept_keys(data_dir) and len(holding) == 1
    assert KEY.encode() not in backup.read_bytes()

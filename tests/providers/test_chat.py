"""The client of chats, against a server that misbehaves in every way."""

import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.core.connections import Allowed, read_address
from app.core.errors import Conflict, LttError, Unavailable
from app.providers import chat, endpoint
from app.providers.chat import Budget, Chat, list_models
from app.providers.endpoint import Endpoint
from tests.chat_server import CERTIFICATE, KEY, serve_chat

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def server():
    with serve_chat() as running:
        yield running


@pytest.fixture
def waits():
    """How long the client would have waited, each time."""
    return []


@pytest.fixture
def open_chat(server, waits):
    opened = []

    def open_it(budget=None, model="small", key="", address="", counter=None, **more):
        read = read_address(address or server.address)
        opened.append(Chat(Endpoint(read, key, wait=waits.append, **more), model, budget or Budget(), counter=counter))
        return opened[-1]

    yield open_it
    for one in opened:
        one.endpoint.close()


def failure(client, **more):
    with pytest.raises(LttError) as error:
        client.complete(HELLO, **more)
    assert isinstance(error.value, Conflict | Unavailable)
    assert KEY not in error.value.message and "\n" not in error.value.message
    return error.value


def test_a_chat_is_answered(server, open_chat):
    answer = open_chat(key=KEY).complete(HELLO, max_tokens=5, temperature=0)
    assert (answer.text, answer.finish, answer.tokens_in, answer.tokens_out) == ("ok", "stop", 100, 20)
    method, path, headers, body = server.requests[0]
    assert (method, path, headers["Authorization"]) == ("POST", "/v1/chat/completions", f"Bearer {KEY}")
    assert body == {"model": "small", "messages": HELLO, "max_tokens": 5, "temperature": 0}


def test_without_a_key_none_is_sent(server, open_chat):
    open_chat().complete(HELLO)
    assert "Authorization" not in server.requests[0][2]


def test_variables_of_proxies_are_not_looked_at(server, open_chat, monkeypatch, tmp_path):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://{KEY}@127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert open_chat().complete(HELLO).text == "ok"
    assert "Authorization" not in server.requests[0][2]


@pytest.mark.parametrize("manner", ["reset", "cut", 429, 500, 502, 503, 529, 408])
def test_what_fails_for_a_moment_is_tried_again(server, open_chat, waits, manner):
    server.manners = [manner, manner, ""]
    assert open_chat().complete(HELLO).text == "ok"
    assert len(server.chats) == 3 and len(waits) == 2 and all(0 < one <= 2 for one in waits)


@pytest.mark.parametrize(("manner", "code"), [("reset", "cut"), ("cut", "cut"), (429, "busy"), (500, "server")])
def test_it_is_not_tried_for_ever(server, open_chat, manner, code):
    server.manners = [manner]
    assert failure(open_chat()).code == code
    assert len(server.chats) == 4
    assert failure(open_chat(), tries=1).code == code
    assert len(server.chats) == 5


def test_retry_after_is_waited_for_in_seconds_and_dates(server, open_chat, waits):
    server.headers["Retry-After"] = "7"
    server.manners = [429, ""]
    open_chat().complete(HELLO)
    assert waits == [7.0]
    server.headers["Retry-After"] = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    server.manners = [503, ""]
    open_chat().complete(HELLO)
    assert len(waits) == 2 and 0 <= waits[1] <= 20


@pytest.mark.parametrize("said", ["3600", "soon", "-1", "9" * 40, "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_a_retry_after_beyond_bounds_ends_it(server, open_chat, waits, said):
    server.headers["Retry-After"] = said
    server.manners = [429]
    assert failure(open_chat()).code == "busy"
    assert waits == [] and len(server.chats) == 1


def test_an_empty_account_is_not_asked_again(server, open_chat, waits):
    server.error = {"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}}
    for status in (429, 402):
        server.manners = [status]
        assert failure(open_chat()).code == "quota"
    assert waits == [] and len(server.chats) == 2


@pytest.mark.parametrize("manner", ["silent", "drip", "drip-body"])
def test_a_server_that_is_slow_in_any_way_ends_in_time(server, open_chat, manner):
    server.manners = [manner]
    began = time.monotonic()
    assert failure(open_chat(seconds=0.5)).code == "slow"
    assert time.monotonic() - began < 50 and len(server.chats) == 1


@pytest.mark.parametrize("manner", ["endless", "bomb"])
def test_a_reply_has_a_largest_size(server, open_chat, manner):
    server.manners = [manner]
    assert failure(open_chat(most_bytes=1_000_000)).code == "too_large"


def test_a_packed_reply_is_read_all_the_same(server, open_chat):
    server.manners = ["gzip"]
    assert open_chat().complete(HELLO).text == "ok"
    assert server.requests[0][2]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("manner", ["html", "half-json", "other-json", "error-in-200"])
def test_what_is_no_answer_is_said(server, open_chat, manner):
    server.manners = [manner]
    error = failure(open_chat())
    assert error.code == "not_json" and (manner != "error-in-200" or "It does not work." in error.message)


def test_a_redirect_to_another_host_is_refused_and_gets_nothing(server, open_chat):
    with serve_chat() as other:
        for target in (
            other.address,
            f"http://localhost:{server.port}/v1/chat/completions",
            "https://example.com/@KEY@",
        ):
            for status in (301, 302, 303, 307, 308):
                server.manners = [f"to {status} {target}"]
                assert failure(open_chat(key=KEY)).code == "redirect"
        for target in (
            "//evil.test/",
            "http://evil.test@127.0.0.1/",
            "ftp://127.0.0.1/",
            "http://[",
            "file:///etc/passwd",
        ):
            server.manners = [f"to 307 {target}"]
            assert failure(open_chat(key=KEY)).code == "redirect"
        assert other.requests == []


def test_a_redirect_within_the_host_is_followed_a_few_times(server, open_chat):
    server.manners = ["to 307 /v1/chat/completions", "to 308 completions", ""]
    assert open_chat(key=KEY).complete(HELLO).text == "ok"
    assert [one[2]["Authorization"] for one in server.requests] == [f"Bearer {KEY}"] * 3
    server.manners = ["to 307 /v1/chat/completions"]
    assert failure(open_chat()).code == "redirect"
    server.manners = ["to 302 /v1/chat/completions"]
    assert failure(open_chat()).code == "redirect"


def test_a_refused_key_is_said_without_it(server, open_chat):
    server.key = "another key"
    error = failure(open_chat(key=KEY))
    assert error.code == "key" and "Key refused" in error.message and "Incorrect key: Bearer [key]" in error.message
    assert failure(open_chat()).message.startswith("A key is wanted")


def test_a_model_that_is_not_there_is_said_with_those_that_are(server, open_chat):
    server.models += [{"id": f"model-{n}"} for n in range(5)]
    error = failure(open_chat(model="missing"))
    assert error.code == "model" and "has no model missing" in error.message and "small" in error.message


def test_a_path_without_chat_is_said(server, open_chat):
    error = failure(open_chat(address=f"http://127.0.0.1:{server.port}/elsewhere"))
    assert error.code == "address" and "/v1" in error.message


def test_a_port_where_nothing_answers_is_said(open_chat, waits):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = failure(open_chat(address=f"http://127.0.0.1:{taken.getsockname()[1]}/v1"))
    assert error.code == "address" and "Nothing answers" in error.message and waits == []


def test_a_name_that_leads_nowhere_is_said(open_chat, monkeypatch):
    def no_such_name(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "no")

    monkeypatch.setattr(endpoint.socket, "getaddrinfo", no_such_name)
    error = failure(open_chat(address="https://api.example.test/v1"))
    assert error.code == "address" and "no computer named api.example.test" in error.message


def test_a_name_that_nobody_answers_for_ends_in_time(open_chat, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(endpoint.socket, "getaddrinfo", lambda *args, **kwargs: [][: over.wait(60)])
    assert failure(open_chat(address="https://api.example.test/v1", seconds=0.2)).code == "slow"
    over.set()


@pytest.mark.parametrize("ip", ["10.0.0.7", "169.254.169.254", "::ffff:192.168.1.1", "fe80::1%lo", "0.0.0.0"])
def test_a_name_that_leads_to_a_private_address_is_not_connected_to(open_chat, monkeypatch, ip):
    tried = []
    monkeypatch.setattr(endpoint.socket, "getaddrinfo", lambda *args, **kwargs: [(2, 1, 6, "", (ip, 443))])
    monkeypatch.setattr(endpoint.httpcore2.SyncBackend, "connect_tcp", lambda *args, **kwargs: tried.append(args))
    error = failure(open_chat(address="https://api.example.test/v1", key=KEY))
    assert error.code in ("private_address", "bad_address") and tried == []


def test_only_those_addresses_of_a_name_are_connected_to_that_may_be(server, open_chat, monkeypatch):
    real, connect = socket.getaddrinfo, endpoint.httpcore2.SyncBackend.connect_tcp
    connected = []

    def lead(host, *args, **kwargs):
        if host == "model.localhost":
            return [(2, 1, 6, "", (ip, server.port)) for ip in ("10.0.0.7", "127.0.0.1")]
        return real(host, *args, **kwargs)

    def note(self, host, *args):
        connected.append(host)
        return connect(self, host, *args)

    monkeypatch.setattr(endpoint.socket, "getaddrinfo", lead)
    monkeypatch.setattr(endpoint.httpcore2.SyncBackend, "connect_tcp", note)
    assert open_chat(address=f"http://model.localhost:{server.port}/v1").complete(HELLO).text == "ok"
    assert connected == ["127.0.0.1"]


def test_a_certificate_that_nobody_vouches_for_is_refused(open_chat):
    with serve_chat(tls=True) as server:
        error = failure(open_chat(address=server.address, key=KEY))
        assert error.code == "tls" and "cannot be trusted" in error.message
        assert server.requests == []


def test_an_authority_of_ones_own_is_trusted_by_the_usual_variable(open_chat, monkeypatch, tmp_path):
    (tmp_path / "ca.pem").write_text(CERTIFICATE.partition("-----BEGIN PRIVATE")[0])
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with serve_chat(tls=True) as server:
        assert open_chat(address=server.address).complete(HELLO).text == "ok"


def test_https_to_a_server_of_http_is_said(server, open_chat):
    error = failure(open_chat(address=server.address.replace("http:", "https:")))
    assert error.code == "tls" and "http" in error.message


def test_a_key_that_comes_back_is_nowhere(server, open_chat, caplog, capfd):
    logging.getLogger().setLevel(logging.DEBUG)
    with caplog.at_level(logging.DEBUG):
        client = open_chat(key=KEY)
        server.manners = ["echo"]
        answer = client.complete(HELLO)
        assert answer.text == "You sent Bearer [key]" and KEY not in repr(answer)
        server.manners = ["echo-error"]
        assert "No: Bearer [key]" in failure(client).message
        reply = client.endpoint.send("POST", "/chat/completions", json={"model": "small"})
        assert reply.headers["x-echo"] == "Bearer [key]" and KEY not in repr(reply) and KEY not in reply.text
        server.headers["X-Echo"] = "@KEY@"
        server.manners = ["to 307 https://elsewhere.test/@KEY@"]
        failure(client)
        server.models = [{"id": "@KEY@", "owned_by": "@KEY@"}]
        assert [one.id for one in list_models(client.endpoint)] == ["[key]"]
    out, err = capfd.readouterr()
    assert KEY not in caplog.text + out + err


def test_what_strangers_say_is_shown_as_it_stands(server, open_chat):
    server.error = {"error": {"message": "<b>no</b>\n\x1b[31mred\x07‮" + "x" * 5_000}}
    server.manners = [400]
    message = failure(open_chat()).message
    assert "<b>no</b> \\u001b[31mred\\u0007\\u202e" in message and message.isprintable() and len(message) < 400
    server.models = [{"id": "a\x1b[31m"}, {"id": ""}, {"id": 7}, {"id": "m" * 300}, {"id": "<i>good</i>"}, "x", None]
    assert [one.id for one in list_models(open_chat().endpoint)] == ["<i>good</i>"]


def test_a_limit_by_another_name_is_learned(server, open_chat):
    server.refuses_limit = True
    client = open_chat()
    for _ in range(2):
        client.complete(HELLO, max_tokens=5)
    assert [sorted(set(body) - {"model", "messages"}) for body in server.chats] == [
        ["max_tokens"],
        ["max_completion_tokens"],
        ["max_completion_tokens"],
    ]
    assert client.learned == {"limit": "max_completion_tokens"}


def test_calls_a_minute_are_kept(server, open_chat, monkeypatch):
    clock = [1000.0]
    slept = []
    client = open_chat(Budget(per_minute=2))
    monkeypatch.setattr(chat.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(endpoint.time, "monotonic", lambda: clock[0])

    def wait(seconds):
        slept.append(seconds)
        clock[0] += seconds

    client.endpoint.wait = wait
    for _ in range(5):
        client.complete(HELLO)
    assert slept == [60, 60] and len(server.chats) == 5


def test_calls_at_once_are_kept(server, open_chat):
    running, most = [], []

    def slowly(handler):
        running.append(1)
        most.append(len(running))
        time.sleep(0.02)
        running.pop()
        handler.answer(200, handler.completion())

    server.manners = [slowly]
    client = open_chat(Budget(parallel=2))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.complete(HELLO), range(12)))
    assert max(most) <= 2 and len(server.chats) == 12


def test_a_client_stops_at_its_sum(server, open_chat):
    # 100 tokens in at 10 and 20 out at 50 a million are 0.002 a call.
    client = open_chat(Budget(price_in=10, price_out=50, cap=0.005))
    for _ in range(3):
        client.complete(HELLO)
    error = failure(client)
    assert error.code == "cap" and len(server.chats) == 3 and client.spent == pytest.approx(0.006)


class Counted:
    def __init__(self):
        self.calls = []

    def begin(self, sent_bytes):
        self.calls.append(["begin", sent_bytes > 20])

    def end(self, tokens_in, tokens_out, *, failed):
        self.calls.append([tokens_in, tokens_out, failed])


def test_each_call_is_told_before_and_after(server, open_chat):
    counted = Counted()
    client = open_chat(counter=counted)
    client.complete(HELLO)
    server.manners = ["html"]
    failure(client)
    assert counted.calls == [["begin", True], [100, 20, False], ["begin", True], [0, 0, True]]


@pytest.mark.parametrize(
    ("models", "pages", "context"),
    [
        ([{"id": "small", "max_model_len": 32768}], {}, 32768),
        ([{"id": "small", "context_length": 131072}], {}, 131072),
        ([{"id": "small", "context_window": 8192}, {"id": "other", "context_window": 1}], {}, 8192),
        ([{"id": "small"}], {"/api/ps": {"models": [{"model": "small", "context_length": 4096}]}}, 4096),
        (
            [{"id": "small"}],
            {"/api/ps": {"models": []}, "/api/show": {"model_info": {"qwen3.context_length": 40960}}},
            40960,
        ),
        ([{"id": "small"}], {"/api/v0/models": {"data": [{"id": "small", "max_context_length": 8192}]}}, 8192),
        ([{"id": "small"}], {"/props": {"default_generation_settings": {"n_ctx": 2048}}}, 2048),
        ([{"id": "small", "max_model_len": -1}], {"/props": []}, None),
        (
            [{"id": "small", "max_model_len": True}],
            {"/api/ps": {"models": "many"}, "/api/show": {"model_info": 3}},
            None,
        ),
    ],
)
def test_the_context_is_found_where_each_server_says_it(server, open_chat, models, pages, context):
    server.models, server.pages = models, pages
    assert open_chat().find_context() == context


def test_requests_that_must_not_be_repeated_are_sent_once(server, open_chat):
    server.manners = ["reset"]
    with pytest.raises(Unavailable):
        open_chat().endpoint.send("POST", "/chat/completions", json={}, tries=1)
    assert len(server.requests) == 1


def test_a_wait_that_raises_stops_the_tries(server):
    def stop(seconds):
        raise Conflict("Stopped.", code="stopped")

    server.manners = [500]
    with Endpoint(read_address(server.address), wait=stop) as opened, pytest.raises(Conflict, match="Stopped"):
        Chat(opened, "small").complete(HELLO)
    assert len(server.chats) == 1


def test_private_addresses_are_connected_to_by_the_users_word(open_chat, server, monkeypatch):
    monkeypatch.setattr(endpoint.socket, "getaddrinfo", lambda *args, **kwargs: [(2, 1, 6, "", ("10.0.0.7", 80))])
    connected = []

    def connect(self, host, port, *args, **kwargs):
        connected.append(host)
        raise endpoint.httpcore2.ConnectError("no route")

    monkeypatch.setattr(endpoint.httpcore2.SyncBackend, "connect_tcp", connect)
    error = failure(open_chat(address="http://box.example.test/v1", allowed=Allowed(http=True, private=True)))
    assert connected == ["10.0.0.7"] and error.code == "address"

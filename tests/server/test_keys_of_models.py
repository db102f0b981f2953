"""A key of a connection, on a real server that logs all it can: it is in its own file and nowhere else."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.chat_server import KEY, ChatServer, serve_chat
from tests.serving import Server, free_port, run_ltt

OTHER = "sk-of-the-environment-9876543210-c0de"


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    with serve_chat() as running:
        yield running


@pytest.fixture
def server(tmp_path: Path, chat: ChatServer) -> Iterator[Server]:
    """A server with a key in its environment and in the variables of proxies."""
    proxy = f"http://user:{OTHER}@127.0.0.1:9"
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"), proxy)
    port = str(free_port())
    running = Server(tmp_path / "data", "--port", port, LTT_LOG_LEVEL="DEBUG", EXAMPLE_API_KEY=OTHER, **proxies)
    yield running
    running.kill()


def test_a_key_is_in_no_file_log_page_or_answer_but_its_own(server: Server, chat: ChatServer, tmp_path: Path) -> None:
    answers: list[bytes] = []

    def ask(method: str, path: str, body: object = None, **headers: str) -> int:
        reply = server.ask(method, path, body, **headers)
        answers.append(reply.body + str(reply.headers).encode())
        return reply.status

    chat.headers["X-Echo"] = "@KEY@"
    chat.models.append({"id": "@KEY@", "owned_by": "@KEY@"})
    home = server.make_dataset()
    server.bring(home, b'{"question": "Q?", "answer": "A."}\n')
    common = {"address": chat.address, "model": "small"}
    assert ask("POST", "/api/v1/models", {"name": "Kept", **common, "api_key": KEY}, Idempotency_Key="once") == 201
    assert ask("POST", "/api/v1/models", {"name": "Named", **common, "variable": "EXAMPLE_API_KEY"}) == 201
    manners = [
        "echo",
        "echo-error",
        401,
        429,
        "html",
        "reset",
        "to 307 https://elsewhere.test/@KEY@",
        "to 302 /x?k=@KEY@",
        "",
    ]
    for manner in manners:
        chat.manners = [manner]
        for number in (1, 2):
            assert ask("POST", f"/api/v1/models/{number}/test", {}) == 200
    said = {request[2].get("Authorization") for request in chat.requests}
    assert said == {f"Bearer {KEY}", f"Bearer {OTHER}"}
    # Refused, each in another way.
    for body in (
        {"name": "Kept", **common, "api_key": KEY},
        {**common, "api_key": KEY},
        {"name": "x", "address": f"http://{KEY}@h"},
    ):
        assert ask("POST", "/api/v1/models", body) in (409, 422)
    form = urlencode(
        {"name": "x", "address": f"https://u:{KEY}@h/", "model": "m", "key_source": "stored", "api_key": KEY}
    )
    assert ask("POST", "/settings/models", form, Content_Type="application/x-www-form-urlencoded") >= 400
    assert ask("POST", "/settings/models", f'{{"api_key": "{KEY}"}}'.encode(), Content_Type="application/json") >= 400
    for path in (
        "/settings/models",
        "/settings/models?edit=1",
        "/settings/models/1/calls",
        "/settings/advanced",
        "/jobs/",
    ):
        assert ask("GET", path, Accept="text/html") == 200
    for path in ("/api/v1/models", "/api/v1/models/1", "/api/v1/models/1/calls", f"/datasets/{home}/export"):
        ask("GET", path)
    assert ask("POST", "/api/v1/models/1/test", {}) == 200
    for arguments in (
        ("backup",),
        ("export", "Tests", str(tmp_path / "out.jsonl")),
        ("config",),
        ("models",),
    ):
        done = run_ltt(server.folder, *arguments)
        answers.append((done.stdout + done.stderr).encode())
    server.stop()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("backups" in path.parts for path in files) and tmp_path / "out.jsonl" in files
    holding = {path: key for path in files for key in (KEY, OTHER) if key.encode() in path.read_bytes()}
    assert list(holding.values()) == [KEY] and next(iter(holding)).parent == server.folder / "keys"
    assert not [answer for answer in answers if KEY.encode() in answer or OTHER.encode() in answer]

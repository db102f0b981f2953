"""``ltt serve`` as a process: its addresses, refusals, limits on the wire, worker and clean stop."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serving import Server, free_port, run_ltt, wait_for

Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers, each ended with the test."""
    servers: list[Server] = []

    def start_one(*arguments: str, folder: Path = tmp_path / "data") -> Server:
        servers.append(Server(folder, *(arguments or ("--no-worker", "--port", str(free_port())))))
        return servers[-1]

    yield start_one
    for server in servers:
        server.process.kill()
        server.process.wait()


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``ltt serve`` that is expected to refuse."""
    return run_ltt(folder, "serve", "--no-browser", *arguments)


def test_it_serves_this_machine_and_stops_cleanly(start: Start, tmp_path: Path) -> None:
    server = start()
    assert str(tmp_path / "data") in server.said
    assert [server.get("/healthz"), server.get("/readyz"), server.get("/healthz", "localhost")] == [200, 200, 200]
    assert server.stop() == 0
    left = {path.name for path in (tmp_path / "data").iterdir()}
    assert "ltt.db" in left
    assert not left & {"ltt.db-wal", "ltt.db-shm", "serve.address"}


def test_only_the_owner_can_read_the_data_folder(start: Start, tmp_path: Path) -> None:
    start()
    folder = tmp_path / "data"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert not [path.name for path in folder.iterdir() if path.is_file() and path.stat().st_mode & 0o077]


def test_a_second_server_on_the_folder_is_refused(start: Start, tmp_path: Path) -> None:
    server = start()
    second = run(tmp_path / "data")
    assert second.returncode == 4
    assert f"127.0.0.1:{server.port}" in second.stderr
    assert server.get("/healthz") == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_an_address_that_others_can_reach_is_refused(tmp_path: Path, host: str) -> None:
    refused = run(tmp_path / "data", "--host", host)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()


def test_a_named_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refused = run(tmp_path / "data", "--port", str(other.getsockname()[1]))
    assert refused.returncode == 4
    assert "taken" in refused.stderr


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_wrong_usage(tmp_path: Path, port: str) -> None:
    assert run(tmp_path / "data", "--port", port).returncode == 2


def test_a_body_over_the_limit_is_refused_before_it_is_sent(start: Start) -> None:
    head = "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000000\r\n\r\n"
    answer = start().send(head.encode())
    assert answer.startswith("HTTP/1.1 413 ")
    assert "Content-Security-Policy: default-src 'none'" in answer


def test_a_chunked_body_over_the_limit_is_cut_off(start: Start) -> None:
    head = b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = start().send(head + b"300000\r\n" + b"x" * 0x200001)
    assert answer.startswith("HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "request_text", ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n"]
)
def test_a_malformed_request_is_answered_like_any_other(start: Start, request_text: str) -> None:
    answer = start().send(request_text.encode())
    assert answer.startswith("HTTP/1.") and " 400 " in answer.splitlines()[0]
    assert "nosniff" in answer


def test_two_host_headers_are_refused(start: Start) -> None:
    answer = start().send(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\nHost: evil.com\r\n\r\n")
    assert " 421 " in answer.splitlines()[0]


def test_a_worker_that_dies_is_started_again(start: Start) -> None:
    server = start("--port", str(free_port()))
    first = wait_for(server.children)[0]
    os.kill(first, signal.SIGKILL)
    second = wait_for(lambda: [pid for pid in server.children() if pid != first])[0]
    assert server.stop() == 0
    assert wait_for(lambda: not Path(f"/proc/{second}").exists())

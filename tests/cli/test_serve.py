"""``ltt serve`` as a process: its addresses, refusals, limits on the wire, worker and clean stop."""

import os
import signal
import socket
import subprocess
import sys
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


UPLOAD = b"POST /convert HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"


def test_a_body_is_judged_before_it_is_read(start: Start) -> None:
    server, form = start(), b"Content-Type: multipart/form-data; boundary=x\r\n"
    for headers, status in (
        (b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 900000000", 413),
        (b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 900000000\r\nExpect: 100-continue", 413),
        (b"Content-Type: text/csv\r\nContent-Length: 900000000", 413),
        (form + b"Content-Length: 9000000000", 413),
        (form + b"Content-Length: 900000000\r\nContent-Encoding: gzip", 415),
        (form + b"Content-Length: 900000000\r\nSec-Fetch-Site: cross-site", 403),
        (form + b"Content-Length: " + b"9" * 5000, 400),
    ):
        assert server.send(UPLOAD + headers + b"\r\n\r\n").startswith(f"HTTP/1.1 {status} "), headers
    # A line between chunks, and one after the last, that does not end.
    for between in (b"", b"0\r\n"):
        head = UPLOAD + form + b"Transfer-Encoding: chunked\r\n\r\n"
        assert server.send(head + between + b"1" * 5_000_000).startswith("HTTP/1.1 400 ")


def test_who_sends_all_of_a_refused_body_first_still_reads_the_answer(start: Start) -> None:
    size = 50_000_000
    head = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % size
    assert start().send(UPLOAD + head + b"x" * size).startswith("HTTP/1.1 413 ")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_a_huge_field_of_a_form_with_files_takes_no_memory(start: Start) -> None:
    server = start()
    body = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n' + b"x" * 150_000_000 + b"\r\n--x--\r\n"
    head = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(
        body
    )
    before = server.forget_peak()
    assert server.send(UPLOAD + head + body).startswith("HTTP/1.1 413 ")
    assert server.memory_mb() - before < 60


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs prlimit")
def test_a_body_for_which_the_disk_has_no_room_is_answered_so(start: Start, tmp_path: Path) -> None:
    import resource

    server = start()
    head = UPLOAD + b"Content-Type: multipart/form-data; boundary=x\r\nConnection: close\r\n"
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    body = part + b"q,a\r\n" * 600_000 + b"--x--\r\n"
    sent = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    try:
        _, most = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
        for request in (sent, chunked):
            answer = server.send(request)
            assert answer.startswith("HTTP/1.1 507 ") and "disk" in answer
        assert server.get("/healthz") == 200
    finally:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, most))
    assert not [*tmp_path.glob("data/tmp/*"), *tmp_path.glob("data/uploads/*")]
    assert server.send(sent).startswith("HTTP/1.1 403 ")  # The page's token is missing: all of it was taken.


def test_what_a_killed_server_buffered_is_swept(start: Start, tmp_path: Path) -> None:
    left = tmp_path / "data" / "tmp" / "ltt-left"
    left.mkdir(parents=True)
    start()
    assert left.parent.exists() and not left.exists()


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

"""A server under strain: writers that wait for a stopped process, readers that stall, too many clients, a full disk."""

import concurrent.futures
import contextlib
import itertools
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.web import LOCK_SECONDS
from tests.serving import ROOT, Reply, Server, free_port, run_ltt, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and signals of Linux")

HOLDER = """
import time
from app.factory import create_bare_app
from app.models import describe_process, transaction
describe_process("ltt import")
with create_bare_app().app_context(), transaction():
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A running server without a worker, with the settings that a test names."""
    settings: dict[str, str] = getattr(request, "param", {})
    running = Server(tmp_path / "data", "--no-worker", "--port", str(free_port()), **settings)
    yield running
    running.kill()


@contextlib.contextmanager
def stopped_writer(server: Server) -> Iterator[int]:
    """A process that was stopped, as by Ctrl+Z, while it held the write lock."""
    environment = {**os.environ, "LTT_DATA_DIR": str(server.folder), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], env=environment, stdout=subprocess.PIPE, text=True, cwd=server.folder
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGSTOP)
    try:
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def create(server: Server, name: str) -> Reply:
    return server.ask("POST", "/api/v1/datasets", {"name": name})


def test_a_stopped_writer_holds_up_writers_only_and_is_named(server: Server) -> None:
    with stopped_writer(server) as pid, concurrent.futures.ThreadPoolExecutor(20) as pool:
        writes = [pool.submit(create, server, f"set {number}") for number in range(20)]
        # Only a few wait on: so soon nobody can have waited to the end.
        wait_for(lambda: sum(write.done() for write in writes) >= 12, LOCK_SECONDS - 1)
        for path in ("/healthz", "/readyz", "/static/css/base.css", "/", "/api/v1/datasets"):
            began = time.monotonic()
            assert server.get(path) == 200
            assert time.monotonic() - began < 5
        for write in writes:
            answer = write.result()
            assert (answer.status, answer.json["error"]["code"]) == (503, "writer_stopped")
            assert answer.headers["Retry-After"]
            assert f"ltt import (process {pid}) has been writing since" in answer.json["error"]["message"]
        # A command that only reads is through as well.
        assert run_ltt(server.folder, "datasets").returncode == 0
    assert create(server, "afterwards").status == 201
    assert [one["name"] for one in server.api("GET", "/datasets")["datasets"]] == ["afterwards"]


def test_a_server_stops_though_a_stopped_process_holds_the_lock(server: Server) -> None:
    with stopped_writer(server):
        assert server.stop() == 0


@pytest.mark.parametrize("server", [{"LTT_MAX_LOG_MB": "32", "LTT_INLINE_MB": "20"}], indirect=True)
def test_readers_that_stall_hold_neither_threads_nor_the_log(server: Server) -> None:
    dataset_id = server.make_dataset()
    rows = [json.dumps({"question": f"Q{number}", "answer": "x" * 3000}) for number in range(3000)]
    server.bring(dataset_id, "\n".join(rows).encode())
    request = f"GET /api/v1/datasets/{dataset_id}/export?to=jsonl:openai HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.ExitStack() as stack:
        # More than there are threads, and each reads a little and then nothing.
        stalled: list[socket.socket] = []
        while len(stalled) < 20:
            connection = stack.enter_context(slow_connection(server))
            connection.sendall(request.encode())
            # Few are made at a time; the others are told to come again.
            if connection.recv(100).startswith(b"HTTP/1.1 200"):
                stalled.append(connection)
        pair = server.entries(dataset_id)[0]
        numbers = itertools.count()

        def log_after_a_write() -> float:
            number = next(numbers)
            answer = server.ask(
                "PATCH",
                f"/api/v1/datasets/{dataset_id}/entries/{pair['id']}",
                {"answer": f"{number}" + "y" * 900_000},
                If_Match=f'"{pair["version"] + number}"',
            )
            assert answer.status == 200
            return server.log_mb()

        # Whoever still reads for its file when these are written lets go of the log soon; a stalled one must not hold it.
        for _ in range(20):
            log_after_a_write()
        wait_for(lambda: log_after_a_write() < 8)
        # One that reads on gets all of the file as it was when it asked.
        received = read_all(stalled[0])
    assert received.endswith(b"0\r\n\r\n")
    assert received.count(b'"role":"user"') == 3000 and b"yyy" not in received
    wait_for(lambda: server.open_files() < 70)


@pytest.mark.parametrize("server", [{"LTT_INLINE_MB": "80"}], indirect=True)
def test_a_download_that_is_taken_quickly_does_not_stay_in_memory(server: Server) -> None:
    dataset_id = server.make_dataset()
    rows = [{"question": f"Question {number}?", "answer": f"{number} " + "x" * 300} for number in range(120_000)]
    server.bring(dataset_id, b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    address = f"/api/v1/datasets/{dataset_id}/export?to=jsonl:openai"
    server.ask("GET", f"{address}&q=77")
    held = server.forget_peak()
    assert len(server.ask("GET", address).body) > 40_000_000
    assert server.memory_mb() - held < 35


@pytest.mark.parametrize("server", [{"LTT_INLINE_MB": "40"}], indirect=True)
def test_without_room_for_what_waits_lists_are_whole_and_downloads_are_cut(server: Server) -> None:
    dataset_id = server.make_dataset()
    rows = [json.dumps({"question": f"Q{number}", "answer": "x" * 100_000}) for number in range(300)]
    server.bring(dataset_id, "\n".join(rows).encode())
    own = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (512 * 1024, own[1]))
    assert len(server.entries(dataset_id)) == 300
    with slow_connection(server) as connection:
        connection.sendall(f"GET /api/v1/datasets/{dataset_id}/export HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        connection.recv(100)
        wait_for(lambda: "An answer is cut" in server.said)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            received = read_all(connection)
        assert not received.endswith(b"0\r\n\r\n")
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, own)
    assert server.ask("GET", f"/api/v1/datasets/{dataset_id}/export").body.count(b'"user"') == 300


def slow_connection(server: Server) -> socket.socket:
    """A connection that takes in very little by itself."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", server.port))
    return connection


def read_all(connection: socket.socket) -> bytes:
    """The rest of a chunked answer."""
    received = bytearray()
    while not received.endswith(b"0\r\n\r\n") and (part := connection.recv(1 << 20)):
        received += part
    return bytes(received)


def test_more_clients_than_handles_are_told_to_come_again(tmp_path: Path) -> None:
    def confine() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    server = Server(tmp_path / "data", "--no-worker", "--port", str(free_port()), confine=confine)
    try:
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            for _ in range(3):
                answers = list(pool.map(lambda path: server.ask("GET", path), ["/", "/api/v1/datasets"] * 50))
                found = Counter(answer.status for answer in answers)
                assert set(found) <= {200, 503} and found[200] and found[503]
                assert all(answer.headers["Content-Security-Policy"] for answer in answers)
                assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)
        # Those that keep a connection and ask nothing make room for those that ask, and are told so.
        with contextlib.ExitStack() as stack:
            idle = [stack.enter_context(server.connect()) for _ in range(30)]
            time.sleep(1.5)
            assert server.get("/healthz") == 200
            assert sum(b" 503 " in one.recv(100) for one in idle[8:]) > 20
        assert create(server, "afterwards").status == 201
    finally:
        server.kill()


@pytest.mark.parametrize("server", [{"LTT_MAX_LOG_MB": "32", "LTT_INLINE_MB": "20"}], indirect=True)
def test_what_is_refused_for_want_of_space_is_not_there_and_all_else_is(server: Server) -> None:
    dataset_id = server.make_dataset()
    rows = [json.dumps({"question": f"Q{number}", "answer": "x" * 3000}) for number in range(1000)]
    server.bring(dataset_id, "\n".join(rows).encode())
    # The log may grow to 2 MB; the database is larger than that already, so that its log cannot be folded.
    own = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (2 * 1024 * 1024, own[1]))
    answers = []
    for number in range(30):
        pair = {"question": f"New {number}", "answer": str(number) * 100_000}
        answers.append(server.ask("POST", f"/api/v1/datasets/{dataset_id}/entries", pair))
    assert {answer.status for answer in answers} == {201, 507}
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, own)
    stored = {one["question"] for one in server.entries(dataset_id)}
    assert stored == {f"Q{number}" for number in range(1000)} | {
        f"New {number}" for number, answer in enumerate(answers) if answer.status == 201
    }
    assert create(server, "afterwards").status == 201
    assert run_ltt(server.folder, "verify").returncode == 0

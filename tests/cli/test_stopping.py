"""A server that is told to stop while it sends: it cuts the stream, frees its reads and leaves a closed database."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
import sys
from app import create_app
from app.models import reading
from app.server import run, sockets
from app.services import schema

app = create_app()
with app.app_context():
    schema.prepare_schema()


@app.get("/endless")
def endless():
    def rows():
        with app.app_context(), reading() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM datasets").fetchall()
            while True:
                yield b"x" * 65536

    return app.response_class(rows())


bound, port = sockets.bind_sockets(["127.0.0.1"], int(sys.argv[1]), exact=True)
run.serve_until_stopped(app, bound, None, lambda: print("ready", flush=True))
"""


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server with a page that never ends, and its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "LTT_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(port)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    yield process, port
    process.kill()
    process.communicate()


def ask(port: int) -> socket.socket:
    """A connection on which the endless page has begun."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    return connection


def stop(process: subprocess.Popen[str]) -> int:
    """End the server by SIGTERM; its exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


def test_a_client_that_reads_nothing_cannot_hold_up_the_stop(endless, tmp_path: Path) -> None:
    process, port = endless
    connection = ask(port)
    # Long enough for the server to fill what lies between it and a client that does not read.
    time.sleep(0.5)
    assert stop(process) == 0
    assert not (tmp_path / "data" / "ltt.db-wal").exists()
    connection.close()


def test_a_stream_that_is_cut_does_not_look_whole(endless) -> None:
    process, port = endless
    received = b""
    with ask(port) as connection, contextlib.suppress(ConnectionResetError):
        process.send_signal(signal.SIGTERM)
        while part := connection.recv(1 << 20):
            received = (received + part)[-100:]
    assert not received.endswith(b"0\r\n\r\n")
    assert process.wait(60) == 0


def test_a_client_that_leaves_frees_its_read(endless, tmp_path: Path) -> None:
    process, port = endless
    for _ in range(20):
        ask(port).close()
    started = time.monotonic()
    ask(port).close()
    assert time.monotonic() - started < 5, "all threads are still busy with clients that have left"
    assert stop(process) == 0

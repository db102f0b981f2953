"""A real ``ltt serve`` in a process of its own, over a data folder of its own, and a client for it."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import keys

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Reply:
    """What the server answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def etag(self) -> str:
        """The version of what was answered, for If-Match."""
        return self.headers["ETag"]


class Server:
    """A running server. What it prints and logs goes into a file beside its data folder."""

    def __init__(
        self, folder: Path, *arguments: str, confine: Callable[[], object] | None = None, **environment: str
    ) -> None:
        self.folder = folder
        self.log = folder.with_name(f"{folder.name}-server.log")
        own = {"LTT_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT), "CI": "true"}
        command = [sys.executable, "-m", "app", "serve", "--no-browser", *arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, **own, **environment},
                cwd=folder.parent,
                stdout=log,
                stderr=log,
                preexec_fn=confine,
            )
        wait_for(lambda: "Stop with" in self.said or self.process.poll() is not None, 180)
        assert self.process.poll() is None, self.said
        self.port = int(re.search(r"127\.0\.0\.1:(\d+)", self.said)[1])
        self.token = keys.api_token(folder)

    @property
    def said(self) -> str:
        """What it has printed and logged."""
        return self.log.read_text(encoding="utf-8")

    def get(self, path: str, host: str = "127.0.0.1") -> int:
        """The status of a GET."""
        return urllib.request.urlopen(f"http://{host}:{self.port}{path}", timeout=60).status

    def send(self, data: bytes) -> str:
        """What is answered to raw bytes, until the server closes."""
        with self.connect() as connection:
            connection.sendall(data)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        return answer.decode("latin-1")

    def connect(self) -> socket.socket:
        """A connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request of a script that knows the token; ``If_Match`` is the header If-Match."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Authorization": f"Bearer {self.token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, dict):
            body, sent = json.dumps(body), {"Content-Type": "application/json", **sent}
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """What the API answers; it must not be a refusal."""
        answer = self.ask(method, f"/api/v1{path}", body, **headers)
        assert answer.status < 400, f"{method} {path}: {answer.status} {answer.body[:500]!r}"
        return answer.json

    def make_dataset(self, name: str = "Tests") -> int:
        """The id of a new dataset."""
        return int(self.api("POST", "/datasets", {"name": name})["id"])

    def bring(self, dataset_id: int, data: bytes, name: str = "x.jsonl", **options: str) -> dict[str, Any]:
        """Import a file and wait for its end; the counts."""
        query = "".join(f"&{key}={value}" for key, value in options.items())
        sent = self.api("POST", f"/datasets/{dataset_id}/imports?name={name}{query}", data)
        if "import_id" in sent:
            assert self.await_end(sent["job"]["id"])["state"] == "done"
            sent = self.api("GET", f"/datasets/{dataset_id}/imports/{sent['import_id']}")
        return sent

    def await_end(self, job_id: int, seconds: float = 120) -> dict[str, Any]:
        """A job once it has ended."""

        def ended() -> Any:
            job = self.api("GET", f"/jobs/{job_id}")
            return job if job["state"] not in ("queued", "running", "publishing") else None

        return wait_for(ended, seconds)

    def entries(self, dataset_id: int) -> list[dict[str, Any]]:
        """All pairs of a dataset."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.api("GET", f"/datasets/{dataset_id}/entries?limit=1000&cursor={cursor}")
            found += page["entries"]
            if not (cursor := page["next"]):
                return found

    def digest(self) -> dict[str, str]:
        """The digests of all that is stored."""
        return self.api("GET", "/digest")

    @contextlib.contextmanager
    def unharmed(self, seconds: float = 60) -> Iterator[None]:
        """What happens in it takes no longer, changes nothing, and leaves a server that answers at once."""
        before, began = self.digest(), time.monotonic()
        yield
        assert time.monotonic() - began < seconds
        assert self.get("/healthz") == 200
        assert self.digest() == before

    def children(self) -> list[int]:
        """The processes that it started and that still run."""
        return children(self.process.pid)

    def memory_mb(self) -> float:
        """The most memory that the web process held since ``forget_peak`` (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024

    def forget_peak(self) -> float:
        """Measure the peak of the memory from now on; the memory that is held now."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self.memory_mb()

    def open_files(self) -> int:
        """How many files and connections the web process holds (Linux)."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def log_mb(self) -> float:
        """The size of the write-ahead log. Its size is asked for; only SQLite opens the file."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / "ltt.db-wal").stat().st_size / 1024**2
        return 0.0

    def kill(self) -> None:
        """kill -9 of the server and of what it started."""
        for pid in [self.process.pid, *self.children()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """End it by SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_ltt(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of ltt in a process of its own."""
    environment = {**os.environ, "LTT_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(
        command, **{"env": environment, "capture_output": True, "text": True, "timeout": 60, **options}
    )


def children(parent: int) -> list[int]:
    """The processes that another one has started and that still run."""
    listed = subprocess.run(["ps", "--ppid", str(parent), "-o", "pid=,stat="], capture_output=True, text=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "Z" not in line.split()[1]]


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """The condition's value once it is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return value

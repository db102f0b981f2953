"""How long page views and saves take while a long job runs: a real server, its worker, and one impatient user."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT

PAUSE_SECONDS = 0.05
# The worker starts beside the server and needs a moment more.
WORKER_SECONDS = 3
LTT = (sys.executable, "-m", "app")


@dataclass
class Client:
    """Speaks to the server as a script with the API token does."""

    port: int
    token: str
    times: dict[str, list[float]] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, *, note: str = "", **headers: str) -> tuple[int, bytes]:
        """One request; its milliseconds are noted under ``note``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        began = time.monotonic()
        token = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        connection.request(method, path, body, {**token, **headers})
        answer = connection.getresponse()
        data = answer.read()
        if note:
            self.times.setdefault(note, []).append((time.monotonic() - began) * 1000)
        connection.close()
        return answer.status, data

    def json(self, method: str, path: str, body: Any = None, *, note: str = "", **headers: str) -> Any:
        """A request whose answer is JSON. Raises where it fails."""
        data = json.dumps(body) if isinstance(body, dict) else body
        status, answer = self.ask(method, path, data, note=note, **{"Content-Type": "application/json", **headers})
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {answer[:300]!r}")
        return json.loads(answer)


@contextlib.contextmanager
def server(folder: Path) -> Iterator[tuple[Client, int]]:
    """A server with its worker over a data folder; gives a client and the server's process id."""
    port = free_port()
    process = start_server(folder, port, stdout=subprocess.DEVNULL)
    try:
        client = Client(port, "")
        _wait_for(client)
        client.token = ltt(folder, "token").split()[-1]
        time.sleep(WORKER_SECONDS)
        yield client, process.pid
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def start_server(folder: Path, port: int, **streams: Any) -> subprocess.Popen[bytes]:
    """Start ``ltt serve`` with its worker over a data folder."""
    command = [*LTT, "serve", "--no-browser", "--port", str(port)]
    return subprocess.Popen(command, cwd=ROOT, env=_environment(folder), **streams)


def ltt(folder: Path, *arguments: str) -> str:
    """What a command of ltt prints. Raises where it fails."""
    command = [*LTT, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=_environment(folder), capture_output=True, text=True, check=True
    ).stdout


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "LTT_DATA_DIR": str(folder), "LTT_LOG_LEVEL": "WARNING"}


def _wait_for(client: Client) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError):
            if client.ask("GET", "/readyz")[0] == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("The server did not start.")


def watch(client: Client, pid: int, dataset_id: int, job_id: int) -> tuple[float, float]:
    """View pages and save pairs until the job ends. Returns its seconds and the growth of the server in MB."""
    began, before, peak, number = time.monotonic(), resident_mb(pid), 0.0, 0
    pairs = client.json("GET", f"/api/v1/datasets/{dataset_id}/entries?limit=50")["entries"]
    while (job := client.json("GET", f"/api/v1/jobs/{job_id}"))["state"] in ("queued", "running", "publishing"):
        client.ask("GET", f"/datasets/{dataset_id}/pairs", note="page view")
        one = pairs[number % len(pairs)]
        path = f"/api/v1/datasets/{dataset_id}/entries/{one['id']}"
        saved = client.json(
            "PATCH", path, {"answer": f"Answer {number}."}, note="save", **{"If-Match": f'"{one["version"]}"'}
        )
        one["version"] = saved["version"]
        number += 1
        peak = max(peak, resident_mb(pid))
        time.sleep(PAUSE_SECONDS)
    if job["state"] != "done":
        raise RuntimeError(f"The job ended as {job['state']}: {job.get('error')}")
    return time.monotonic() - began, peak - before


def resident_mb(pid: int) -> float:
    """The memory that a process holds, in MB (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2


def report(what: str, rows: int, seconds: float, grown_mb: float, times: dict[str, list[float]]) -> str:
    """The latencies as Markdown."""
    lines = [f"## {what}, {rows:,} pairs", ""]
    lines.append(f"The job took {seconds:.1f} s; the web server's memory grew by {grown_mb:.0f} MB.")
    lines += ["", "| request | number | median ms | p99 ms | longest ms |", "|---|---|---|---|---|"]
    for note, found in times.items():
        p99 = statistics.quantiles(found, n=100, method="inclusive")[98] if len(found) > 1 else found[0]
        lines.append(f"| {note} | {len(found)} | {statistics.median(found):.0f} | {p99:.0f} | {max(found):.0f} |")
    return "\n".join(lines) + "\n"


def during_import(folder: Path, source: Path, rows: int) -> str:
    """Views and saves while a file is imported into the dataset that is looked at."""
    data = folder / "meanwhile"
    data.mkdir()
    with server(data) as (client, pid):
        dataset_id = client.json("POST", "/api/v1/datasets", {"name": "Meanwhile"})["id"]
        few = b"question,answer\n" + b"".join(b"Question %d?,Answer.\n" % number for number in range(1000))
        client.json("POST", f"/api/v1/datasets/{dataset_id}/imports?name=few.csv", few)
        with source.open("rb") as file:
            started = client.json("POST", f"/api/v1/datasets/{dataset_id}/imports?name=chat.jsonl", file)
        seconds, grown = watch(client, pid, dataset_id, started["job"]["id"])
    return report("during import", rows, seconds, grown, client.times)


def during_clean(filled: Path, rows: int) -> str:
    """Views and saves while a pattern is replaced in the dataset that is looked at."""
    from benchmarks.cleaning import OURS

    data = filled.with_name("meanwhile-clean")
    shutil.copytree(filled, data)
    old, new, mode = OURS["regex"]
    step = {"operation": "find-replace", "options": {"find": old, "replace": new, "mode": mode}, "fields": ["answer"]}
    with server(data) as (client, pid):
        started = client.json("POST", "/api/v1/datasets/1/clean", {"steps": [step]})
        seconds, grown = watch(client, pid, 1, started["job"]["id"])
    return report("during clean", rows, seconds, grown, client.times)

"""Exports over HTTP and the page of exports: a real server, one client, and what the server holds meanwhile."""

import http.client
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import measure
from benchmarks.meanwhile import Client, resident_mb, server

# What is asked for, and the program that writes the same as plainly as can be.
FILES = {"jsonl:openai": "raw_export", "csv:columns": "raw_csv_export"}
PIECE = 1024 * 1024
DROPPED = 20
VIEWS = 7


@dataclass
class Download:
    """The runs of one kind of file: seconds in all, seconds to the first byte, and the server's memory in MB."""

    raw: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    grown: list[float] = field(default_factory=list)


def report(filled: Path, rows: int, runs: int) -> str:
    """The section of the report."""
    data, out = filled.with_name("downloads"), filled.with_name("out")
    shutil.copytree(filled, data)
    found = {to: Download() for to in FILES}
    measure.run("programs", "count_export", data)
    with server(data) as (client, pid):
        lines = _page_lines(client)
        for _ in range(runs):
            for to, raw in FILES.items():
                found[to].raw.append(measure.run("programs", raw, data, out).wall)
                _download(client, pid, to, out, found[to])
        dropped = _drop(client, pid)
    table = ["| file | raw s | s | × raw | first byte s | server peak MB | grown MB |", "|---|---|---|---|---|---|---|"]
    for to, one in found.items():
        raw, whole = statistics.median(one.raw), statistics.median(one.whole)
        table.append(
            f"| {to} | {raw:.2f} | {whole:.2f} | {whole / raw:.2f} | {max(one.first):.2f} "
            f"| {max(one.peaks):.0f} | {max(one.grown):.0f} |"
        )
    return "\n".join([f"## downloads, {rows:,} pairs, median of {runs}", "", *table, "", dropped, "", *lines]) + "\n"


@contextmanager
def _asked(client: Client, to: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=120)
    connection.request("GET", f"/api/v1/datasets/1/export?to={to}", headers={"Authorization": f"Bearer {client.token}"})
    try:
        yield connection.getresponse()
    finally:
        connection.close()


def _download(client: Client, pid: int, to: str, out: Path, found: Download) -> None:
    before, peak, began = resident_mb(pid), 0.0, time.monotonic()
    with _asked(client, to) as answer, out.open("wb") as file:
        file.write(answer.read(1))
        found.first.append(time.monotonic() - began)
        while piece := answer.read(PIECE):
            file.write(piece)
            peak = max(peak, resident_mb(pid))
    found.whole.append(time.monotonic() - began)
    found.peaks.append(peak)
    found.grown.append(peak - before)


def _drop(client: Client, pid: int) -> str:
    """Leave downloads after their first megabyte, twice, and say what the server holds after each."""
    held = [resident_mb(pid)]
    for _ in range(2):
        for _ in range(DROPPED):
            with _asked(client, "jsonl:openai") as answer:
                # Refused where those that were left still take their places.
                if answer.status != 200:
                    raise RuntimeError(f"After a download that was left: {answer.status} {answer.read()[:300]!r}")
                answer.read(PIECE)
            time.sleep(0.5)
        time.sleep(2)
        held += [resident_mb(pid), *(len(list(Path(f"/proc/{pid}/{what}").iterdir())) for what in ("fd", "task"))]
    before, once, files, threads, twice, files_then, threads_then = held
    return (
        f"After {DROPPED} downloads that were left after their first megabyte the server has {files} open files and "
        f"{threads} threads, and {once - before:.0f} MB more than before; after another {DROPPED} {files_then}, "
        f"{threads_then} and {twice - before:.0f} MB."
    )


def _page_lines(client: Client) -> list[str]:
    """How long the page of exports takes: the first time, again, and after each of some edits."""
    page, pairs = "/datasets/1/export?to=openai", "/api/v1/datasets/1/entries"
    client.ask("GET", page, note="page of the export, the first after the start")
    for _ in range(VIEWS):
        client.ask("GET", page, note="the same again")
    for to in ("csv", "xlsx", "huggingface", "trl-kto"):
        client.ask("GET", f"/datasets/1/export?to={to}", note="for a target that nobody counted yet")
    for one in client.json("GET", f"{pairs}?limit={VIEWS}")["entries"]:
        body = {"answer": f"{one['answer']} More."}
        client.json("PATCH", f"{pairs}/{one['id']}", body, **{"If-Match": f'"{one["version"]}"'})
        client.ask("GET", page, note="after an edit")
    lines = ["| page | number | median ms | longest ms |", "|---|---|---|---|"]
    for note, times in client.times.items():
        lines.append(f"| {note} | {len(times)} | {statistics.median(times):.0f} | {max(times):.0f} |")
    return lines

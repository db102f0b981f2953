"""Lists, searches and saves of a large dataset, one request after the other, beside Datasette over the same rows.

``BENCH_DATASETTE`` names the program of a Datasette that is installed elsewhere. Without one it is told, loudly,
that it was left out; so is the older LLMTrainingTools, which cannot be installed as a package.
"""

import contextlib
import http.client
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import corpus
from benchmarks.meanwhile import Client, free_port, server
from benchmarks.soak import quantile

TIMES = 60
# Frequent and rare words of the corpus, several, a phrase, a beginning.
SEARCHES = ("password", "archive restart", '"restart the program"', "cert", "voucher from abroad")
# Ours looks for it inside words as well, in all texts, and says so where that takes too long.
UNHEARD = "zzzunheard"
Ask = Callable[[int], str]


def report(folder: Path, rows: int) -> str:
    """The times of each request, ours and the other's, as Markdown."""
    data = folder / "filled"
    if not data.exists():
        from benchmarks.measure import run

        data.mkdir()
        run("programs", "product_import", corpus.jsonl(folder / "chat.jsonl", rows), data)
    pages = folder / "pages"
    shutil.copytree(data, pages)
    lines = [f"## pages, {rows:,} pairs, {TIMES} requests each, one after the other", ""]
    lines += ["| program | request | median ms | p95 ms | longest ms |", "|---|---|---|---|---|"]
    with server(pages) as (client, _):
        waited = await_index(pages / "ltt.db")
        lines += rows_of("ours", client, ours(client))
    program = os.environ.get("BENCH_DATASETTE") or shutil.which("datasette")
    notes = [f"The index for searches had caught up {waited:.0f} s after the start of the server."] if waited else []
    if program:
        with datasette(program, pages / "ltt.db", folder / "pairs.db") as other:
            lines += rows_of("Datasette", other, theirs(folder / "pairs.db"))
        notes.append("Datasette has no form to save a row with.")
    else:
        notes.append("**Datasette was left out: it is not installed.** Name its program in BENCH_DATASETTE.")
    notes.append("**The older LLMTrainingTools was left out**: it is no package that could be installed here.")
    for note in notes:
        print(note, file=sys.stderr)
    return "\n".join([*lines, "", *notes]) + "\n"


def await_index(path: Path) -> float:
    """Wait until all pairs are in the index. Returns the seconds."""
    began, waited = time.monotonic(), 0.0
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        newest = connection.execute("SELECT max(id) FROM entries").fetchone()[0]
        question = "SELECT index_number > 0 AND index_upto >= ? AND facts_upto >= ? FROM search_states"
        while (connection.execute(question, (newest, newest)).fetchone() or (0,))[0] != 1:
            if time.monotonic() - began > 1800:
                raise RuntimeError("The index did not catch up within half an hour.")
            time.sleep(1)
            waited = time.monotonic() - began
    return waited


def ours(client: Client) -> dict[str, Ask]:
    """What our pages are asked, by name: each gives an address, or does the whole request and gives none."""
    pairs, chance = "/datasets/1/pairs", random.Random(1)
    entries = "/api/v1/datasets/1/entries"
    newest = client.json("GET", f"{entries}?order=newest&limit=50")["entries"]
    cursors, cursor = [], ""
    for _ in range(40):
        cursor = client.json("GET", f"{entries}?order=newest&limit=1000&cursor={cursor}")["next"]
        if not cursor:
            break
        cursors.append(cursor)

    def save(number: int) -> str:
        one = newest[number % len(newest)]
        path = f"{entries}/{one['id']}"
        saved = client.json(
            "PATCH", path, {"answer": f"Answer {number}."}, note="save", **{"If-Match": f'"{one["version"]}"'}
        )
        one["version"] = saved["version"]
        return ""

    return {
        "list with facets": lambda n: pairs,
        "list, deep": lambda n: f"{pairs}?cursor={chance.choice(cursors)}",
        "list of a status": lambda n: f"{pairs}?status=review",
        "search": lambda n: f"{pairs}?q={SEARCHES[n % len(SEARCHES)].replace(' ', '+')}",
        "search, not found": lambda n: f"{pairs}?q={UNHEARD}{n}",
        "save": save,
    }


def theirs(path: Path) -> dict[str, Ask]:
    """The same of Datasette."""
    chance = random.Random(1)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        last = connection.execute("SELECT max(id) FROM pairs").fetchone()[0]
    return {
        "list with facets": lambda n: "/pairs/pairs?_facet=status&_facet=split&_size=50",
        "list, deep": lambda n: f"/pairs/pairs?_facet=status&_size=50&_next={chance.randrange(last)}",
        "list of a status": lambda n: "/pairs/pairs?status=review&_facet=status&_size=50",
        "search": lambda n: f"/pairs/pairs?_size=50&_search={SEARCHES[n % len(SEARCHES)].replace(' ', '+')}",
        "search, not found": lambda n: f"/pairs/pairs?_size=50&_search={UNHEARD}{n}",
    }


def rows_of(program: str, client: Client, asks: dict[str, Ask]) -> list[str]:
    """The rows of the table: each request once unmeasured, then so many times."""
    client.times.clear()
    refused = Counter[str]()
    for name, ask in asks.items():
        for number in range(-1, TIMES):
            if address := ask(max(number, 0)):
                status, _ = client.ask("GET", address, note=name if number >= 0 else "")
                if status != 200:
                    refused[name] += number >= 0
    return [
        f"| {program} | {name}{f', {refused[name]} refused' if refused[name] else ''} "
        f"| {quantile(found, 50):.0f} | {quantile(found, 95):.0f} | {max(found):.0f} |"
        for name, found in client.times.items()
    ]


@contextlib.contextmanager
def datasette(program: str, source: Path, path: Path) -> Iterator[Client]:
    """Datasette over the same pairs in a table of its own, with indexes and a full-text index."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("ATTACH ? AS ours", (str(source),))
        connection.executescript(
            "CREATE TABLE pairs (id INTEGER PRIMARY KEY, question TEXT, answer TEXT, status TEXT, split TEXT);"
            "INSERT INTO pairs SELECT id, question, answer, status, split FROM ours.entries WHERE deleted_in IS NULL;"
            "CREATE INDEX by_status ON pairs (status); CREATE INDEX by_split ON pairs (split);"
            "CREATE VIRTUAL TABLE pairs_fts USING fts5(question, answer, content='pairs', content_rowid='id');"
            "INSERT INTO pairs_fts (pairs_fts) VALUES ('rebuild'); ANALYZE;"
        )
    port = free_port()
    command = [program, "serve", str(path), "--port", str(port), "--setting", "sql_time_limit_ms", "60000"]
    command += ["--setting", "facet_time_limit_ms", "60000"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = Client(port, "")
    try:
        for _ in range(300):
            with contextlib.suppress(OSError, http.client.HTTPException):
                if client.ask("GET", "/")[0] == 200:
                    break
            time.sleep(0.1)
        yield client
    finally:
        process.terminate()
        process.wait(30)

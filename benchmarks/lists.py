"""Pages of pairs with their counts: how long the server works for each, at any depth, filtered and sorted."""

import json
import os
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import ROOT

LOOKS = 40
PAGES = {
    "newest, any depth": "",
    "status, any depth": "status=approved",
    "a rare status": "status=rejected",
    "not a status, a tag": "not_status=draft&tag=t7",
    "a split and a range of tokens": "split=test&tokens_from=40&tokens_to=60",
    "longest, any depth": "order=longest",
    "edited last": "order=edited",
    "random, any depth": "order=random&seed=7",
}


def report(filled: Path, rows: int) -> str:
    """The times of the pages as Markdown."""
    data = filled.with_name("lists")
    shutil.copytree(filled, data)
    with sqlite3.connect(data / "ltt.db") as connection:
        connection.execute(
            "UPDATE entries SET split = CASE id % 10 WHEN 0 THEN 'test' WHEN 1 THEN 'validation' ELSE 'train' END, "
            "status = CASE WHEN id % 9973 = 0 THEN 'rejected' WHEN id % 3 = 0 THEN 'approved' "
            "WHEN id % 20 = 1 THEN 'draft' ELSE 'review' END, tags = '[\"t' || (id % 20) || '\"]' WHERE 1"
        )
        counts = dict(connection.execute("SELECT status, count(*) FROM entries GROUP BY status"))
        connection.execute("UPDATE datasets SET counts = ?", (json.dumps(counts),))
    command = [sys.executable, "-m", "benchmarks.lists", str(rows)]
    environment = {**os.environ, "LTT_DATA_DIR": str(data), "LTT_LOG_LEVEL": "WARNING"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def _look(rows: int) -> Iterator[str]:
    from app import create_app
    from app.services import pairs, search
    from app.services.pairs import Selection

    app = create_app()
    client = app.test_client()
    chance = random.Random(1)

    def timed(address: str) -> tuple[float, str]:
        began = time.perf_counter()
        answer = client.get(address)
        page = answer.get_data(as_text=True)
        if answer.status_code != 200:
            raise RuntimeError(f"{address}: {answer.status_code}")
        return 1000 * (time.perf_counter() - began), page

    with app.app_context():
        began = time.perf_counter()
        while search.catch_up():
            pass
        caught_up = time.perf_counter() - began
    timed("/")
    first, _ = timed("/datasets/1/pairs")
    counted, page = timed("/datasets/1/pairs?counts=now")
    yield f"## lists, {rows:,} pairs\n"
    yield "Milliseconds of the server for a whole page of 50 pairs with all counts, each address for the first time.\n"
    yield f"Facts and index were made in {caught_up:.0f} s. The first page after a start took {first:.0f} ms,"
    yield f"the counts that followed it {counted:.0f} ms; the page has {len(page.encode()) / 1000:.0f} kB.\n"
    yield "| page | p50 | p95 | longest |\n|---|---|---|---|"
    for title, query in PAGES.items():
        times = []
        cursors = [""]
        for _ in range(LOOKS):
            spent, page = timed(f"/datasets/1/pairs?{query}&cursor={chance.choice(cursors)}")
            times.append(spent)
            if "order=" not in query:
                cursors.append(f"after:{chance.randint(1, rows)}")
            elif found := re.search(r'cursor=([^&"]+)[^"]*" rel="next"', page):
                cursors.append(found[1])
        yield _line(title, times)
    after = []
    for number in range(LOOKS):
        with app.app_context():
            pairs.set_status(1, Selection(ids=(number + 1,)), "approved" if number % 2 else "draft")
        after.append(timed("/datasets/1/pairs?status=approved")[0])
    yield _line("status, each after a write", after)


def _line(title: str, times: list[float]) -> str:
    p95 = statistics.quantiles(times, n=20, method="inclusive")[18]
    return f"| {title} | {statistics.median(times):.0f} | {p95:.0f} | {max(times):.0f} |"


if __name__ == "__main__":
    for line in _look(int(sys.argv[1])):
        print(line)

"""Searching: what the worker makes for it, pages of answers with their counts, and what follows a write.

Every query is asked for the first time, and then again as who turns the pages does. The list comes first, and what is
counted beside it after that, as a page of a large dataset asks for them.
"""

import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from benchmarks.measure import ROOT

# All requests together take no longer than this; what is not reached is named.
MOST_SECONDS = 150.0
AGAIN = 3
SAVES = 40
# So many entries get texts of other scripts.
ODD_EVERY = 5_000
ODD = "Die Wäge-Äpfel im Café: 请先去皮，然后称重。 node.js"
QUERIES = {
    "a frequent word": ("voucher",),
    "the beginning of a word": ("certif",),
    "a rare word": ("4711",),
    "two words": ("voucher abroad", "renew mailbox"),
    "a phrase": ('"open the settings"', '"the old parcel stays"'),
    "a word without another": ("voucher -abroad", "printer -restart"),
    "a word that is not there": ("-voucher", "-minutes"),
    "in one field": ("question:voucher", "answer:archive"),
    "labels and measures": ("status:draft", "voucher status:draft", "voucher len>300", "tag:none"),
    "accents": ("apfel", "café"),
    "Han": ("称", "称重"),
    "marks": ("e-mail", "-e-mail", "node.js", '"live"'),
    "a regular expression with words": ("voucher abroad regex:/case 1\\d\\d\\b/",),
    "inside words": ("oucher", "assword", "ubscrip"),
    "inside words, with a dash": ("he-mai", "-mail withi", "ail-wit"),
    "nowhere": ("zyzzyva", "qwertzuiop"),
}


def report(filled: Path, rows: int) -> str:
    """The times of searches as Markdown."""
    data = filled.with_name("search")
    shutil.copytree(filled, data)
    with sqlite3.connect(data / "ltt.db") as connection:
        connection.execute(
            f"UPDATE entries SET answer = ?, content_hash = NULL WHERE id % {ODD_EVERY} = 1",
            (ODD,),
        )
    command = [sys.executable, "-m", "benchmarks.search", str(rows)]
    environment = {**os.environ, "LTT_DATA_DIR": str(data), "LTT_LOG_LEVEL": "WARNING"}
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def _size_of(data: Path) -> int:
    """Bytes of all pages of the database, also of those that are still in its log."""
    with closing(sqlite3.connect(data / "ltt.db")) as connection:
        pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages) * int(size)


def _search(rows: int) -> Iterator[str]:
    from app import create_app
    from app.models import SearchState, close_connections, db, end_reading
    from app.services import entries, pairs, search

    data = Path(os.environ["LTT_DATA_DIR"])
    app = create_app()
    client = app.test_client()
    before = size = _size_of(data)
    with app.app_context():
        began = time.perf_counter()
        # The facts come first, the index after them, and the list of its words at last.
        spent = {"facts": 0.0, "index": 0.0}
        grown = {"facts": 0, "index": 0}
        is_left = True
        while is_left:
            state = db.session.get(SearchState, 1)
            part = "index" if state and (state.build_number or state.index_number) else "facts"
            end_reading()
            started = time.process_time()
            is_left = search.catch_up()
            spent[part] += time.process_time() - started
            size, old = _size_of(data), size
            grown[part] += size - old
        took = time.perf_counter() - began
        close_connections()
    with closing(sqlite3.connect(data / "ltt.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def timed(query: str, *, counts: bool = False) -> float:
        began = time.perf_counter()
        answer = client.get(f"/datasets/1/pairs?{'counts=now&' if counts else ''}q={quote(query)}")
        took = 1000 * (time.perf_counter() - began)
        if answer.status_code not in (200, 422):
            raise RuntimeError(f"{query}: {answer.status_code}")
        return took

    timed("")
    timed("", counts=True)
    yield f"## search, {rows:,} pairs\n"
    said = " and ".join(f"{name} in {cpu:.0f} s ({rows / cpu:,.0f} pairs a second)" for name, cpu in spent.items())
    yield f"Facts and index were made in {took:.0f} s; of one core: {said}."
    sizes = " and ".join(f"by {grown[name] / 1e6:,.0f} MB with the {name}" for name in grown)
    yield f"The database grew {sizes}, from {before / 1e6:,.0f} MB.\n"
    yield "Milliseconds of the server for a page of 50 pairs, of all queries of a kind; then of that with counts.\n"
    yield "| queries | first, p50 | first, longest | first counts, longest | again, p95 | counts again, p95 |"
    yield "|---|---|---|---|---|---|"
    deadline = time.perf_counter() + MOST_SECONDS
    left = []
    for title, queries in QUERIES.items():
        firsts, counted, agains, recounted = [], [], [], []
        for query in queries:
            if time.perf_counter() > deadline:
                left.append(query)
                continue
            firsts.append(timed(query))
            counted.append(timed(query, counts=True))
            agains += [timed(query) for _ in range(AGAIN)]
            recounted += [timed(query, counts=True) for _ in range(AGAIN)]
        if not firsts:
            continue
        yield (
            f"| {title}: {', '.join(f'`{one}`' for one in queries)} | {statistics.median(firsts):.0f} | "
            f"{max(firsts):.0f} | {max(counted):.0f} | {_p95(agains):.0f} | {_p95(recounted):.0f} |"
        )
    saves, follows = [], []
    for number in range(SAVES):
        if number and time.perf_counter() > deadline + MOST_SECONDS / 2:
            break
        with app.app_context():
            held = entries.get(1, number + 2)
            began = time.perf_counter()
            pairs.save_pair(1, held.id, {"question": f"Where is bench{number}?"}, version=held.version)
            saves.append(1000 * (time.perf_counter() - began))
        follows.append(timed(f"bench{number}"))
    yield "\n| after a write | p50 | p95 |\n|---|---|---|"
    yield f"| saving a pair | {statistics.median(saves):.0f} | {_p95(saves):.0f} |"
    yield f"| searching the word that was just written | {statistics.median(follows):.0f} | {_p95(follows):.0f} |"
    if left:
        yield f"\nNot reached within {MOST_SECONDS:.0f} seconds: {', '.join(left)}."


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[18] if len(times) > 1 else times[0]


if __name__ == "__main__":
    for line in _search(int(sys.argv[1])):
        print(line)

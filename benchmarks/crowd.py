"""Thirty-two people who write and thirty-two who read, all at once, for two minutes: who waits, and what is lost.

Each writer appends tokens of its own to pairs that all others write to, each time with If-Match, and now and then adds
a pair. Readers look at lists, searches, the editor and the review. In the end each token that was acknowledged stands
there once; an answer of 500 or more, and one that speaks of a lock, is a breach.
"""

import http.client
import json
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.meanwhile import Client, server
from benchmarks.soak import quantile

WRITERS = READERS = 32
SECONDS, SHARED, ROWS = 120, 64, 20_000
TOKEN = re.compile(r"<(\w+)>")


@dataclass
class Crowd:
    """What all of them did."""

    client: Client
    dataset_id: int
    pairs: list[int]
    until: float
    times: dict[str, list[float]] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    stored: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def ask(self, note: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, str]:
        """One request: its status, its JSON and its ETag."""
        connection = http.client.HTTPConnection("127.0.0.1", self.client.port, timeout=60)
        began = time.monotonic()
        try:
            sent = json.dumps(body) if body is not None else None
            said = {"Authorization": f"Bearer {self.client.token}"}
            said |= {"Content-Type": "application/json"} if sent else {}
            connection.request(method, path, sent, {**said, **headers})
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.broken.append(f"{method} {path}: {error!r}")
            return 0, {}, ""
        finally:
            connection.close()
        self.times.setdefault(note, []).append((time.monotonic() - began) * 1000)
        self.answers[answer.status] += 1
        if answer.status >= 500 or b"database is locked" in data:
            self.broken.append(f"{method} {path}: {answer.status} {data[:200]!r}")
        is_json = (answer.headers.get("Content-Type") or "").startswith("application/json")
        return answer.status, json.loads(data) if is_json else {}, answer.headers.get("ETag") or ""

    def write(self, number: int) -> None:
        """Append tokens, and now and then add a pair."""
        chance, path = random.Random(number), f"/api/v1/datasets/{self.dataset_id}/entries"
        turn = 0
        while time.monotonic() < self.until:
            turn += 1
            token = f"w{number}x{turn}"
            if turn % 10 == 0:
                status, *_ = self.ask("add", "POST", path, {"question": f"<{token}>", "answer": "Added."})
            else:
                one = f"{path}/{chance.choice(self.pairs)}"
                status, seen, etag = self.ask("read a pair", "GET", one)
                if status != 200:
                    continue
                said = {"answer": f"{seen['answer']}<{token}>"}
                status, *_ = self.ask("save", "PATCH", one, said, **{"If-Match": etag})
            if status in (200, 201):
                self.stored.append(token)
            elif status not in (0, 409, 412) and status < 500:
                self.broken.append(f"a write was answered by {status}")

    def read(self, number: int) -> None:
        """Look at one page after the other."""
        chance, home = random.Random(1000 + number), f"/datasets/{self.dataset_id}"
        while time.monotonic() < self.until:
            pair = chance.choice(self.pairs)
            note, path = chance.choice(
                [
                    ("list", f"{home}/pairs"),
                    ("list of a status", f"{home}/pairs?status=review&size=100"),
                    ("search", f"{home}/pairs?q=number+{chance.randrange(ROWS)}"),
                    ("editor", f"{home}/pairs?pair={pair}"),
                    ("review", f"{home}/review"),
                ]
            )
            self.ask(note, "GET", path)


def report(folder: Path, _: int, seconds: float = SECONDS) -> str:
    """The times of each kind of request and what was broken, as Markdown."""
    data = folder / "crowd"
    data.mkdir()
    with server(data) as (client, _):
        dataset_id = client.json("POST", "/api/v1/datasets", {"name": "Crowd"})["id"]
        table = b"question,answer\n" + b"".join(b"What is number %d?,Answer %d.\n" % (n, n) for n in range(ROWS))
        client.json("POST", f"/api/v1/datasets/{dataset_id}/imports?name=many.csv", table)
        entries = f"/api/v1/datasets/{dataset_id}/entries"
        while len(listed := client.json("GET", f"{entries}?limit={SHARED}")["entries"]) < SHARED:
            time.sleep(0.2)
        crowd = Crowd(client, dataset_id, [one["id"] for one in listed], time.monotonic() + seconds)
        threads = [threading.Thread(target=crowd.write, args=(n,)) for n in range(WRITERS)]
        threads += [threading.Thread(target=crowd.read, args=(n,)) for n in range(READERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found, cursor = Counter[str](), ""
        while True:
            page = client.json("GET", f"{entries}?limit=1000&cursor={cursor}")
            for one in page["entries"]:
                found.update(TOKEN.findall(one["question"] + one["answer"]))
            if not (cursor := page["next"]):
                break
    lost = [token for token in crowd.stored if found[token] != 1]
    stray = found.keys() - crowd.stored
    lines = [f"## crowd, {WRITERS} writers and {READERS} readers for {seconds:.0f} s", ""]
    said = ", ".join(f"{number:,} × {code}" for code, number in sorted(crowd.answers.items()))
    lines.append(f"{len(crowd.stored):,} writes acknowledged. Answers: {said}.")
    lines.append(f"Lost or doubled: {len(lost)}; there without an answer: {len(stray)}; broken: {len(crowd.broken)}.")
    lines += [f"- {one}" for one in crowd.broken[:5]]
    lines += ["", "| request | number | median ms | p95 ms | longest ms |", "|---|---|---|---|---|"]
    for note, times in sorted(crowd.times.items()):
        p50, p95 = quantile(times, 50), quantile(times, 95)
        lines.append(f"| {note} | {len(times):,} | {p50:.0f} | {p95:.0f} | {max(times):.0f} |")
    return "\n".join(lines) + "\n"

"""Many clients at once: editors that append tokens under If-Match, and what became of them."""

import re
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from tests.serving import Reply, Server

TOKEN = re.compile(r"<([\w-]+)>")


@dataclass
class Editors:
    """Editors of one dataset. Each save appends a token of its own to the answer that was read."""

    server: Server
    dataset_id: int
    pairs: list[int]
    pause_seconds: float = 0.0
    # When each acknowledged token was asked for and answered.
    saved: dict[str, tuple[float, float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)

    @classmethod
    def of_new_dataset(cls, server: Server, pairs: int, **options: float) -> "Editors":
        """Editors of a new dataset with so many pairs."""
        dataset_id = server.make_dataset("Edited")
        table = b"question,answer\n" + b"".join(b"Question %d?,Answer.\n" % number for number in range(pairs))
        server.bring(dataset_id, table, "few.csv")
        return cls(server, dataset_id, [one["id"] for one in server.entries(dataset_id)], **options)

    @property
    def milliseconds(self) -> list[float]:
        """How long each acknowledged save took."""
        return [(ended - began) * 1000 for began, ended in self.saved.values()]

    def note(self, what: str, answer: Reply) -> None:
        """Count an answer; what must never come is kept. To be told when to come again is no defect."""
        self.statuses[answer.status] += 1
        come_again = answer.status == 503 and "Retry-After" in answer.headers
        if (answer.status >= 500 and not come_again) or b"locked" in answer.body:
            self.odd.append(f"{what}: {answer.status} {answer.body[:300]!r}")

    def append_token(self, number: int, turn: int) -> bool:
        """Read a pair and save it with one token more; whether it was taken."""
        path = f"/api/v1/datasets/{self.dataset_id}/entries/{self.pairs[(number * 7 + turn) % len(self.pairs)]}"
        seen = self.server.ask("GET", path)
        self.note("GET", seen)
        if seen.status != 200:
            return False
        token = f"{number}-{turn}"
        began = time.monotonic()
        saved = self.server.ask("PATCH", path, {"answer": f"{seen.json['answer']}<{token}>"}, If_Match=seen.etag)
        self.note("PATCH", saved)
        if saved.status == 200:
            self.saved[token] = (began, time.monotonic())
        return saved.status == 200

    def view(self, number: int, turn: int) -> bool:
        """Look at a page of pairs."""
        seen = self.server.ask("GET", f"/datasets/{self.dataset_id}/pairs?q={'' if turn % 2 else number}")
        self.note("GET", seen)
        return seen.status == 200

    @contextmanager
    def at_work(self, editors: int, readers: int = 0) -> Iterator[None]:
        """So many of them edit, and so many look, while the block runs. What ends one of them is raised."""
        stop = threading.Event()
        failures: list[BaseException] = []

        def repeat(action: Callable[[int, int], bool], number: int) -> None:
            try:
                for turn in count():
                    if stop.is_set():
                        return
                    action(number, turn)
                    time.sleep(self.pause_seconds)
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        threads = [threading.Thread(target=repeat, args=(self.append_token, n)) for n in range(editors)]
        threads += [threading.Thread(target=repeat, args=(self.view, n)) for n in range(readers)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)
        if failures:
            raise failures[0]

    def assert_nothing_lost(self) -> None:
        """Each acknowledged token is there once, and no other; no answer was a defect."""
        assert self.odd == []
        found = Counter(token for one in self.server.entries(self.dataset_id) for token in TOKEN.findall(one["answer"]))
        assert set(found) == set(self.saved)
        assert set(found.values()) <= {1}

    def quantile(self, percent: int) -> float:
        """A percentile of the milliseconds that saves took."""
        return quantile(self.milliseconds, percent)


def quantile(values: list[float], percent: int) -> float:
    """A percentile, also of very few values."""
    return statistics.quantiles([*values, *values], n=100, method="inclusive")[percent - 1] if values else 0.0


def lines(rows: int, name: str = "row") -> bytes:
    """A JSONL file of so many different pairs, about 130 bytes each: more than 20,000 are a job."""
    return "".join(
        f'{{"question": "What does {name} {n} of many say about it?", '
        f'"answer": "It says that {n * 7919 % 1_000_003} is the number of {name} {n}, and rough."}}\n'
        for n in range(rows)
    ).encode()

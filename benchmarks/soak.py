"""``python -m benchmarks.soak [--minutes 10] [--seed N] [--folder DIR]``: use a server hard, kill it, count the losses.

Eight editors append tokens of their own to shared pairs, each time with If-Match, and add pairs under idempotency keys.
Beside them run imports of 20,000 rows, exports, a reader that takes 1 kB each second, and two cleans. The server is
killed with SIGKILL every minute and started again at once; in the middle a backup is made and, later, put back twice.

A ledger keeps what was sent, when, and how it was answered. At the end the pairs are compared with it:

- *lost*: acknowledged, and not there (unless it was written after the backup and before the restore had ended);
- *doubled*: there more than once; *half*: an import, a clean or an export of which only a part was ever to be seen;
- *overwritten*: written on a version from before the restore, and taken; or refused, and there all the same.

A 503 with Retry-After is a refusal: it must have changed nothing, it is counted apart, and more than 1 % of all answers
is a breach. Any other 5xx is one, and so is a connection that breaks while the server was not being killed.
Prints a table; ends with 1 where a promise was broken. Needs Linux (/proc).
"""

import argparse
import contextlib
import http.client
import json
import os
import random
import re
import secrets
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.meanwhile import free_port, ltt, resident_mb, start_server

EDITORS, PAIRS, ROWS = 8, 64, 20_000
IMPORT_PAUSE_SECONDS, EXPORT_PAUSE_SECONDS, SAMPLE_SECONDS = 15, 5, 0.2
READY_SECONDS, LOG_MB, EDIT_P99_SECONDS, MEMORY_MB, OVERLOAD_SHARE = 5, 256, 1, 200, 0.01
ACTIVE = ("queued", "running", "publishing")
# A batch of an import, the number of its row, and whether a clean was there: rough becomes smooth.
ROW = re.compile(rb"batch (\w+) row (\d+) is (rough|smooth)")
TOKEN = re.compile(r"<(\w+)>")


@dataclass(slots=True)
class Write:
    """One thing that was written: from when to when, and whether it was acknowledged, refused, or nobody knows."""

    token: str
    began: float
    ended: float = 0.0
    outcome: str = "unknown"

    def must_be_there(self, backup: "Span | None", restore: "Span | None") -> bool | None:
        """Whether it must be there at the end; None where both are right."""
        if self.outcome != "stored":
            return False if self.outcome == "refused" else None
        if restore is None or backup is None or self.ended < backup.began or self.began > restore.ended:
            return True
        return False if self.began > backup.ended and self.ended < restore.began else None


@dataclass(slots=True)
class Span:
    """From when to when something went on."""

    began: float
    ended: float = float("inf")

    def overlaps(self, began: float, ended: float) -> bool:
        """Whether a part of it lies between two moments."""
        return self.began <= ended and began <= self.ended


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered."""

    status: int
    etag: str
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Soak:
    """A server over a folder, those who use it, and the ledger."""

    folder: Path
    chance: random.Random
    port: int = field(default_factory=free_port)
    token: str = ""
    stop: threading.Event = field(default_factory=threading.Event)
    # Held while a backup or a restore goes on: no kill falls into them, which the tests of faults try.
    quiet: threading.Lock = field(default_factory=threading.Lock)
    writes: list[Write] = field(default_factory=list)
    imports: list[Write] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    saves: dict[str, list[float]] = field(default_factory=dict)
    phases: dict[str, int] = field(default_factory=Counter)
    downs: list[Span] = field(default_factory=list)
    readies: list[float] = field(default_factory=list)
    backup: Span | None = None
    restore: Span | None = None
    log_mb: float = 0.0
    memory_mb: float = 0.0
    slow_bytes: int = 0
    exports: int = 0
    restores: int = 0
    stale: int = 0

    @property
    def data(self) -> Path:
        """The data folder of the server."""
        return self.folder / "data"

    # The server

    def start(self) -> None:
        """Start the server and wait until it can work."""
        with (self.folder / "server.log").open("ab") as log:
            self.process = start_server(self.data, self.port, stdout=log, stderr=log)
        began = time.monotonic()
        while time.monotonic() - began < 60:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.send("GET", "/readyz").status == 200:
                    self.readies.append(time.monotonic() - began)
                    return
            time.sleep(0.02)
        raise RuntimeError("The server was not ready within a minute.")

    def kill(self, everything: bool) -> None:
        """kill -9 of the server, or of all that it started too, and start it again."""
        with self.quiet:
            down = Span(time.monotonic())
            self.downs.append(down)
            below = subprocess.run(
                ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True
            ).stdout.split()
            for pid in [self.process.pid, *(map(int, below) if everything else ())]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
            self.start()
            down.ended = time.monotonic()

    # Requests

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request. Raises OSError or HTTPException where the connection breaks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            if isinstance(body, dict):
                body, headers = json.dumps(body), {"Content-Type": "application/json", **headers}
            token = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            connection.request(method, path, body, {**token, **headers})
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers.get("ETag", ""), self.judge(method, path, answer))
        finally:
            connection.close()

    def judge(self, method: str, path: str, answer: http.client.HTTPResponse) -> bytes:
        """Read an answer and count it; a 5xx is a breach unless it is a 503 with Retry-After."""
        body = answer.read()
        if not path.startswith("/readyz"):
            self.answers[answer.status] += 1
            if answer.status >= 500 and not (answer.status == 503 and answer.headers.get("Retry-After")):
                self.breach("5xx", f"{method} {path}: {answer.status} {body[:300]!r}")
        return body

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply | None:
        """One request; None where the connection broke, which is a breach while the server was up."""
        began = time.monotonic()
        try:
            return self.send(method, path, body, **headers)
        except (OSError, http.client.HTTPException) as error:
            self.answers[0] += 1
            self.pardon(began, f"{method} {path}: {error!r}")
            time.sleep(0.2)
            return None

    def insist(self, method: str, path: str, body: Any = None) -> Reply:
        """One request, sent again until it is neither cut nor told to come again. Raises after a minute."""
        deadline = time.monotonic() + 60
        while (answer := self.ask(method, path, body)) is None or answer.status == 503:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{method} {path} was not answered for a minute.")
            time.sleep(0.2)
        return answer

    def pardon(self, began: float, what: str) -> None:
        """A connection that broke is a breach unless the server was killed meanwhile."""
        if not any(down.overlaps(began, time.monotonic()) for down in list(self.downs)):
            self.breach("cut", what)

    def breach(self, kind: str, what: str) -> None:
        """A promise that was broken."""
        self.broken[kind] += 1
        if self.broken[kind] <= 5:
            self.notes.append(f"{kind}: {what}")
            print(f"  ! {kind}: {what}", flush=True)

    @contextlib.contextmanager
    def phase(self, name: str) -> Any:
        """Saves that fall into it are counted beside it."""
        self.phases[name] += 1
        try:
            yield
        finally:
            self.phases[name] -= 1

    # Those who use it

    def edit(self, number: int) -> None:
        """Append tokens to pairs that others edit too, and now and then add a pair."""
        chance = random.Random(f"{number} {self.chance.random()}")
        for turn in count():
            if self.stop.is_set():
                return
            if turn % 20 == 19:
                self.add_pair(number)
            else:
                self.append_token(number, chance.choice(self.pairs))
            time.sleep(chance.uniform(0.02, 0.2))

    def append_token(self, number: int, pair: int) -> None:
        """Read a pair, and save it with one token more on the version that was read."""
        path = f"/api/v1/datasets/{self.edited}/entries/{pair}"
        seen = self.ask("GET", path)
        if seen is None or seen.status != 200:
            return
        write = Write(f"e{number}x{secrets.token_hex(4)}", time.monotonic())
        text = seen.json["answer"] + f"<{write.token}>"
        beside = self.beside()
        saved = self.ask("PATCH", path, {"answer": text}, **{"If-Match": seen.etag})
        self.enter(write, saved, stored=200)
        if saved is not None and saved.status == 200:
            self.saves.setdefault(beside if beside == self.beside() else "between", []).append(
                write.ended - write.began
            )

    def add_pair(self, number: int) -> None:
        """Add a pair, and send it again with the same key until it is answered."""
        write = Write(f"c{number}x{secrets.token_hex(4)}", time.monotonic())
        for _ in range(200):
            made = self.ask(
                "POST",
                f"/api/v1/datasets/{self.edited}/entries",
                {"question": f"<{write.token}>", "answer": "Added."},
                **{"Idempotency-Key": write.token},
            )
            if (made is not None and made.status != 503) or self.stop.is_set():
                break
            time.sleep(0.2)
        self.enter(write, made, stored=201)

    def enter(self, write: Write, answer: Reply | None, *, stored: int) -> None:
        """Enter a write in the ledger with its outcome."""
        write.ended = time.monotonic()
        if answer is not None:
            write.outcome = "stored" if answer.status == stored else "refused"
            if answer.status not in (stored, 409, 412, 503):
                self.breach("odd", f"a write was answered by {answer.status} {answer.body[:200]!r}")
        self.writes.append(write)

    def beside(self) -> str:
        """What goes on that a save is measured beside."""
        going = [name for name in ("restore", "backup", "clean", "import") if self.phases[name]]
        return " and ".join(going) or "nothing else"

    def import_files(self) -> None:
        """Import one file after the other, each until it is done."""
        for number in count():
            batch = Write(f"b{number}", time.monotonic())
            lines = "".join(
                f'{{"question": "What is batch {batch.token} row {row} like?", "answer": "It seems that batch '
                f'{batch.token} row {row} is rough, as its sample {row * 7919 % 104_729} of {number} shows."}}\n'
                for row in range(ROWS)
            ).encode()
            with self.phase("import"):
                self.import_file(batch, lines)
            batch.ended = time.monotonic()
            self.imports.append(batch)
            if self.stop.wait(IMPORT_PAUSE_SECONDS):
                return

    def import_file(self, batch: Write, lines: bytes) -> None:
        """Send a file with a key until it is taken, and run its job again until it is done."""
        path = f"/api/v1/datasets/{self.filled}/imports?name={batch.token}.jsonl"
        sent = None
        while sent is None or sent.status == 503:
            if self.stop.is_set():
                return
            sent = self.ask("POST", path, lines, **{"Idempotency-Key": f"import-{batch.token}-{id(self)}"})
            time.sleep(0.1)
        if sent.status == 202:
            self.see_to_the_end(sent.json["job"]["id"], batch)
        elif sent.status == 201:
            batch.outcome = "stored"
        else:
            self.breach("odd", f"an import was answered by {sent.status} {sent.body[:300]!r}")

    def see_to_the_end(self, job_id: int, write: Write) -> None:
        """Follow a job until it is done; one that was interrupted is run again. A restore may take it away."""
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            time.sleep(0.3)
            job = self.ask("GET", f"/api/v1/jobs/{job_id}")
            if job is None or job.status == 503:
                continue
            if job.status == 404:
                if self.restore is None:
                    self.breach("lost", f"job {job_id} of {write.token} is gone")
                return
            state = job.json["state"]
            if state == "done":
                # After a restore its number may be that of another job, of the state that was put back.
                write.outcome = "stored" if not self.is_about_the_restore(write) else "unknown"
                return
            if state not in ACTIVE:
                if state == "failed" and not self.is_about_the_restore(write):
                    self.breach("odd", f"job {job_id} failed: {job.json.get('error')}")
                    return
                self.ask("POST", f"/api/v1/jobs/{job_id}/retry")
        self.breach("odd", f"job {job_id} of {write.token} did not end")

    def is_about_the_restore(self, write: Write) -> bool:
        """Whether a restore began since this was sent."""
        return self.restore is not None and write.began < self.restore.ended

    def export_files(self) -> None:
        """Export both datasets again and again; none may hold half of an import or of a clean."""
        while not self.stop.wait(EXPORT_PAUSE_SECONDS):
            for dataset in (self.edited, self.filled):
                sent = self.ask("GET", f"/api/v1/datasets/{dataset}/export?to=jsonl:openai")
                if sent is not None and sent.status == 200:
                    self.exports += 1
                    self.see_whole(sent.body, "an export")

    def see_whole(self, exported: bytes, where: str) -> dict[str, Counter[str]]:
        """The rows of each batch by what a clean made of them; a breach where there is a part of any."""
        found: dict[str, Counter[str]] = {}
        rows: dict[str, set[bytes]] = {}
        for batch, row, what in ROW.findall(exported):
            found.setdefault(batch.decode(), Counter())[what.decode()] += 1
            rows.setdefault(batch.decode(), set()).add(row)
        for batch, kinds in found.items():
            if len(kinds) > 1 or len(rows[batch]) != ROWS:
                self.breach("half", f"{where} holds {dict(kinds)} of {ROWS:,} rows of {batch}")
            elif kinds.total() != ROWS:
                self.breach("doubled", f"{where} holds {kinds.total():,} rows of {batch}")
        return found

    def read_slowly(self) -> None:
        """Take an export at 1 kB each second, and begin again when it ends."""
        while not self.stop.wait(1):
            with contextlib.suppress(OSError), socket.socket() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.settimeout(10)
                connection.connect(("127.0.0.1", self.port))
                path = f"/api/v1/datasets/{self.filled}/export?to=jsonl:openai"
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                while (part := connection.recv(1024)) and not self.stop.wait(1):
                    self.slow_bytes += len(part)

    def sample(self) -> None:
        """Look at the log and at the memory of the web process."""
        log = self.data / "ltt.db-wal"
        while not self.stop.wait(SAMPLE_SECONDS):
            with contextlib.suppress(OSError):
                self.log_mb = max(self.log_mb, log.stat().st_size / 1024**2)
            with contextlib.suppress(OSError):
                self.memory_mb = max(self.memory_mb, resident_mb(self.process.pid))

    # What happens once

    def clean(self) -> None:
        """Replace a word in all imported pairs."""
        step = {"operation": "find-replace", "options": {"find": " is rough,", "replace": " is smooth,"}}
        with self.phase("clean"):
            write = Write("clean", time.monotonic())
            sent = self.ask("POST", f"/api/v1/datasets/{self.filled}/clean", {"steps": [step]})
            if sent is not None and sent.status == 202:
                self.see_to_the_end(sent.json["job"]["id"], write)
            elif sent is not None and sent.status not in (200, 503):
                self.breach("odd", f"a clean was answered by {sent.status} {sent.body[:300]!r}")

    def make_backup(self) -> None:
        """Make a backup; it holds whatever was acknowledged before it was asked for, and nothing that came after."""
        with self.quiet, self.phase("backup"):
            backup = Span(time.monotonic())
            made = self.ask("POST", "/backup")
            backup.ended = time.monotonic()
        if made is None or made.status != 303:
            self.breach("odd", f"a backup was answered by {made and made.status}")
            return
        self.backup = backup
        self.kept = max((self.data / "backups").glob("backup-*.db"), key=lambda path: path.stat().st_mtime)
        held = self.tokens_of(self.kept)
        for write in list(self.writes):
            if write.outcome == "stored" and write.ended < backup.began and held[write.token] != 1:
                self.breach("lost", f"the backup holds {write.token} {held[write.token]} times")
            if write.began > backup.ended and held[write.token]:
                self.breach("odd", f"the backup holds {write.token}, which came after it")

    def tokens_of(self, path: Path) -> Counter[str]:
        """How often each token stands in a finished copy of the database."""
        connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        texts = connection.execute(
            "SELECT question, answer FROM entries WHERE dataset_id = ? AND deleted_in IS NULL", (self.edited,)
        )
        found = Counter(token for row in texts for text in row for token in TOKEN.findall(text))
        connection.close()
        return found

    def put_back(self) -> None:
        """Put the backup back, then send what was open before: each must be refused."""
        if self.backup is None:
            return
        before = self.everything_that_is_open()
        with self.quiet, self.phase("restore"):
            self.restore = restore = Span(time.monotonic())
            done = self.ask("POST", "/backup/restore", f"name={self.kept.name}".encode(), **FORM)
            restore.ended = time.monotonic()
        self.restores += 1
        if done is None or done.status != 303:
            self.breach("odd", f"a restore was answered by {done and done.status} {done and done.body[:300]!r}")
        # What is made now must not be taken for what was open: neither a dataset nor a pair.
        self.insist("POST", "/api/v1/datasets", {"name": "Made after the restore"})
        # Once now, and once when others have written as many times as before the restore.
        for wait in (0, restore.ended - self.backup.began):
            if self.stop.wait(wait):
                return
            for method, path, body, headers in before:
                answer = self.ask(method, path, body, **headers)
                self.stale += answer is not None
                if answer is not None and answer.status < 400:
                    self.breach("overwritten", f"{method} {path} on a state before the restore: {answer.status}")

    def everything_that_is_open(self) -> list[tuple[str, str, Any, dict[str, str]]]:
        """Requests that tabs and scripts, which looked just now, would send later."""
        found: list[tuple[str, str, Any, dict[str, str]]] = []
        path = f"/api/v1/datasets/{self.edited}/entries"
        late = [self.insist("POST", path, {"question": "Made before the restore", "answer": "."}) for _ in range(5)]
        for pair in [*self.pairs, *(one.json["id"] for one in late)]:
            # Once more now: what is open then is a version that the backup does not hold.
            self.append_token(99, pair)
            seen = self.ask("GET", f"{path}/{pair}")
            if seen is not None and seen.status == 200:
                match = {"If-Match": seen.etag}
                found.append(("PATCH", f"{path}/{pair}", {"answer": "From before the restore."}, match))
                found.append(("DELETE", f"{path}/{pair}", None, match))
        made = self.insist("POST", "/api/v1/datasets", {"name": "Made before the restore"})
        found.append(("DELETE", f"/api/v1/datasets/{made.json['id']}", None, {"If-Match": made.etag or '"1"'}))
        for step in self.insist("GET", f"/api/v1/datasets/{self.edited}/history?limit=10").json["steps"]:
            found.append(("POST", f"/api/v1/datasets/{self.edited}/history/{step['change_set']}/undo", None, {}))
        return found

    # From the beginning to the end

    def prepare(self) -> None:
        """A dataset to edit and one to import into."""
        self.token = ltt(self.data, "token").split()[-1]
        made = [self.send("POST", "/api/v1/datasets", {"name": name}) for name in ("Edited", "Filled")]
        self.edited, self.filled = (one.json["id"] for one in made)
        table = b"question,answer\n" + b"".join(b"Question %d?,Answer.\n" % number for number in range(PAIRS))
        self.send("POST", f"/api/v1/datasets/{self.edited}/imports?name=few.csv", table)
        listed = self.send("GET", f"/api/v1/datasets/{self.edited}/entries?limit={PAIRS}").json["entries"]
        self.pairs = [one["id"] for one in listed]

    def run(self, seconds: float, kill_every: float) -> None:
        """Use it for so long."""
        self.start()
        self.prepare()
        began = time.monotonic()
        plan = [(moment, self.kill, number % 2 == 1) for number, moment in enumerate(_times(kill_every, seconds))]
        plan += [(seconds * part, self.aside, self.clean) for part in (0.25, 0.75)]
        plan += [(seconds * 0.4, self.aside, self.make_backup)]
        plan += [(seconds * part, self.aside, self.put_back) for part in (0.5, 0.6)]
        users = [lambda n=n: self.edit(n) for n in range(EDITORS)]  # type: ignore[misc]
        users += [self.import_files, self.export_files, self.read_slowly, self.sample]
        self.threads = [threading.Thread(target=self.guarded, args=(user,)) for user in users]
        for thread in self.threads:
            thread.start()
        try:
            for moment, do, argument in sorted(plan, key=lambda one: one[0]):
                time.sleep(max(0.0, began + moment - time.monotonic()))
                name = getattr(argument, "__name__", do.__name__)
                print(f"  {time.monotonic() - began:5.0f} s: {name.replace('_', ' ')}", flush=True)
                do(argument)  # type: ignore[operator]
            time.sleep(max(0.0, began + seconds - time.monotonic()))
        finally:
            self.stop.set()
            for thread in self.threads:
                thread.join(240)

    def aside(self, do: Callable[[], None]) -> None:
        """Do it while the plan goes on."""
        self.threads.append(threading.Thread(target=self.guarded, args=(do,)))
        self.threads[-1].start()

    def guarded(self, do: Callable[[], None]) -> None:
        """A mistake of this program is a breach too: nothing may end unseen."""
        try:
            do()
        except Exception:  # noqa: BLE001
            self.breach("defect", f"{getattr(do, '__name__', do)}: {traceback.format_exc()[-600:]}")

    def settle(self) -> None:
        """Compare what is there with the ledger, stop the server and check its database."""
        for _ in range(300):
            jobs = self.ask("GET", "/api/v1/jobs?limit=100")
            if jobs is not None and not any(job["state"] in ACTIVE for job in jobs.json["jobs"]):
                break
            time.sleep(0.2)
        else:
            self.breach("odd", "jobs did not end")
        self.settle_writes()
        self.settle_imports()
        self.process.terminate()
        if self.process.wait(30) != 0:
            self.breach("odd", f"the server ended with {self.process.returncode}")
        if (self.data / "ltt.db-wal").exists():
            self.breach("odd", "a log stayed behind")
        ltt(self.data, "verify")

    def settle_writes(self) -> None:
        """Each token once, or not at all where it was refused."""
        found: Counter[str] = Counter()
        cursor = ""
        while True:
            page = self.insist("GET", f"/api/v1/datasets/{self.edited}/entries?limit=1000&cursor={cursor}").json
            for one in page["entries"]:
                found.update(TOKEN.findall(one["question"] + one["answer"]))
            if not (cursor := page["next"]):
                break
        for write in self.writes:
            wanted, there = write.must_be_there(self.backup, self.restore), found[write.token]
            if there > 1:
                self.breach("doubled", f"{write} is there {there} times")
            elif wanted and not there:
                self.breach("lost", f"{write}")
            elif wanted is False and there:
                self.breach("overwritten", f"{write} is there")

    def settle_imports(self) -> None:
        """Each batch whole and once, or not at all."""
        found = self.see_whole(self.insist("GET", f"/api/v1/datasets/{self.filled}/export").body, "the dataset")
        for batch in self.imports:
            wanted = batch.must_be_there(self.backup, self.restore)
            if wanted and batch.token not in found:
                self.breach("lost", f"import {batch}")

    def report(self, seconds: float) -> str:
        """What was measured beside what must hold."""
        beside = [quantile(self.saves.get("import", []), 99), EDIT_P99_SECONDS]
        overload = self.answers[503] / max(1, self.answers.total())
        stored = sum(1 for write in self.writes if write.outcome == "stored")
        lines = [f"{stored:,} writes acknowledged, {sum(1 for w in self.writes if w.outcome == 'refused'):,} refused, "]
        lines[0] += (
            f"{sum(1 for w in self.writes if w.outcome == 'unknown'):,} unknown, in {seconds / 60:.1f} minutes; "
        )
        lines[0] += f"{sum(1 for one in self.imports if one.outcome == 'stored')} imports of {ROWS:,} rows, "
        lines[0] += f"{self.exports} exports, {self.slow_bytes / 1024:.0f} kB read slowly, {len(self.downs)} kills, "
        lines[0] += f"{self.restores} restores, {self.stale} requests on a state before one."
        lines += [
            "",
            "Answers: " + ", ".join(f"{n:,} × {code or 'cut'}" for code, n in sorted(self.answers.items())),
            "",
        ]
        for name, found in sorted(self.saves.items()):
            p50, p99 = quantile(found, 50) * 1000, quantile(found, 99) * 1000
            lines.append(
                f"- saves beside {name}: {len(found):,}, p50 {p50:.0f}, p99 {p99:.0f}, {max(found) * 1000:.0f} ms"
            )
        rows: list[tuple[str, str, str, bool]] = [
            (kind, f"{self.broken[kind]:,}", "0", not self.broken[kind])
            for kind in ("lost", "doubled", "half", "overwritten", "5xx", "cut", "odd", "defect")
        ]
        rows += [
            ("503 with Retry-After", f"{overload:.2%}", f"≤ {OVERLOAD_SHARE:.0%}", overload <= OVERLOAD_SHARE),
            ("write-ahead log", f"{self.log_mb:.0f} MB", f"≤ {LOG_MB} MB", self.log_mb <= LOG_MB),
            ("saves beside an import, p99", f"{beside[0]:.2f} s", f"≤ {beside[1]} s", beside[0] <= beside[1]),
            ("memory of the web process", f"{self.memory_mb:.0f} MB", f"≤ {MEMORY_MB} MB", self.memory_mb <= MEMORY_MB),
            (
                "ready after a kill",
                f"{max(self.readies):.1f} s",
                f"≤ {READY_SECONDS} s",
                max(self.readies) <= READY_SECONDS,
            ),
        ]
        lines += ["", "| measure | figure | must be | |", "|---|---|---|---|"]
        lines += [f"| {name} | {figure} | {must} | {'ok' if ok else '**BROKEN**'} |" for name, figure, must, ok in rows]
        self.failed = not all(ok for *_, ok in rows)
        return "\n".join(lines)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _times(every: float, until: float) -> list[float]:
    return [every * number for number in range(1, int(until / every) + 1) if every * number < until - 5]


def quantile(found: list[float], percent: int) -> float:
    """A percentile; 0 of nothing."""
    if len(found) < 2:
        return found[0] if found else 0.0
    return statistics.quantiles(found, n=100, method="inclusive")[percent - 1]


def main() -> None:
    """Run it, print the table, end with 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--kill-every", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep data folder and log of the server here")
    chosen = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = chosen.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ltt-soak-")))
        folder.mkdir(parents=True, exist_ok=True)
        soak = Soak(folder, random.Random(chosen.seed))
        try:
            soak.run(chosen.minutes * 60, chosen.kill_every)
            soak.settle()
        finally:
            soak.process.kill()
            soak.process.wait()
        print(soak.report(chosen.minutes * 60))
    sys.exit(soak.failed)


if __name__ == "__main__":
    main()

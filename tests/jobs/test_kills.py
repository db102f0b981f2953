"""kill -9 at random points of an import of 100,000 rows: the dataset is as before or as after, nothing between.

Three kills in the normal run, fifty with ``--faults``.
"""

import io
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from app.factory import create_bare_app
from app.models import ChangeSet, Entry, close_cleanly, db, end_reading
from app.services import datasets, imports, jobs, uploads
from app.services.imports import Settings

ROWS = 100_000
READY_SECONDS = 60

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and SIGKILL")


def open_app(folder):
    return create_bare_app({"LTT_DATA_DIR": str(folder), "LTT_LOG_LEVEL": "WARNING"})


@pytest.fixture(scope="module")
def prepared(migrated_folder, tmp_path_factory):
    """A data folder in which an import of many rows waits in the queue."""
    folder = tmp_path_factory.mktemp("kills") / "data"
    shutil.copytree(migrated_folder, folder)
    with open_app(folder).app_context():
        dataset_id = datasets.create_dataset("Killed").id
        lines = "".join(f'{{"question": "How is {n}?", "answer": "Like {n * 7}."}}\n' for n in range(ROWS))
        row = imports.add(dataset_id, uploads.save(io.BytesIO(lines.encode()).read, "many.jsonl"))
        imports.enqueue(row.id, Settings())
        close_cleanly()
    return folder


class Run:
    """A worker on a copy of the prepared folder."""

    def __init__(self, folder):
        self.folder = folder
        self.app = open_app(folder)
        self.process = None

    def start(self):
        environment = {**os.environ, "LTT_DATA_DIR": str(self.folder)}
        self.process = subprocess.Popen([sys.executable, "-m", "app", "worker"], env=environment)

    def job(self):
        with self.app.app_context():
            [job] = jobs.listed()
            return job

    def await_state(self, *states, seconds):
        """Wait for a state of the job; returns how long that took."""
        began = time.monotonic()
        while self.job().state not in states:
            assert time.monotonic() - began < seconds, f"still {self.job().state} after {seconds} s"
            time.sleep(0.005)
        return time.monotonic() - began

    def kill(self, how):
        """kill -9 of the worker, of the process that runs the job, or of both."""
        children = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout.split()
        targets = {"worker": [self.process.pid], "job": children, "both": [self.process.pid, *children]}[how]
        for pid in targets:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
        if how != "job":
            self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def state(self):
        """Live pairs, kept count, rows in the table, staged sets, and the digest."""
        with self.app.app_context():
            end_reading()
            dataset = datasets.list_datasets()[0]
            staged = db.session.query(ChangeSet).filter_by(state="staging").count()
            rows = db.session.query(Entry).count()
            return dataset.entry_count, rows, staged, datasets.compute_digest(dataset.id).all

    def is_sound(self):
        connection = sqlite3.connect(f"file:{self.folder}/ltt.db?mode=ro", uri=True)
        try:
            return connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        finally:
            connection.close()

    def close(self):
        with self.app.app_context():
            close_cleanly()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="module")
def undisturbed(prepared, tmp_path_factory):
    """How long the import takes when nobody disturbs it, and the digests before and after."""
    run = Run(shutil.copytree(prepared, tmp_path_factory.mktemp("calm") / "data"))
    before = run.state()
    run.start()
    run.await_state("running", "publishing", "done", seconds=120)
    seconds = run.await_state("done", seconds=120)
    run.stop()
    after = run.state()
    run.close()
    assert (before[0], after[:3]) == (0, (ROWS, ROWS, 0))
    return seconds, before[3], after[3]


def pytest_generate_tests(metafunc):
    if "kill_number" in metafunc.fixturenames:
        metafunc.parametrize("kill_number", range(50 if metafunc.config.getoption("--faults") else 3))


def test_a_killed_import_is_whole_or_not_there(prepared, undisturbed, tmp_path, kill_number, capsys):
    seconds, before, after = undisturbed
    chance = random.Random(kill_number)
    run = Run(shutil.copytree(prepared, tmp_path / "data"))
    run.start()
    run.await_state("running", "publishing", "done", seconds=120)
    # Half of the kills fall into the last fifth, where the rows are published.
    moment = seconds * chance.choice([chance.uniform(0, 1.05), chance.uniform(0.8, 1.1)])
    time.sleep(moment)
    how = chance.choice(["worker", "job", "both"])
    run.kill(how)
    if how != "job":
        run.start()
    took = run.await_state("interrupted", "failed", "done", seconds=READY_SECONDS)
    with capsys.disabled():
        print(f" [{how} killed {moment:.2f} s in: {run.job().state} {took:.2f} s later]", end="")  # noqa: T201
    assert_before_or_after(run, before, after)
    if run.job().state != "done":
        with run.app.app_context():
            jobs.retry(run.job().id)
        run.await_state("done", seconds=120)
        assert run.state()[3] == after and run.state()[:3] == (ROWS, ROWS, 0)
    run.stop()
    assert run.is_sound()
    run.close()


def assert_before_or_after(run, before, after):
    """Nothing between, and what was staged goes within a minute."""
    done = run.job().state == "done"
    assert run.state()[3] == (after if done else before)
    deadline = time.monotonic() + 60
    while run.state()[1:3] != (ROWS if done else 0, 0):
        assert time.monotonic() < deadline, f"left over: {run.state()}"
        time.sleep(0.1)

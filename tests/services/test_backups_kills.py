"""kill -9 at random points of a restore: the workspace is whole as before or whole as after, its versions too.

Three kills in the normal run, fifty with ``--faults``.
"""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from app.core.record import Record
from app.factory import create_bare_app
from app.models import VERSIONS, close_cleanly
from app.services import backups, datasets, history

ROWS = 30_000

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs SIGKILL")


@pytest.fixture(scope="module")
def prepared(migrated_folder, tmp_path_factory):
    """A data folder with a backup of many pairs, to which more were added since."""
    folder = tmp_path_factory.mktemp("restores") / "data"
    shutil.copytree(migrated_folder, folder)
    with create_bare_app({"LTT_DATA_DIR": str(folder), "LTT_LOG_LEVEL": "ERROR"}).app_context():
        dataset_id = datasets.create_dataset("Kept").id
        for part in ("then", "since"):
            texts = (Record(f"What was {part} {number}?", "That. " * 20) for number in range(ROWS))
            history.create(dataset_id, texts, summary="Add")
            if part == "then":
                backups.make_backup(folder / "then.db")
        close_cleanly()
    return folder


def start_restore(folder):
    environment = {**os.environ, "LTT_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "app", "restore", str(folder / "then.db")]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def state_of(folder):
    """Pairs, steps, how many epochs the versions of pairs and dataset tell of, and the epoch; all by SQLite alone."""
    with closing(sqlite3.connect(folder / "ltt.db")) as live:
        assert live.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        [epoch] = live.execute("SELECT epoch FROM workspace").fetchone()
        versions = f"SELECT version / {VERSIONS} FROM entries UNION SELECT revision / {VERSIONS} FROM datasets"
        counted = [live.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("entries", "change_sets")]
        return (*counted, [row[0] for row in live.execute(versions)]), epoch


@pytest.fixture(scope="module")
def undisturbed(prepared, tmp_path_factory):
    """How long the restore takes when nobody disturbs it, and the epoch before."""
    folder = shutil.copytree(prepared, tmp_path_factory.mktemp("calm") / "data")
    before, epoch = state_of(folder)
    began = time.monotonic()
    assert start_restore(folder).wait(120) == 0
    seconds = time.monotonic() - began
    after, later = state_of(folder)
    assert before == (2 * ROWS, 2, [0]) and after == (ROWS, 1, [later]) and later > epoch
    return seconds, epoch


def pytest_generate_tests(metafunc):
    if "kill_number" in metafunc.fixturenames:
        metafunc.parametrize("kill_number", range(50 if metafunc.config.getoption("--faults") else 3))


def test_a_killed_restore_is_whole_or_has_not_been(prepared, undisturbed, tmp_path, kill_number, capsys):
    seconds, epoch = undisturbed
    folder = shutil.copytree(prepared, tmp_path / "data")
    process = start_restore(folder)
    moment = seconds * random.Random(kill_number).uniform(0.3, 1.0)
    time.sleep(moment)
    process.kill()
    process.wait()
    found, now = state_of(folder)
    with capsys.disabled():
        print(f" [killed {moment:.2f} s in: {'before' if now == epoch else 'after'}]", end="")  # noqa: T201
    assert found == ((2 * ROWS, 2, [0]) if now == epoch else (ROWS, 1, [now]))
    # Killed or not, the next one goes through.
    assert start_restore(folder).wait(120) == 0
    assert state_of(folder)[0][:2] == (ROWS, 1)

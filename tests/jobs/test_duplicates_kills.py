"""kill -9 during settling in bulk and during a scan: all of it has happened, or nothing.

Three kills of each in the normal run, fifty with ``--faults``.
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from app.core.record import Record
from app.factory import create_bare_app
from app.models import ChangeSet, DuplicateMember, DuplicateScan, close_cleanly, db, end_reading
from app.services import datasets, duplicates, entries, history, running, tasks
from app.services.duplicates import ScanOptions

GROUPS, COPIES = 8_000, 3
ROWS = GROUPS * COPIES
PROGRAM = """
import sys
from app.factory import create_bare_app
from app.services import duplicates, tasks
from app.services.duplicates import ScanRun, SettleRun
with create_bare_app({"LTT_DATA_DIR": sys.argv[1], "LTT_LOG_LEVEL": "ERROR"}).app_context():
    if sys.argv[2] == "scan":
        tasks.start(duplicates.SCAN, ScanRun(1), here=True)
    else:
        run = SettleRun.of_scan(duplicates.latest_scan(1), 102, "newest")
        tasks.start(duplicates.SETTLE, run, here=True)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs SIGKILL")


def open_app(folder):
    return create_bare_app({"LTT_DATA_DIR": str(folder), "LTT_LOG_LEVEL": "ERROR"})


def run(folder, what):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), what], stderr=subprocess.DEVNULL, env=os.environ
    )


@pytest.fixture(scope="module")
def filled(migrated_folder, tmp_path_factory):
    """A data folder with many copies."""
    folder = shutil.copytree(migrated_folder, tmp_path_factory.mktemp("duplicate-kills") / "filled")
    with open_app(folder).app_context():
        dataset_id = datasets.create_dataset("Killed").id
        records = (Record(f"word{n} other{n * 7} third{n * 13}", f"answer{n}") for n in range(GROUPS))
        copies = [record for record in records for _ in range(COPIES)]
        history.create(dataset_id, copies, summary="Add")
        close_cleanly()
    return folder


@pytest.fixture(scope="module")
def scanned(filled, tmp_path_factory):
    """The same after a scan."""
    folder = shutil.copytree(filled, tmp_path_factory.mktemp("duplicate-kills") / "scanned")
    with open_app(folder).app_context():
        duplicates.scan_dataset(1, ScanOptions())
        close_cleanly()
    return folder


@pytest.fixture(scope="module")
def seconds(filled, scanned, tmp_path_factory):
    """How long each takes when nobody disturbs it, start included."""
    found = {}
    for what, folder in (("scan", filled), ("settle", scanned)):
        copy = shutil.copytree(folder, tmp_path_factory.mktemp("calm") / "data")
        began = time.monotonic()
        assert run(copy, what).wait() == 0
        found[what] = time.monotonic() - began
    return found


def pytest_generate_tests(metafunc):
    if "kill_number" in metafunc.fixturenames:
        metafunc.parametrize("kill_number", range(50 if metafunc.config.getoption("--faults") else 3))


def killed(folder, what, seconds, kill_number):
    """Kill it somewhere behind the start of Python: while it looks, while it keeps, while it publishes."""
    chance = random.Random(f"{what}{kill_number}")
    process = run(folder, what)
    moment = (0.5, 0.75, 0.92)[kill_number % 3] + chance.uniform(-0.1, 0.1)
    time.sleep(seconds[what] * moment)
    process.send_signal(signal.SIGKILL)
    process.wait()


def sweep():
    """What the next worker does at its start."""
    running.interrupt_dead()
    for one in tasks.sweeps():
        one()


def sound(folder):
    connection = sqlite3.connect(f"file:{folder}/ltt.db?mode=ro", uri=True)
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()


def test_settling_that_is_killed_has_happened_or_not(scanned, seconds, tmp_path, kill_number, capsys):
    folder = shutil.copytree(scanned, tmp_path / "data")
    killed(folder, "settle", seconds, kill_number)
    with open_app(folder).app_context():
        sweep()
        end_reading()
        scan = duplicates.latest_scan(1)
        left = sum(1 for _ in entries.stream_entries(1))
        settled = duplicates.count_by_tab(scan, 102)["settled"]
        # rows before = rows after + removed, and the groups say the same.
        assert (left, settled) in ((ROWS, 0), (ROWS - GROUPS * (COPIES - 1), GROUPS))
        assert datasets.get(1).entry_count == left
        assert db.session.query(ChangeSet).filter_by(state="staging").count() == 0
        again = duplicates.settle_all(scan, 102, "newest")
        assert left - again.removed == GROUPS
        close_cleanly()
    with capsys.disabled():
        print(f" [settled {settled:,}]", end="")  # noqa: T201
    sound(folder)


def test_a_scan_that_is_killed_shows_whole_or_not_at_all(filled, seconds, tmp_path, kill_number, capsys):
    folder = shutil.copytree(filled, tmp_path / "data")
    killed(folder, "scan", seconds, kill_number)
    with open_app(folder).app_context():
        sweep()
        end_reading()
        scan = duplicates.latest_scan(1)
        assert db.session.query(DuplicateScan).count() == (scan is not None)
        # No member is left without its scan.
        assert (db.session.query(DuplicateMember).count() > 0) == (scan is not None)
        assert scan is None or duplicates.count_by_tab(scan, 102)["copies"] == GROUPS
        assert datasets.get(1).entry_count == ROWS
        close_cleanly()
    with capsys.disabled():
        print(f" [scan {'whole' if scan else 'gone'}]", end="")  # noqa: T201
    sound(folder)

"""kill -9 during a bulk clean and during its undo: the dataset is as before or as after, nothing between.

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

from app.core.cleaning import Step
from app.core.record import Record
from app.factory import create_bare_app
from app.models import ChangeSet, close_cleanly, db, end_reading
from app.services import cleaning, datasets, history, running, work
from app.services.cleaning import CleaningOptions, CleaningOrder

ROWS = 20_000
WISH = CleaningOptions((Step("find-replace", {"find": r"\bword(\d)", "replace": r"<\1>", "mode": "regex"}),))
CLEAN = ["clean", "--dataset", "Killed", "--replace", r"\bword(\d)", r"<\1>", "--regex"]
UNDO = ["undo", "Killed"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs SIGKILL")


def open_app(folder):
    return create_bare_app({"LTT_DATA_DIR": str(folder), "LTT_LOG_LEVEL": "WARNING"})


def digest(folder):
    """The digest of the dataset, and whether its counts are those of its pairs."""
    app = open_app(folder)
    with app.app_context():
        end_reading()
        found = datasets.compute_digest(1).all, datasets.get(1).entry_count
        close_cleanly()
    return found


def run(folder, arguments):
    environment = {**os.environ, "LTT_DATA_DIR": str(folder)}
    return subprocess.Popen([sys.executable, "-m", "app", *arguments], env=environment, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def before(migrated_folder, tmp_path_factory):
    """A data folder with many pairs that a pattern matches."""
    folder = shutil.copytree(migrated_folder, tmp_path_factory.mktemp("clean-kills") / "before")
    with open_app(folder).app_context():
        dataset_id = datasets.create_dataset("Killed").id
        history.create(dataset_id, (Record(f"q{n}", f"word{n} and word{n * 7}") for n in range(ROWS)), summary="Add")
        close_cleanly()
    return folder


@pytest.fixture(scope="module")
def after(before, tmp_path_factory):
    """The same after the clean."""
    folder = shutil.copytree(before, tmp_path_factory.mktemp("clean-kills") / "after")
    with open_app(folder).app_context():
        assert cleaning.run_cleaning(CleaningOrder(1, WISH)).applied.changed == ROWS
        close_cleanly()
    return folder


@pytest.fixture(scope="module")
def digests(before, after):
    """The two states that there may be."""
    return digest(before), digest(after)


@pytest.fixture(scope="module")
def seconds(before, after, tmp_path_factory):
    """How long each command takes when nobody disturbs it, start included."""
    found = {}
    for name, folder, arguments in (("clean", before, CLEAN), ("undo", after, UNDO)):
        copy = shutil.copytree(folder, tmp_path_factory.mktemp("calm") / "data")
        began = time.monotonic()
        assert run(copy, arguments).wait() == 0
        found[name] = time.monotonic() - began
    return found


def pytest_generate_tests(metafunc):
    if "kill_number" in metafunc.fixturenames:
        metafunc.parametrize("kill_number", range(50 if metafunc.config.getoption("--faults") else 3))


@pytest.mark.parametrize("what", ["clean", "undo"])
def test_what_is_killed_has_happened_or_not(before, after, digests, seconds, tmp_path, kill_number, what, capsys):
    chance = random.Random(f"{what}{kill_number}")
    folder = shutil.copytree(before if what == "clean" else after, tmp_path / "data")
    process = run(folder, CLEAN if what == "clean" else UNDO)
    # The first part is the start of Python; half of the kills fall where the effect is written.
    moment = seconds[what] * chance.choice([chance.uniform(0.3, 1.0), chance.uniform(0.7, 1.0)])
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.wait()
    found = digest(folder)
    assert found in digests
    with capsys.disabled():
        state = "before" if (found == digests[0]) == (what == "clean") else "after"
        print(f" [{what} killed {moment:.2f} of {seconds[what]:.2f} s in: {state}]", end="")  # noqa: T201
    assert_swept_and_sound(folder, found)


def assert_swept_and_sound(folder, found):
    """What was staged goes, the file is whole, and the same can be done again."""
    with open_app(folder).app_context():
        running.interrupt_dead()
        work.sweep()
        assert db.session.query(ChangeSet).filter_by(state="staging").count() == 0
        assert datasets.compute_digest(1).all == found[0]
        close_cleanly()
    connection = sqlite3.connect(f"file:{folder}/ltt.db?mode=ro", uri=True)
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()

"""Kills, stops, restores and damaged files: what was acknowledged stays, what was not has not happened (D01 to D20)."""

import contextlib
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core.record import Record
from app.factory import create_bare_app
from app.models import close_cleanly
from app.services import backups, datasets, history
from tests.faults.conftest import Start
from tests.faults.traffic import TOKEN, Editors, lines
from tests.serving import Server, free_port, run_ltt, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and SIGKILL")
Show = Callable[[str], None]


def is_sound(folder: Path) -> bool:
    """Whether SQLite finds the database whole."""
    with contextlib.closing(sqlite3.connect(f"file:{folder}/ltt.db?mode=ro", uri=True)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))


def test_d05_an_edit_that_was_answered_survives_a_kill_right_after(start: Start, full: bool, show: Show) -> None:
    editors = Editors.of_new_dataset(start(), 5)
    readies = []
    for kill in range(200 if full else 2):
        assert all(editors.append_token(kill, turn) for turn in range(10))
        editors.server.kill()
        began = time.monotonic()
        editors.server = start("--no-worker")
        readies.append(time.monotonic() - began)
        editors.assert_nothing_lost()
    show(f"{len(editors.saved)} edits, {len(readies)} kills, ready in {max(readies):.1f} s")
    assert not full or max(readies) <= 5


ROWS = 20_000


@pytest.fixture(scope="module")
def backed_up(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, set[str]]:
    """A data folder, a backup that differs from it, and the content digests of both."""
    folder = shutil.copytree(migrated_folder, tmp_path_factory.mktemp("restored") / "data")
    digests = set()
    with create_bare_app({"LTT_DATA_DIR": str(folder), "LTT_LOG_LEVEL": "ERROR"}).app_context():
        for name in ("before", "after"):
            made = datasets.create_dataset(name).id
            history.create(made, (Record(f"{name} {n}?", f"Is {n * 7919}.") for n in range(ROWS)), summary="Add")
            digests.add(datasets.compute_digest().content)
            if name == "before":
                backup = backups.make_backup(folder.with_name("backup.db"))
        close_cleanly()
    return folder, backup, digests


def test_d06_a_killed_restore_has_happened_or_not(
    backed_up: tuple[Path, Path, set[str]], tmp_path: Path, full: bool, show: Show
) -> None:
    folder, backup, digests = backed_up
    calm = shutil.copytree(folder, tmp_path / "calm")
    began = time.monotonic()
    assert run_ltt(calm, "restore", str(backup)).returncode == 0
    seconds = time.monotonic() - began
    found = []
    for number in range(50 if full else 2):
        copy = shutil.copytree(folder, tmp_path / f"data{number}")
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "restore", str(backup)], env=environment(copy), stderr=subprocess.DEVNULL
        )
        # The first part is the start of Python; half of the kills fall where the content is put in place.
        chance = random.Random(number)
        time.sleep(seconds * chance.choice([chance.uniform(0.3, 1.0), chance.uniform(0.6, 1.0)]))
        process.kill()
        process.wait()
        found.append(content_digest(copy))
        assert found[-1] in digests and is_sound(copy)
        # What it left does not stand in the way of the next.
        assert run_ltt(copy, "verify").returncode == 0
        shutil.rmtree(copy)
    show(f"{len(found)} kills within {seconds:.1f} s: {len(set(found))} of 2 states")


def environment(folder: Path) -> dict[str, str]:
    """What a command gets to know of a data folder."""
    return {**os.environ, "LTT_DATA_DIR": str(folder)}


def content_digest(folder: Path) -> str:
    """The digest of all texts in a data folder that nobody serves."""
    with create_bare_app({"LTT_DATA_DIR": str(folder), "LTT_LOG_LEVEL": "ERROR"}).app_context():
        found = datasets.compute_digest().content
        close_cleanly()
    return found


def test_d07_a_stop_with_a_job_and_an_export_running_is_clean(start: Start, data_dir: Path, full: bool) -> None:
    server = start()
    dataset_id = server.make_dataset()
    server.bring(dataset_id, lines(30_000))
    with server.connect() as export:
        export.sendall(b"GET /api/v1/datasets/%d/export HTTP/1.1\r\nHost: localhost\r\n\r\n" % dataset_id)
        assert export.recv(1000).startswith(b"HTTP/1.1 200")
        sent = server.api(
            "POST", f"/datasets/{dataset_id}/imports?name=b.jsonl", lines(200_000 if full else 60_000, "b")
        )
        path = f"/jobs/{sent['job']['id']}"
        wait_for(lambda: server.api("GET", path)["state"] != "queued")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
    assert not (data_dir / "ltt.db-wal").exists()
    again = start()
    job = again.api("GET", path)
    if job["state"] != "done":
        assert again.api("GET", f"/datasets/{dataset_id}")["pairs"] == 30_000
        if job["state"] == "interrupted":
            again.api("POST", f"{path}/retry")
        assert again.await_end(sent["job"]["id"])["state"] == "done"
    assert again.api("GET", f"/datasets/{dataset_id}")["pairs"] == 30_000 + (200_000 if full else 60_000)


def test_d09_an_import_that_is_stopped_half_way_leaves_nothing(server: Server, full: bool) -> None:
    dataset_id, rows = server.make_dataset(), 200_000 if full else 60_000
    sent = server.api("POST", f"/datasets/{dataset_id}/imports?name=many.jsonl", lines(rows))
    path = f"/jobs/{sent['job']['id']}"
    wait_for(lambda: server.api("GET", path)["state"] == "running" and server.api("GET", path)["progress"]["done"], 60)
    server.api("POST", f"{path}/cancel")
    assert server.await_end(sent["job"]["id"])["state"] == "cancelled"
    assert server.api("GET", f"/datasets/{dataset_id}")["pairs"] == 0
    staged = "SELECT count(*) FROM entries WHERE dataset_id = ?"
    with contextlib.closing(sqlite3.connect(f"file:{server.folder}/ltt.db?mode=ro", uri=True)) as connection:
        wait_for(lambda: connection.execute(staged, (dataset_id,)).fetchone() == (0,), 60)


def test_d10_one_bad_row_of_many_is_named_or_stops_all(server: Server, full: bool) -> None:
    rows = 100_000 if full else 2_000
    good = lines(rows).splitlines(keepends=True)
    good[rows // 2] = b'{"question": "never answ\n'
    dataset_id = server.make_dataset()
    brought = server.bring(dataset_id, b"".join(good))
    assert (brought["rows_in"], brought["imported"], brought["quarantined"]) == (rows, rows - 1, 1)
    [bad] = brought["quarantine"]
    assert bad["line"] == rows // 2 + 1 and "Line" in bad["reason"]
    strict = server.make_dataset()
    path = f"/api/v1/datasets/{strict}/imports?name=x.jsonl&strict=1"
    answer = server.ask("POST", path, b"".join(good))
    if answer.status == 202:
        assert server.await_end(answer.json["job"]["id"])["state"] == "failed"
    else:
        assert (answer.status, answer.json["error"]["code"]) == (422, "strict")
    assert server.api("GET", f"/datasets/{strict}")["pairs"] == 0


def test_d13_backups_made_while_many_write_are_whole(server: Server, full: bool, show: Show) -> None:
    editors = Editors.of_new_dataset(server, 64)
    with editors.at_work(32 if full else 8):
        for _ in range(20 if full else 3):
            known = set(editors.saved)
            assert server.ask("POST", "/backup").status == 303
            newest = max((server.folder / "backups").glob("backup-*.db"))
            with contextlib.closing(sqlite3.connect(newest)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                texts = connection.execute("SELECT answer FROM entries WHERE dataset_id = ?", (editors.dataset_id,))
                held = [token for (text,) in texts for token in TOKEN.findall(text)]
            assert known <= set(held) and len(held) == len(set(held))
    editors.assert_nothing_lost()
    show(f"{len(editors.saved)} edits, p99 {editors.quantile(99):.0f} ms")


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_d17_a_damaged_database_is_refused_untouched(data_dir: Path, place: float) -> None:
    with create_bare_app({"LTT_DATA_DIR": str(data_dir)}).app_context():
        made = datasets.create_dataset("Damaged").id
        history.create(made, [Record(f"Question {n}?", f"Answer {n * 7919}.") for n in range(2_000)], summary="Add")
        close_cleanly()
    path = data_dir / "ltt.db"
    data = bytearray(path.read_bytes())
    begin = int(len(data) * place) // 4096 * 4096
    data[begin : begin + 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    refused = run_ltt(data_dir, "serve", "--no-browser", "--port", str(free_port()), timeout=20)
    assert refused.returncode == 4, refused.stderr
    assert "ltt.db is damaged" in refused.stderr and "ltt restore" in refused.stderr
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()

"""The lock file: few wait, the others are told at once who holds it, and nothing that fails leaves it taken."""

import errno
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import Busy
from app.models import filelock
from app.models.filelock import FileLock
from tests.serving import wait_for

pytestmark = pytest.mark.skipif(os.name == "nt", reason="forks")
_fork = multiprocessing.get_context("fork")


def _hold(path: Path, doing: str, taken: object) -> None:
    FileLock(path, doing=lambda: doing).acquire()
    taken.set()
    time.sleep(60)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[FileLock, int]]:
    """A lock that another process holds, and that process."""
    path, taken = tmp_path / "write.lock", _fork.Event()
    process = _fork.Process(target=_hold, args=(path, "ltt import", taken))
    process.start()
    assert taken.wait(10)
    yield FileLock(path, timeout_seconds=0), process.pid
    process.kill()
    process.join()


def refusal_of(lock: FileLock) -> Busy:
    with pytest.raises(Busy) as caught:
        lock.acquire()
    return caught.value


def test_who_waits_in_vain_is_told_who_holds_it_and_since_when(held) -> None:
    lock, pid = held
    told = refusal_of(lock)
    assert told.message.startswith(f"ltt import (process {pid}) has been writing since ")
    assert (told.details["pid"], told.details["doing"]) == (pid, "ltt import")
    assert told.code == "busy"


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_holder_that_is_stopped_is_told_as_such(held) -> None:
    lock, pid = held
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: lock.holder().is_stopped)
    told = refusal_of(lock)
    assert told.code == "writer_stopped"
    assert f"kill -CONT {pid}" in told.message


@pytest.mark.parametrize(
    "note", [b"", b"\xff\xfe", b"x y z", b"1", b"7 1e999 ltt\n", b"7 nan ltt\n", b"-3 5 \x1b[31m\n" * 9]
)
def test_a_damaged_note_of_the_holder_is_no_obstacle(held, note: bytes) -> None:
    lock, _ = held
    lock.path.with_name("write.lock.holder").write_bytes(note)
    assert "\x1b" not in refusal_of(lock).message


def test_few_threads_stay_and_the_others_are_refused_soon(held, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, _ = held
    monkeypatch.setattr(filelock, "PATIENCE_SECONDS", 0.2)
    lock.timeout_seconds, lock.most_waiting = 8.0, 2
    waited: list[float] = []

    def wait() -> None:
        began = time.monotonic()
        refusal_of(lock)
        waited.append(time.monotonic() - began)

    threads = [threading.Thread(target=wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(waited) >= 6)
    # Two stay already: who comes now does not even wait for a moment.
    began = time.monotonic()
    refusal_of(lock)
    assert time.monotonic() - began < 6
    for thread in threads:
        thread.join()
    assert len([one for one in waited if one >= 8]) == 2


def test_who_stays_keeps_its_place_from_the_threads_to_the_file(held, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, pid = held
    monkeypatch.setattr(filelock, "PATIENCE_SECONDS", 0.1)

    def wait_in_vain(seconds: float) -> None:
        with pytest.raises(Busy):
            lock.acquire(seconds)

    def wait_with_success() -> None:
        with lock:
            pass

    lock.timeout_seconds = 60
    first, second = threading.Thread(target=wait_in_vain, args=(2,)), threading.Thread(target=wait_with_success)
    for number, one in enumerate((first, second), 1):
        one.start()
        wait_for(lambda number=number: lock._staying == (number if first.is_alive() else 1))
    # Nobody who comes from now on may stay, so that the second has the place that it had, or none.
    monkeypatch.setattr(filelock, "PATIENCE_SECONDS", 60)
    lock.most_waiting = 1
    first.join()
    began = time.monotonic()
    wait_in_vain(12)
    assert time.monotonic() - began < 6
    os.kill(pid, signal.SIGKILL)
    second.join()
    assert lock._staying == 0


def test_one_time_limit_covers_the_threads_and_the_file(held) -> None:
    lock, _ = held
    lock.timeout_seconds = 2
    threads = [threading.Thread(target=refusal_of, args=(lock,)) for _ in range(4)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 7


@pytest.mark.parametrize("what", ["open", "touch"])
def test_a_failure_while_waiting_leaves_the_lock_free(held, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    lock, pid = held
    lock.timeout_seconds = 0.2

    def fail(*arguments: object, **options: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os if what == "open" else Path, what, fail)
        with pytest.raises(OSError if what == "open" else Busy):
            lock.acquire()
    os.kill(pid, signal.SIGKILL)
    taken = threading.Event()

    def take() -> None:
        with lock:
            taken.set()

    lock.timeout_seconds = 5
    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    assert taken.is_set()

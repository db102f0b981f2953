"""A lock file that processes and threads take in turn, on every system."""

import os
import threading
import time
from pathlib import Path
from types import TracebackType

from app.core.errors import Busy

if os.name == "nt":
    import msvcrt

    def _try_lock(fd: int) -> bool:
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True

    def _unlock(fd: int) -> None:
        os.lseek(fd, 0, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)


class FileLock:
    """Exclusive between threads of this process and between processes; re-entrant within a thread.

    Raises Busy after ``timeout_seconds``. Who waits leaves a marker, so that a long holder can make way.
    """

    def __init__(self, path: Path, timeout_seconds: float = 60.0) -> None:
        self.path = path
        self.timeout_seconds = timeout_seconds
        self._marker = path.with_name(path.name + ".wanted")
        self._thread = threading.RLock()
        self._counting = threading.Lock()
        self._waiting = 0
        self._depth = 0
        self._fd = -1

    def acquire(self, timeout_seconds: float | None = None) -> None:
        """Take the lock or raise Busy."""
        limit = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        deadline = time.monotonic() + limit
        if not self._thread.acquire(blocking=False):
            self._await_thread(limit)
        if self._depth == 0:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            pause = 0.0005
            while not _try_lock(fd):
                if time.monotonic() >= deadline:
                    os.close(fd)
                    self._thread.release()
                    raise Busy("Another program is still writing. Try again in a moment.")
                self._ask()
                time.sleep(pause)
                pause = min(pause * 1.5, 0.005)
            self._fd = fd
            if not self._waiting:
                self._marker.unlink(missing_ok=True)
        self._depth += 1

    def _await_thread(self, limit: float) -> None:
        """Wait for other threads of this process."""
        with self._counting:
            self._waiting += 1
        self._ask()
        try:
            if not self._thread.acquire(timeout=max(limit, 0)):
                raise Busy("Another write is still running. Try again in a moment.")
        finally:
            with self._counting:
                self._waiting -= 1

    def _ask(self) -> None:
        self._marker.touch(mode=0o600)

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for the lock. A hint: who holds it for long should let go soon."""
        return self._marker.exists()

    def make_way(self, limit_seconds: float = 0.05) -> None:
        """Having let go, give who waits the time to take the lock."""
        deadline = time.monotonic() + limit_seconds
        while self.wanted and time.monotonic() < deadline:
            time.sleep(0.001)

    def release(self) -> None:
        """Give the lock back."""
        self._depth -= 1
        if self._depth == 0:
            _unlock(self._fd)
            os.close(self._fd)
            self._fd = -1
        self._thread.release()

    def give_up(self) -> None:
        """Give the file back whichever thread took it, for good: the end of a lock that a whole process holds."""
        if self._depth:
            self._depth = 0
            _unlock(self._fd)
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> "FileLock":
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

"""A lock file that processes and threads take in turn, on every system."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

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


# However many wait this long. Healthy writes take milliseconds, so that a crowd of them is through by then.
PATIENCE_SECONDS = 0.8
_NOTE_BYTES = 160


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: its process, what that is doing, and since when (seconds since 1970)."""

    pid: int
    doing: str
    since: float

    @property
    def is_stopped(self) -> bool:
        """Whether the process is stopped, by Ctrl+Z or a debugger. Known on Linux only."""
        try:
            facts = Path(f"/proc/{self.pid}/stat").read_bytes()
        except OSError:
            return False
        return facts.rpartition(b")")[2].split()[:1] in ([b"T"], [b"t"])


@dataclass(slots=True)
class _Waiter:
    """A thread that wants the lock: how many seconds it waits at most, since when, and whether it may stay."""

    limit: float
    began: float = field(default_factory=time.monotonic)
    stays: bool = False


class FileLock:
    """Exclusive between threads of this process and between processes; re-entrant within a thread.

    Raises Busy after ``timeout_seconds``. Who waits leaves a marker, so that a long holder can make way. With ``doing``
    each holder leaves a note of itself, which is told to those that waited in vain.
    """

    def __init__(self, path: Path, timeout_seconds: float = 60.0, doing: Callable[[], str] | None = None) -> None:
        self.path = path
        self.timeout_seconds = timeout_seconds
        # How many threads of this process may wait for longer than a moment; the others are refused then.
        self.most_waiting = 1_000
        self._doing = doing
        self._marker = path.with_name(path.name + ".wanted")
        self._note = path.with_name(path.name + ".holder")
        self._thread = threading.RLock()
        self._counting = threading.Lock()
        self._waiting = self._staying = 0
        self._depth = self._owner = 0
        self._fd = -1

    def acquire(self, timeout_seconds: float | None = None) -> None:
        """Take the lock or raise Busy."""
        waiter = _Waiter(self.timeout_seconds if timeout_seconds is None else timeout_seconds)
        try:
            if not self._thread.acquire(blocking=False):
                self._await(waiter, lambda seconds: self._thread.acquire(timeout=seconds), pause=0.2)
            try:
                if self._depth == 0:
                    self._lock_file(waiter)
                    self._owner = threading.get_ident()
                self._depth += 1
            except BaseException:
                self._thread.release()
                raise
        finally:
            if waiter.stays:
                with self._counting:
                    self._staying -= 1

    def _lock_file(self, waiter: _Waiter) -> None:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)

        def try_after(seconds: float) -> bool:
            time.sleep(seconds)
            return _try_lock(fd)

        try:
            if not _try_lock(fd):
                self._await(waiter, try_after, pause=0.0005)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        if not self._waiting:
            self._marker.unlink(missing_ok=True)
        if self._doing is not None:
            self._leave_note(self._doing())

    def _await(self, waiter: _Waiter, try_lock: Callable[[float], bool], *, pause: float) -> None:
        """Try again and again. After a moment only a few may stay; who comes while those stay is refused at once."""
        with self._counting:
            self._waiting += 1
        try:
            while True:
                waited = time.monotonic() - waiter.began
                with self._counting:
                    if waited >= waiter.limit or (not waiter.stays and self._staying >= self.most_waiting):
                        raise self._refusal()
                    if not waiter.stays and waited >= PATIENCE_SECONDS:
                        waiter.stays = True
                        self._staying += 1
                # The marker is a hint: a disk without room for it must not stop anybody.
                with suppress(OSError):
                    self._marker.touch(mode=0o600)
                if try_lock(min(pause, waiter.limit - waited)):
                    return
                pause = min(pause * 1.5, max(pause, 0.005))
        finally:
            with self._counting:
                self._waiting -= 1

    def _leave_note(self, doing: str) -> None:
        """Written over the last one at the same length: that works on a full disk too."""
        text = f"{os.getpid()} {time.time():.3f} {''.join(c for c in doing if c.isprintable())}"
        with suppress(OSError):
            fd = os.open(self._note, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.write(fd, text.encode()[: _NOTE_BYTES - 1].ljust(_NOTE_BYTES - 1) + b"\n")
            finally:
                os.close(fd)

    def holder(self) -> Holder | None:
        """Who took the lock last, and so holds it where it is held; None where nobody has said so."""
        try:
            pid, since, doing = self._note.read_bytes()[:_NOTE_BYTES].decode(errors="replace").split(maxsplit=2)
            return Holder(int(pid), "".join(c for c in doing.strip() if c.isprintable()), float(since))
        except (OSError, ValueError):
            return None

    def _refusal(self) -> Busy:
        holder = self.holder()
        if holder is None:
            return Busy("Another program is still writing. Try again in a moment.")
        try:
            since = datetime.fromtimestamp(holder.since).astimezone()
        except (OverflowError, OSError, ValueError):
            return Busy("Another program is still writing. Try again in a moment.")
        what = f"{holder.doing} (process {holder.pid}) has been writing since {since:%H:%M:%S}"
        facts: dict[str, Any] = {"pid": holder.pid, "doing": holder.doing, "since": since.isoformat(timespec="seconds")}
        if holder.is_stopped:
            return Busy(
                f"{what}, and that process is stopped. Let it go on (fg, or kill -CONT {holder.pid}) or end it, "
                "then try again.",
                code="writer_stopped",
                **facts,
            )
        return Busy(f"{what}. Try again in a moment.", **facts)

    @property
    def is_mine(self) -> bool:
        """Whether this thread holds the lock."""
        return self._depth > 0 and self._owner == threading.get_ident()

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

"""One job in a process of its own, and the watch over it."""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

from app.core.text import plural
from app.factory import create_bare_app
from app.jobs import limits
from app.models import close_connections, db, describe_process
from app.services import runners, running, tasks
from app.services.running import Claim, Stopped
from app.services.tasks import TaskLimits

log = logging.getLogger(__name__)
WATCH_SECONDS = 0.1
GRACE_SECONDS = 3.0
CANCEL_SECONDS = 10.0

# Forking is quick but safe on Linux only; elsewhere the child starts afresh.
_processes: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")


@dataclass(frozen=True, slots=True)
class Progress:
    """What the watch sees of a job from outside."""

    mark: tuple[int, str]
    cancel_requested: bool = False
    failed: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a job ended: ``told`` is its state and sentence where it did not end by itself."""

    told: tuple[str, str] | None


@dataclass(slots=True)
class Watcher:
    """Ends a job's process when it passes a limit, is not wanted any more, or does not get on."""

    kind: str
    look: Callable[[], Progress]
    stop_wanted: Callable[[], bool]
    _mark: tuple[int, str] = (-1, "")
    _moved: float = field(default_factory=time.monotonic)
    _looked: float = field(default_factory=time.monotonic)
    _cancelled: float | None = None

    @property
    def allowed(self) -> TaskLimits:
        """What its job may use."""
        return limits_of(self.kind)

    def judge(self, process: BaseProcess) -> Verdict | None:
        """How the job of the process has ended; None while it goes on. A process that may not go on is ended."""
        if not process.is_alive():
            return Verdict(self._meaning(process.exitcode or 0))
        told = self._object_to(process)
        if told is None:
            return None
        _end(process, gently=told[0] == "interrupted")
        return Verdict(told)

    def _object_to(self, process: BaseProcess) -> tuple[str, str] | None:
        if self.stop_wanted():
            return "interrupted", self._tell(running.STOPPED)
        memory = limits.needed_mb(process.pid or 0)
        if memory is not None and memory > self.allowed.memory_mb:
            return "failed", self._tell(f"This job needed more than {self.allowed.memory_mb:,} MB of memory.")
        return self._standstill()

    def _standstill(self) -> tuple[str, str] | None:
        now = time.monotonic()
        if now - self._looked < 1:
            return None
        self._looked, seen = now, self.look()
        if seen.gone:
            return "interrupted", self._tell(running.STOPPED)
        if seen.mark != self._mark:
            self._mark, self._moved = seen.mark, now
        if seen.cancel_requested:
            self._cancelled = self._cancelled or now
            if now - self._cancelled > CANCEL_SECONDS:
                return "cancelled", self._tell("Stopped.")
        if now - self._moved > self.allowed.stall_seconds:
            minutes = plural(max(self.allowed.stall_seconds // 60, 1), "minute")
            return "failed", self._tell(f"This job did not get on for {minutes} and was ended.")
        return None

    def _meaning(self, exit_code: int) -> tuple[str, str] | None:
        if exit_code == 0:
            return None
        if exit_code == -getattr(signal, "SIGXCPU", 0):
            minutes = plural(max(self.allowed.cpu_seconds // 60, 1), "minute")
            return "failed", self._tell(f"This job needed more than {minutes} of processor time.")
        return "failed", self._tell(f"The process of this job ended without a word (code {exit_code}).")

    def _tell(self, why: str) -> str:
        return f"{why} {running.say_left(self.kind)}"


def _end(process: BaseProcess, *, gently: bool) -> None:
    if gently:
        process.terminate()
        process.join(GRACE_SECONDS)
    if process.is_alive():
        process.kill()
    process.join()


def limits_of(kind: str) -> TaskLimits:
    """What a job of this kind may use."""
    task = tasks.find_task(kind)
    return task.limits if task else TaskLimits()


def start(claim: Claim, overrides: Mapping[str, Any]) -> BaseProcess:
    """Start a claimed job in its own process. Call inside an application context, outside a transaction."""
    # No connection to the database may cross into the child.
    close_connections()
    process: BaseProcess = _processes.Process(
        target=_main, args=(claim, dict(overrides), os.getpid()), name=f"job-{claim.id}"
    )
    process.start()
    return process


def _main(claim: Claim, overrides: Mapping[str, Any], parent: int) -> None:
    signal.signal(signal.SIGTERM, _raise_stopped)
    # Ctrl+C in a terminal reaches the worker as well, which then ends this process in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    describe_process(f"job {claim.id} ({claim.kind})")
    app = create_bare_app(overrides)
    with app.app_context():
        allowed = limits_of(claim.kind)
        limits.confine(allowed, file_bytes=allowed.file_mb * limits.MB + _database_bytes())
        try:
            running.run_claimed(claim, tasks.act_of(claim.kind), patient=True)
        except Stopped:
            log.info("Job %s was stopped.", claim.id)
        finally:
            close_connections()


def _raise_stopped(signum: int, frame: FrameType | None) -> None:
    raise Stopped


def _end_with(parent: int) -> None:
    while os.getppid() == parent and runners.pid_exists(parent):
        time.sleep(0.25)
    os._exit(1)


def _database_bytes() -> int:
    path = db.engine.url.database if db.engine.dialect.name == "sqlite" else None
    return Path(path).stat().st_size if path and Path(path).exists() else 0

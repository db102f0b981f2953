"""The worker process: takes queued jobs one after the other and runs each in a process of its own.

Jobs of another lane, such as a training of days, run beside these (``tasks.LANES``). A job that hangs, crashes or eats
memory takes only its own process with it; the worker records why and goes on.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from flask import Flask
from sqlalchemy.exc import DatabaseError, OperationalError

from app.core.errors import Busy, LttError, NotFound, Restored
from app.jobs import child
from app.jobs.child import Progress, Verdict, Watcher
from app.models import close_connections, db, end_reading, failures, write_ahead_log
from app.services import jobs, runners, running, search, tasks
from app.services.running import Claim, Lost

log = logging.getLogger(__name__)
POLL_SECONDS = 0.3
SWEEP_SECONDS = 300.0
FULL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Flight:
    """A job that runs in a process, and the watch over it."""

    claim: Claim
    process: BaseProcess
    watcher: Watcher


class Worker:
    """One worker process. ``parent`` is a process id: when that process ends, the worker does too."""

    def __init__(self, app: Flask, overrides: Mapping[str, Any], *, parent: int | None = None) -> None:
        self.app = app
        self.overrides = overrides
        self.parent = parent
        self._born_to = os.getppid()
        self._stopping = threading.Event()
        self._swept = float("-inf")
        self._beside: list[_Flight] = []
        self._asked = float("-inf")
        self._behind = False
        self._rests_until = float("-inf")

    def run(self) -> None:
        """Work until stopped. Call from the main thread."""
        for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._stop)
        with self.app.app_context():
            runners.announce_worker()
            try:
                while not self._ending():
                    pause = POLL_SECONDS if self._turned() else FULL_SECONDS
                    self._stopping.wait(0 if self._behind else pause)
            finally:
                # Who is asked to end ends what runs beside.
                self._stopping.set()
                self._look_beside()
                runners.retire()
                close_connections()

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        self._stopping.set()

    def _ending(self) -> bool:
        return self._stopping.is_set() or (self.parent is not None and self._orphaned(self.parent))

    def _orphaned(self, parent: int) -> bool:
        # A dead parent that nobody has buried yet still has its number, but no children any more.
        return os.getppid() != self._born_to or not runners.pid_exists(parent)

    def _turned(self) -> bool:
        """One turn; False where the disk is too full for it."""
        try:
            self.turn()
        except OperationalError as error:
            if not failures.is_disk_full(error):
                raise
            log.warning("The disk is full. Jobs wait until there is space.")
            return False
        return True

    def turn(self) -> bool:
        """Clear up after the dead, then run the job that waits longest. Returns whether there was one.

        Where none waits, facts and index for searches are brought a little further.
        """
        self._behind = False
        try:
            if running.interrupt_dead():
                self._swept = float("-inf")
            self._sweep()
            self._tend()
            claim = self._claim(but=[kind for lane in tasks.LANES if lane for kind in tasks.kinds_of(lane)])
            if claim is None:
                self._catch_up()
                if not self._behind and (wal := write_ahead_log()) is not None:
                    # A reader that was killed could not do it itself.
                    wal.fold_if_free()
        except Busy:
            return False
        finally:
            db.session.remove()
        if claim is None:
            return False
        flight = self._start(claim)
        while (verdict := flight.watcher.judge(flight.process)) is None:
            flight.process.join(child.WATCH_SECONDS)
            self._tend()
        self._settle(flight, verdict)
        return True

    def _catch_up(self) -> None:
        """Bring what searches need a little further. A defect in it must not keep jobs from running."""
        if time.monotonic() < self._rests_until:
            return
        try:
            self._behind = search.catch_up()
        except DatabaseError as error:
            if failures.is_disk_full(error):
                raise
            log.exception("What searches need could not catch up. They look at the pairs themselves.")
            self._rests_until = time.monotonic() + SWEEP_SECONDS

    def _sweep(self) -> None:
        if time.monotonic() - self._swept < SWEEP_SECONDS:
            return
        self._swept = time.monotonic()
        runners.clear_dead()
        for sweep in tasks.sweeps():
            try:
                sweep()
            except (LttError, OSError) as error:
                # A file that cannot be read must not keep jobs from running.
                log.warning("Clearing up failed: %s", getattr(error, "message", error))

    def _claim(self, only: Collection[str] | None = None, but: Collection[str] = ()) -> Claim | None:
        job_id = running.find_next_queued(only, but)
        end_reading()
        return running.claim_job(job_id, runners.me()) if job_id is not None else None

    def _tend(self) -> None:
        """Look after the jobs that run beside, and begin those that wait and have room."""
        self._look_beside()
        if self._ending() or time.monotonic() - self._asked < POLL_SECONDS:
            return
        self._asked = time.monotonic()
        try:
            for lane, width in tasks.LANES.items():
                kinds = tasks.kinds_of(lane) if lane else []
                while kinds and sum(one.claim.kind in kinds for one in self._beside) < width:
                    claim = self._claim(only=kinds)
                    if claim is None:
                        break
                    self._beside.append(self._start(claim))
        except Busy:
            return
        except OperationalError as error:
            if not failures.is_disk_full(error):
                raise
        finally:
            db.session.remove()

    def _look_beside(self) -> None:
        for flight in list(self._beside):
            if (verdict := flight.watcher.judge(flight.process)) is not None:
                self._beside.remove(flight)
                self._settle(flight, verdict)

    def _start(self, claim: Claim) -> "_Flight":
        process = child.start(claim, self.overrides)
        watcher = Watcher(claim.kind, lambda: _look(claim.id), self._ending)
        return _Flight(claim, process, watcher)

    def _settle(self, flight: "_Flight", verdict: Verdict) -> None:
        claim = flight.claim
        flight.process.join()
        flight.process.close()
        if verdict.told is not None or _look(claim.id).failed:
            # What it left behind is removed before the next job.
            self._swept = float("-inf")
        if verdict.told is None:
            return
        try:
            running.record_end(claim, verdict.told[0], error=verdict.told[1])
        except (Lost, Restored):
            log.info("Job %s had recorded its own end.", claim.id)
        finally:
            # What this process met in one epoch must not bind it in the next.
            db.session.remove()


def _look(job_id: int) -> Progress:
    try:
        job = jobs.get(job_id)
        return Progress((job.done, job.message), job.cancel_requested, job.state == "failed")
    except NotFound:
        # A backup was put back that knows nothing of it.
        return Progress((0, ""), gone=True)
    finally:
        db.session.remove()

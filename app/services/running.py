"""One run of one job in this process, from claim to result: its progress, its lease, and how it ended."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from flask import Flask, current_app
from sqlalchemy.exc import OperationalError

from app.core import errors
from app.core.errors import Busy, LttError
from app.models import Job, db, end_reading, failures, is_writing
from app.services import jobs, leases, runners
from app.services.jobs import Cancelled, Publication
from app.services.leases import Claim, Lost

log = logging.getLogger(__name__)
REPORT_SECONDS = 0.5
BEAT_SECONDS = 15.0
FULL_SECONDS = 1.0
DEFECT = "Something went wrong in this program, and nothing was changed. The log of the server says more."
STOPPED = "The program was stopped while this job ran. Nothing of it was kept."
# What JSON can hold as it is.
Json = (str, int, float, bool, type(None), list, dict)
# Told about progress as well, such as a terminal: done, total, what is counted.
Show = Callable[[int, int | None, str], None]
# What does the work of a job with these arguments; None where this version does not know how.
Act = Callable[[Mapping[str, object], "Context"], Mapping[str, object] | None]


class Stopped(BaseException):
    """The process is asked to end."""


class Context:
    """The Watch of a job. Progress and cancelling cost nothing when asked for more often than twice a second."""

    def __init__(self, claim: Claim, show: Show | None = None) -> None:
        self.claim = claim
        self.job_id: int | None = claim.id
        self._show = show
        self._reported = self._asked = float("-inf")
        self._cancelled = False

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Show how far the job is. Raises Cancelled where the user stopped it."""
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self._cancelled = leases.renew(self.claim, done=done, total=total, message=message)
            self._reported = self._asked = time.monotonic()
            if self._show is not None:
                self._show(done, total, message)
        self.check_cancelled()

    def check_cancelled(self) -> None:
        """Raise Cancelled where the user stopped the job."""
        if time.monotonic() - self._asked >= REPORT_SECONDS:
            self._cancelled = leases.cancel_wanted(self.claim)
            self._asked = time.monotonic()
        if self._cancelled:
            raise Cancelled("Stopped. Nothing was kept.")

    def publish(self) -> AbstractContextManager[Publication]:
        """The one transaction in which the effect becomes visible and the job done, together or not at all."""
        return leases.publication(self.claim)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended, and of which error, if any."""

    state: str
    result: dict[str, object] | None = None
    error: str | None = None
    cause: LttError | None = None


def run_now(job_id: int, act: Act | None, show: Show | None = None) -> Job:
    """Run a queued job here and now, in the caller's process. Raises what it failed of; gives it back otherwise."""
    ending = run_queued(job_id, act, runners.me(), show)
    if ending is not None and ending.cause is not None:
        raise ending.cause
    return jobs.get(job_id)


def run_queued(job_id: int, act: Act | None, runner: str, show: Show | None = None) -> Ending | None:
    """Claim a queued job and run it to its end. Returns None where somebody else has it."""
    claim = leases.take(job_id, runner)
    return run_claimed(claim, act, show) if claim is not None else None


def run_claimed(claim: Claim, act: Act | None, show: Show | None = None, *, patient: bool = False) -> Ending:
    """Run a job that this process owns to its end.

    A patient one waits where a full disk cannot even hold how it ended.
    """
    try:
        with heartbeat(claim):
            ending = _run(claim, act, show)
        while not _recorded(claim, ending, patient=patient):
            time.sleep(FULL_SECONDS)
    except Lost as error:
        log.warning("Job %s was given to another worker.", claim.id)
        return Ending("interrupted", cause=error)
    except (Stopped, KeyboardInterrupt):
        leases.finish(claim, "interrupted", error=STOPPED)
        raise
    return ending


def _run(claim: Claim, act: Act | None, show: Show | None) -> Ending:
    if act is None:
        return Ending("failed", error=f"This version does not know jobs of the kind {claim.kind!r}.")
    try:
        return Ending("done", dict(act(claim.arguments, Context(claim, show)) or {}))
    except Lost:
        raise
    except Cancelled as error:
        return Ending("cancelled", error=error.message, cause=error)
    except Exception as error:
        known = failures.translate(error)
        if known is None:
            log.exception("A job failed.")
            known = LttError(DEFECT, code="defect")
        details = {name: value if isinstance(value, Json) else str(value) for name, value in known.details.items()}
        kind = next(one.__name__ for one in type(known).__mro__ if hasattr(errors, one.__name__))
        return Ending("failed", {"error": kind, "code": known.code, **details}, known.message, known)
    finally:
        end_reading()


def _recorded(claim: Claim, ending: Ending, *, patient: bool) -> bool:
    try:
        leases.finish(claim, ending.state, result=ending.result, error=ending.error)
    except OperationalError as error:
        if patient and failures.is_disk_full(error):
            return False
        raise
    return True


def error_of(job: Job) -> LttError:
    """What a failed job failed of, as it was raised."""
    facts = job.result or {}
    kind = getattr(errors, str(facts.get("error")), LttError)
    error: LttError = kind(job.error or "The job failed.", code=str(facts.get("code", "failed")))
    return error


@contextmanager
def heartbeat(claim: Claim) -> Iterator[None]:
    """Keep the lease alive while the body runs, however long it takes between two reports."""
    if is_writing():
        # Who holds the write lock all the time can lose the job to nobody, and must not wait for itself.
        yield
        return
    stop = threading.Event()
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    thread = threading.Thread(target=_beat, args=(app, claim, stop), name=f"job-{claim.id}-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beat(app: Flask, claim: Claim, stop: threading.Event) -> None:
    while not stop.wait(BEAT_SECONDS):
        with app.app_context():
            try:
                leases.renew(claim)
            except Busy:
                # The job itself holds the write lock: nobody can take the job from it meanwhile.
                continue
            except OperationalError as error:
                if not failures.is_disk_full(error):
                    raise
            except Lost:
                return
            finally:
                db.session.remove()

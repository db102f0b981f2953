"""One run of one job, from claim to result: who runs it and until when, its progress, and how it ended.

Every write of a runner says who it is. Once a job was given to somebody else, or was found interrupted, nothing that
the former runner still does can reach it.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask, current_app
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from app.core import errors
from app.core.errors import Busy, Conflict, LttError, Restored
from app.models import Job, base_on_epoch, db, end_reading, failures, is_writing, met_epoch, transaction
from app.models.base import now
from app.services import runners
from app.services.jobs import Cancelled, Publication

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
HELD = ("running", "publishing")
INTERRUPTED = "The program ended while this job ran."
GIVEN_AWAY = "This job was given to another worker. Nothing was published."
REPORT_SECONDS = 0.5
BEAT_SECONDS = 15.0
FULL_SECONDS = 1.0
DEFECT = "Something went wrong in this program, and nothing was changed. The log of the server says more."
STOPPED = "The program was stopped while this job ran."
# What is left of jobs that ended before their time, by kind; of all others nothing is.
_LEFT = {"train": "Its complete checkpoints are kept.", "train-away": "What the service has of it is still there."}
# What JSON can hold as it is.
Json = (str, int, float, bool, type(None), list, dict)
# Told about progress as well, such as a terminal: done, total, what is counted.
Show = Callable[[int, int | None, str], None]
# What does the work of a job with these arguments; None where this version does not know how.
Act = Callable[[Mapping[str, object], "Context"], Mapping[str, object] | None]


class Stopped(BaseException):
    """The process is asked to end."""


class Lost(Conflict):
    """The job no longer belongs to this runner."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this runner may work on."""

    id: int
    kind: str
    arguments: dict[str, Any]
    dataset_id: int | None
    runner: str
    # The epoch of the workspace in which it was claimed. In a later one nothing of it is written.
    epoch: int


def find_next_queued(only: Collection[str] | None = None, but: Collection[str] = ()) -> int | None:
    """The id of the job that waits longest, of some kinds or of all but some."""
    query = select(Job.id).where(Job.state == "queued", Job.kind.not_in(but)).order_by(Job.id).limit(1)
    return db.session.execute(query if only is None else query.where(Job.kind.in_(only))).scalar()


def claim_job(job_id: int, runner: str) -> Claim | None:
    """Make the runner the owner of a queued job; None where somebody else was quicker."""
    with transaction() as session:
        mine = select(Job).where(Job.id == job_id, Job.state == "queued").with_for_update(skip_locked=True)
        job = session.execute(mine.execution_options(populate_existing=True)).scalar_one_or_none()
        if job is None:
            return None
        job.state, job.worker, job.attempts = "running", runner, job.attempts + 1
        job.started_at, job.lease_until = now(), now() + LEASE
        return Claim(job.id, job.kind, dict(job.arguments), job.dataset_id, runner, met_epoch())


def renew_lease(claim: Claim, **values: object) -> bool:
    """Lengthen the lease and write progress. Returns whether the user wants to stop it. Raises Lost."""
    with transaction() as session:
        wanted = session.execute(
            update(Job)
            .where(Job.id == claim.id, Job.worker == claim.runner, Job.state.in_(HELD))
            .values(lease_until=now() + LEASE, **values)
            .returning(Job.cancel_requested)
            .execution_options(synchronize_session=None)
        ).first()
    if wanted is None:
        raise Lost(GIVEN_AWAY)
    return bool(wanted[0])


def is_cancel_wanted(claim: Claim) -> bool:
    """Whether the user wants to stop the job. Reads only. Raises Lost."""
    mine = select(Job.cancel_requested).where(Job.id == claim.id, Job.worker == claim.runner, Job.state.in_(HELD))
    row = db.session.execute(mine).first()
    end_reading()
    if row is None:
        raise Lost(GIVEN_AWAY)
    return bool(row[0])


def record_end(claim: Claim, state: str, *, result: dict[str, object] | None = None, error: str | None = None) -> None:
    """Record how the job ended, unless a publication has done so. Raises Lost where it belongs to somebody else."""
    if not is_published(claim):
        with transaction():
            _end(claim, state, result=result, error=error)


def is_published(claim: Claim) -> bool:
    """Whether the job's effect is there and the job done: nothing that fails afterwards can undo that. Reads only."""
    state = db.session.execute(select(Job.state).where(Job.id == claim.id, Job.worker == claim.runner)).scalar()
    end_reading()
    return state == "done"


def _end(claim: Claim, state: str, **values: object) -> None:
    ended = db.session.execute(
        update(Job)
        .where(Job.id == claim.id, Job.worker == claim.runner, Job.state.in_(HELD))
        .values(state=state, finished_at=now(), lease_until=None, **values)
        .returning(Job.id)
        .execution_options(synchronize_session=None)
    ).first()
    if ended is None:
        raise Lost(GIVEN_AWAY)


def say_left(kind: str) -> str:
    """What is left of a job of that kind that ended before its time, in a sentence."""
    return _LEFT.get(kind, "Nothing of it was kept.")


def interrupt_dead() -> int:
    """Mark the jobs whose runner is gone as interrupted, so that they can be retried. Returns how many."""
    held = select(Job.id, Job.kind, Job.worker, Job.lease_until).where(Job.state.in_(HELD))
    rows = db.session.execute(held).all()
    dead = [row for row in rows if row.lease_until < now() or runners.has_died(row.worker)]
    end_reading()
    if not dead:
        return 0
    interrupted = 0
    with transaction() as session:
        for one in dead:
            said = f"{INTERRUPTED} {say_left(one.kind)}"
            gone = session.execute(
                update(Job)
                .where(Job.id == one.id, Job.state.in_(HELD))
                .values(state="interrupted", error=said, finished_at=now(), lease_until=None)
                .returning(Job.id)
                .execution_options(synchronize_session=None)
            )
            interrupted += len(gone.all())
    return interrupted


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
            self._cancelled = renew_lease(self.claim, done=done, total=total, message=message)
            self._reported = self._asked = time.monotonic()
            if self._show is not None:
                self._show(done, total, message)
        self.check_cancelled()

    def check_cancelled(self) -> None:
        """Raise Cancelled where the user stopped the job."""
        if time.monotonic() - self._asked >= REPORT_SECONDS:
            self._cancelled = is_cancel_wanted(self.claim)
            self._asked = time.monotonic()
        if self._cancelled:
            raise Cancelled("Stopped. Nothing was kept.")

    @contextmanager
    def publish(self) -> Iterator[Publication]:
        """The one transaction in which the effect becomes visible and the job done, together or not at all."""
        if renew_lease(self.claim, state="publishing"):
            raise Cancelled("Stopped. Nothing was kept.")
        with transaction() as session:
            publication = Publication(session)
            yield publication
            _end(self.claim, "done", result=publication.result, error=None)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended, and of which error, if any."""

    state: str
    result: dict[str, object] | None = None
    error: str | None = None
    cause: LttError | None = None


def run_queued(job_id: int, act: Act | None, runner: str, show: Show | None = None) -> Ending | None:
    """Claim a queued job and run it to its end. Returns None where somebody else has it."""
    claim = claim_job(job_id, runner)
    return run_claimed(claim, act, show) if claim is not None else None


def run_claimed(claim: Claim, act: Act | None, show: Show | None = None, *, patient: bool = False) -> Ending:
    """Run a job that this process owns to its end.

    A patient one waits where a full disk cannot even hold how it ended.
    """
    base_on_epoch(claim.epoch)
    try:
        with heartbeat(claim):
            ending = _run(claim, act, show)
        if ending.state != "done" and is_published(claim):
            log.warning("Job %s is done, but what followed failed: %s", claim.id, ending.error)
            return Ending("done")
        while True:
            try:
                record_end(claim, ending.state, result=ending.result, error=ending.error)
                return ending
            except OperationalError as error:
                if not (patient and failures.is_disk_full(error)):
                    raise
            time.sleep(FULL_SECONDS)
    except (Lost, Restored) as error:
        log.warning("Job %s is not this runner's any more: %s", claim.id, error.message)
        return Ending("interrupted", cause=error)
    except (Stopped, KeyboardInterrupt):
        record_end(claim, "interrupted", error=f"{STOPPED} {say_left(claim.kind)}")
        raise


def _run(claim: Claim, act: Act | None, show: Show | None) -> Ending:
    if act is None:
        return Ending("failed", error=f"This version does not know jobs of the kind {claim.kind!r}.")
    try:
        return Ending("done", dict(act(claim.arguments, Context(claim, show)) or {}))
    except (Lost, Restored):
        raise
    except Cancelled as error:
        return Ending("cancelled", error=error.message, cause=error)
    except Exception as error:
        # Whatever a job fails of must not end the worker, nor run for ever.
        known = failures.translate(error)
        if known is None:
            log.exception("A job failed.")
            known = LttError(DEFECT, code="defect")
        details = {name: value if isinstance(value, Json) else str(value) for name, value in known.details.items()}
        kind = next(one.__name__ for one in type(known).__mro__ if hasattr(errors, one.__name__))
        return Ending("failed", {"error": kind, "code": known.code, **details}, known.message, known)
    finally:
        end_reading()


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
            base_on_epoch(claim.epoch)
            try:
                renew_lease(claim)
            except Busy:
                # The job itself holds the write lock: nobody can take the job from it meanwhile.
                continue
            except OperationalError as error:
                if not failures.is_disk_full(error):
                    raise
            except (Lost, Restored):
                return
            finally:
                db.session.remove()

"""Jobs as their users see them: start, watch, stop, retry. How one is run is the business of ``running``."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.errors import Conflict, LttError, NotFound
from app.models import Job, db, transaction
from app.models.base import now

WAITING = ("queued",)
ACTIVE = ("queued", "running", "publishing")
STATES = ("queued", "running", "publishing", "done", "failed", "cancelled", "interrupted")
ENDED = ("done", "failed", "cancelled", "interrupted")
RETRYABLE = ("failed", "cancelled", "interrupted")


class Cancelled(LttError):
    """The user stopped the job."""

    code = "cancelled"


@dataclass(slots=True)
class Publication:
    """What a job leaves behind, written in the same transaction as its effect."""

    session: Session
    result: dict[str, object] = field(default_factory=dict)


class Watch(Protocol):
    """How long work tells where it stands and learns that it shall stop. ``job_id`` is None for work without a job."""

    job_id: int | None

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Show how far the work is."""

    def check_cancelled(self) -> None:
        """Raise Cancelled where the user stopped the job."""

    def publish(self) -> Any:
        """A context manager around the one transaction that makes the work visible; gives a Publication."""


class Unwatched:
    """A Watch for work that nobody follows."""

    job_id: int | None = None

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Nobody looks."""

    def check_cancelled(self) -> None:
        """Nobody can stop it."""

    @contextmanager
    def publish(self) -> Iterator[Publication]:
        """A plain transaction."""
        with transaction() as session:
            yield Publication(session)


def enqueue(kind: str, arguments: Mapping[str, Any], *, dataset_id: int | None = None, title: str = "") -> Job:
    """Put a job in the queue; a worker takes it up within a second. Joins the caller's transaction, if any."""
    with transaction() as session:
        job = Job(kind=kind, arguments=dict(arguments), dataset_id=dataset_id, title=title)
        session.add(job)
        session.flush()
        return job


def get(job_id: int) -> Job:
    """The job as it stands now. Raises NotFound."""
    job = db.session.get(Job, job_id, populate_existing=True)
    if job is None:
        raise NotFound(f"There is no job {job_id}.", job_id=job_id)
    return job


def listed(
    *, states: Sequence[str] = (), dataset_id: int | None = None, before: int | None = None, size: int = 50
) -> list[Job]:
    """Jobs, newest first; ``before`` is an id to continue from."""
    query = select(Job).order_by(Job.id.desc()).limit(size)
    if states:
        query = query.where(Job.state.in_(states))
    if dataset_id is not None:
        query = query.where(Job.dataset_id == dataset_id)
    if before is not None:
        query = query.where(Job.id < before)
    return list(db.session.execute(query.execution_options(populate_existing=True)).scalars())


def active_ids() -> set[int]:
    """The ids of the jobs that wait or run."""
    return set(db.session.execute(select(Job.id).where(Job.state.in_(ACTIVE))).scalars())


def totals() -> dict[str, int]:
    """How many jobs are in each state."""
    rows = db.session.execute(select(Job.state, func.count()).group_by(Job.state))
    return {row[0]: row[1] for row in rows}


def as_dict(job: Job) -> dict[str, object]:
    """The job as programs see it."""
    times = {name: getattr(job, name) for name in ("created_at", "started_at", "finished_at")}
    return {
        "id": job.id,
        "kind": job.kind,
        "title": job.title,
        "dataset_id": job.dataset_id,
        "state": job.state,
        "progress": {"done": job.done, "total": job.total, "message": job.message},
        "cancel_requested": job.cancel_requested,
        "attempts": job.attempts,
        "result": job.result,
        "error": job.error,
        **{name: time.isoformat() if time else None for name, time in times.items()},
    }


def cancel(job_id: int) -> Job:
    """Stop a job: a queued one at once, a running one at its next step. Raises Conflict where it is too late."""
    with transaction() as session:
        job = _locked(session, job_id)
        if job.state == "publishing":
            raise Conflict("It is too late to stop this job: its result is being published.", code="publishing")
        if job.state not in ACTIVE:
            raise Conflict(f"This job has ended already ({job.state}).", code="job_ended", state=job.state)
        job.cancel_requested = True
        if job.state == "queued":
            job.state, job.finished_at, job.message = "cancelled", now(), "Stopped before it began."
        return job


def retry(job_id: int) -> Job:
    """Put a job that failed, was stopped or interrupted in the queue again. Raises Conflict for any other."""
    with transaction() as session:
        job = _locked(session, job_id)
        if job.state not in RETRYABLE:
            raise Conflict(f"This job is {job.state}, so there is nothing to retry.", code="not_retryable")
        job.state, job.cancel_requested, job.error, job.result = "queued", False, None, None
        job.done, job.total, job.message = 0, None, ""
        job.worker, job.lease_until, job.started_at, job.finished_at = None, None, None, None
        return job


def _locked(session: Session, job_id: int) -> Job:
    query = select(Job).where(Job.id == job_id).with_for_update().execution_options(populate_existing=True)
    job = session.execute(query).scalar_one_or_none()
    if job is None:
        raise NotFound(f"There is no job {job_id}.", job_id=job_id)
    return job

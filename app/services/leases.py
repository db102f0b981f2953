"""The lease on a job: who runs it, until when, and that nobody runs it twice.

Every write of a runner says who it is. Once a job was given to somebody else, or was found interrupted, nothing that
the former runner still does can reach it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from app.core.errors import Conflict
from app.models import Job, db, end_reading, transaction
from app.models.base import now
from app.services import runners
from app.services.jobs import Cancelled, Publication

LEASE = timedelta(seconds=60)
HELD = ("running", "publishing")
INTERRUPTED = "The program ended while this job ran. Nothing of it was kept."


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


def next_queued() -> int | None:
    """The id of the job that waits longest."""
    return db.session.execute(select(Job.id).where(Job.state == "queued").order_by(Job.id).limit(1)).scalar()


def take(job_id: int, runner: str) -> Claim | None:
    """Make the runner the owner of a queued job; None where somebody else was quicker."""
    with transaction() as session:
        mine = select(Job).where(Job.id == job_id, Job.state == "queued").with_for_update(skip_locked=True)
        job = session.execute(mine.execution_options(populate_existing=True)).scalar_one_or_none()
        if job is None:
            return None
        job.state, job.worker, job.attempts = "running", runner, job.attempts + 1
        job.started_at, job.lease_until = now(), now() + LEASE
        return Claim(job.id, job.kind, dict(job.arguments), job.dataset_id, runner)


def renew(claim: Claim, **values: object) -> bool:
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
        raise Lost("This job was given to another worker. Nothing was published.")
    return bool(wanted[0])


def cancel_wanted(claim: Claim) -> bool:
    """Whether the user wants to stop the job. Reads only. Raises Lost."""
    mine = select(Job.cancel_requested).where(Job.id == claim.id, Job.worker == claim.runner, Job.state.in_(HELD))
    row = db.session.execute(mine).first()
    end_reading()
    if row is None:
        raise Lost("This job was given to another worker. Nothing was published.")
    return bool(row[0])


@contextmanager
def publication(claim: Claim) -> Iterator[Publication]:
    """The transaction in which the job's effect becomes visible and the job done, together or not at all."""
    if renew(claim, state="publishing"):
        raise Cancelled("Stopped. Nothing was kept.")
    with transaction() as session:
        end = Publication(session)
        yield end
        _end(claim, "done", result=end.result, error=None)


def finish(claim: Claim, state: str, *, result: dict[str, object] | None = None, error: str | None = None) -> None:
    """Record how the job ended, unless a publication has done so. Raises Lost where it belongs to somebody else."""
    with transaction():
        already = select(Job.state).where(Job.id == claim.id, Job.worker == claim.runner)
        if db.session.execute(already).scalar() != "done":
            _end(claim, state, result=result, error=error)


def _end(claim: Claim, state: str, **values: object) -> None:
    ended = db.session.execute(
        update(Job)
        .where(Job.id == claim.id, Job.worker == claim.runner, Job.state.in_(HELD))
        .values(state=state, finished_at=now(), lease_until=None, **values)
        .returning(Job.id)
        .execution_options(synchronize_session=None)
    ).first()
    if ended is None:
        raise Lost("This job was given to another worker. Nothing was published.")


def interrupt_dead() -> int:
    """Mark the jobs whose runner is gone as interrupted, so that they can be retried. Returns how many."""
    held = select(Job.id, Job.worker, Job.lease_until).where(Job.state.in_(HELD))
    rows = db.session.execute(held).all()
    dead = [row.id for row in rows if row.lease_until < now() or runners.has_died(row.worker)]
    end_reading()
    if not dead:
        return 0
    with transaction() as session:
        gone = session.execute(
            update(Job)
            .where(Job.id.in_(dead), Job.state.in_(HELD))
            .values(state="interrupted", error=INTERRUPTED, finished_at=now(), lease_until=None)
            .returning(Job.id)
            .execution_options(synchronize_session=None)
        )
        return len(gone.all())

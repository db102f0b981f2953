"""Change sets that a job keeps hidden until it publishes them, and what is left of them where the job was killed."""

import json
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Conflict
from app.models import ChangeSet, Job, db, transaction
from app.services import history, jobs
from app.services.history import StagedRow

LOST = "This work was started again elsewhere. Nothing of this run is kept."


def stage(dataset_id: int, *, kind: str, job_id: int | None, actor: str) -> int:
    """Begin a hidden change set of a job; returns its id."""
    with transaction() as session:
        staged = history.stage(dataset_id, kind=kind, actor=actor)
        session.get_one(ChangeSet, staged).details = json.dumps({"job": job_id})
        return staged


def keep(session: Session, set_id: int, rows: Sequence[StagedRow], changed: int) -> ChangeSet:
    """Keep changes of ``changed`` entries under a hidden set. Raises Conflict where it is no longer hidden."""
    change_set = session.get(ChangeSet, set_id)
    if change_set is None or change_set.state != "staging":
        raise Conflict(LOST)
    history.add_changes(change_set, rows, changed)
    return change_set


def sweep(kind: str) -> int:
    """Discard what killed jobs of a kind left hidden. Returns the number of rows removed."""
    active = set(db.session.execute(select(Job.id).where(Job.state.in_(jobs.ACTIVE))).scalars())
    hidden = select(ChangeSet).where(ChangeSet.kind == kind, ChangeSet.state == "staging")
    left = [one.id for one in db.session.execute(hidden).scalars() if _job_of(one) not in active]
    return sum(history.discard(set_id) for set_id in left)


def _job_of(change_set: ChangeSet) -> int | None:
    job: int | None = json.loads(change_set.details or "{}").get("job")
    return job

"""One run of one job in this process, from claim to result."""

import logging
import time
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError

from app.core import errors
from app.core.errors import LttError
from app.jobs import lease, registry, runners
from app.jobs.context import Context, Show, heartbeat
from app.jobs.lease import Claim, Lost
from app.models import Job, end_reading, failures
from app.services import jobs
from app.services.jobs import Cancelled

log = logging.getLogger(__name__)
DEFECT = "Something went wrong in this program, and nothing was changed. The log of the server says more."
STOPPED = "The program was stopped while this job ran. Nothing of it was kept."
FULL_SECONDS = 1.0
Json = (str, int, float, bool, type(None), list, dict)


class Stopped(BaseException):
    """The process is asked to end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, and of which error, if any."""

    state: str
    result: dict[str, object] | None = None
    error: str | None = None
    cause: LttError | None = None


def run_now(job_id: int, show: Show | None = None) -> Job:
    """Run a queued job here and now, in the caller's process. Raises what it failed of; gives it back otherwise."""
    outcome = run(job_id, runners.me(), show)
    if outcome is not None and outcome.cause is not None:
        raise outcome.cause
    return jobs.get(job_id)


def run(job_id: int, runner: str, show: Show | None = None) -> Outcome | None:
    """Claim a queued job and run it to its end. Returns None where somebody else has it."""
    claim = lease.take(job_id, runner)
    return run_claimed(claim, show) if claim is not None else None


def run_claimed(claim: Claim, show: Show | None = None, *, patient: bool = False) -> Outcome:
    """Run a job that this process owns to its end.

    A patient one waits where a full disk cannot even hold how it ended.
    """
    try:
        with heartbeat(claim):
            outcome = _outcome(Context(claim, show))
        while not _recorded(claim, outcome, patient=patient):
            time.sleep(FULL_SECONDS)
    except Lost as error:
        log.warning("Job %s was given to another worker.", claim.id)
        return Outcome("interrupted", cause=error)
    except (Stopped, KeyboardInterrupt):
        lease.finish(claim, "interrupted", error=STOPPED)
        raise
    return outcome


def _recorded(claim: Claim, outcome: Outcome, *, patient: bool) -> bool:
    try:
        lease.finish(claim, outcome.state, result=outcome.result, error=outcome.error)
    except OperationalError as error:
        if patient and failures.is_disk_full(error):
            return False
        raise
    return True


def _outcome(ctx: Context) -> Outcome:
    handler = registry.find(ctx.claim.kind)
    if handler is None:
        return Outcome("failed", error=f"This version does not know jobs of the kind {ctx.claim.kind!r}.")
    try:
        return Outcome("done", handler.run(ctx) or {})
    except Lost:
        raise
    except Cancelled as error:
        return Outcome("cancelled", error=error.message, cause=error)
    except Exception as error:  # noqa: BLE001 (whatever a job fails of must not end the worker, nor run for ever)
        return _failed(error)
    finally:
        end_reading()


def _failed(error: Exception) -> Outcome:
    known = failures.translate(error)
    if known is None:
        log.exception("A job failed.")
        known = LttError(DEFECT, code="defect")
    details = {name: value if isinstance(value, Json) else str(value) for name, value in known.details.items()}
    kind = next(one.__name__ for one in type(known).__mro__ if hasattr(errors, one.__name__))
    return Outcome("failed", {"error": kind, "code": known.code, **details}, known.message, known)

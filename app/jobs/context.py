"""What a handler gets: its arguments, a way to say how far it is, and a way to publish."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from flask import Flask, current_app
from sqlalchemy.exc import OperationalError

from app.core.errors import Busy
from app.jobs import lease
from app.jobs.lease import Claim, Lost
from app.models import db, failures
from app.services.jobs import Cancelled, Publication

REPORT_SECONDS = 0.5
BEAT_SECONDS = 15.0
STOPPED = "Stopped. Nothing was kept."
# Told about progress as well, such as a terminal: done, total, what is counted.
Show = Callable[[int, int | None, str], None]


class Context:
    """One run of one job. Progress and cancelling cost nothing when asked for more often than twice a second."""

    def __init__(self, claim: Claim, show: Show | None = None) -> None:
        self.claim = claim
        self._show = show
        self.job_id: int | None = claim.id
        self.dataset_id = claim.dataset_id
        self.arguments: dict[str, Any] = claim.arguments
        self._reported = self._asked = float("-inf")
        self._cancelled = False

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Show how far the job is. Raises Cancelled where the user stopped it."""
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self._cancelled = lease.renew(self.claim, done=done, total=total, message=message)
            self._reported = self._asked = time.monotonic()
            if self._show is not None:
                self._show(done, total, message)
        self._raise()

    def check_cancelled(self) -> None:
        """Raise Cancelled where the user stopped the job."""
        if time.monotonic() - self._asked >= REPORT_SECONDS:
            self._cancelled = lease.cancel_wanted(self.claim)
            self._asked = time.monotonic()
        self._raise()

    def _raise(self) -> None:
        if self._cancelled:
            raise Cancelled(STOPPED)

    def publish(self) -> AbstractContextManager[Publication]:
        """The one transaction in which the effect becomes visible and the job done, together or not at all."""
        return lease.publication(self.claim)


@contextmanager
def heartbeat(claim: Claim) -> Iterator[None]:
    """Keep the lease alive while the body runs, however long it takes between two reports."""
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
                lease.renew(claim)
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

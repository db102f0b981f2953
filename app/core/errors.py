"""Errors in the user's words. One module per door maps them to a status or an exit code."""

from collections.abc import Iterator
from contextlib import contextmanager


class LttError(Exception):
    """Base of all errors that carry one sentence for the user.

    ``code`` is a short machine word (``blank_question``), ``details`` what a program may want to know.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = details


@contextmanager
def placed(**where: object) -> Iterator[None]:
    """Add to the details of an error where it was met; what is said closer to it counts."""
    try:
        yield
    except LttError as error:
        error.details = {**where, **error.details}
        raise


class Invalid(LttError):
    """The content breaks a rule (HTTP 422, exit 3)."""

    code = "invalid"


class BadUsage(LttError):
    """The request or command itself is malformed (HTTP 400, exit 2)."""

    code = "bad_usage"


class NotFound(LttError):
    """There is no such thing (HTTP 404, exit 4)."""

    code = "not_found"


class Gone(LttError):
    """It was deleted; undo can bring it back (HTTP 410, exit 4)."""

    code = "gone"


class Conflict(LttError):
    """Somebody else changed it since (HTTP 409, exit 4)."""

    code = "conflict"


class Restored(Conflict):
    """A backup was put back since what the write is based on was read (HTTP 409, exit 4)."""

    code = "restored"


class TooLarge(LttError):
    """A limit is passed; the message names the limit and how to raise it (HTTP 413, exit 3)."""

    code = "too_large"


class WrongKind(LttError):
    """The file is not of a kind that can be read (HTTP 415, exit 3)."""

    code = "wrong_kind"


class Busy(LttError):
    """Try again shortly (HTTP 503 with Retry-After, exit 4)."""

    code = "busy"


class Unavailable(LttError):
    """Something outside failed: provider, network (HTTP 503, exit 5)."""

    code = "unavailable"


class DiskFull(LttError):
    """No space is left (HTTP 507, exit 5)."""

    code = "disk_full"

"""What a failing database or disk means for the user."""

import errno
import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from app.core.errors import Busy, Conflict, DiskFull, LttError, NotFound

_NO_HANDLES = (errno.EMFILE, errno.ENFILE)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_SUCH_NUMBER = "Nothing has such a large number."
_DISK_FULL = "The disk is full or cannot be written. Nothing was changed; free some space and try again."


def translate(error: BaseException) -> LttError | None:
    """The failure in the user's words; None for what is a defect of ours."""
    if isinstance(error, LttError):
        return error
    if isinstance(error, StaleDataError):
        return Conflict("It was changed meanwhile. Load it again.")
    if isinstance(error, ObjectDeletedError):
        return NotFound("It was removed meanwhile.")
    if isinstance(error, DBAPIError) and isinstance(error.orig, BaseException):
        return _driver(error.orig)
    if isinstance(error, OSError) and error.errno in _FULL:
        return DiskFull(_DISK_FULL)
    if isinstance(error, OSError) and error.errno in _NO_HANDLES:
        return Busy("Too many files are open. Try again in a moment.", code="no_handles")
    if isinstance(error, OverflowError) and "SQLite" in str(error):
        return NotFound(_NO_SUCH_NUMBER)
    return _driver(error)


def is_disk_full(error: BaseException) -> bool:
    """Whether it is for want of space, so that it may work later."""
    return isinstance(translate(error), DiskFull)


def _driver(error: BaseException) -> LttError | None:
    if isinstance(error, sqlite3.Error):
        return _sqlite(error)
    if type(error).__module__.startswith("psycopg"):
        return _postgres(getattr(error, "sqlstate", None) or "")
    return None


def _sqlite(error: sqlite3.Error) -> LttError | None:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY_DIRECTORY")):
        return DiskFull(_DISK_FULL)
    if name.startswith("SQLITE_CANTOPEN"):
        # Mostly for want of handles: the file was there when the program started.
        return Busy("The database cannot be opened at the moment. Try again in a moment.", code="no_handles")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Busy("Another program is still writing. Try again in a moment.")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return Conflict(
            "The database file is damaged. Stop the server and bring back a backup: ltt restore FILE.", code="damaged"
        )
    return None


def _postgres(state: str) -> LttError | None:
    if state.startswith("53"):
        return DiskFull(_DISK_FULL)
    if state == "22003":
        return NotFound(_NO_SUCH_NUMBER)
    if state in ("40001", "40P01", "55P03", "57014"):
        return Busy("Another program is still writing. Try again in a moment.")
    return None

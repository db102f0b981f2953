"""The log beside a SQLite database: what its program wrote last may stand there alone (https://sqlite.org/wal.html).

A database in use is opened by SQLite only. Where Python opens and closes it, the locks of this process are gone.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from app.core.errors import DiskFull, Invalid
from app.core.formats.foreign import refusing

_ENDS = ("-wal", "-journal")
_TRIES = 3


def log_beside(path: Path) -> Path | None:
    """The log that lies beside a file, through links."""
    real = path.resolve()
    return next((log for end in _ENDS if (log := real.with_name(real.name + end)).is_file()), None)


def take_log_in(path: Path, target: Path) -> bool:
    """Write a database with what stands in the log beside it as one file. False where it is no database after all.

    Nothing beside ``path`` is changed. Raises Invalid where it cannot be read or is never at rest, DiskFull.
    """
    real = path.resolve()
    sentence = f"{path.name} cannot be read together with the log beside it ({{reason}})."
    with refusing(sentence, sqlite3.DatabaseError, code="bad_sqlite", kind=Invalid):
        try:
            if real.with_name(real.name + "-shm").exists():
                # Somebody has it open, or had when it was copied.
                address = f"file:{quote(str(real))}?mode=ro"
                with closing(sqlite3.connect(address, uri=True)) as source, closing(sqlite3.connect(target)) as copy:
                    source.backup(copy)
            else:
                _copy_at_rest(real, target)
            with closing(sqlite3.connect(target)) as copy:
                copy.execute("PRAGMA trusted_schema=OFF")
                copy.execute("PRAGMA journal_mode=DELETE").fetchone()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                return False
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise DiskFull(f"There is no room for a copy of {path.name} with its log.") from error
            raise
    return True


def _copy_at_rest(path: Path, target: Path) -> None:
    """Copy a database and its logs, which nobody may write meanwhile."""
    files = [path, *(log for end in _ENDS if (log := path.with_name(path.name + end)).is_file())]
    for _ in range(_TRIES):
        before = [(file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        for file in files:
            shutil.copyfile(file, target.with_name(target.name + file.name.removeprefix(path.name)))
        if [(file.stat().st_size, file.stat().st_mtime_ns) for file in files] == before:
            return
    what = f"Another program writes {path.name} all the time. Close it, or make a copy with it, and try again."
    raise Invalid(what, code="in_use")


@contextmanager
def with_log(path: Path) -> Iterator[Path]:
    """The path of a file; of a database with a log beside it that of a copy with the log in it. Raises as above."""
    if log_beside(path) is None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="ltt-") as folder:
        copy = Path(folder) / path.name
        yield copy if take_log_in(path, copy) else path

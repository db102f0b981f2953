"""The schema of the database: brought to the newest version at start, after a safety copy."""

import math
import os
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError

from app.core.errors import Conflict
from app.models import db, open_copy

_NEWER = "The database was made by a newer version of this program. Update the program, or use another data folder."
_ALEMBIC_TABLE = "alembic_version"
_LOOK_SECONDS = 2.0


def prepare_schema() -> Path | None:
    """Make or upgrade the tables. Returns the safety copy that was made before an upgrade, if any.

    Raises Conflict when the database is damaged, foreign, orphaned or made by a newer version of this program.
    """
    file = _database_file()
    if file is not None and not file.exists():
        # A write-ahead log without its database holds edits that a new, empty database would destroy.
        log = file.with_name(file.name + "-wal")
        if log.exists() and log.stat().st_size:
            raise Conflict(
                f"{file} is missing, but its log {log.name} is there. Put the database back, or move the log away.",
                code="orphaned_log",
            )
        # Readable by its owner only; SQLite gives its log the same rights.
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    present = _read_version()
    scripts = _migration_scripts()
    if present == scripts.get_current_head():
        return None
    if present is not None and present not in {script.revision for script in scripts.walk_revisions()}:
        raise Conflict(_NEWER, code="newer_schema")
    copy = _safety_copy(present) if present is not None else None
    from alembic import command

    command.upgrade(_alembic_config(), "head")
    return copy


def find_damage(longest_seconds: float | None = None) -> str:
    """The first thing that SQLite finds wrong with the database, or nothing. It reads about a gigabyte in 2 seconds.

    What could not be looked at within ``longest_seconds`` is taken to be sound.
    """
    file = _database_file()
    if file is None or not file.exists():
        return ""
    deadline = time.monotonic() + longest_seconds if longest_seconds is not None else math.inf
    try:
        connection = db.engine.raw_connection()
        try:
            live = connection.driver_connection
            assert isinstance(live, sqlite3.Connection)
            live.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
            [(found,)] = live.execute("PRAGMA quick_check(1)").fetchall()
            live.set_progress_handler(None, 0)
        finally:
            connection.invalidate()
    except sqlite3.DatabaseError as error:
        return "" if time.monotonic() > deadline else str(error)
    return "" if found == "ok" else " ".join(found.split())


def require_sound() -> None:
    """Raise Conflict where the database is damaged, so that nothing is written into it."""
    if problem := find_damage(_LOOK_SECONDS):
        raise _damaged(problem)


def _damaged(problem: str) -> Conflict:
    return Conflict(
        f"{_database_file()} is damaged ({problem}). Bring back a backup: ltt restore FILE.", code="damaged"
    )


def upgrade_copy(path: Path) -> None:
    """Bring another database file, a copy that nobody else uses, to the newest schema."""
    from alembic import command

    config = _alembic_config()
    with open_copy(path) as config.attributes["engine"]:
        command.upgrade(config, "head")


def is_known(version: str) -> bool:
    """Whether this program has made, or can upgrade, a database of that schema version."""
    return version in {script.revision for script in _migration_scripts().walk_revisions()}


def is_newest(version: str) -> bool:
    """Whether a schema version is the one that this program works with."""
    return bool(version == _migration_scripts().get_current_head())


def _database_file() -> Path | None:
    return Path(db.engine.url.database or "") if db.engine.dialect.name == "sqlite" else None


def _read_version() -> str | None:
    """The schema version of the database; None when it is empty."""
    try:
        with db.engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            if not tables:
                return None
            if _ALEMBIC_TABLE not in tables:
                raise Conflict(
                    f"{_database_file()} is a database of another program. Use another data folder.", code="foreign"
                )
            version: str | None = connection.scalar(text(f"SELECT version_num FROM {_ALEMBIC_TABLE}"))
            return version
    except DatabaseError as error:
        if "malformed" in str(error) or "not a database" in str(error):
            raise _damaged(str(error.orig)) from error
        raise


def _alembic_config() -> Any:
    return current_app.extensions["migrate"].migrate.get_config()


def _migration_scripts() -> Any:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_alembic_config())


def _safety_copy(version: str) -> Path | None:
    """A copy made by SQLite itself, complete on disk before the upgrade begins."""
    file = _database_file()
    if file is None:
        return None
    folder = file.with_name("backups")
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    copy = folder / f"before-upgrade-from-{version}-{stamp}.db"
    partial = copy.with_suffix(".partial")
    copy_database(partial)
    partial.rename(copy)
    return copy


def copy_database(target: Path) -> None:
    """A copy made by SQLite itself, readable by its owner only, that would outlast a power cut."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection = db.engine.raw_connection()
    try:
        cursor = connection.cursor()
        # Read-only mode counts the new file as a write too; giving the connection back switches it on again.
        cursor.execute("PRAGMA query_only=OFF")
        cursor.execute("VACUUM INTO ?", (str(target),))
    finally:
        connection.close()
    # SQLite does not sync this copy.
    sync_to_disk(target, os.O_RDWR)


def sync_to_disk(path: Path, flags: int) -> None:
    """Wait until a file or a folder, opened with ``flags``, is on the disk."""
    descriptor = os.open(path, flags)
    os.fsync(descriptor)
    os.close(descriptor)

"""How the database is opened and written: one write lock, one kind of write transaction, read-only everywhere else.

SQLite runs in WAL mode with full sync. A write transaction is ``BEGIN IMMEDIATE`` under one lock file that every
process takes, and checkpoints happen under that lock only. All other connections are ``query_only``.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from flask import Flask, current_app
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from app.core.errors import BadUsage
from app.models.base import db
from app.models.epoch import WRITE
from app.models.filelock import FileLock

TRUSTED = "ltt_trusted"
_BAD_URL = (
    "LTT_DATABASE_URL is no address that can be used. Write postgresql+psycopg://USER@HOST/DATABASE, "
    "and install the extra postgres."
)
CHECKPOINT_BYTES = 8 * 1024 * 1024
# In kilobytes, for each connection. Those that only read are many, and find their pages with the system as well.
_SMALL_CACHE, _LARGE_CACHE = "PRAGMA cache_size=-8000", "PRAGMA cache_size=-32000"
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=30000",
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA mmap_size=0",
    "PRAGMA wal_autocheckpoint=0",
    _SMALL_CACHE,
    "PRAGMA query_only=ON",
)


def init_app(app: Flask) -> None:
    """Bind the models to the app's database and prepare its engine."""
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", _engine_options(app.config["SQLALCHEMY_DATABASE_URI"]))
    try:
        db.init_app(app)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise BadUsage(_BAD_URL) from error
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            _prepare_sqlite(db.engine)
            app.extensions["ltt_write_lock"] = FileLock(_database_path().with_name("write.lock"))


def _engine_options(url: str) -> dict[str, Any]:
    # Parameters are texts of pairs: they must not stand in errors, and so in logs.
    shared = {"hide_parameters": True}
    if url.startswith("sqlite"):
        return {
            **shared,
            "pool_size": 24,
            "max_overflow": 24,
            "connect_args": {"timeout": 30, "check_same_thread": False},
        }
    return {**shared, "pool_size": 12, "max_overflow": 24, "pool_pre_ping": True}


def _database_path() -> Path:
    return Path(db.engine.url.database or "")


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get(WRITE):
            connection.exec_driver_sql("PRAGMA query_only=OFF")
            connection.exec_driver_sql(_LARGE_CACHE)
            if options.get(TRUSTED):
                connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("BEGIN")

    @event.listens_for(engine, "checkin")
    def _checkin(connection: sqlite3.Connection | None, _record: object) -> None:
        if connection is not None:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute(_SMALL_CACHE)


@contextmanager
def open_copy(path: Path) -> Iterator[Engine]:
    """Another database file of ours, such as a copy that is being prepared, as an engine that reads and writes it."""
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True, poolclass=NullPool)
    _prepare_sqlite(engine)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def write_lock() -> Iterator[None]:
    """Hold the lock that all writers and checkpoints of all processes take. PostgreSQL has its own."""
    lock: FileLock | None = current_app.extensions.get("ltt_write_lock")
    if lock is None:
        yield
        return
    with lock:
        yield


class Turns:
    """Many writes in a row: in few large transactions while nobody else wants to write, in small ones otherwise.

    A large transaction writes each page of an index once where many small ones write it again and again.
    ``trusted`` is that of ``transaction``.
    """

    def __init__(self, longest_seconds: float = 0.3, *, trusted: bool = False) -> None:
        self._longest = longest_seconds
        self._trusted = trusted
        self._stack = ExitStack()
        self._began = 0.0
        self._open = False

    def __enter__(self) -> "Turns":
        return self

    def begin(self) -> Session:
        """The session of the open transaction; a new one is begun after a pause."""
        if not self._open:
            self._stack.enter_context(transaction(trusted=self._trusted))
            self._open, self._began = True, time.monotonic()
        return db.session()

    @property
    def is_over(self) -> bool:
        """Whether it is time to pause: somebody waits, or the transaction has been open for long."""
        wanted = "ltt_write_lock" not in current_app.extensions or _is_wanted()
        return self._open and (wanted or time.monotonic() - self._began > self._longest)

    def pause(self) -> None:
        """Commit, and let others write."""
        if self._open:
            self._open = False
            self._stack.close()
            lock: FileLock | None = current_app.extensions.get("ltt_write_lock")
            if lock is not None:
                lock.make_way()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._open = False
        self._stack.__exit__(kind, error, tb)


@contextmanager
def transaction(*, trusted: bool = False) -> Iterator[Session]:
    """One write: commit at the end, roll back on any error. An inner call joins the outer transaction.

    ``trusted`` is for many rows whose foreign keys the caller knows to be there. SQLite checks each row of a table, and
    copies each page that a statement touches in case the check fails: half the time of a bulk insert.
    """
    session = db.session()
    if session.info.get(WRITE):
        yield session
        return
    session.commit()
    with write_lock():
        session.info[WRITE] = True
        try:
            session.connection(execution_options={WRITE: True, TRUSTED: trusted})
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise
        finally:
            session.info[WRITE] = False
        checkpoint_if_large(CHECKPOINT_BYTES if not _is_wanted() else CHECKPOINT_BYTES * 8)


def _is_wanted() -> bool:
    """Whether somebody waits to write."""
    lock: FileLock | None = current_app.extensions.get("ltt_write_lock")
    return lock is not None and lock.wanted


def is_writing() -> bool:
    """Whether this session is inside a write."""
    return bool(db.session().info.get(WRITE))


def end_reading() -> None:
    """Let go of what this session has read, so that its next look is fresh. Inside a write nothing happens."""
    session = db.session()
    if not session.info.get(WRITE):
        session.rollback()


def checkpoint_if_large(threshold: int = CHECKPOINT_BYTES) -> None:
    """Move the write-ahead log into the database when it has grown. Call with the write lock held."""
    if db.engine.dialect.name != "sqlite":
        return
    wal = _database_path().with_name(_database_path().name + "-wal")
    try:
        size = os.stat(wal).st_size
    except FileNotFoundError:
        return
    if size >= threshold:
        _checkpoint("PASSIVE")


def _checkpoint(mode: str) -> None:
    connection = db.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only=OFF")
        # The write lock is held: a reader elsewhere, such as a long export, must not stop all writers for long.
        cursor.execute("PRAGMA busy_timeout=2000")
        cursor.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        cursor.execute("PRAGMA busy_timeout=30000")
        cursor.execute("PRAGMA query_only=ON")
    finally:
        connection.close()


def empty_log() -> None:
    """Fold the write-ahead log into the database and empty it, so that removed texts do not linger there."""
    if db.engine.dialect.name == "sqlite" and not is_writing():
        end_reading()
        with write_lock():
            _checkpoint("TRUNCATE")


def close_cleanly() -> None:
    """Fold the log back into the database file and close all connections, so that no ``-wal`` stays behind."""
    if db.engine.dialect.name == "sqlite":
        db.session.remove()
        with write_lock():
            _checkpoint("TRUNCATE")
            db.engine.dispose()
    else:
        db.engine.dispose()


@contextmanager
def reading() -> Iterator[Connection]:
    """A read-only connection of its own with one unchanging view of the data, for streams."""
    with db.engine.connect() as connection, connection.begin():
        yield connection

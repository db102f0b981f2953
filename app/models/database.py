"""How the database is opened and written: one write lock, one kind of write transaction, read-only everywhere else.

SQLite runs in WAL mode with full sync. A write transaction is ``BEGIN IMMEDIATE`` under one lock file that every
process takes, and checkpoints happen under that lock only. All other connections are ``query_only``.
"""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from flask import Flask, current_app, has_request_context, request
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from app.core.errors import BadUsage, Busy
from app.core.search.facts import SOURCE_COLUMNS, fact_of_columns
from app.models.base import db
from app.models.epoch import WRITE
from app.models.filelock import FileLock
from app.models.log import WriteAheadLog

log = logging.getLogger(__name__)

TRUSTED = "ltt_trusted"
LOG = "ltt_log"
# How long closing waits for the write lock.
SOON_SECONDS = 1.0
_doing = "another program"
_BAD_URL = (
    "LTT_DATABASE_URL is no address that can be used. Write postgresql+psycopg://USER@HOST/DATABASE, "
    "and install the extra postgres."
)
# In kilobytes, for each connection. Those that only read are many, and find their pages with the system as well.
_SMALL_CACHE, _LARGE_CACHE = "PRAGMA cache_size=-2000", "PRAGMA cache_size=-32000"
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
            path = Path(db.engine.url.database or "").with_name("write.lock")
            lock = app.extensions["ltt_write_lock"] = FileLock(path, doing=_what_this_does)
            limit = int(app.config["LTT_MAX_LOG_MB"]) * 1024 * 1024
            app.extensions[LOG] = WriteAheadLog(db.engine, lock, limit)
            _prepare_sqlite(db.engine, app.extensions[LOG])


def _engine_options(url: str) -> dict[str, Any]:
    # Parameters are texts of pairs: they must not stand in errors, and so in logs.
    shared = {"hide_parameters": True}
    if url.startswith("sqlite"):
        return {
            **shared,
            "pool_size": 24,
            # The same few connections are used again, so that the others hold no pages.
            "pool_use_lifo": True,
            "max_overflow": 24,
            "connect_args": {"timeout": 30, "check_same_thread": False},
        }
    return {**shared, "pool_size": 12, "max_overflow": 24, "pool_pre_ping": True}


def describe_process(doing: str) -> None:
    """Say what this process does, for those that wait while it writes."""
    global _doing
    _doing = doing


def _what_this_does() -> str:
    return f"{_doing} ({request.endpoint})" if has_request_context() else _doing


def wait_shortly(app: Flask, *, most_waiting: int, seconds: float) -> None:
    """Let few threads wait for the write lock, and none for long: the others are there for those that read."""
    lock: FileLock | None = app.extensions.get("ltt_write_lock")
    if lock is not None:
        lock.most_waiting, lock.timeout_seconds = most_waiting, seconds


def _prepare_sqlite(engine: Engine, wal: WriteAheadLog | None = None) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        record.info[LOG] = wal
        connection.isolation_level = None
        # Facts of pairs whose row of facts does not tell them (yet).
        connection.create_function("ltt_fact", 1 + len(SOURCE_COLUMNS), fact_of_columns, deterministic=True)
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
    def _checkin(connection: sqlite3.Connection | None, record: ConnectionPoolEntry) -> None:
        if connection is not None:
            try:
                connection.execute("PRAGMA query_only=ON")
                connection.execute("PRAGMA foreign_keys=ON")
                connection.execute(_SMALL_CACHE)
            except sqlite3.Error as error:
                # This follows every commit, and must not make a refusal of it.
                record.invalidate(error)


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
def write_lock(timeout_seconds: float | None = None) -> Iterator[None]:
    """Hold the lock that all writers and checkpoints of all processes take. PostgreSQL has its own. Raises Busy."""
    lock: FileLock | None = current_app.extensions.get("ltt_write_lock")
    if lock is None:
        yield
        return
    lock.acquire(timeout_seconds)
    try:
        yield
    finally:
        lock.release()


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
        """The session of the open transaction; a new one is begun after a pause. Raises Busy where the log is full."""
        if not self._open:
            wal = write_ahead_log()
            if wal is not None and not is_writing():
                end_reading()
                wal.await_room()
            self._stack.enter_context(transaction(trusted=self._trusted))
            self._open, self._began = True, time.monotonic()
        return db.session()

    @property
    def is_over(self) -> bool:
        """Whether it is time to pause: somebody waits, or the transaction has been open for long."""
        wanted = "ltt_write_lock" not in current_app.extensions or _is_wanted()
        return self._open and (wanted or time.monotonic() - self._began > self._longest)

    def stand_back(self, limit_seconds: float = 0.5) -> bool:
        """Wait for a moment while others want to write, before a write that nobody waits for; whether they are done."""
        lock: FileLock | None = current_app.extensions.get("ltt_write_lock")
        if lock is None:
            return True
        lock.make_way(limit_seconds)
        return not lock.wanted

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
    wal = write_ahead_log()
    with write_lock():
        if wal is not None:
            wal.require_room()
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
        if wal is not None:
            wal.fold()


def write_ahead_log() -> WriteAheadLog | None:
    """The log of the database; PostgreSQL looks after its own."""
    return current_app.extensions.get(LOG)


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


def empty_log() -> None:
    """Fold the write-ahead log into the database and empty it, so that removed texts do not linger there.

    Raises nothing: the removal itself is stored. What stands against it now is tried again after each write.
    """
    wal = write_ahead_log()
    if wal is not None and not is_writing():
        end_reading()
        wal.is_owed = True
        with _lock_soon() as locked:
            if locked:
                wal.fold()


def close_cleanly() -> None:
    """Fold the log back into the database file and close all connections, so that no ``-wal`` stays behind."""
    close_connections(fold=True)


def close_connections(*, fold: bool = False) -> None:
    """Close all connections of this process.

    The last one of all processes to close folds the log, hence the lock. Where it cannot be had soon, its holder has
    the database open, so that ours is not the last.
    """
    db.session.remove()
    with _lock_soon() as locked:
        wal = write_ahead_log()
        if fold and locked and wal is not None:
            wal.is_owed = True
            wal.fold()
        db.engine.dispose()


@contextmanager
def _lock_soon() -> Iterator[bool]:
    """Hold the write lock, or go on without it where somebody else does not let go of it."""
    with ExitStack() as stack:
        try:
            stack.enter_context(write_lock(SOON_SECONDS))
        except (Busy, OSError) as error:
            log.info("The log of the database is not folded now: %s", error)
            yield False
        else:
            yield True


@contextmanager
def reading() -> Iterator[Connection]:
    """A read-only connection of its own with one unchanging view of the data, for streams."""
    with db.engine.connect() as connection:
        wal: WriteAheadLog | None = connection.info.get(LOG)
        try:
            with connection.begin():
                yield connection
        finally:
            if wal is not None:
                wal.fold_if_free()

"""Backups: a consistent copy made by SQLite itself, and putting one back into the live database.

The live files are never opened by Python: that would drop SQLite's locks. A copy is written under a temporary name,
checked, synced and only then given its name. It holds no deleted text (VACUUM INTO copies live pages only).
"""

import os
import re
import secrets
import sqlite3
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DatabaseError

from app.core.errors import Busy, Conflict, Invalid, NotFound, Unavailable
from app.core.text import plural
from app.models import (
    VERSIONS,
    base_on_epoch,
    db,
    empty_log,
    failures,
    met_epoch,
    next_epoch,
    require_epoch,
    write_lock,
)
from app.models.filelock import FileLock
from app.services import jobs, runners, schema

MAGIC = b"SQLite format 3\x00"
_NAME = re.compile(r"[\w.-]{1,120}\.db")
_INTERRUPTED = "A backup was put back while this job waited or ran. Nothing of it was kept."
# Beyond it JavaScript could not count versions any more; no chain of restores comes near it.
_LAST_EPOCH = 2**33
# Versions of things, and those at which something was said of them.
_VERSIONED = (
    ("entries", "version"),
    ("verdicts", "version"),
    ("datasets", "revision"),
    ("snapshots", "revision"),
    ("recipes", "version"),
    ("connections", "version"),
)
# More restores than anybody has made between a backup and the day on which the database is found damaged.
_FAR_AHEAD = 1_000_000
# What a killed backup or restore leaves. One that is being written is never that old.
_LEFT = ("backups/*.partial*", "restoring-*.db*")
_LEFT_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup file."""

    name: str
    size: int
    made_at: datetime
    automatic: bool


def backups_folder() -> Path:
    """Where backups lie: beside the database. Raises Unavailable on PostgreSQL, which has its own tools."""
    path = _data_folder() / "backups"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def _data_folder() -> Path:
    if db.engine.dialect.name != "sqlite":
        raise Unavailable("Backups of a PostgreSQL database are made with pg_dump.", code="not_sqlite")
    return Path(db.engine.url.database or "").parent


def list_backups() -> list[Backup]:
    """The backups, newest first."""
    found = []
    for path in backups_folder().glob("*.db"):
        facts = path.stat()
        made_at = datetime.fromtimestamp(facts.st_mtime, UTC)
        found.append(Backup(path.name, facts.st_size, made_at, path.name.startswith("before-")))
    return sorted(found, key=lambda backup: backup.made_at, reverse=True)


def path_of(name: str) -> Path:
    """The file of a backup by its name. Raises NotFound."""
    path = backups_folder() / name
    if not _NAME.fullmatch(name) or not path.is_file():
        raise NotFound(f"There is no backup {name!r}.", name=name)
    return path


def make_backup(target: Path | None = None, *, prefix: str = "backup") -> Path:
    """Make a backup; by default under a new name beside the database. Never overwrites.

    Raises Conflict where ``target`` exists, Invalid without its folder or where the copy does not pass its check,
    DiskFull.
    """
    if target is not None and not target.parent.is_dir():
        raise Invalid(f"There is no folder {target.parent}.", code="no_folder")
    final = target or backups_folder() / f"{prefix}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.db"
    if final.exists():
        raise Conflict(f"{final.name} exists already. Choose another name.", code="exists")
    partial = final.with_name(final.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        schema.copy_database(partial)
        check_backup(partial)
        partial.rename(final)
    finally:
        partial.unlink(missing_ok=True)
    if os.name != "nt":
        schema.sync_to_disk(final.parent, os.O_RDONLY)
    return final


def check_backup(path: Path, name: str = "") -> None:
    """Raise Invalid, each time with its own sentence, where a file is no whole database of this program.

    ``name`` is what its owner calls the file.
    """
    name = name or path.name
    if not path.is_file():
        raise Invalid(f"There is no file {name}.", code="no_file")
    with path.open("rb") as file:
        magic = file.read(16)
    if not magic:
        raise Invalid(f"{name} is empty.", code="empty")
    if magic != MAGIC:
        raise Invalid(f"{name} is not a SQLite database.", code="not_sqlite")
    try:
        with closing(_open_frozen(path)) as connection:
            _check_content(name, connection)
    except sqlite3.DatabaseError as error:
        raise Invalid(f"{name} is damaged: {error}.", code="damaged") from error


def _open_frozen(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
    for pragma in ("trusted_schema=OFF", "query_only=ON", "cell_size_check=ON", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _check_content(name: str, connection: sqlite3.Connection) -> None:
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise Invalid(f"{name} is damaged: {' '.join(problem.split())}.", code="damaged")
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"alembic_version", "datasets", "entries", "change_sets"} <= tables:
        raise Invalid(f"{name} is a database of another program. To take its pairs, import it.", code="foreign")
    version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if version is None or not schema.is_known(version[0]):
        raise Invalid(f"{name} was made by a newer version of this program. Update first.", code="newer_schema")
    if odd := _odd_schema(connection, newest=schema.is_newest(version[0])):
        raise Invalid(f"{name} is not as this program makes its databases: {odd}.", code="odd_schema")


def _odd_schema(connection: sqlite3.Connection, *, newest: bool) -> str:
    """What a database holds or lacks that ours never do. A trigger in it could change any pair at any write."""
    held = connection.execute("SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone()
    if held is not None:
        return "it holds the {} {}".format(*held)
    if not newest:
        return ""
    for table in db.metadata.sorted_tables:
        columns = {row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table.name,))}
        if missing := sorted({column.name for column in table.columns} - columns):
            return f"the table {table.name} lacks {missing[0] if columns else 'everything'}"
    return ""


def restore_backup(path: Path, name: str = "") -> Path:
    """Put a backup in place of everything, after checking it and keeping a safety copy. Returns that copy.

    It happens at once: whoever reads, or kills this process, finds all of the old or all of the new. A new epoch begins
    with it: ids, numbers of steps and versions go on above those of before, so that nothing that somebody still holds
    means another thing now. Jobs that waited or ran are interrupted.

    Raises Invalid where the file cannot be used, Restored where another backup was put back meanwhile, DiskFull.
    """
    check_backup(path, name)
    require_epoch()
    live_epoch = met_epoch()
    db.session.remove()
    copy = _data_folder() / f"restoring-{secrets.token_hex(8)}.db"
    try:
        _prepare_copy(path, copy, name or path.name, live_epoch)
        with write_lock():
            # Nobody writes from here on, so that the safety copy holds every edit that was acknowledged.
            base_on_epoch(live_epoch)
            require_epoch()
            db.session.remove()
            safety = make_backup(prefix="before-restore")
            _put_in_place(copy)
            empty_log()
    finally:
        _remove_with_log(copy)
    db.session.remove()
    return safety


def replace_damaged(path: Path) -> Path:
    """Put a backup in the place of a database that SQLite finds damaged. Returns where that is kept, with its log.

    Files change their names here, so nobody else may have them open: raises Conflict where a server or a worker runs.
    Until the last step the damaged database stays where it is, so that a kill leaves no empty one to begin with.
    """
    check_backup(path)
    live = _data_folder() / "ltt.db"
    copy = live.with_name(f"restoring-{secrets.token_hex(8)}.db")
    kept = live.with_name(f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.db")
    with ExitStack() as stack:
        try:
            stack.enter_context(FileLock(live.with_name("serve.lock"), timeout_seconds=0))
        except Busy as error:
            raise Conflict("A server works on this data folder. Stop it first.", code="already_running") from error
        if runners.any_worker():
            raise Conflict("A worker works on this data folder. Stop it first.", code="already_running")
        stack.enter_context(write_lock())
        try:
            _prepare_copy(path, copy, path.name, _epoch_above(path))
            db.session.remove()
            db.engine.dispose()
            os.link(live, kept)
            with suppress(FileNotFoundError):
                os.replace(f"{live}-wal", f"{kept}-wal")
            with suppress(FileNotFoundError):
                os.unlink(f"{live}-shm")
            os.replace(copy, live)
        finally:
            _remove_with_log(copy)
    if os.name != "nt":
        schema.sync_to_disk(live.parent, os.O_RDONLY)
    return kept


def _epoch_above(path: Path) -> int:
    """An epoch that the damaged database cannot have passed: its own if that can be read, else one far ahead."""
    try:
        return met_epoch()
    except DatabaseError:
        with closing(_open_frozen(path)) as source:
            row = source.execute("SELECT name FROM sqlite_master WHERE name = 'workspace'").fetchone()
            return _FAR_AHEAD + (source.execute("SELECT epoch FROM workspace").fetchone()[0] if row else 0)


def _remove_with_log(copy: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        copy.with_name(copy.name + end).unlink(missing_ok=True)


def _prepare_copy(path: Path, copy: Path, name: str, live_epoch: int) -> None:
    """A copy of a backup in the newest schema and in an epoch of its own, readable by its owner only."""
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(_open_frozen(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    try:
        schema.upgrade_copy(copy)
    except (DatabaseError, RuntimeError) as error:
        if failures.is_disk_full(error):
            raise
        raise Invalid(f"{name} cannot be used, and nothing was changed.", code="damaged") from error
    with closing(sqlite3.connect(copy, isolation_level=None)) as target:
        if odd := _odd_schema(target, newest=True):
            raise Invalid(f"{name} is not as this program makes its databases: {odd}.", code="odd_schema")
        epochs = [row[0] for row in target.execute("SELECT epoch FROM workspace")]
        if len(epochs) != 1 or not 0 < epochs[0] < _LAST_EPOCH:
            raise Invalid(f"{name} is not as this program makes its databases: it has no epoch.", code="odd_schema")
        _begin_epoch(target, next_epoch(live_epoch, epochs[0]))


def _begin_epoch(target: sqlite3.Connection, epoch: int) -> None:
    """Move all versions out of the reach of what was read before, and end the jobs that nobody works on any more.

    What was kept for searches is made anew: an index is not believed that came from elsewhere.
    """
    target.execute("BEGIN")
    virtual = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE %'"
    for (name,) in target.execute(virtual).fetchall():
        target.execute('DROP TABLE "{}"'.format(name.replace('"', '""')))
    for table in ("entry_facts", "stale_entries", "search_states", "search_words"):
        target.execute(f"DELETE FROM {table}")
    target.execute("UPDATE workspace SET epoch = ?", (epoch,))
    for table, column in _VERSIONED:
        target.execute(f"UPDATE {table} SET {column} = ? + {column} % ?", (epoch * VERSIONS, VERSIONS))
    ended = "state = 'interrupted', error = ?, finished_at = ?, lease_until = NULL"
    target.execute(
        f"UPDATE jobs SET {ended} WHERE state IN (?, ?, ?)",
        (_INTERRUPTED, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}", *jobs.ACTIVE),
    )
    target.execute("COMMIT")


def _put_in_place(copy: Path) -> None:
    """Let SQLite copy it over the live database in one transaction. Call with the write lock held."""
    connection = db.engine.raw_connection()
    try:
        live = connection.driver_connection
        assert isinstance(live, sqlite3.Connection)
        with closing(sqlite3.connect(copy, isolation_level=None)) as source:
            # Ids and numbers of steps that were given out once are not given again.
            known = dict(source.execute("SELECT name, seq FROM sqlite_sequence"))
            given = live.execute("SELECT name, seq FROM sqlite_sequence").fetchall()
            highest = [(name, max(last, known.get(name, 0))) for name, last in given]
            source.executemany("DELETE FROM sqlite_sequence WHERE name = ?", [(name,) for name, _ in given])
            source.executemany("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", highest)
            for number in ("last_number", "last_snapshot"):
                numbers = live.execute(f"SELECT {number}, id FROM datasets").fetchall()
                source.executemany(f"UPDATE datasets SET {number} = max({number}, ?) WHERE id = ?", numbers)
            live.execute("PRAGMA query_only=OFF")
            source.backup(live)
    finally:
        connection.close()


def sweep_left() -> None:
    """Remove what killed backups and restores left."""
    if db.engine.dialect.name == "sqlite":
        for path in [path for pattern in _LEFT for path in _data_folder().glob(pattern)]:
            if path.stat().st_mtime < time.time() - _LEFT_SECONDS:
                path.unlink(missing_ok=True)


def verify_database() -> list[str]:
    """What is wrong with the live database, in sentences; empty when all is well. Nothing is changed."""
    from app.services import counts, datasets, entries
    from app.services.snapshots import freezing

    is_sqlite = db.engine.dialect.name == "sqlite"
    problems = _damage_of_sqlite() if is_sqlite else _damage_of_postgres()
    live = db.session.connection().connection.driver_connection
    odd = _odd_schema(live, newest=True) if isinstance(live, sqlite3.Connection) else _odd_postgres()
    if odd:
        return [*problems, f"The database is not as this program makes it: {odd}."]
    for dataset in [*datasets.list_datasets(), *datasets.list_datasets(archived=True)]:
        found = counts.by_status(db.session(), entries.is_live(dataset.id))
        if found != dataset.counts:
            says = plural(dataset.entry_count, "pair")
            problems.append(f"Dataset {dataset.id} says {says} but holds {sum(found.values()):,}.")
        problems += freezing.find_damaged(dataset.id)
    return problems


def _damage_of_sqlite() -> list[str]:
    rows = db.session.execute(text("PRAGMA integrity_check(20)"))
    damaged = [f"Damaged: {row[0]}" for row in rows if row[0] != "ok"]
    rows = db.session.execute(text("PRAGMA foreign_key_check"))
    return [*damaged, *(f"Table {row[0]} points to a missing row." for row in rows)]


def _damage_of_postgres() -> list[str]:
    """What it can be asked for: indexes that it knows to be incomplete, and rows that point to none.

    Its pages are its own business (data_checksums, pg_amcheck).
    """
    rows = db.session.execute(
        text(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND NOT i.indisvalid"
        )
    )
    problems = [f"Damaged: the index {row[0]} is not complete. Make it again: REINDEX INDEX {row[0]}." for row in rows]
    present = set(inspect(db.session.connection()).get_table_names())
    for table in db.metadata.sorted_tables:
        for key in table.foreign_keys:
            if not {table.name, key.column.table.name} <= present:
                continue
            target = key.column.table.alias()
            is_there = select(target.c[key.column.name]).where(target.c[key.column.name] == key.parent).exists()
            lost = select(key.parent).where(key.parent.is_not(None), ~is_there).limit(1)
            if db.session.execute(lost).first() is not None:
                problems.append(f"Table {table.name} points to a missing row.")
    return problems


def _odd_postgres() -> str:
    """As ``_odd_schema``: what the live database holds or lacks that ours never do."""
    held = db.session.execute(
        text(
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = current_schema() AND NOT t.tgisinternal ORDER BY t.tgname"
        )
    )
    own = {table.name for table in db.metadata.sorted_tables}
    for trigger, table in held:
        if table in own:
            return f"it holds the trigger {trigger}"
    tables = inspect(db.session.connection())
    present = set(tables.get_table_names())
    for table in db.metadata.sorted_tables:
        columns = {one["name"] for one in tables.get_columns(table.name)} if table.name in present else set()
        if missing := sorted({column.name for column in table.columns} - columns):
            return f"the table {table.name} lacks {missing[0] if columns else 'everything'}"
    return ""

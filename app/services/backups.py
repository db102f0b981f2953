"""Backups: a consistent copy made by SQLite itself, and putting one back into the live database.

The live files are never opened by Python: that would drop SQLite's locks. A copy is written under a temporary name,
checked, synced and only then given its name. It holds no deleted text (VACUUM INTO copies live pages only).
"""

import os
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text, update
from sqlalchemy.exc import DatabaseError

from app.core.errors import Conflict, Invalid, NotFound, Unavailable
from app.models import Dataset, Entry, db, transaction, write_lock
from app.services import schema

MAGIC = b"SQLite format 3\x00"
_NAME = re.compile(r"[\w.-]{1,120}\.db")
# Far more than one pair is ever saved: after a restore no form that was open before can look fresh.
_EPOCH = 1_000_000


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup file."""

    name: str
    size: int
    made_at: datetime
    automatic: bool


def backups_folder() -> Path:
    """Where backups lie: beside the database. Raises Unavailable on PostgreSQL, which has its own tools."""
    if db.engine.dialect.name != "sqlite":
        raise Unavailable("Backups of a PostgreSQL database are made with pg_dump.", code="not_sqlite")
    path = Path(db.engine.url.database or "").with_name("backups")
    path.mkdir(mode=0o700, exist_ok=True)
    return path


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

    The content goes into the live database by SQLite's backup, under the write lock; an older schema is upgraded.
    Where that fails, the safety copy is put back.
    """
    check_backup(path, name)
    safety = make_backup(prefix="before-restore")
    try:
        _put_in_place(path)
    except DatabaseError as error:
        _put_in_place(safety)
        raise Invalid(f"{name or path.name} cannot be used, and nothing was changed.", code="damaged") from error
    return safety


def _put_in_place(path: Path) -> None:
    with write_lock():
        db.session.rollback()
        connection = db.engine.raw_connection()
        try:
            live = connection.driver_connection
            assert live is not None
            live.execute("PRAGMA query_only=OFF")
            with closing(_open_frozen(path)) as source:
                source.backup(live)
        finally:
            connection.close()
        db.session.remove()
    schema.prepare_schema()
    # All versions move out of the reach of forms that were opened before the restore.
    with transaction() as session:
        for statement in (
            update(Entry).values(version=Entry.version + _EPOCH),
            update(Dataset).values(revision=Dataset.revision + _EPOCH),
        ):
            session.execute(statement.execution_options(synchronize_session=None))


def verify_database() -> list[str]:
    """What is wrong with the live database, in sentences; empty when all is well. Nothing is changed."""
    from app.services import counts, datasets, entries

    problems = [
        f"Damaged: {row[0]}" for row in db.session.execute(text("PRAGMA integrity_check(20)")) if row[0] != "ok"
    ]
    problems += [
        f"Table {row[0]} points to a missing row." for row in db.session.execute(text("PRAGMA foreign_key_check"))
    ]
    live = db.session.connection().connection.driver_connection
    if isinstance(live, sqlite3.Connection) and (odd := _odd_schema(live, newest=True)):
        return [*problems, f"The database is not as this program makes it: {odd}."]
    for dataset in [*datasets.list_datasets(), *datasets.list_datasets(archived=True)]:
        found = counts.by_status(db.session(), entries.is_live(dataset.id))
        if found != dataset.counts:
            says, holds = f"{dataset.entry_count:,}", f"{sum(found.values()):,}"
            problems.append(f"Dataset {dataset.id} says {says} pairs but holds {holds}.")
    return problems

"""SQLite files: any plain table, read through a connection that can do nothing else (sqlite.org/security.html).

A table ``messages(id, question, answer)`` is the database of the older LLMTrainingTools. Written files hold one table
``pairs`` with the columns as text and a view ``messages(id, question, answer)`` for tools that know the older layout.
"""

import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from app.core.changes import chunks_of
from app.core.errors import BadUsage, Invalid, WrongKind
from app.core.formats.base import BadRow, Format, ReadOptions, Row, Rows, WriteOptions
from app.core.formats.csv import cells_of
from app.core.formats.limits import MB, too_large, too_many_rows
from app.core.formats.source import Source

MAGIC = b"SQLite format 3\x00"
_DEADLINE_SECONDS = 600.0
_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_TRANSACTION)
_OWN = ("alembic_version",)


def table_names(source: Source) -> list[str]:
    """The names of the plain tables, in the order they were made. Raises WrongKind where it is no database."""
    with _open_database(source) as connection:
        return _plain_tables(connection)


def _plain_tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
    plain = []
    for name, sql in rows:
        name, sql = _as_text(name), _as_text(sql or b"")
        if not name.startswith("sqlite_") and name not in _OWN and "virtual table" not in sql[:40].lower():
            plain.append(name)
    return plain


def read(source: Source, options: ReadOptions) -> Rows:
    """The rows of one table (``sheet``; by default ``messages``, else the first one) in rowid order."""
    with _open_database(source) as connection:
        names = _plain_tables(connection)
        if not names:
            raise Invalid("The database has no plain table with rows.", code="no_records")
        name = options.sheet or usual_table(names)
        if name not in names:
            raise BadUsage(f"The database has no table {name!r}. It has: {', '.join(names)}.")
        yield from _rows_of_table(connection, name, options)


def usual_table(names: list[str]) -> str:
    """The table that is read by default."""
    return "messages" if "messages" in names else next(iter(names), "")


def _rows_of_table(connection: sqlite3.Connection, name: str, options: ReadOptions) -> Rows:
    # Generated columns are left out.
    cursor = connection.execute(f"SELECT * FROM {_quote_name(name)} LIMIT 0")
    columns = [str(column[0]) for column in cursor.description]
    if len(columns) > options.limits.columns:
        limit = f"{options.limits.columns:,}"
        raise too_large("This table", f"it has {len(columns):,} columns", limit, "LTT_MAX_COLUMNS")
    listed = ", ".join(_quote_name(column) for column in columns)
    number, decoded = 0, 0
    try:
        for values in connection.execute(f"SELECT {listed} FROM {_quote_name(name)}"):
            number += 1
            if number > options.limits.rows:
                raise too_many_rows("This table", options.limits)
            decoded += sum(len(value) for value in values if isinstance(value, bytes))
            if decoded > options.limits.decoded_bytes:
                size = f"{options.limits.decoded_bytes // MB:,} MB"
                raise too_large("This database", f"it grows to more than {size}", size, "LTT_MAX_DECODED_MB")
            yield _row_of_values(columns, values, number)
    except sqlite3.DatabaseError as error:
        raise _refusal_of(error) from error


def _row_of_values(columns: list[str], values: tuple[Any, ...], number: int) -> Row | BadRow:
    try:
        plain = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in zip(columns, values, strict=True)
        }
    except UnicodeDecodeError:
        raw = "\t".join(_as_text(v) if isinstance(v, bytes) else str(v) for v in values)
        return BadRow(number, None, "encoding", f"Row {number} holds bytes that are no UTF-8 text.", raw)
    if any(isinstance(value, str) and "\x00" in value for value in plain.values()):
        reason = f"Row {number} holds the character U+0000, which no database keeps. Remove it."
        return BadRow(number, None, "nul", reason, str(plain))
    return Row(number, None, plain)


def _as_text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _quote_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _open_database(source: Source) -> Iterator[sqlite3.Connection]:
    with source.as_path() as path:
        try:
            with closing(_connect_read_only(path)) as connection:
                yield connection
        except sqlite3.DatabaseError as error:
            raise _refusal_of(error) from error


def _connect_read_only(path: Path) -> sqlite3.Connection:
    # immutable: no lock, no journal and no -wal beside the file is ever touched.
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
    connection.text_factory = bytes
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 16 * MB)
    for pragma in ("trusted_schema=OFF", "query_only=ON", "cell_size_check=ON", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}")
    deadline = time.monotonic() + _DEADLINE_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
    connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
    return connection


def _refusal_of(error: sqlite3.Error) -> WrongKind:
    return WrongKind(f"This SQLite database is damaged or locked and cannot be read ({error}).", code="bad_sqlite")


def write(rows: Iterable[Mapping[str, Any]], out: BinaryIO, options: WriteOptions) -> int:
    """Write a database with the table ``pairs`` and the view ``messages``. Returns the number of rows."""
    with tempfile.TemporaryDirectory(prefix="ltt-") as folder:
        path = Path(folder) / "pairs.db"
        with closing(sqlite3.connect(path)) as connection:
            number = _fill_table(connection, rows, options)
        with path.open("rb") as file:
            while part := file.read(MB):
                out.write(part)
    return number


def _fill_table(connection: sqlite3.Connection, rows: Iterable[Mapping[str, Any]], options: WriteOptions) -> int:
    columns = options.columns
    number = 0
    for chunk in chunks_of(rows, 1000):
        if not number:
            columns = columns or tuple(chunk[0])
            _create_table(connection, columns)
        marks = ", ".join("?" for _ in columns)
        values = [cells_of([row.get(name) for name in columns]) for row in chunk]
        connection.executemany(f"INSERT INTO pairs VALUES ({marks})", values)
        number += len(chunk)
    if not number:
        _create_table(connection, columns or ("question", "answer"))
    connection.commit()
    return number


def _create_table(connection: sqlite3.Connection, columns: tuple[str, ...]) -> None:
    named = ", ".join(f"{_quote_name(name)} TEXT" for name in columns)
    connection.execute(f"CREATE TABLE pairs ({named})")
    if {"question", "answer"} <= set(columns):
        connection.execute("CREATE VIEW messages AS SELECT rowid AS id, question, answer FROM pairs")


SQLITE = Format(
    "sqlite", "SQLite database", (".db", ".sqlite", ".sqlite3"), read, write, "application/vnd.sqlite3", True
)

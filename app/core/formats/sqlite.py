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
from app.core.errors import BadUsage, Invalid
from app.core.formats.base import BadRow, Format, ReadOptions, Row, Rows, WriteOptions
from app.core.formats.csv import cells_of
from app.core.formats.foreign import reason_of, refuse, refusing
from app.core.formats.limits import MB, too_large, too_many_rows
from app.core.formats.source import Source

MAGIC = b"SQLite format 3\x00"
# The two bytes behind it and the size of a page, where changes go into a log first (https://sqlite.org/fileformat.html).
WITH_LOG = b"\x02\x02"
_DEADLINE_SECONDS = 600.0
_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_TRANSACTION)
_OWN = ("alembic_version",)
_DAMAGED = "This SQLite database is damaged or locked and cannot be read ({reason})."
# What PRAGMA table_xinfo says of a column that is computed when it is read (https://sqlite.org/pragma.html).
_VIRTUAL = 2
# What a computed column may use where SQLite does not vouch for all that the schema uses.
_HARMLESS_FUNCTIONS = """
count length substr substring upper lower trim ltrim rtrim replace instr coalesce ifnull nullif iif abs round typeof
json json_extract -> ->> json_type json_valid json_array_length
"""
_HARMLESS = frozenset(_HARMLESS_FUNCTIONS.split())
# By so many rows it is judged whether it can be.
_TRIED_ROWS = 1000
# To begin again behind a row means to pass over all before it.
_MOST_FAILED = 1000


def table_names(source: Source, sheet: str | None = None) -> tuple[list[str], tuple[str, ...]]:
    """The names of the plain tables, in the order they were made, and what is left out of the one that is read.

    Raises WrongKind where it is no database.
    """
    with (
        _open_database(source, source.limits.line_bytes) as connection,
        refusing(_DAMAGED, sqlite3.DatabaseError, code="bad_sqlite"),
    ):
        names = _plain_tables(connection)
        name = sheet or usual_table(names)
        return names, tuple(_columns_of(connection, name)[1]) if name in names else ()


# Tables in which SQLite's own kinds of virtual tables (FTS3 to 5, R*Tree) keep what they hold.
_SHADOWS = (
    *("data", "idx", "content", "docsize", "config", "segments", "segdir", "stat"),
    *("node", "parent", "rowid"),
)


def _plain_tables(connection: sqlite3.Connection) -> list[str]:
    found = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND typeof(name) = 'text' ORDER BY rowid"
    tables = {_as_text(name): _as_text(sql or b"")[:40].lower() for name, sql in connection.execute(found)}
    hidden = {f"{name}_{part}" for name, sql in tables.items() if "virtual table" in sql for part in _SHADOWS}
    return [
        name
        for name, sql in tables.items()
        if not name.startswith("sqlite_") and name not in _OWN and name not in hidden and "virtual table" not in sql
    ]


def read(source: Source, options: ReadOptions) -> Rows:
    """The rows of one table (``sheet``; by default ``messages``, else the first one) in rowid order."""
    with _open_database(source, options.limits.line_bytes) as connection:
        with refusing(_DAMAGED, sqlite3.DatabaseError, code="bad_sqlite"):
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


def _columns_of(connection: sqlite3.Connection, table: str) -> tuple[list[str], list[str]]:
    """The columns that can be read, and a sentence on each that cannot: one that is computed, and not here."""
    columns, left_out = [], []
    for _, name, *_, hidden in connection.execute(f"PRAGMA table_xinfo({_quote_name(table)})").fetchall():
        column = _quote_name(_as_text(name))
        if hidden == _VIRTUAL:
            try:
                first = f"SELECT {column} FROM {_quote_name(table)} LIMIT {_TRIED_ROWS}"
                connection.execute(f"SELECT count({column}) FROM ({first})").fetchone()
            except sqlite3.Error as error:
                left_out.append(f"The computed column “{_as_text(name)}” is left out: {reason_of(error)}.")
                continue
        columns.append(_as_text(name))
    return columns, left_out


def _rows_of_table(connection: sqlite3.Connection, table: str, options: ReadOptions) -> Rows:
    with refusing(_DAMAGED, sqlite3.DatabaseError, code="bad_sqlite"):
        columns = _columns_of(connection, table)[0]
    if len(columns) > options.limits.columns:
        limit = f"{options.limits.columns:,}"
        raise too_large("This table", f"it has {len(columns):,} columns", limit, "LTT_MAX_COLUMNS")
    listed = ", ".join(map(_quote_name, columns))
    number = decoded = failed = 0
    for values in _each_row(connection, f"SELECT {listed} FROM {_quote_name(table)}"):
        number += 1
        if number > options.limits.rows:
            raise too_many_rows("This table", options.limits)
        if isinstance(values, sqlite3.Error):
            failed += 1
            if failed > _MOST_FAILED:
                raise Invalid(f"More than {_MOST_FAILED:,} rows of this table cannot be read ({reason_of(values)}).")
            yield _failed_row(values, number, options)
            continue
        decoded += sum(len(value) for value in values if isinstance(value, bytes))
        if decoded > options.limits.decoded_bytes:
            size = f"{options.limits.decoded_bytes // MB:,} MB"
            raise too_large("This database", f"it grows to more than {size}", size, "LTT_MAX_DECODED_MB")
        yield _row_of_values(columns, values, number)


def _each_row(connection: sqlite3.Connection, select: str) -> Iterator[tuple[Any, ...] | sqlite3.Error]:
    """The rows, and for one that is too long or cannot be computed the error. That ends a statement, and one row early.

    So the rows about there are asked for one by one, and another statement begins behind them.
    """
    with refusing(_DAMAGED, sqlite3.DatabaseError, code="bad_sqlite"):
        connection.execute(f"{select} LIMIT 0")
    number = 0
    while True:
        try:
            for values in connection.execute(f"{select} LIMIT -1 OFFSET {number}"):
                number += 1
                yield values
            return
        except Exception as error:  # noqa: BLE001
            _require_of_row(error)
        for _ in range(2):
            found: tuple[Any, ...] | sqlite3.Error | None
            try:
                found = connection.execute(f"{select} LIMIT 1 OFFSET {number}").fetchone()
            except Exception as error:  # noqa: BLE001
                found = _require_of_row(error)
            if found is None:
                return
            number += 1
            yield found


def _require_of_row(error: Exception) -> sqlite3.Error:
    """The error where one row is to blame: a value is too long, or cannot be computed. Refuses the file otherwise."""
    of_row = (sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_ERROR)
    if not isinstance(error, sqlite3.Error) or error.sqlite_errorcode not in of_row:
        refuse(error, _DAMAGED, sqlite3.DatabaseError, code="bad_sqlite")
    return error


def _failed_row(error: sqlite3.Error, number: int, options: ReadOptions) -> BadRow:
    if error.sqlite_errorcode == sqlite3.SQLITE_TOOBIG:
        size = f"{options.limits.line_bytes // MB} MB"
        return BadRow(
            number, None, "too_long", f"Row {number} holds more than {size} (limit LTT_MAX_LINE_MB). Shorten it."
        )
    return BadRow(
        number, None, "unreadable", f"Row {number} holds a value that cannot be computed ({reason_of(error)})."
    )


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
def _open_database(source: Source, longest: int) -> Iterator[sqlite3.Connection]:
    with source.as_path() as path:
        with refusing(_DAMAGED, sqlite3.DatabaseError, code="bad_sqlite"):
            try:
                connection = _connect_read_only(path, longest)
            except sqlite3.DatabaseError as error:
                if "unsafe use of" not in str(error):
                    raise
                connection = _connect_read_only(path, longest, functions=_HARMLESS)
        with closing(connection):
            yield connection


def _connect_read_only(path: Path, longest: int, functions: frozenset[str] = frozenset()) -> sqlite3.Connection:
    """A connection that can read the tables and nothing else.

    A schema that uses functions which SQLite does not vouch for, such as those for JSON in older versions, is not read
    at all unless it is trusted. Then only the given functions can run.
    """
    # immutable: no lock, no journal and no -wal beside the file is ever touched.
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
    try:
        connection.text_factory = bytes
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
        trusted = "ON" if functions else "OFF"
        for pragma in (f"trusted_schema={trusted}", "query_only=ON", "cell_size_check=ON", "mmap_size=0"):
            connection.execute(f"PRAGMA {pragma}")
        deadline = time.monotonic() + _DEADLINE_SECONDS
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)

        def authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
            if action == sqlite3.SQLITE_FUNCTION and functions:
                return sqlite3.SQLITE_OK if second in functions else sqlite3.SQLITE_DENY
            allowed = action in _ALLOWED or (action == sqlite3.SQLITE_PRAGMA and first == "table_xinfo")
            return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

        connection.set_authorizer(authorize)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


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

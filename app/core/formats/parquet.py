"""Parquet files, flat or nested, read in batches (https://parquet.apache.org/docs/file-format/)."""

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, BinaryIO

import msgspec

from app.core.formats.base import BadRow, Format, ReadOptions, Row, Rows, WriteOptions
from app.core.formats.foreign import each, reason_of, refuse, refusing
from app.core.formats.jsonl import has_nul
from app.core.formats.limits import MB, too_large
from app.core.formats.source import Source, check_expansion

_BATCH = 500
_DAMAGED = "This is not a readable Parquet file ({reason})."
_WRITE_BATCH = 10_000


def read(source: Source, options: ReadOptions) -> Rows:
    """The rows of a file. Bytes that are no text and other foreign values become text; decoded bytes are counted."""
    import pyarrow
    from pyarrow import parquet

    with source.seekable() as file:
        known = (pyarrow.ArrowException, OSError)
        with refusing(_DAMAGED, *known, code="bad_parquet"):
            table = parquet.ParquetFile(file)
            _check_limits(table, source.size, options)
        number, decoded = 0, 0
        for batch in each(table.iter_batches(batch_size=_BATCH), _DAMAGED, *known, code="bad_parquet"):
            decoded += batch.nbytes
            if decoded > options.limits.decoded_bytes:
                size = f"{options.limits.decoded_bytes // MB:,} MB"
                raise too_large("This Parquet file", f"it grows to more than {size}", size, "LTT_MAX_DECODED_MB")
            for values in _rows_of_batch(batch):
                number += 1
                yield _row_of_values(number, values)


def _rows_of_batch(batch: Any) -> Iterator[dict[str, Any] | Exception]:
    """The rows of a batch; what Python cannot hold of one, such as a date before the year 1, instead of that row."""
    try:
        yield from batch.to_pylist()
    except MemoryError as error:
        refuse(error, _DAMAGED, code="bad_parquet")
    # Values of each type fail in a way of their own; an unknown time zone is a KeyError.
    except Exception:  # noqa: BLE001
        for place in range(batch.num_rows):
            try:
                yield batch.slice(place, 1).to_pylist()[0]
            except Exception as error:  # noqa: BLE001
                yield error


def _check_limits(table: Any, packed: int | None, options: ReadOptions) -> None:
    limits = options.limits
    if table.metadata.num_columns > limits.columns:
        number = f"{table.metadata.num_columns:,}"
        raise too_large("This Parquet file", f"it has {number} columns", f"{limits.columns:,}", "LTT_MAX_COLUMNS")
    if table.metadata.num_rows > limits.rows:
        number = f"{table.metadata.num_rows:,}"
        raise too_large("This Parquet file", f"it has {number} rows", f"{limits.rows:,}", "LTT_MAX_ROWS")
    for place in range(table.metadata.num_row_groups):
        check_expansion("Parquet", table.metadata.row_group(place).total_byte_size, packed, limits)


# Columns that hold lists or objects; where Arrow's types do not fit, they are stored as JSON text.
_NESTED = frozenset({"messages", "conversations", "input", "preferred_output", "non_preferred_output", "history"})
_OPTIONAL = frozenset({"system", "tools", "history"})


def _row_of_values(number: int, values: dict[str, Any] | Exception) -> Row | BadRow:
    if isinstance(values, UnicodeDecodeError):
        return BadRow(number, None, "encoding", f"Row {number} holds bytes that are no UTF-8 text.")
    if isinstance(values, (ValueError, OverflowError)):
        reason = f"Row {number} holds a date or a time that is out of range. Write it as text."
        return BadRow(number, None, "out_of_range", reason)
    if isinstance(values, Exception):
        reason = f"Row {number} holds a value that cannot be read ({reason_of(values)}). Write it as text."
        return BadRow(number, None, "unreadable", reason)
    plain: dict[str, Any] = {}
    for name, value in values.items():
        # A missing optional column of a row, which a table can only show as null.
        if value is None and name in _OPTIONAL:
            continue
        plain[name] = _as_plain(value)
        if name in _NESTED and isinstance(value, str) and value[:1] in ("[", "{"):
            with suppress(msgspec.MsgspecError):
                plain[name] = msgspec.json.decode(value)
    if has_nul(plain):
        reason = f"Row {number} holds the character U+0000, which no database keeps. Remove it."
        return BadRow(number, None, "nul", reason, msgspec.json.encode(plain).decode())
    return Row(number, None, plain)


def _as_plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, dict):
        return {str(key): _as_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


def write(rows: Iterable[Mapping[str, Any]], out: BinaryIO, options: WriteOptions) -> int:
    """Write text columns; a list or object is kept as its JSON text. Returns the number of rows."""
    import pyarrow
    from pyarrow import parquet

    writer = None
    number = 0
    source = iter(rows)
    columns = options.columns
    while batch := list(islice(source, _WRITE_BATCH)):
        columns = columns or tuple(batch[0])
        table = pyarrow.table({name: _as_column([row.get(name) for row in batch]) for name in columns})
        writer = writer or parquet.ParquetWriter(out, table.schema, compression="zstd")
        writer.write_table(table)
        number += len(batch)
    if writer is None:
        empty = pyarrow.table({name: pyarrow.array([], pyarrow.string()) for name in columns or ("question", "answer")})
        writer = parquet.ParquetWriter(out, empty.schema)
        writer.write_table(empty)
    writer.close()
    return number


def copy_rows(source: Source, numbers: Collection[int], out: BinaryIO) -> int:
    """Write some rows of a file that could be read, with their types as they are. Returns how many."""
    from pyarrow import parquet

    done = written = 0
    with source.seekable() as file:
        table = parquet.ParquetFile(file)
        with parquet.ParquetWriter(out, table.schema_arrow, compression="zstd") as writer:
            for batch in table.iter_batches(batch_size=_WRITE_BATCH):
                kept = batch.filter([number in numbers for number in range(done + 1, done + 1 + batch.num_rows)])
                writer.write_batch(kept)
                done, written = done + batch.num_rows, written + kept.num_rows
    return written


def _as_column(values: list[Any]) -> Any:
    """Text, with lists and objects as JSON text: a later batch may hold what a type made for the first cannot."""
    import pyarrow

    texts = [v if v is None or isinstance(v, str) else msgspec.json.encode(v).decode() for v in values]
    return pyarrow.array(texts, pyarrow.string())


PARQUET = Format("parquet", "Parquet", (".parquet", ".pq"), read, write, "application/vnd.apache.parquet", tabular=True)

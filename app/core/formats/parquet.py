"""Parquet files, flat or nested, read in batches (https://parquet.apache.org/docs/file-format/)."""

import datetime
import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, BinaryIO

import msgspec

from app.core.formats.base import BadRow, Format, ReadOptions, Row, Rows, WriteOptions
from app.core.formats.foreign import each, reason_of, refuse, refusing
from app.core.formats.jsonl import has_nul
from app.core.formats.limits import MB, Limits, too_large, too_long
from app.core.formats.source import RATIO_FREE_BYTES, Source, check_expansion

_BATCH = 500
# Batches above this are looked at row by row.
_AT_ONCE = 8 * MB
_VALUE_BYTES = {"BOOLEAN": 1, "INT64": 8, "DOUBLE": 8, "INT96": 12}
_DAMAGED = "This is not a readable Parquet file ({reason})."
_WRITE_BATCH = 10_000


def read(source: Source, options: ReadOptions) -> Rows:
    """The rows of a file. Bytes that are no text and other foreign values become text; decoded bytes are counted."""
    number = 0
    with source.seekable() as file:
        packed = source.size or file.seek(0, io.SEEK_END)
        for batch in _batches(file, packed, options.limits):
            for values in _rows_of_batch(batch):
                number += 1
                yield _row_of_values(number, values)


def _batches(file: BinaryIO, packed: int, limits: Limits) -> Iterator[Any]:
    """The rows of a file in batches that are not large. Raises WrongKind where it is damaged, TooLarge past a limit.

    What it says of itself is checked first, and counted again while it is read: values of a few bytes, of which a
    dictionary holds the texts, may be gigabytes.
    """
    from pyarrow import ArrowException, parquet

    known, number, decoded = (ArrowException, OSError), 0, 0
    with refusing(_DAMAGED, *known, code="bad_parquet"):
        table = parquet.ParquetFile(file)
        _check_limits(table, packed, limits)
        schema = table.metadata.schema
        texts = [one.path for one in map(schema.column, range(len(schema))) if one.physical_type == "BYTE_ARRAY"]
        unfolded = parquet.ParquetFile(file, metadata=table.metadata, read_dictionary=texts)
    for place in range(table.metadata.num_row_groups):
        with refusing(_DAMAGED, *known, code="bad_parquet"):
            group = table.metadata.row_group(place)
            first = next(unfolded.iter_batches(_BATCH, [place]), None)
            values = max((group.column(one).num_values for one in range(group.num_columns)), default=0)
            most = values * sum(map(_longest_text, first.columns)) if first is not None else 0
        # Where each value were the longest one of its dictionary: hardly ever more than a file may grow to.
        is_safe = most <= min(max(packed * limits.ratio, RATIO_FREE_BYTES), limits.decoded_bytes)
        batches = (table if is_safe else unfolded).iter_batches(_BATCH, [place])
        for batch in each(batches, _DAMAGED, *known, code="bad_parquet"):
            size = batch.nbytes if is_safe else sum(map(_unfolded_bytes, batch.columns))
            check_expansion("Parquet", decoded + size, packed, limits)
            parts = [batch] if size <= _AT_ONCE else [batch.slice(one, 1) for one in range(batch.num_rows)]
            for part in parts:
                size = part.nbytes if is_safe else sum(map(_unfolded_bytes, part.columns))
                number, decoded = number + part.num_rows, decoded + size
                if size > limits.line_bytes and part.num_rows == 1:
                    raise too_long("This Parquet file", f"row {number}", limits)
                yield part


def _longest_text(column: Any) -> int:
    """The length in bytes of the longest text in the dictionaries of a column and of the columns inside it."""
    import pyarrow
    from pyarrow import compute

    if pyarrow.types.is_dictionary(column.type):
        return compute.max(compute.binary_length(column.dictionary)).as_py() or 0
    return max(map(_longest_text, _inside(column)), default=0)


def _unfolded_bytes(column: Any) -> int:
    """How many bytes the values of a column have where each has its own copy of a text that a dictionary holds."""
    import pyarrow
    from pyarrow import compute

    if pyarrow.types.is_dictionary(column.type):
        return compute.sum(compute.binary_length(column.dictionary).take(column.indices)).as_py() or 0
    inside = _inside(column)
    return sum(map(_unfolded_bytes, inside)) if inside else column.nbytes


def _inside(column: Any) -> list[Any]:
    """The columns inside a column of objects or lists."""
    import pyarrow

    if pyarrow.types.is_struct(column.type):
        return list(column.flatten())
    if pyarrow.types.is_map(column.type):
        return [column.keys, column.items]
    return [column.flatten()] if pyarrow.types.is_nested(column.type) else []


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


def _check_limits(table: Any, packed: int, limits: Limits) -> None:
    if table.metadata.num_columns > limits.columns:
        number = f"{table.metadata.num_columns:,}"
        raise too_large("This Parquet file", f"it has {number} columns", f"{limits.columns:,}", "LTT_MAX_COLUMNS")
    if table.metadata.num_rows > limits.rows:
        number = f"{table.metadata.num_rows:,}"
        raise too_large("This Parquet file", f"it has {number} rows", f"{limits.rows:,}", "LTT_MAX_ROWS")
    for group in map(table.metadata.row_group, range(table.metadata.num_row_groups)):
        # A list may have millions of values that take no room in the file, but do where they are read.
        columns = map(group.column, range(group.num_columns))
        values = sum(one.num_values * _VALUE_BYTES.get(one.physical_type, 4) for one in columns)
        check_expansion("Parquet", max(group.total_byte_size, values), packed, limits)


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
            for batch in table.iter_batches(batch_size=_BATCH):
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

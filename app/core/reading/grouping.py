"""Rows that are not a record each: gathered into those that are, or taken apart into several.

What belongs together may stand anywhere in a file, so it is gathered in a temporary database on disk; in memory is no
more than one group, which may be as large as a line (``LTT_MAX_LINE_MB``), and a number for each group.
"""

import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import groupby

from app.core.formats import BadRow, Limits, Row
from app.core.formats.limits import MB, too_large
from app.core.layouts import LayoutOptions
from app.core.layouts.base import Grouping

_BATCH = 1000


def group_rows(
    rows: Iterable[Row | BadRow], grouping: Grouping, options: LayoutOptions, limits: Limits
) -> Iterator[Row | BadRow]:
    """The rows that a layout makes of those of a file: those without a group, then each group in turn.

    Raises TooLarge for a group that is larger than a line may be.
    """
    following: list[Row] = []
    seen: dict[str, str] = {}
    size = 0
    with closing(_Groups()) as groups:
        for row in rows:
            if isinstance(row, BadRow):
                yield row
                continue
            group = grouping.group_of(row.values, options, seen)
            data = pickle.dumps(tuple(row))
            if group is not None:
                groups.add(group, data)
                continue
            if following and grouping.begins(row.values, options):
                yield from _rows_of(following, grouping, options)
                following, size = [], 0
            following.append(row)
            size = _checked_size(size + len(data), following[0], limits)
        if following:
            yield from _rows_of(following, grouping, options)
        for gathered in groups.read(limits):
            yield from _rows_of(gathered, grouping, options)


def _rows_of(gathered: list[Row], grouping: Grouping, options: LayoutOptions) -> Iterator[Row]:
    first = gathered[0]
    if len(gathered) == 1 and grouping.expand is not None and grouping.group_of(first.values, options, {}) is None:
        values = first.values
    else:
        values = grouping.join([row.values for row in gathered], options)
    for one in grouping.expand(values, options) if grouping.expand else (values,):
        yield Row(first.number, first.line, one)


def _checked_size(size: int, first: Row, limits: Limits) -> int:
    if size > limits.line_bytes:
        limit = f"{limits.line_bytes // MB} MB"
        what = f"the conversation that begins at row {first.number} is longer than {limit}"
        raise too_large("This file", what, limit, "LTT_MAX_LINE_MB")
    return size


class _Groups:
    """Rows by their group, on disk."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._waiting: list[tuple[int, bytes]] = []
        # A database without a name is temporary, and goes to disk when it outgrows its cache.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE rows (place INTEGER, number INTEGER PRIMARY KEY, data BLOB)")

    def add(self, group: str, data: bytes) -> None:
        """Put a row to its group."""
        self._waiting.append((self._places.setdefault(group, len(self._places)), data))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO rows (place, data) VALUES (?, ?)", self._waiting)
        self._database.execute("COMMIT")
        self._waiting.clear()

    def read(self, limits: Limits) -> Iterator[list[Row]]:
        """The groups in the order of their first rows, each with its rows in theirs."""
        self._flush()
        found = self._database.execute("SELECT place, data FROM rows ORDER BY place, number")
        for _, members in groupby(found, key=lambda one: one[0]):
            rows: list[Row] = []
            size = 0
            for _, data in members:
                rows.append(Row(*pickle.loads(data)))
                size = _checked_size(size + len(data), rows[0], limits)
            yield rows

    def close(self) -> None:
        """Give the disk back."""
        self._database.close()

"""Many rows into one table by the bare driver, in few statements: several times quicker than one statement a row."""

from collections.abc import Sequence
from itertools import chain

from sqlalchemy import Connection

# Beyond this a statement gains nothing; twenty columns of it stay below SQLite's oldest limit of 999 parameters.
ROWS = 48

# A column with one value in all rows, and one with a cell for each.
Constant = tuple[str, object]
Column = tuple[str, Sequence[object]]


def fill(connection: Connection, table: str, number: int, same: Sequence[Constant], varying: Sequence[Column]) -> None:
    """Insert ``number`` rows: ``same`` are columns with one value for all, ``varying`` those with a cell for each."""
    names = ", ".join(name for name, _ in (*same, *varying))
    values = tuple(value for _, value in same)
    rows = list(zip(*(cells for _, cells in varying), strict=True)) if varying else [()] * number
    if connection.dialect.name != "sqlite":
        marks = ", ".join(["%s"] * (len(values) + len(varying)))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
        connection.exec_driver_sql(statement, [values + row for row in rows])
        return
    # With FAIL a statement may leave rows behind when it breaks: it is for the transaction to take them back. In
    # return nothing is copied before each row, and rows that come in order go to the end of an index unsought.
    start = f"INSERT OR FAIL INTO {table} ({names}) VALUES "
    row_marks = f"({', '.join([f'?{place}' for place in range(1, len(values) + 1)] + ['?'] * len(varying))})"
    cells, width = tuple(chain.from_iterable(rows)), len(varying)
    whole = number - number % ROWS
    parts = [values + cells[at * width : (at + ROWS) * width] for at in range(0, whole, ROWS)]
    if parts:
        connection.exec_driver_sql(start + ", ".join([row_marks] * ROWS), parts)
    if whole < number:
        last = values + cells[whole * width :]
        connection.exec_driver_sql(start + ", ".join([row_marks] * (number - whole)), last)

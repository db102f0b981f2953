"""Whether a table was made safe for spreadsheets, so that its apostrophes before formulas are no text."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.core.formats.csv import RISKY, is_marked, undo_safe

# What the columns of our own exports are at least.
_OWN = {"id", "question", "answer", "status"}
# A browser that saves the file once more calls it ``faq.spreadsheet-safe (1).csv``.
_NAME = re.compile(r"\.spreadsheet-safe(?: ?\(\d+\))?\.")


@dataclass(frozen=True, slots=True)
class Quoting:
    """Whether to take the apostrophes away, and why; ``marked`` where some cell seems to have one."""

    undo: bool = False
    reason: str = ""
    marked: bool = False


def detect_quoting(name: str, rows: Iterable[Mapping[str, Any]]) -> Quoting:
    """Judge a table by its name and its rows as they stand in the file.

    A table with a bare formula as well was not made safe: its apostrophes are text.
    """
    columns: set[str] = set()
    marked, bare = False, False
    for values in rows:
        columns.update(values)
        for cell in values.values():
            if isinstance(cell, str) and cell.startswith(RISKY):
                marked = marked or is_marked(cell)
                bare = bare or undo_safe(cell) == cell
    if _NAME.search(name):
        return Quoting(True, "the file's name says that it was made safe for spreadsheets", marked)
    if marked and not bare and columns >= _OWN:
        return Quoting(True, "it looks like an export from here with an apostrophe before its formulas", marked)
    return Quoting(marked=marked)

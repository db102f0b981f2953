"""Fields inside a column: ``data.question``, ``annotations[0].result[0].value.text``."""

import re
from collections.abc import Iterable
from typing import Any

from app.core.layouts.shapes import Row, unpacked

_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[(\d+)\]")


def steps_of(path: str) -> list[str | int]:
    """The names and numbers of a path; empty where the text is no path."""
    steps: list[str | int] = []
    end = 0
    for step in _STEP.finditer(path):
        if step.start() != end:
            return []
        end = step.end()
        steps.append(step[1] if step[1] is not None else int(step[2]))
    return steps if end == len(path) and len(steps) > 1 else []


def has_value(row: Row, path: str) -> bool:
    """Whether a row has the column, or the field inside one."""
    return path in row or _walk(row, path) is not None


def value_at(row: Row, path: str) -> Any:
    """The value of the column of this name, else of the field that the path leads to; None where there is none.

    JSON text in a column is looked into.
    """
    return row[path] if path in row else _walk(row, path)


def fields_in(rows: Iterable[Row], most: int = 30) -> list[str]:
    """The paths to texts inside the columns of rows, in the order of their first appearance, at most so many.

    Of a list only the first item is looked into.
    """
    found: dict[str, None] = {}

    def look_into(row: Row, value: Any, path: str) -> None:
        value = unpacked(value)
        if isinstance(value, dict):
            for name, one in value.items():
                look_into(row, one, f"{path}.{name}")
        elif isinstance(value, list) and value:
            look_into(row, value[0], f"{path}[0]")
        # A name with a sign of a path in it cannot be said.
        elif isinstance(value, str) and path not in row and len(found) < most and _walk(row, path) == value:
            found.setdefault(path)

    for row in rows:
        for name, value in row.items():
            look_into(row, value, name)
    return list(found)


def _walk(row: Row, path: str) -> Any:
    value: Any = row
    for step in steps_of(path) or [path]:
        value = unpacked(value)
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def with_value_at(row: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of the row with another value in a field that is there."""
    root, *steps = steps_of(path)
    return {**row, str(root): _replaced(row[str(root)], steps, value)}


def _replaced(found: Any, steps: list[str | int], value: Any) -> Any:
    found = unpacked(found)
    if not steps:
        return value
    step, *rest = steps
    copy = list(found) if isinstance(found, list) else dict(found)
    copy[step] = _replaced(copy[step], rest, value)  # type: ignore[index]
    return copy

"""A change is data: which fields of an entry go from which value to which. Everything that edits produces these.

Values stand in their stored form (text or None): ``turns``, ``trace``, ``tags`` and ``extra`` as JSON text, ``live``
as ``"1"`` or ``"0"``. Undo is the same change with the sides swapped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from app.core.stored import CONTENT

FIELDS = (*CONTENT, "tags", "status", "split", "source", "family", "extra", "live")

Value = str | None
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one entry: ``{field: (before, after)}``, only fields that differ."""

    entry_id: int
    fields: Mapping[str, tuple[Value, Value]]

    def inverse(self) -> "Change":
        """The change that takes this one back."""
        return Change(self.entry_id, {name: (after, before) for name, (before, after) in self.fields.items()})


def change_between(entry_id: int, before: Mapping[str, Value], after: Mapping[str, Value]) -> Change | None:
    """The change from one set of values to another, or None where they are equal. Keys of ``after`` decide."""
    fields = {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}
    return Change(entry_id, fields) if fields else None


def deletion_of(entry_id: int) -> Change:
    """The change that removes an entry; its inverse brings it back."""
    return Change(entry_id, {"live": ("1", "0")})


def chunks_of(items: Iterable[T], size: int) -> Iterable[list[T]]:
    """Lists of at most ``size`` items, in order."""
    chunk: list[T] = []
    for item in items:
        chunk.append(item)
        if len(chunk) >= size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk

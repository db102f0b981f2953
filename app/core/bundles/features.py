"""What columns rows have and of which types, found while they are written, as ``datasets`` wants to be told.

Without that it judges by the first 10 MB of a file, and refuses or changes what comes later (datasets 5.2).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

# Columns that hold messages, whose keys are told one by one; objects elsewhere may have any keys.
_MESSAGES = frozenset({"messages", "conversations", "prompt", "completion", "chosen", "rejected"})
_INT64 = range(-(2**63), 2**63)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")
# Words that YAML takes for something else than a text.
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "off"})
_TYPES = {"string": "string", "int": "int64", "float": "float64", "bool": "bool"}


class Shape:
    """The kinds of values that stand at one place, and what they hold. ``count`` are the values that say something."""

    def __init__(self) -> None:
        self.count = 0
        self.objects = 0
        self.kinds: set[str] = set()
        self.fields: dict[str, Shape] = {}
        self.items: Shape | None = None

    def see(self, value: Any) -> None:
        """Take a value into account."""
        if value is None:
            return
        self.count += 1
        if isinstance(value, str):
            self.kinds.add("string")
        elif isinstance(value, bool):
            self.kinds.add("bool")
        elif isinstance(value, int):
            self.kinds.add("int" if value in _INT64 else "large")
        elif isinstance(value, float):
            self.kinds.add("float")
        elif isinstance(value, list):
            self.kinds.add("list")
            self.items = self.items or Shape()
            for one in value:
                self.items.see(one)
        else:
            self.kinds.add("object")
            self.objects += 1
            for name, one in value.items():
                if name not in self.fields:
                    self.fields[name] = Shape()
                self.fields[name].see(one)

    @property
    def scalar(self) -> str:
        """The type of plain values; empty where there are others, or several kinds."""
        kinds = {"float"} if self.kinds == {"int", "float"} else self.kinds
        return _TYPES.get(next(iter(kinds)), "") if len(kinds) == 1 else "" if kinds else "string"


class Features:
    """The shape of all rows, and which of them has most of the optional keys."""

    def __init__(self) -> None:
        self.rows = Shape()

    def see(self, row: Mapping[str, Any]) -> None:
        """Take a row into account."""
        self.rows.see(row)

    def as_yaml(self) -> list[str]:
        """The lines of ``features`` in the card of a dataset."""
        return list(_fields_as_yaml(self.rows, is_message=False))


def count_keys(row: Mapping[str, Any]) -> int:
    """How many keys a row and its messages have, so that the richest can stand first."""
    keys = set(row)
    for name, value in row.items():
        if isinstance(value, list):
            keys.update(f"{name}.{key}" for one in value if isinstance(one, dict) for key in one)
    return len(keys)


def _fields_as_yaml(shape: Shape, *, is_message: bool) -> Iterator[str]:
    for name, field in shape.fields.items():
        yield f"- name: {yaml_text(name)}"
        yield from (f"  {line}" for line in _type_as_yaml(name, field, is_message=is_message))


def _type_as_yaml(name: str, shape: Shape, *, is_message: bool) -> Iterator[str]:
    if shape.scalar:
        yield f"dtype: {shape.scalar}"
    elif shape.kinds == {"list"} and shape.items is not None:
        if shape.items.scalar:
            yield f"list: {shape.items.scalar}"
        elif shape.items.kinds == {"object"} and not is_message and _holds_messages(name):
            yield "list:"
            yield from _fields_as_yaml(shape.items, is_message=True)
        else:
            yield "list: json"
    elif shape.kinds == {"object"} and not is_message and (name == "input" or _holds_messages(name)):
        yield "struct:"
        yield from _fields_as_yaml(shape, is_message=_holds_messages(name))
    else:
        yield "dtype: json"


def _holds_messages(name: str) -> bool:
    return name in _MESSAGES or name.endswith("_output")


def yaml_text(text: str) -> str:
    """A text in YAML: as it is where that is safe, else as JSON, which YAML reads as well."""
    if _PLAIN_NAME.fullmatch(text) and text.lower() not in _YAML_WORDS:
        return text
    return msgspec.json.encode(text).decode()

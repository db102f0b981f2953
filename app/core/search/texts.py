"""The texts of an entry that a search looks at, by the names of their fields."""

import re
from collections.abc import Iterator
from typing import Any

from app.core.record import load_json, load_messages
from app.core.stored import CONTENT, StoredEntry

# As they are written before a colon; also the columns of the full-text index, in this order.
FIELDS = ("question", "answer", "system", "turns", "tools", "reasoning", "rejected")
# The stored columns that these are made of. Tools that may be called stand among what has no place of its own.
SOURCES = (*CONTENT, "extra")
_TOOLS = ("tools", "functions")
_NO_TOOLS = re.compile(r"\s*(?:\[\s*\]|\{\s*\}|null)?\s*")


def is_plain(entry: StoredEntry) -> bool:
    """Whether the searched texts of the entry stand in their columns as they are: it has no messages and no tools."""
    return entry.turns is None and entry.trace is None and (entry.extra is None or not _tools_of(entry.extra))


def _tools_of(extra: str) -> list[Any]:
    if not any(f'"{name}"' in extra for name in _TOOLS):
        return []
    held = load_json(extra, {})
    found = [held[name] for name in _TOOLS if held.get(name)]
    # An empty list may also stand there as a text.
    return [one for one in found if not (isinstance(one, str) and _NO_TOOLS.fullmatch(one))]


def texts_of(entry: StoredEntry) -> dict[str, list[str]]:
    """Each field that holds something, with its texts in order."""
    found: dict[str, list[str]] = {}
    for name, text in (
        ("question", entry.question),
        ("answer", entry.answer),
        ("system", entry.system),
        ("reasoning", entry.reasoning),
        ("rejected", entry.rejected_answer),
    ):
        if text:
            found[name] = [text]
    if is_plain(entry):
        return found
    for message in (*load_messages(entry.turns), *load_messages(entry.trace)):
        place = "tools" if message.role in ("tool", "function") else "turns"
        if message.text:
            found.setdefault(place, []).append(message.text)
        if message.reasoning:
            found.setdefault("reasoning", []).append(message.reasoning)
        if message.tool_calls:
            found.setdefault("tools", []).extend(_leaves(message.tool_calls))
    if entry.extra is not None:
        found.setdefault("tools", []).extend(_leaves(_tools_of(entry.extra)))
    return {name: texts for name, texts in found.items() if texts}


def _leaves(value: Any) -> Iterator[str]:
    """The texts, names of keys and numbers of a JSON value; JSON within a text is taken apart as well."""
    if isinstance(value, str):
        if value[:1] in ("{", "["):
            try:
                inner = load_json(value, None)
            except ValueError:
                inner = None
            if isinstance(inner, (dict, list)):
                yield from _leaves(inner)
                return
        if value:
            yield value
    elif isinstance(value, dict):
        for key, held in value.items():
            yield key
            yield from _leaves(held)
    elif isinstance(value, list):
        for held in value:
            yield from _leaves(held)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)


def has_tools(entry: StoredEntry) -> bool:
    """Whether tools are offered or called anywhere in the entry."""
    if entry.extra is not None and _tools_of(entry.extra):
        return True
    return any(one is not None and '"tool_calls"' in one for one in (entry.turns, entry.trace)) and any(
        message.tool_calls for message in (*load_messages(entry.turns), *load_messages(entry.trace))
    )

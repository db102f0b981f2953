"""A chat of SillyTavern: JSON lines with ``name``, ``is_user`` and ``mes`` behind a line about the chat."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from app.core.formats.chats.talk import KIND, NOTICES, Said, text_of
from app.core.formats.limits import Limits
from app.core.formats.lines import limit_lines


def recognises(text: str) -> str:
    """Why this is such a chat; nothing where it is none."""
    lines = [found for line in text.split("\n", 3)[:3] if isinstance(found := _decoded(line), dict)]
    is_one = any({"is_user", "mes"} <= line.keys() for line in lines)
    return "its lines are messages of SillyTavern" if is_one else ""


def messages(stream: BinaryIO, start: str, limits: Limits) -> Iterator[Said]:
    """The messages of a chat as UTF-8."""
    for number, line in enumerate(limit_lines(stream, limits, KIND), 1):
        item = _decoded(line)
        if not isinstance(item, dict) or "mes" not in item:
            continue
        role = "user" if item.get("is_user") else "assistant"
        if item.get("is_system"):
            yield Said("", "", left_out=(NOTICES,), line=number)
        else:
            yield Said(text_of(item.get("name"), role), text_of(item["mes"]), role=role, line=number)


def _decoded(line: str | bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None

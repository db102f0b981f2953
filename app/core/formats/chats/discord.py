"""Channels of Discord as DiscordChatExporter writes them in JSON: ``guild``, ``channel``, ``messages``."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, BinaryIO

from app.core.formats.chats.talk import MEDIA, NOTICES, Said, list_of, object_of, read_objects, text_of
from app.core.formats.limits import Limits

_KEYS = (re.compile(r'"guild"\s*:\s*\{'), re.compile(r'"channel"\s*:\s*\{'))


def recognises(text: str) -> str:
    """Why this is such a chat; nothing where it is none."""
    is_one = text.lstrip().startswith("{") and all(key.search(text, 0, 8000) for key in _KEYS) and '"messages"' in text
    return "it is a channel of Discord" if is_one else ""


def messages(stream: BinaryIO, start: str, limits: Limits) -> Iterator[Said]:
    """The messages of an export as UTF-8."""
    return map(_said, read_objects(stream, "messages.item", limits))


def _said(item: dict[str, Any]) -> Said:
    at = None
    with suppress(ValueError, TypeError, KeyError, OverflowError, OSError):
        at = datetime.fromisoformat(item["timestamp"]).timestamp()
    if item.get("type") not in ("Default", "Reply", "ChatInputCommand"):
        return Said("", "", at, left_out=(NOTICES,))
    author = object_of(item.get("author"))
    files = [*list_of(item.get("attachments")), *list_of(item.get("stickers"))]
    return Said(
        text_of(author.get("nickname"), author.get("name"), "Unknown"),
        text_of(item.get("content")),
        at,
        is_bot=bool(author.get("isBot")),
        is_reply=item.get("type") == "Reply",
        left_out=(MEDIA,) * len(files),
    )

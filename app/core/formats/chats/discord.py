"""Channels of Discord as DiscordChatExporter writes them in JSON: ``guild``, ``channel``, ``messages``."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, BinaryIO

from app.core.formats.chats.talk import MEDIA, NOTICES, Said

_KEYS = (re.compile(r'"guild"\s*:\s*\{'), re.compile(r'"channel"\s*:\s*\{'))


def recognises(text: str) -> str:
    """Why this is such a chat; nothing where it is none."""
    is_one = text.lstrip().startswith("{") and all(key.search(text, 0, 8000) for key in _KEYS) and '"messages"' in text
    return "it is a channel of Discord" if is_one else ""


def messages(stream: BinaryIO, start: str) -> Iterator[Said]:
    """The messages of an export as UTF-8."""
    import ijson

    for item in ijson.items(stream, "messages.item", use_float=True):
        if isinstance(item, dict):
            yield _said(item)


def _said(item: dict[str, Any]) -> Said:
    at = None
    with suppress(ValueError, TypeError, KeyError):
        at = datetime.fromisoformat(item["timestamp"]).timestamp()
    if item.get("type") not in ("Default", "Reply", "ChatInputCommand"):
        return Said("", "", at, left_out=(NOTICES,))
    author = item.get("author") or {}
    files = [*(item.get("attachments") or ()), *(item.get("stickers") or ())]
    return Said(
        str(author.get("nickname") or author.get("name") or "Unknown"),
        str(item.get("content") or ""),
        at,
        is_bot=bool(author.get("isBot")),
        is_reply=item.get("type") == "Reply",
        left_out=(MEDIA,) * len(files),
    )

"""Chats that Telegram Desktop exports as JSON (``result.json``): one chat, or all chats of an account."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO

from app.core.formats.chats.talk import MEDIA, NOTICES, Said, list_of, of_whole_chats, read_objects, text_of
from app.core.formats.limits import Limits

_TYPE = re.compile(
    r'"type"\s*:\s*"(personal_chat|bot_chat|(?:private|public)_(?:group|supergroup|channel)|saved_messages)"'
)
_NAME = re.compile(r'"name"\s*:\s*("(?:[^"\\]|\\.)*")')
_FILES = ("photo", "file", "media_type", "poll", "location_information", "contact_information", "game_title")


def recognises(text: str) -> str:
    """Why this is such a chat; nothing where it is none."""
    is_one = text.lstrip().startswith("{") and _TYPE.search(text) and '"messages"' in text
    return "it is a chat export of Telegram" if is_one else ""


def messages(stream: BinaryIO, start: str, limits: Limits) -> Iterator[Said]:
    """The messages of an export as UTF-8, from one chat after the other."""
    start = start.partition('"messages"')[0]
    if re.search(r'"chats"\s*:\s*\{', start):
        for number, chat in enumerate(read_objects(stream, "chats.list.item", of_whole_chats(limits))):
            items = list_of(chat.get("messages"))
            yield from _chat(items, text_of(chat.get("name")), text_of(chat.get("type")), str(number))
        return
    name, kind = _NAME.search(start), _TYPE.search(start)
    of = ""
    with suppress(ValueError):
        of = json.loads(name[1]) if name else ""
    yield from _chat(read_objects(stream, "messages.item", limits), of, kind[1] if kind else "", "")


def _chat(items: Iterable[Any], name: str, kind: str, talk: str) -> Iterator[Said]:
    """The messages of one chat. Of two people, the one after whom the chat is called is not the one who exported it."""
    for item in items:
        if not isinstance(item, dict):
            continue
        at = _seconds(item)
        if item.get("type") != "message":
            yield Said("", "", at, talk=talk, left_out=(NOTICES,))
            continue
        author = text_of(item.get("from"), "Deleted account")
        role = ""
        if kind == "personal_chat":
            role = "user" if author == name else "assistant"
        elif kind == "bot_chat":
            role = "assistant" if author == name else "user"
        left_out = (MEDIA,) if any(key in item for key in _FILES) else ()
        is_reply = "reply_to_message_id" in item
        yield Said(author, _text(item.get("text")), at, role, talk, is_reply=is_reply, left_out=left_out)


def _text(value: Any) -> str:
    """A text, or a list of texts and of links, mentions and the like with a text each."""
    parts = value if isinstance(value, list) else [value]
    return "".join(text_of(part.get("text") if isinstance(part, dict) else part) for part in parts)


def _seconds(item: dict[str, Any]) -> float | None:
    with suppress(ValueError, TypeError, KeyError, OverflowError):
        return datetime.fromisoformat(item["date"]).replace(tzinfo=UTC).timestamp()
    return None

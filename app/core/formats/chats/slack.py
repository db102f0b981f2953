"""A day of a Slack channel as Slack exports it: a list of messages. A thread is a conversation of its own."""

import html
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

from app.core.formats.chats.talk import MEDIA, NOTICES, Said, list_of, object_of, read_objects, text_of
from app.core.formats.limits import Limits

_TIME = re.compile(r'"ts"\s*:\s*"\d{9,11}\.\d{4,7}"')
_TYPE = re.compile(r'"type"\s*:\s*"message"')
_LINK = re.compile(r"<((?:https?|mailto):[^|<>]+)(?:\|([^<>]*))?>")
_MENTION = re.compile(r"<[@#!]([^|<>]+)(?:\|([^<>]*))?>")
# Joins, topics and the like; bots and threads that are sent to the channel too are messages of people.
_MESSAGES = ("", "bot_message", "thread_broadcast", "file_share", "me_message")


def recognises(text: str) -> str:
    """Why this is such a chat; nothing where it is none."""
    is_one = text.lstrip().startswith("[") and _TIME.search(text) and _TYPE.search(text)
    return "it is a channel of Slack" if is_one else ""


def messages(stream: BinaryIO, start: str, limits: Limits) -> Iterator[Said]:
    """The messages of an export as UTF-8."""
    return map(_said, read_objects(stream, "item", limits))


def _said(item: dict[str, Any]) -> Said:
    at = None
    with suppress(ValueError, TypeError, KeyError):
        at = float(item["ts"])
    if item.get("type") != "message" or text_of(item.get("subtype")) not in _MESSAGES:
        return Said("", "", at, left_out=(NOTICES,))
    profile = object_of(item.get("user_profile"))
    named = (profile.get("real_name"), profile.get("name"), item.get("username"), item.get("user"), item.get("bot_id"))
    return Said(
        text_of(*named, "Unknown"),
        _plain(text_of(item.get("text"))),
        at,
        thread=text_of(item.get("thread_ts")),
        is_bot=bool(item.get("bot_id")),
        is_reply=bool(item.get("thread_ts")) and item.get("thread_ts") != item.get("ts"),
        left_out=(MEDIA,) * len(list_of(item.get("files"))),
    )


def _plain(text: str) -> str:
    """The text with links and mentions as people read them."""
    text = _LINK.sub(
        lambda match: f"{match[2]} ({match[1]})" if match[2] and match[2] not in match[1] else match[1], text
    )
    return html.unescape(_MENTION.sub(lambda match: f"@{match[2] or match[1]}", text))

"""Conversations of an assistant as ChatGPT (``mapping``) and Claude (``chat_messages``) export them.

ChatGPT keeps every branch of a conversation, as a tree. The branch that was shown last is the conversation.
"""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from app.core.formats.chats.talk import (
    MEDIA,
    NOTICES,
    REASONING,
    TOOLS,
    Said,
    list_of,
    object_of,
    of_whole_chats,
    read_objects,
    text_of,
)
from app.core.formats.limits import Limits

# What stands in every conversation, and what in each of its messages.
_CHATGPT = re.compile(r'"mapping"\s*:\s*\{'), re.compile(r'"(?:parent|children|message)"\s*:')
_CLAUDE = re.compile(r'"chat_messages"\s*:\s*\['), re.compile(r'"sender"\s*:')
_ROLES = {"human": "user", "user": "user", "assistant": "assistant"}


def recognises(text: str) -> str:
    """Why this is such an export; nothing where it is none."""
    if not text.lstrip().startswith(("[", "{")):
        return ""
    for (chat, message), name in ((_CHATGPT, "ChatGPT"), (_CLAUDE, "Claude")):
        if (found := chat.search(text)) and message.search(text, found.end()):
            return f"it is an export of {name}"
    return ""


def messages(stream: BinaryIO, start: str, limits: Limits) -> Iterator[Said]:
    """The messages of an export as UTF-8, from one conversation after the other."""
    is_list = start.lstrip().startswith("[")
    for number, chat in enumerate(read_objects(stream, "item" if is_list else "", of_whole_chats(limits))):
        found = _branch(chat) if isinstance(chat.get("mapping"), dict) else list_of(chat.get("chat_messages"))
        yield from (_said(message, str(number)) for message in found if isinstance(message, dict))


def _branch(chat: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages from the beginning to the one that was shown last."""
    nodes = chat["mapping"]
    place = chat.get("current_node")
    if not isinstance(place, str) or place not in nodes:
        place = next((key for key in reversed(nodes) if not object_of(nodes[key]).get("children")), None)
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    while isinstance(place, str) and place in nodes and place not in seen:
        seen.add(place)
        node = object_of(nodes[place])
        if node.get("message"):
            found.append(node["message"])
        place = node.get("parent")
    return found[::-1]


def _said(message: dict[str, Any], talk: str) -> Said:
    if "sender" in message:
        return _said_of_claude(message, talk)
    content = object_of(message.get("content"))
    kind, author = content.get("content_type", ""), text_of(object_of(message.get("author")).get("role"))
    if kind in ("thoughts", "reasoning_recap"):
        return Said("", "", talk=talk, left_out=(REASONING,))
    if author == "tool" or (author == "assistant" and message.get("recipient") not in (None, "all")):
        return Said("", "", talk=talk, left_out=(TOOLS,))
    parts = list_of(content.get("parts"))
    text = "\n".join(part for part in parts if isinstance(part, str)) or text_of(content.get("text"))
    is_hidden = object_of(message.get("metadata")).get("is_visually_hidden_from_conversation")
    if author not in _ROLES or is_hidden or kind not in ("text", "multimodal_text", "code"):
        return Said("", "", talk=talk, left_out=(NOTICES,) if text.strip() else ())
    left_out = (MEDIA,) * sum(isinstance(part, dict) for part in parts)
    return Said(author, text, role=_ROLES[author], talk=talk, left_out=left_out)


def _said_of_claude(message: dict[str, Any], talk: str) -> Said:
    author = text_of(message["sender"])
    files = [*list_of(message.get("attachments")), *list_of(message.get("files"))]
    blocks = [block for block in list_of(message.get("content")) if isinstance(block, dict)]
    texts = [text_of(block.get("text")) for block in blocks if block.get("type") == "text"]
    kinds = {"thinking": REASONING, "tool_use": TOOLS, "tool_result": TOOLS}
    left_out = tuple(kinds[kind] for block in blocks if (kind := text_of(block.get("type"))) in kinds)
    text = "\n".join(texts) or text_of(message.get("text"))
    return Said(author, text, role=_ROLES.get(author, "user"), talk=talk, left_out=(*left_out, *(MEDIA,) * len(files)))

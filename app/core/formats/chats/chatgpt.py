"""Conversations of an assistant as ChatGPT (``mapping``) and Claude (``chat_messages``) export them.

ChatGPT keeps every branch of a conversation, as a tree. The branch that was shown last is the conversation.
"""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from app.core.formats.chats.talk import MEDIA, NOTICES, REASONING, TOOLS, Said

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


def messages(stream: BinaryIO, start: str) -> Iterator[Said]:
    """The messages of an export as UTF-8, from one conversation after the other."""
    import ijson

    is_list = start.lstrip().startswith("[")
    for number, chat in enumerate(ijson.items(stream, "item" if is_list else "", use_float=True)):
        if isinstance(chat, dict):
            found = _branch(chat) if isinstance(chat.get("mapping"), dict) else chat.get("chat_messages") or ()
            yield from (_said(message, str(number)) for message in found if isinstance(message, dict))


def _branch(chat: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages from the beginning to the one that was shown last."""
    nodes = chat["mapping"]
    place = chat.get("current_node")
    if place not in nodes:
        place = next((key for key in reversed(nodes) if not (nodes[key] or {}).get("children")), None)
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    while isinstance(place, str) and place in nodes and place not in seen:
        seen.add(place)
        node = nodes[place] or {}
        if node.get("message"):
            found.append(node["message"])
        place = node.get("parent")
    return found[::-1]


def _said(message: dict[str, Any], talk: str) -> Said:
    if "sender" in message:
        return _said_of_claude(message, talk)
    content = message.get("content") or {}
    kind, author = content.get("content_type", ""), (message.get("author") or {}).get("role", "")
    if kind in ("thoughts", "reasoning_recap"):
        return Said("", "", talk=talk, left_out=(REASONING,))
    if author == "tool" or (author == "assistant" and message.get("recipient") not in (None, "all")):
        return Said("", "", talk=talk, left_out=(TOOLS,))
    parts = content.get("parts") or ()
    text = "\n".join(part for part in parts if isinstance(part, str)) or str(content.get("text") or "")
    is_hidden = (message.get("metadata") or {}).get("is_visually_hidden_from_conversation")
    if author not in _ROLES or is_hidden or kind not in ("text", "multimodal_text", "code"):
        return Said("", "", talk=talk, left_out=(NOTICES,) if text.strip() else ())
    left_out = (MEDIA,) * sum(isinstance(part, dict) for part in parts)
    return Said(author, text, role=_ROLES[author], talk=talk, left_out=left_out)


def _said_of_claude(message: dict[str, Any], talk: str) -> Said:
    author = str(message["sender"])
    files = [*(message.get("attachments") or ()), *(message.get("files") or ())]
    blocks = [block for block in message.get("content") or () if isinstance(block, dict)]
    texts = [str(block.get("text") or "") for block in blocks if block.get("type") == "text"]
    kinds = {"thinking": REASONING, "tool_use": TOOLS, "tool_result": TOOLS}
    left_out = tuple(kinds[block["type"]] for block in blocks if block.get("type") in kinds)
    text = "\n".join(texts) or str(message.get("text") or "")
    return Said(author, text, role=_ROLES.get(author, "user"), talk=talk, left_out=(*left_out, *(MEDIA,) * len(files)))

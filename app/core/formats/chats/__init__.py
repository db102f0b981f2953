"""Chats as messengers and assistants export them: each conversation is a row with ``messages``.

A new one is a module and one line here.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import BinaryIO

from app.core.errors import Invalid
from app.core.formats.base import Format, ReadOptions, Rows
from app.core.formats.chats import chatgpt, discord, sillytavern, slack, telegram, whatsapp
from app.core.formats.chats.talk import SAMPLE, Said, read_conversations, who_answers
from app.core.formats.encoding import detect_encoding
from app.core.formats.jsonl import as_utf8
from app.core.formats.limits import Limits
from app.core.formats.source import Source


@dataclass(frozen=True)
class Chat:
    """A kind of chat export: why a text is one, and the messages of a stream of UTF-8 that begins with some text."""

    name: str
    title: str
    extensions: tuple[str, ...]
    recognises: Callable[[str], str]
    messages: Callable[[BinaryIO, str, Limits], Iterator[Said]]

    def as_format(self) -> Format:
        """The format that reads it."""
        return Format(self.name, self.title, self.extensions, self.read, None)

    def read(self, source: Source, options: ReadOptions) -> Rows:
        """The conversations of an export. Raises Invalid where nobody answers, and where it breaks off."""
        encoding = options.encoding or detect_encoding(source.head, complete=source.complete).name
        head = source.head.decode(encoding, "replace").lstrip("\ufeff")
        with source.open() as stream:
            yield from read_conversations(self.messages(as_utf8(stream, encoding), head, options.limits), options)

    def first_messages(self, text: str) -> list[Said]:
        """The first messages of a text that may break off."""
        found: list[Said] = []
        # Whatever breaks off, the messages before it are there.
        with suppress(Invalid):
            found.extend(islice(self.messages(BytesIO(text.encode()), text, Limits()), SAMPLE))
        return found


CHATS = (
    Chat("whatsapp", "WhatsApp chat", (), whatsapp.recognises, whatsapp.messages),
    Chat("telegram", "Telegram chat", (), telegram.recognises, telegram.messages),
    Chat("discord", "Discord channel", (), discord.recognises, discord.messages),
    Chat("slack", "Slack channel", (), slack.recognises, slack.messages),
    Chat("chatgpt", "ChatGPT or Claude export", (), chatgpt.recognises, chatgpt.messages),
    Chat("sillytavern", "SillyTavern chat", (), sillytavern.recognises, sillytavern.messages),
)


def recognise_chat(text: str) -> tuple[Chat, str] | None:
    """The kind of chat export that a text is, and why."""
    return next(((chat, reason) for chat in CHATS if (reason := chat.recognises(text))), None)


def describe_chat(chat: Chat, text: str, wanted: str | None) -> tuple[str, tuple[str, ...]]:
    """Who answers in a chat, and what a person should know before it is read."""
    found = chat.first_messages(text)
    try:
        name, reason = who_answers(found, wanted)
    except Invalid:
        return "", ()
    warnings = []
    if name and not wanted:
        warnings.append(
            f"“{name}” is taken as the one who answers: {reason}. Choose another one by name if that is wrong."
        )
    left_out = [kind for said in found for kind in said.left_out]
    counts = ", ".join(f"{left_out.count(kind)} {kind}" for kind in dict.fromkeys(left_out))
    if counts:
        warnings.append(
            f"What is no text is left out and counted in left_out: {counts} in the first {len(found):,} messages."
        )
    return reason, tuple(warnings)

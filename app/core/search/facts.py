"""What lists sort, count and narrow down by, and a database cannot tell quickly by itself."""

from functools import lru_cache
from typing import Any, NamedTuple

from app.core.record import load_messages
from app.core.search.texts import has_tools, is_plain, texts_of
from app.core.search.words import is_nearly_folded
from app.core.stored import StoredEntry
from app.core.validation.lints.languages import tell_language

# Bytes of UTF-8 to a token. On sets in six scripts the vocabulary of new OpenAI models is within a quarter of it.
_BYTES_PER_TOKEN = 4.4


class Facts(NamedTuple):
    """Of one entry. ``chars`` and ``tokens`` (an estimate) are of all its texts but tools and a rejected answer.

    ``turns`` counts the messages of a user, ``language`` is of the answer (ISO 639-1) and empty where it is not sure.
    ``is_plain`` says that all searched texts stand in their columns as they are, and are nearly folded.
    """

    chars: int
    tokens: int
    turns: int
    has_tools: bool
    language: str
    is_plain: bool


# What a fact is made of, as ``fact_of_columns`` takes it.
SOURCE_COLUMNS = ("system", "turns", "question", "trace", "answer", "rejected_answer", "reasoning", "extra")


@lru_cache(maxsize=1)
def _facts_of_columns(*columns: str | None) -> Facts:
    fields: dict[str, Any] = dict(zip(SOURCE_COLUMNS, columns, strict=True))
    return facts_of(StoredEntry(**fields))


def fact_of_columns(name: str, *columns: str | None) -> Any:
    """One fact of a pair, told by its stored columns: for a database that has to ask."""
    return getattr(_facts_of_columns(*columns), name)


def facts_of(entry: StoredEntry) -> Facts:
    """The facts of an entry."""
    language = tell_language(entry.answer) or tell_language(entry.question)
    texts = texts_of(entry)
    counted = [text for name, held in texts.items() if name not in ("tools", "rejected") for text in held]
    chars = sum(map(len, counted))
    plain = is_plain(entry) and all(is_nearly_folded(text) for held in texts.values() for text in held)
    size = sum(len(text) if text.isascii() else len(text.encode()) for text in counted)
    turns = 1 + (sum(message.role == "user" for message in load_messages(entry.turns)) if entry.turns else 0)
    return Facts(chars, -int(-size // _BYTES_PER_TOKEN), turns, has_tools(entry), language, plain)

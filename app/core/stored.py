"""An entry as it is stored: the one list of its columns, from a record and back, and the hash of its content.

Texts stand as they are; messages, tags and extra as JSON text, None where there are none. A field that a record gets
is added here: a line in ``StoredEntry``, and its way in ``stored_fields`` and ``StoredEntry.record``.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from app.core.record import PlainPairs, Record, dump_json, dump_messages, load_json, load_messages

Content = tuple[str | None, ...]
# What makes two pairs the same, in the order in which it is hashed and digested.
CONTENT = ("system", "turns", "question", "trace", "answer", "rejected_answer", "reasoning")
MESSAGES = ("turns", "trace")
_encode = msgspec.json.Encoder().encode


class StoredEntry(NamedTuple):
    """A row of the table of entries. One that is not written yet has neither a number nor a version of its own."""

    question: str
    answer: str = ""
    system: str | None = None
    turns: str | None = None
    trace: str | None = None
    rejected_answer: str | None = None
    reasoning: str | None = None
    tags: str | None = None
    extra: str | None = None
    status: str = "review"
    split: str | None = None
    source: str | None = None
    family: str | None = None
    content_hash: int | None = None
    import_id: int | None = None
    source_row: int | None = None
    id: int = 0
    version: int = 1

    @property
    def tag_list(self) -> list[str]:
        """The tags, in the order they were given."""
        tags: list[str] = load_json(self.tags, [])
        return tags

    def record(self) -> Record:
        """The value form."""
        return Record(
            system=self.system,
            turns=load_messages(self.turns),
            question=self.question,
            trace=load_messages(self.trace),
            answer=self.answer,
            rejected_answer=self.rejected_answer,
            reasoning=self.reasoning,
            tags=tuple(self.tag_list),
            extra=load_json(self.extra, {}),
            source=self.source,
            family=self.family,
        )


COLUMNS = StoredEntry._fields
# What whoever writes an entry gives; its number and its version come with the writing.
WRITTEN = tuple(name for name in COLUMNS if name not in ("id", "version"))
PLACES = {name: place for place, name in enumerate(COLUMNS)}
_DEFAULTS = StoredEntry._field_defaults

# A plain tuple of all columns, as the database gives it, as an entry. Without a check: it is done a million times.
as_entry: Callable[[Sequence[Any]], StoredEntry] = partial(tuple.__new__, StoredEntry)
# The content of anything that has these names.
content_of: Callable[[Any], Content] = attrgetter(*CONTENT)


def stored_fields(record: Record) -> dict[str, str | None]:
    """The record's fields as they are stored and compared in changes."""
    return {
        "system": record.system,
        "turns": dump_messages(record.turns),
        "question": record.question,
        "trace": dump_messages(record.trace),
        "answer": record.answer,
        "rejected_answer": record.rejected_answer,
        "reasoning": record.reasoning,
        "tags": dump_json(list(record.tags)),
        "extra": dump_json(record.extra),
        "source": record.source,
        "family": record.family,
    }


def stored_entry(record: Record, **columns: Any) -> StoredEntry:
    """The record as an entry with its hash; ``columns`` are those that a record has not, or others for its own.

    Raises UnicodeEncodeError where a text holds half of a character.
    """
    fields: dict[str, Any] = {**stored_fields(record), **columns}
    return StoredEntry(**fields, content_hash=content_hash(tuple(fields[name] for name in CONTENT)))


def entries_of_columns(same: Mapping[str, object], varying: Mapping[str, Sequence[object]]) -> list[StoredEntry]:
    """Entries given column by column: ``same`` have one value for all, ``varying`` one for each; others are usual."""
    cells = (varying[name] if name in varying else repeat(same.get(name, _DEFAULTS.get(name))) for name in COLUMNS)
    return list(map(as_entry, zip(*cells)))  # noqa: B905 (what is the same has no end)


def content_values(entry: StoredEntry) -> list[object]:
    """The content with its messages as values, for the digest. Reasoning stands in it only where there is some."""
    values = [load_json(getattr(entry, name), []) if name in MESSAGES else getattr(entry, name) for name in CONTENT]
    return values if entry.reasoning is not None else values[:-1]


def content_hash(content: Sequence[str | None]) -> int:
    """Signed 64-bit hash of the content in its stored form.

    Equal content gives equal hashes; a hit is verified on the texts themselves.
    The parts are length-framed so that text cannot move from one field into the next unnoticed.
    """
    system, turns, question, trace, answer, rejected_answer, reasoning = content
    if turns is None and trace is None and rejected_answer is None and reasoning is None:
        return plain_hashes(PlainPairs((system,), (question or "",), (answer or "",)))[0]
    parts = [system, turns, question or "", trace, answer or "", rejected_answer]
    # Hashes of pairs without reasoning are those of before there was any.
    data = _encode(parts if reasoning is None else [*parts, reasoning])
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little", signed=True)


def content_hashes(contents: Iterable[Sequence[str | None] | None]) -> list[int | None]:
    """The content hashes of many, in order; None for None. Plain pairs are hashed together, which is quicker."""
    hashes: list[int | None] = []
    plain: list[tuple[int, str | None, str, str]] = []
    for place, content in enumerate(contents):
        hashes.append(None)
        if content is None:
            continue
        system, turns, question, trace, answer, rejected_answer, reasoning = content
        if turns is None and trace is None and rejected_answer is None and reasoning is None:
            plain.append((place, system, question or "", answer or ""))
        else:
            hashes[place] = content_hash(content)
    if plain:
        places, *texts = zip(*plain, strict=True)
        for place, hashed in zip(places, plain_hashes(PlainPairs(*texts)), strict=True):
            hashes[place] = hashed
    return hashes


def plain_hashes(pairs: PlainPairs) -> tuple[int, ...]:
    """The content hashes of plain pairs, in order. Raises UnicodeEncodeError where a text cannot be stored."""
    digests = [
        blake2b(b"%d\0%b%b" % (len(q := question.encode()), q, answer.encode()), digest_size=8).digest()
        for question, answer in zip(pairs.questions, pairs.answers, strict=True)
    ]
    for place, system in enumerate(pairs.systems):
        if system is not None:
            whole = [system, None, pairs.questions[place], None, pairs.answers[place], None]
            digests[place] = blake2b(_encode(whole), digest_size=8).digest()
    return struct.unpack(f"<{len(digests)}q", b"".join(digests))

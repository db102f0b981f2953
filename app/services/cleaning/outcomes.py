"""What a recipe makes of stored entries: row in, outcome out, nothing where nothing changes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import null

from app.core.changes import Value
from app.core.cleaning import Cleaner, CleaningStopped
from app.core.record import (
    PlainPairs,
    Record,
    content_hash,
    dump_messages,
    load_json,
    load_messages,
    plain_hashes,
)
from app.core.text import is_blank, is_storable
from app.models import Entry

EMPTIED, DUPLICATE, DELETED, SPLIT, KEPT = 1, 2, 4, 8, 16
_CONTENT = ("system", "turns", "question", "trace", "answer", "rejected_answer")
_MESSAGES = ("turns", "trace")
BASE = (Entry.id, Entry.version, Entry.status, Entry.content_hash, *(getattr(Entry, name) for name in _CONTENT))
FULL = (*BASE, Entry.split, Entry.tags, Entry.extra)
_FIRST = 4
_END = _FIRST + len(_CONTENT)
_AT = {name: place for place, name in enumerate(_CONTENT, _FIRST)}
_TURNS, _TRACE, _QUESTION, _ANSWER = _AT["turns"], _AT["trace"], _AT["question"], _AT["answer"]

BLANK_QUESTION = "Its question would become empty."
UNSTORABLE = "A text would hold a character that cannot be stored."

Row = Sequence[Any]
Fields = dict[str, tuple[Value, Value]]


@dataclass(slots=True)
class CleaningOutcome:
    """What becomes of one entry: changed fields before and after, and pairs that are split off.

    ``kept`` says why it stays as it is although it matched.
    """

    row: Row
    fields: Fields = field(default_factory=dict)
    created: Sequence[Record] = ()
    flags: int = 0
    kept: str = ""

    @property
    def entry_id(self) -> int:
        """The entry's id."""
        return int(self.row[0])

    @property
    def version(self) -> int:
        """The entry's version when it was read."""
        return int(self.row[1])

    @property
    def hash_before(self) -> int | None:
        """The stored content hash."""
        hash_: int | None = self.row[3]
        return hash_

    @property
    def size(self) -> int:
        """How many characters more or less the texts have; of a deleted pair all."""
        if self.flags & DELETED:
            return sum(len(self.row[place] or "") for place in _AT.values())
        return sum(abs(len(after or "") - len(before or "")) for before, after in self.fields.values())

    def contents(self) -> list[Value]:
        """System, turns, question, trace, answer and rejected answer after the change."""
        values = list(self.row[_FIRST:_END])
        for name, (_, after) in self.fields.items():
            if name in _AT:
                values[_AT[name] - _FIRST] = after
        return values


def hashes_after(outcomes: Iterable[CleaningOutcome]) -> list[int | None]:
    """The content hash of each after its change; None where it goes or stays as it is."""
    hashes: list[int | None] = []
    plain: list[tuple[int, str | None, str, str]] = []
    for place, one in enumerate(outcomes):
        hashes.append(None)
        if one.flags & (DELETED | KEPT):
            continue
        system, turns, question, trace, answer, rejected = one.contents()
        if turns is None and trace is None and rejected is None:
            plain.append((place, system, question or "", answer or ""))
        else:
            hashes[place] = content_hash(system, turns, question or "", trace, answer or "", rejected)
    if plain:
        places, *texts = zip(*plain, strict=True)
        for place, hashed in zip(places, plain_hashes(PlainPairs(*texts)), strict=True):
            hashes[place] = hashed
    return hashes


def _only(needed: set[str]) -> tuple[Any, ...]:
    """The columns of ``BASE``, with NULL in place of those that are not needed."""
    texts = (getattr(Entry, name) if name in needed else null().label(name) for name in _CONTENT)
    return (*BASE[:3], null().label("content_hash"), *texts)


class EntryCleaner:
    """A compiled recipe for rows of ``columns``. Make one for each run: patterns count their time over it."""

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner
        functions = cleaner.functions
        self._whole = functions is None
        self._texts: list[tuple[int, str, Callable[[str], str]]] = [
            (_AT[name], name, function) for name, function in (functions or {}).items()
        ]
        self._messages = any(name in cleaner.reads for name in _MESSAGES)
        self.columns = FULL if self._whole else BASE
        needed = {"trace", *cleaner.reads}
        # For those who need no hash: what is not read need not be fetched.
        self.fewest = FULL if self._whole else _only(needed)

    def outcomes(self, rows: Iterable[Row]) -> Iterator[CleaningOutcome]:
        """What becomes of the rows that change. Raises CleaningStopped naming the pair."""
        made = map(self._of_record, rows) if self._whole else self._of_texts(rows)
        yield from (outcome for outcome in made if outcome is not None)

    def _of_texts(self, rows: Iterable[Row]) -> Iterator[CleaningOutcome | None]:
        """The quick way, for functions on single texts: most rows only pass through here."""
        texts, messages = self._texts, self._messages
        row: Row = ()
        try:
            for row in rows:
                if messages and (row[_TURNS] or row[_TRACE]):
                    yield self._of_record(row)
                    continue
                fields: Fields = {}
                for place, name, function in texts:
                    text = row[place]
                    if text:
                        new = function(text)
                        if new is not text and new != text:
                            fields[name] = (text, new)
                if fields:
                    yield _checked(CleaningOutcome(row, fields))
        except CleaningStopped as error:
            raise _stopped(error, row) from error

    def _of_record(self, row: Row) -> CleaningOutcome | None:
        record = _record(row)
        try:
            result = self._cleaner.clean(record)
        except CleaningStopped as error:
            raise _stopped(error, row) from error
        if result is record:
            return None
        if result is None or result == []:
            return CleaningOutcome(row, {"live": ("1", "0")}, flags=DELETED)
        first, *others = result if isinstance(result, list) else [result]
        fields = _difference(row, record, first)
        if not fields and not others:
            return None
        return _checked(CleaningOutcome(row, fields, others, SPLIT if others else 0))


def _stopped(error: CleaningStopped, row: Row) -> CleaningStopped:
    """The same, with the pair at which it happened."""
    if "entry_id" in error.details:
        return error
    return CleaningStopped(f"Pair {row[0]}: {error.message}", code=error.code, entry_id=row[0])


def _record(row: Row) -> Record:
    extra = row[len(BASE) :] or (None, None, None)
    return Record(
        system=row[_AT["system"]],
        turns=load_messages(row[_TURNS]),
        question=row[_QUESTION],
        trace=load_messages(row[_TRACE]),
        answer=row[_ANSWER],
        rejected_answer=row[_AT["rejected_answer"]],
        tags=tuple(load_json(extra[1], [])),
        extra=load_json(extra[2], {}),
    )


def _difference(row: Row, before: Record, after: Record) -> Fields:
    fields: Fields = {}
    for name in _CONTENT:
        new = getattr(after, name)
        if new == getattr(before, name):
            continue
        fields[name] = (row[_AT[name]], dump_messages(new) if name in _MESSAGES else new)
    return fields


def _checked(outcome: CleaningOutcome) -> CleaningOutcome:
    """The outcome with its flags; refused where a pair would lose its question or could not be stored."""
    fields, row = outcome.fields, outcome.row
    if "question" in fields and is_blank(fields["question"][1]):
        return CleaningOutcome(row, flags=KEPT, kept=BLANK_QUESTION)
    if outcome.created and any(is_blank(record.question) for record in outcome.created):
        return CleaningOutcome(row, flags=KEPT, kept=BLANK_QUESTION)
    for _, after in fields.values():
        if after is not None and not is_storable(after):
            return CleaningOutcome(row, flags=KEPT, kept=UNSTORABLE)
    if "answer" in fields and is_blank(fields["answer"][1]) and not row[_TRACE] and not is_blank(row[_ANSWER]):
        outcome.flags |= EMPTIED
        if row[2] != "draft":
            # An unanswered pair is a draft, whoever emptied it.
            fields["status"] = (row[2], "draft")
    return outcome

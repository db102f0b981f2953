"""What a recipe makes of stored entries: row in, outcome out, nothing where nothing changes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.changes import Value
from app.core.cleaning import Cleaner, CleaningStopped
from app.core.record import Record, dump_messages
from app.core.stored import COLUMNS, CONTENT, MESSAGES, PLACES, StoredEntry, content_hashes, content_of
from app.core.text import is_blank, is_storable
from app.models import entry_columns

EMPTIED, DUPLICATE, DELETED, SPLIT, KEPT = 1, 2, 4, 8, 16
# What is read of an entry whatever the recipe does.
_ALWAYS = ("id", "version", "status")

BLANK_QUESTION = "Its question would become empty."
UNSTORABLE = "A text would hold a character that cannot be stored."

Fields = dict[str, tuple[Value, Value]]


@dataclass(slots=True)
class CleaningOutcome:
    """What becomes of one entry: changed fields before and after, and pairs that are split off.

    ``kept`` says why it stays as it is although it matched.
    """

    entry: StoredEntry
    fields: Fields = field(default_factory=dict)
    created: Sequence[Record] = ()
    flags: int = 0
    kept: str = ""

    @property
    def size(self) -> int:
        """How many characters more or less the texts have; of a deleted pair all."""
        if self.flags & DELETED:
            return sum(len(text or "") for text in content_of(self.entry))
        return sum(abs(len(after or "") - len(before or "")) for before, after in self.fields.values())


def hashes_after(outcomes: Iterable[CleaningOutcome]) -> list[int | None]:
    """The content hash of each after its change; None where it goes or stays as it is."""
    return content_hashes(
        None
        if one.flags & (DELETED | KEPT)
        else [one.fields[name][1] if name in one.fields else getattr(one.entry, name) for name in CONTENT]
        for one in outcomes
    )


class EntryCleaner:
    """A compiled recipe for entries of ``columns``. Make one for each run: patterns count their time over it."""

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner
        functions = cleaner.functions
        self._whole = functions is None
        self._texts: list[tuple[int, str, Callable[[str], str]]] = [
            (PLACES[name], name, function) for name, function in (functions or {}).items()
        ]
        self._messages = any(name in cleaner.reads for name in MESSAGES)
        self.columns = entry_columns(COLUMNS if self._whole else (*_ALWAYS, "content_hash", *CONTENT))
        # For those who need no hash: what is not read need not be fetched.
        self.fewest = entry_columns(COLUMNS if self._whole else (*_ALWAYS, "trace", *cleaner.reads))

    def outcomes(self, rows: Iterable[StoredEntry]) -> Iterator[CleaningOutcome]:
        """What becomes of the entries that change. Raises CleaningStopped naming the pair."""
        made = map(self._of_record, rows) if self._whole else self._of_texts(rows)
        yield from (outcome for outcome in made if outcome is not None)

    def _of_texts(self, rows: Iterable[StoredEntry]) -> Iterator[CleaningOutcome | None]:
        """The quick way, for functions on single texts: most rows only pass through here."""
        texts, messages = self._texts, self._messages
        row: StoredEntry | None = None
        try:
            for row in rows:
                if messages and (row.turns or row.trace):
                    yield self._of_record(row)
                    continue
                fields: Fields = {}
                for place, name, function in texts:
                    text: Any = row[place]
                    if text:
                        new = function(text)
                        if new is not text and new != text:
                            fields[name] = (text, new or None if name == "reasoning" else new)
                if fields:
                    yield _checked(CleaningOutcome(row, fields))
        except CleaningStopped as error:
            raise _stopped(error, row) from error

    def _of_record(self, row: StoredEntry) -> CleaningOutcome | None:
        record = row.record()
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


def _stopped(error: CleaningStopped, row: StoredEntry | None) -> CleaningStopped:
    """The same, with the pair at which it happened."""
    if "entry_id" in error.details or row is None:
        return error
    return CleaningStopped(f"Pair {row.id}: {error.message}", code=error.code, entry_id=row.id)


def _difference(row: StoredEntry, before: Record, after: Record) -> Fields:
    fields: Fields = {}
    for name in CONTENT:
        new = getattr(after, name)
        if new == getattr(before, name):
            continue
        fields[name] = (getattr(row, name), dump_messages(new) if name in MESSAGES else new)
    return fields


def _checked(outcome: CleaningOutcome) -> CleaningOutcome:
    """The outcome with its flags; refused where a pair would lose its question or could not be stored."""
    fields, row = outcome.fields, outcome.entry
    if "question" in fields and is_blank(fields["question"][1]):
        return CleaningOutcome(row, flags=KEPT, kept=BLANK_QUESTION)
    if outcome.created and any(is_blank(record.question) for record in outcome.created):
        return CleaningOutcome(row, flags=KEPT, kept=BLANK_QUESTION)
    for _, after in fields.values():
        if after is not None and not is_storable(after):
            return CleaningOutcome(row, flags=KEPT, kept=UNSTORABLE)
    if "answer" in fields and is_blank(fields["answer"][1]) and not row.trace and not is_blank(row.answer):
        outcome.flags |= EMPTIED
        if row.status != "draft":
            # An unanswered pair is a draft, whoever emptied it.
            fields["status"] = (row.status, "draft")
    return outcome

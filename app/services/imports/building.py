"""Records as rows of the table of entries: tuples in the order of ``history.NEW_COLUMNS``."""

import gc
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.core.changes import Value, chunks
from app.core.errors import Invalid
from app.core.formats import BadRow, Row, Source
from app.core.layouts.columns import split_of, status_of
from app.core.record import Record, content_hash, dump_json, dump_messages
from app.services.imports import reading
from app.services.imports.reading import Read, bad, layout_options
from app.services.imports.settings import Settings

# Places in the tuple.
STATUS, TAGS, HASH, ROW = 0, 8, 10, 12
Stored = tuple[object, ...]
Content = tuple[Value, ...]
CHUNK = 1000
GC_THRESHOLD = 100_000

# An escaped NUL in JSON text, and not the six characters of the escape themselves.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(slots=True)
class Built:
    """One chunk of rows: those that can be stored, and the bad ones. ``rows`` goes with ``new``, where it is kept."""

    new: list[Stored] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def parts(source: Source, settings: Settings, import_id: int) -> Iterator[Built]:
    """The rows of a file as they are stored, chunk by chunk. Raises what is wrong with the file."""
    found = reading.records(reading.rows(source, settings), settings)
    return map(Builder(settings, import_id).build, chunks(found, CHUNK))


@contextmanager
def rare_collection() -> Iterator[None]:
    """Look for circular garbage less often: rows hold none, and looking costs a third of the time of an import."""
    usual = gc.get_threshold()
    gc.set_threshold(GC_THRESHOLD, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class Builder:
    """Makes stored rows for one import. Written for speed: most rows are plain pairs."""

    def __init__(self, settings: Settings, import_id: int) -> None:
        self._import_id = import_id
        self._drafts = settings.allow_unanswered
        self._options = layout_options(settings)
        self._update_by = settings.update_by if settings.on_duplicate == "update" else None
        labelled = any(name in settings.mapping for name in ("status", "split"))
        self._plain = not (labelled or self._drafts or self._update_by)

    def build(self, chunk: Iterable[Read | BadRow]) -> Built:
        """One chunk of records as they are stored."""
        result = Built()
        stored, new, rows = self.stored, result.new, result.rows
        for item in chunk:
            if type(item) is BadRow:
                result.bad.append(item)
                continue
            row, record = item  # type: ignore[misc]
            try:
                new.append(stored(row, record))
            except Invalid as error:
                result.bad.append(bad(row, error))
            else:
                rows.append(row)
        return result

    def stored(self, row: Row, record: Record) -> Stored:
        """The record as it is stored. Raises Invalid where a text cannot be stored."""
        if record.extra or record.turns or record.trace or record.tags or not self._plain:
            return self._any(row, record)
        system, question, answer, rejected = record.system, record.question, record.answer, record.rejected_answer
        if "\x00" in question or "\x00" in answer:
            raise _nul()
        if (system is not None and "\x00" in system) or (rejected is not None and "\x00" in rejected):
            raise _nul()
        try:
            hashed = content_hash(system, None, question, None, answer, rejected)
        except UnicodeEncodeError as error:
            raise _surrogate() from error
        # Layouts let unanswered records through only where drafts are allowed.
        none = None
        return (
            "review", none, system, question, answer, rejected, none, none, none, none, hashed, self._import_id, row[0],
        )  # fmt: skip

    def _any(self, row: Row, record: Record) -> Stored:
        status, split, extra = self._labels(row, record)
        texts = (record.system, record.question, record.answer, record.rejected_answer)
        try:
            turns, trace, kept = dump_messages(record.turns), dump_messages(record.trace), dump_json(extra)
            hashed = content_hash(record.system, turns, record.question, trace, record.answer, record.rejected_answer)
        except UnicodeEncodeError as error:
            raise _surrogate() from error
        if any(text is not None and "\x00" in text for text in texts):
            raise _nul()
        if any(text is not None and "\\u0000" in text and _NUL.search(text) for text in (turns, trace, kept)):
            raise _nul()
        tags = dump_json(list(record.tags))
        return (status, split, *texts, turns, trace, tags, kept, hashed, self._import_id, row.number)

    def _labels(self, row: Row, record: Record) -> tuple[str, str | None, dict[str, object]]:
        """Status, split and what is kept beside the pair; columns that say the first two, or the id, are used up."""
        status, extra = "review" if record.answered else "draft", record.extra
        if self._plain or not (extra or row.values):
            return status, None, extra
        used = {name for name in extra if name.strip().lower() == self._update_by}
        given, split = status_of(row.values, self._options), split_of(row.values, self._options)
        mapping = self._options.mapping
        if given and "status" in mapping:
            used.add(mapping["status"])
            status = given if status != "draft" else status
        if split and "split" in mapping:
            used.add(mapping["split"])
        else:
            split = None
        return status, split, {name: value for name, value in extra.items() if name not in used} if used else extra


def content_of(stored: Stored) -> Content:
    """What makes two pairs the same: system, turns, question, trace, answer, rejected answer."""
    return (stored[2], stored[6], stored[3], stored[7], stored[4], stored[5])  # type: ignore[return-value]


def _nul() -> Invalid:
    return Invalid("A text holds the character U+0000, which no database keeps. Remove it.", code="nul")


def _surrogate() -> Invalid:
    return Invalid("A text holds half of a character (a lone surrogate). Remove it.", code="surrogate")

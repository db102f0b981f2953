"""Records on their way into the dataset: which are new, which are there already, which change a pair."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import or_, select

from app.core.changes import Change, Value, difference
from app.core.errors import Invalid
from app.core.formats import BadRow
from app.core.layouts.columns import split_of, status_of
from app.core.record import content_hash, dump_json, dump_messages
from app.core.text import clip, is_blank, restore_newlines
from app.models import Entry, db
from app.services import entries
from app.services.entries import CONTENT, StoredEntry, from_row
from app.services.imports.reading import Read, bad, layout_options
from app.services.imports.settings import Settings

HASH_PART = 500
# An escaped NUL in JSON text, and not the six characters of the escape themselves.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
CONTENT_FIELDS = ("system", "turns", "question", "trace", "answer", "rejected_answer")
UPDATED_FIELDS = (*CONTENT_FIELDS, "tags")


@dataclass(frozen=True, slots=True)
class New:
    """A record as it will be stored: the values of the content fields, then the rest."""

    read: Read
    content: tuple[Value, ...]
    hash: int
    status: str
    split: str | None
    tags: str | None
    extra: str | None

    def as_tuple(self, import_id: int) -> tuple[object, ...]:
        """The record in the order of ``history.NEW_COLUMNS``."""
        system, turns, question, trace, answer, rejected = self.content
        texts = (system, question, answer, rejected, turns, trace)
        return (self.status, self.split, *texts, self.tags, self.extra, self.hash, import_id, self.read.row.number)


@dataclass(frozen=True, slots=True)
class Same:
    """A row that is left out: the pair or row that says the same already."""

    read: Read
    entry_id: int | None
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """A row that changes a pair."""

    read: Read
    change: Change


@dataclass(slots=True)
class Sorted:
    """One chunk of rows, sorted by what becomes of them."""

    new: list[New] = field(default_factory=list)
    same: list[Same] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows went in; each is in exactly one of the lists."""
        return len(self.new) + len(self.same) + len(self.updates) + len(self.bad)


class Labels:
    """Status and split of new pairs: from their columns, where the file has such columns and they hold our words."""

    def __init__(self, settings: Settings) -> None:
        self._options = layout_options(settings)
        self._columns = {settings.mapping[name] for name in ("status", "split") if name in settings.mapping}
        self._id = settings.update_by if settings.on_duplicate == "update" else None

    def of(self, read: Read) -> tuple[str, str | None, set[str]]:
        """Status, split, and the names of the columns that are used up by them."""
        status = "review" if read.record.answered else "draft"
        if not self._columns and self._id is None:
            return status, None, set()
        values, used = read.row.values, {name for name in read.row.values if name.strip().lower() == self._id}
        given, split = status_of(values, self._options), split_of(values, self._options)
        mapping = self._options.mapping
        used |= {mapping["status"]} if given and "status" in mapping else set()
        used |= {mapping["split"]} if split and "split" in mapping else set()
        return given if given and status != "draft" else status, split, used


class Sorter:
    """Sorts chunks of rows for one import. ``batch_id`` is the staged set that earlier chunks went to, if any.

    Without a staged set (a preview) the hashes of earlier rows are remembered here instead.
    """

    def __init__(self, dataset_id: int, settings: Settings, *, batch_id: int | None = None, look: bool = False) -> None:
        self.dataset_id = dataset_id
        self.settings = settings
        self.batch_id = batch_id
        self.look = look or settings.on_duplicate == "skip"
        self._labels = Labels(settings)
        self._seen: dict[int, int] = {}
        self._ids: set[int] = set()

    def sort(self, chunk: Iterable[Read | BadRow]) -> Sorted:
        """Sort one chunk."""
        result = Sorted()
        for item in chunk:
            if isinstance(item, BadRow):
                result.bad.append(item)
                continue
            try:
                result.new.append(self._new(item))
            except Invalid as error:
                result.bad.append(bad(item.row, error))
        if self.settings.on_duplicate == "update":
            self._find_updates(result)
        elif self.look:
            self._find_same(result)
        return result

    def _new(self, read: Read) -> New:
        return new_of(read, self._labels)

    def _find_same(self, result: Sorted) -> None:
        stored = self._stored([new.hash for new in result.new])
        rows = {} if self.batch_id is not None else self._seen
        kept: list[New] = []
        for new in result.new:
            entry_id = stored.get(new.content)
            row = rows.setdefault(new.hash, new.read.row.number)
            if entry_id is None and row == new.read.row.number:
                kept.append(new)
            else:
                result.same.append(Same(new.read, entry_id, None if entry_id else row))
        result.new = kept

    def _stored(self, hashes: Sequence[int]) -> dict[tuple[Value, ...], int]:
        """The live entries, and those of earlier chunks, with one of these hashes: content to id."""
        found: dict[tuple[Value, ...], int] = {}
        shown = entries.visible(self.dataset_id)
        if self.batch_id is not None:
            shown = or_(shown, Entry.batch_id == self.batch_id)
        for start in range(0, len(hashes), HASH_PART):
            part = hashes[start : start + HASH_PART]
            query = select(*CONTENT).where(Entry.content_hash.in_(part), entries.of_dataset(self.dataset_id), shown)
            for entry in map(from_row, db.session.execute(query)):
                found.setdefault(content_of(entry), entry.id)
        return found

    def _find_updates(self, result: Sorted) -> None:
        named: list[New] = []
        unnamed: list[New] = []
        for new in result.new:
            (named if self._id_text(new.read) else unnamed).append(new)
        ids = [int(text) for new in named if (text := self._id_text(new.read)).isdecimal() and len(text) < 19]
        stored = entries.by_ids(self.dataset_id, ids)
        for new in named:
            self._update(new, stored, result)
        result.new = unnamed

    def _update(self, new: New, stored: dict[int, StoredEntry], result: Sorted) -> None:
        text = self._id_text(new.read)
        entry = stored.get(int(text)) if text.isdecimal() and len(text) < 19 else None
        if entry is None:
            error = Invalid(f"There is no pair {clip(text, 40)} in this dataset.", code="unknown_id")
            result.bad.append(bad(new.read.row, error))
        elif entry.id in self._ids:
            error = Invalid(f"Pair {entry.id} stands twice in this file.", code="repeated_id")
            result.bad.append(bad(new.read.row, error))
        else:
            self._ids.add(entry.id)
            change = change_of(entry, new, self.settings)
            if change is None:
                result.same.append(Same(new.read, entry.id))
            else:
                result.updates.append(Update(new.read, change))

    def _id_text(self, read: Read) -> str:
        value = next((v for name, v in read.row.values.items() if name.strip().lower() == self.settings.update_by), "")
        return "" if value is None else str(value).strip()


def new_of(read: Read, labels: Labels) -> New:
    """The record in stored form. Raises Invalid where a text cannot be stored."""
    record = read.record
    status, split, used = labels.of(read)
    extra = record.extra
    if used and extra:
        extra = {name: value for name, value in extra.items() if name not in used}
    try:
        content = (
            record.system,
            dump_messages(record.turns),
            record.question,
            dump_messages(record.trace),
            record.answer,
            record.rejected_answer,
        )
        kept = dump_json(extra)
        hashed = content_hash(*content)
    except UnicodeEncodeError as error:
        raise Invalid("A text holds half of a character (a lone surrogate). Remove it.", code="surrogate") from error
    if _holds_nul(content, kept):
        raise Invalid("A text holds the character U+0000, which no database keeps. Remove it.", code="nul")
    return New(read, content, hashed, status, split, dump_json(list(record.tags)), kept)


def _holds_nul(content: tuple[Value, ...], extra: str | None) -> bool:
    system, turns, question, trace, answer, rejected = content
    if any(text is not None and "\x00" in text for text in (system, question, answer, rejected)):
        return True
    return any(text is not None and "\\u0000" in text and _NUL.search(text) for text in (turns, trace, extra))


def content_of(entry: StoredEntry) -> tuple[Value, ...]:
    """What makes two pairs the same, in stored form."""
    return (entry.system, entry.turns, entry.question, entry.trace, entry.answer, entry.rejected_answer)


def change_of(entry: StoredEntry, new: New, settings: Settings) -> Change | None:
    """What the row changes in the pair: only fields that the file carries. Other line ends alone are no change."""
    values = {**dict(zip(CONTENT_FIELDS, new.content, strict=True)), "tags": new.tags}
    carried = [name for name in UPDATED_FIELDS if not settings.mapping or name in settings.mapping]
    before = {name: getattr(entry, name) for name in carried}
    after = {name: _with_old_line_ends(values[name], before[name]) for name in carried}
    if "answer" in after and is_blank(after["answer"]) and not entry.trace:
        after["status"], before["status"] = "draft", entry.status
    elif entry.status == "draft" and "answer" in after and not is_blank(after["answer"]):
        after["status"], before["status"] = "review", entry.status
    return difference(entry.id, before, after)


def _with_old_line_ends(after: Value, before: Value) -> Value:
    # Spreadsheets exchange line ends when they save; "" is how a table says that there is none.
    if after is None or (after == "" and before is None):
        return before if after == "" else after
    return restore_newlines(after, before)

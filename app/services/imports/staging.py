"""Records on their way into the dataset: which are new, which are there already, which change a pair."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import or_, select

from app.core.changes import Change, Value, change_between
from app.core.errors import Invalid
from app.core.formats import BadRow, Row
from app.core.reading import Read, refuse_row
from app.core.stored import CONTENT, Content, StoredEntry, as_entry, content_of
from app.core.text import clip, is_blank, restore_newlines
from app.models import Entry, db
from app.services import entries
from app.services.entries import COLUMNS
from app.services.imports.building import Builder, Built, Plain
from app.services.imports.settings import Settings

HASH_PART = 500
UPDATED_FIELDS = (*CONTENT, "tags", "source", "family")


@dataclass(frozen=True, slots=True)
class Same:
    """A row that is left out: the pair, or else the earlier row, that says the same already."""

    row: int
    entry_id: int | None
    earlier_row: int | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """A row that changes a pair."""

    row: int
    change: Change


@dataclass(slots=True)
class Sorted:
    """One chunk of rows, sorted by what becomes of them. Each is in exactly one place; ``plain`` are new as well."""

    new: list[StoredEntry] = field(default_factory=list)
    plain: Plain | None = None
    same: list[Same] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)


class Sorter:
    """Sorts chunks of rows for one import. ``batch_id`` is the staged set that earlier chunks went to, if any.

    Without a staged set (a preview, or repaired rows) the hashes of earlier rows are remembered here instead.
    """

    def __init__(
        self,
        dataset_id: int,
        settings: Settings,
        *,
        import_id: int = 0,
        batch_id: int | None = None,
        look: bool = False,
    ) -> None:
        self.dataset_id = dataset_id
        self.settings = settings
        self.batch_id = batch_id
        self.look = look or settings.on_duplicate == "skip"
        self._build = Builder(settings, import_id)
        self._seen: dict[int | None, int] = {}
        self._ids: set[int] = set()

    def sort(self, chunk: Iterable[Read | BadRow]) -> Sorted:
        """Build and sort one chunk of records."""
        return self.sort_built(self._build.build(chunk))

    def sort_built(self, built: Built) -> Sorted:
        """Sort one chunk."""
        result = Sorted(built.new, built.plain, bad=built.bad)
        if self.look and built.plain is not None:
            result.new, result.plain = built.plain.rows(), None
        if self.settings.on_duplicate == "update":
            self._find_updates(result, built.rows)
        elif self.look:
            self._find_same(result)
        return result

    def _find_same(self, result: Sorted) -> None:
        there = self._there([one.content_hash for one in result.new])
        rows = {} if self.batch_id is not None else self._seen
        kept: list[StoredEntry] = []
        for one in result.new:
            row = one.source_row or 0
            entry_id, first = there.get(content_of(one)), rows.setdefault(one.content_hash, row)
            if entry_id is None and first == row:
                kept.append(one)
            else:
                result.same.append(Same(row, entry_id, None if entry_id else first))
        result.new = kept

    def _there(self, hashes: Sequence[int | None]) -> dict[Content, int]:
        """The live entries, and those of earlier chunks, with one of these hashes: content to id."""
        found: dict[Content, int] = {}
        shown = entries.is_visible(self.dataset_id)
        if self.batch_id is not None:
            shown = or_(shown, Entry.batch_id == self.batch_id)
        for start in range(0, len(hashes), HASH_PART):
            part = hashes[start : start + HASH_PART]
            query = select(*COLUMNS).where(Entry.content_hash.in_(part), entries.of_dataset(self.dataset_id), shown)
            for entry in map(as_entry, db.session.execute(query)):
                found.setdefault(content_of(entry), entry.id)
        return found

    def _find_updates(self, result: Sorted, rows: Sequence[Row]) -> None:
        """Rows that name a pair change it; rows without an id stay new."""
        named = [(row, one, _id_text(row, self.settings)) for row, one in zip(rows, result.new, strict=True)]
        there = entries.by_ids(self.dataset_id, [int(text) for _, _, text in named if _is_id(text)])
        result.new = [one for _, one, text in named if not text]
        for row, one, text in named:
            if text:
                self._update(row, one, there.get(int(text)) if _is_id(text) else None, text, result)

    def _update(self, row: Row, one: StoredEntry, entry: StoredEntry | None, text: str, result: Sorted) -> None:
        if entry is None:
            unknown = Invalid(f"There is no pair {clip(text, 40)} in this dataset.", code="unknown_id")
            result.bad.append(refuse_row(row, unknown))
        elif entry.id in self._ids:
            result.bad.append(
                refuse_row(row, Invalid(f"Pair {entry.id} stands twice in this file.", code="repeated_id"))
            )
        else:
            self._ids.add(entry.id)
            change = change_of(entry, one, self.settings)
            if change is None:
                result.same.append(Same(row.number, entry.id))
            else:
                result.updates.append(Update(row.number, change))


def _id_text(row: Row, settings: Settings) -> str:
    value = next((v for name, v in row.values.items() if name.strip().lower() == settings.update_by), None)
    return "" if value is None else str(value).strip()


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def change_of(entry: StoredEntry, stored: StoredEntry, settings: Settings) -> Change | None:
    """What the row changes in the pair: only fields that the file carries. Other line ends alone are no change."""
    carried = [name for name in UPDATED_FIELDS if not settings.mapping or name in settings.mapping]
    before = {name: getattr(entry, name) for name in carried}
    after = {name: _with_old_line_ends(getattr(stored, name), before[name]) for name in carried}
    if "answer" in after and is_blank(after["answer"]) and not entry.trace:
        after["status"], before["status"] = "draft", entry.status
    elif entry.status == "draft" and "answer" in after and not is_blank(after["answer"]):
        after["status"], before["status"] = "review", entry.status
    return change_between(entry.id, before, after)


def _with_old_line_ends(after: Value, before: Value) -> Value:
    # Spreadsheets exchange line ends when they save; "" is how a table says that there is none.
    if after is None or (after == "" and before is None):
        return before if after == "" else after
    return restore_newlines(after, before)

"""Records as rows of the table of entries."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.core.errors import Invalid
from app.core.formats import BadRow, Row
from app.core.layouts.columns import split_of, status_of
from app.core.reading import Read, layout_options, refuse_row
from app.core.record import PlainPairs, Record, dump_json
from app.core.stored import StoredEntry, entries_of_columns, plain_hashes, stored_entry
from app.models.filling import Column, Constant
from app.services.imports.settings import Settings

PLAIN_STATUS = "review"

# An escaped NUL in JSON text, and not the six characters of the escape themselves.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, slots=True)
class Plain:
    """Plain pairs as they are stored, column by column."""

    pairs: PlainPairs
    hashes: tuple[int, ...]
    numbers: Sequence[int]
    import_id: int

    def __len__(self) -> int:
        return len(self.hashes)

    def columns(self) -> tuple[list[Constant], list[Column]]:
        """What ``history.add_columns`` stores: columns with one value for all, and the others."""
        varying: list[Column] = [
            ("question", self.pairs.questions),
            ("answer", self.pairs.answers),
            ("content_hash", self.hashes),
            ("source_row", self.numbers),
        ]
        if any(system is not None for system in self.pairs.systems):
            varying.append(("system", self.pairs.systems))
        return [("status", PLAIN_STATUS), ("import_id", self.import_id)], varying

    def rows(self) -> list[StoredEntry]:
        """The same as rows."""
        same, varying = self.columns()
        return entries_of_columns(dict(same), dict(varying))


@dataclass(slots=True)
class Built:
    """One chunk of rows: those that can be stored, and the bad ones. ``rows`` goes with ``new``, where pairs change.

    ``plain`` are more rows that can be stored, where a whole chunk took the quick way.
    """

    new: list[StoredEntry] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    plain: Plain | None = None

    def __bool__(self) -> bool:
        return bool(self.new or self.bad or self.plain)


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
        """One chunk of records as they are stored, in order."""
        result = Built()
        waiting: list[Read] = []
        for item in chunk:
            if type(item) is BadRow:
                result.bad.append(item)
            elif self._is_plain(item[1]):  # type: ignore[arg-type]
                waiting.append(item)  # type: ignore[arg-type]
            else:
                self._flush(waiting, result)
                self._add(item, result)  # type: ignore[arg-type]
        self._flush(waiting, result)
        return result

    def _is_plain(self, record: Record) -> bool:
        if record.extra or record.turns or record.trace or record.tags or not self._plain:
            return False
        if record.rejected_answer is not None or record.reasoning is not None:
            return False
        if "\x00" in record.question or "\x00" in record.answer:
            return False
        return record.system is None or "\x00" not in record.system

    def _flush(self, waiting: list[Read], result: Built) -> None:
        """Build the plain records that were put aside, all at once."""
        if not waiting:
            return
        texts = [(record.system, record.question, record.answer) for _, record in waiting]
        try:
            result.new += self.plain(PlainPairs(*zip(*texts, strict=True)), [row[0] for row, _ in waiting]).rows()
        except UnicodeEncodeError:
            for item in waiting:
                self._add(item, result)
        waiting.clear()

    def plain(self, pairs: PlainPairs, numbers: Sequence[int]) -> Plain:
        """Plain pairs with their row numbers. Raises UnicodeEncodeError where a text cannot be stored."""
        return Plain(pairs, plain_hashes(pairs), numbers, self._import_id)

    def _add(self, item: Read, result: Built) -> None:
        row, record = item
        try:
            result.new.append(self._any(row, record))
        except Invalid as error:
            result.bad.append(refuse_row(row, error))
        else:
            if self._update_by:
                result.rows.append(row)

    def _any(self, row: Row, record: Record) -> StoredEntry:
        status, split, extra = self._labels(row, record)
        try:
            entry = stored_entry(
                record,
                extra=dump_json(extra),
                status=status,
                split=split,
                import_id=self._import_id,
                source_row=row.number,
            )
        except UnicodeEncodeError as error:
            raise Invalid(
                "A text holds half of a character (a lone surrogate). Remove it.", code="lone_surrogate"
            ) from error
        texts = (entry.system, entry.question, entry.answer, entry.rejected_answer, entry.reasoning)
        parts = (entry.turns, entry.trace, entry.extra)
        if any(text is not None and "\x00" in text for text in texts) or any(
            text is not None and "\\u0000" in text and _NUL.search(text) for text in parts
        ):
            raise Invalid("A text holds the character U+0000, which no database keeps. Remove it.", code="nul")
        return entry

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

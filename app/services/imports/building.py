"""The rows of a file as they are stored. Files of plain pairs, as most large ones are, take a quick way."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from app.core.errors import Invalid
from app.core.formats import BadRow, Row, Source, csv, jsonl
from app.core.formats.base import Place
from app.core.formats.limits import too_many_rows
from app.core.layouts import columns, openai
from app.core.layouts.columns import split_of, status_of
from app.core.reading import (
    NUL_REFUSED,
    Read,
    layout_options,
    read_options,
    read_records,
    records_of,
    refuse_row,
    settings_of_part,
)
from app.core.record import SPLITS, PlainPairs, Record, dump_json
from app.core.stored import StoredEntry, entries_of_columns, plain_hashes, stored_entry
from app.models.filling import Column, Constant
from app.services.imports.settings import Settings

PLAIN_STATUS = "review"
CHUNK = 1000
# So much of a file is taken together: where one row of it is no plain pair, all go the usual way.
QUICK_LINES = 480
QUICK_CHARACTERS = 128 * 1024

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
        # Each of several files has columns of its own.
        self._part_options = {one.title: layout_options(settings_of_part(settings, one)) for one in settings.parts}
        mappings = [settings.mapping, *(one.mapping for one in settings.parts)]
        labelled = any(name in mapping for name in ("status", "split") for mapping in mappings)
        self._split = settings.split if settings.split in SPLITS else None
        self._by_file = settings.split == "files"
        self._plain = not (labelled or self._drafts or self._update_by or self._split)

    def build(self, chunk: Iterable[Read | BadRow]) -> Built:
        """One chunk of records as they are stored, in order."""
        result = Built()
        waiting: list[Read] = []
        for item in chunk:
            if type(item) is BadRow:
                result.bad.append(item)
            elif self._is_plain(item[1]) and not (self._by_file and item[0].part):  # type: ignore
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
        if record.source is not None or record.family is not None:
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
        texts = [entry.system, entry.question, entry.answer, entry.rejected_answer, entry.reasoning]
        texts += [entry.source, entry.family]
        parts = (entry.turns, entry.trace, entry.extra)
        if any(text is not None and "\x00" in text for text in texts) or any(
            text is not None and "\\u0000" in text and _NUL.search(text) for text in parts
        ):
            raise Invalid(NUL_REFUSED, code="nul")
        return entry

    def _labels(self, row: Row, record: Record) -> tuple[str, str | None, dict[str, object]]:
        """Status, split and what is kept beside the pair; columns that say the first two, or the id, are used up."""
        status, extra = "review" if record.answered else "draft", record.extra
        of_file = self._split or (row.part.split if row.part and self._by_file else None)
        if self._plain or not (extra or row.values):
            return status, of_file, extra
        used = {name for name in extra if name.strip().lower() == self._update_by}
        options = self._part_options[row.part.file] if row.part and self._part_options else self._options
        given, split = status_of(row.values, options), split_of(row.values, options)
        mapping = options.mapping
        if given and "status" in mapping:
            used.add(mapping["status"])
            status = given if status != "draft" else status
        if split and "split" in mapping:
            used.add(mapping["split"])
        else:
            split = None
        split = split or of_file
        return status, split, {name: value for name, value in extra.items() if name not in used} if used else extra


def build_parts(source: Source, settings: Settings, import_id: int) -> Iterator[Built]:
    """The rows of a file as they are stored, chunk by chunk. Raises what is wrong with the file."""
    builder = Builder(settings, import_id)
    if is_quick(settings):
        way = _chats if settings.format == "jsonl" else _tables
        return filter(None, way(source, settings, builder))
    found = read_records(source, settings)
    # Each row is built as soon as it is read: what it was made of is let go at once.
    return iter(lambda: builder.build(islice(found, CHUNK)) or None, None)


def is_quick(settings: Settings) -> bool:
    """Whether plain pairs are stored just as they stand in the file, so that the quick way is worth a try."""
    changed = settings.html_to_markdown or settings.lift_thinking
    if changed or settings.skip or settings.tags or settings.system is not None:
        return False
    if settings.on_duplicate == "update" or settings.allow_unanswered or settings.parts or settings.split in SPLITS:
        return False
    if settings.format == "jsonl":
        return settings.layout == "openai"
    table = settings.format in ("csv", "tsv") and not settings.spreadsheet_safe
    return table and settings.layout == "columns" and columns.are_plain(settings.mapping)


def _chats(source: Source, settings: Settings, builder: Builder) -> Iterator[Built]:
    place, options = Place(), read_options(settings, source.limits)
    for block in jsonl.read_blocks(source, options):
        for start in range(0, len(block), QUICK_LINES):
            lines = block[start : start + QUICK_LINES]
            pairs = openai.plain_pairs(lines)
            if pairs is None:
                yield _usual(jsonl.rows_of(lines, place, options.limits), settings, builder)
            else:
                yield _quick(pairs, place.row, builder)
                place.row, place.line = place.row + len(lines), place.line + len(lines)
                if place.row > options.limits.rows:
                    raise too_many_rows(jsonl.KIND, options.limits)


def _tables(source: Source, settings: Settings, builder: Builder) -> Iterator[Built]:
    with csv.open_table(source, read_options(settings, source.limits)) as table:
        for batch in table.read_batches(QUICK_CHARACTERS):
            pairs = columns.plain_pairs(table.names, batch.records, settings.mapping)
            if pairs is None:
                yield _usual(table.rows_of(batch.lines), settings, builder)
            else:
                yield _quick(pairs, table.place.row, builder)
                table.pass_over(batch)


def _usual(rows: Iterable[Row | BadRow], settings: Settings, builder: Builder) -> Built:
    return builder.build(records_of(rows, settings))


def _quick(pairs: PlainPairs, before: int, builder: Builder) -> Built:
    return Built(plain=builder.plain(pairs, range(before + 1, before + 1 + len(pairs.answers))))

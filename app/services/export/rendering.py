"""Stored pairs as the rows of a layout, and the quick ways for what is exported most: plain pairs as chats and CSV."""

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache
from itertools import chain, takewhile
from operator import itemgetter
from types import TracebackType
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from app.core.changes import chunks_of
from app.core.formats import FORMATS, WriteOptions
from app.core.formats.csv import cells_of, stream_lines
from app.core.formats.jsonl import escape_line_ends
from app.core.layouts import LAYOUTS, NOTES, LayoutOptions, RowError
from app.core.layouts.columns import OWN, join_tags
from app.core.layouts.openai import OPENAI
from app.core.record import Record, load_json
from app.core.stored import PLACES, StoredEntry, as_entry
from app.core.text import PLAIN_STARTS, all_visible, is_blank
from app.models import Dataset, Entry, reading
from app.providers.tokenizers import load_tokenizer
from app.services import entries
from app.services.export.options import ExportOptions, find_origin, goes_out
from app.services.export.picking import count_tokens, shuffle, take_of_each_tag

CHUNK_BYTES, LARGEST_BYTES = 64 * 1024, 256 * 1024
# Few rows at a time are still at hand when they are written.
ROWS = 100
# Other columns that have these names need a closer look.
_TAKEN = frozenset((*OWN, NOTES))
_encode = msgspec.json.Encoder().encode
# Told of a pair that stays behind, and why: a code of REASONS, or the refusal of the layout.
Left = Callable[[StoredEntry, str | RowError], object]


class Rendering:
    """One export of a dataset, read from one unchanging view of the data: ``with Rendering(…) as run``.

    ``view`` is a view that is open already, for more than one pass over the same data; ``revision`` is that of the
    dataset in it. ``pairs`` and ``rows`` count what was given so far. ``left`` is told of pairs that stay behind for
    what their columns do not tell, ``seen`` of each pair that goes out, its record and its rows; with it the quick
    ways, which make the same file, are not taken.
    """

    def __init__(
        self,
        dataset_id: int,
        options: ExportOptions,
        *,
        left: Left = lambda row, reason: None,
        seen: Callable[[StoredEntry, Record, list[dict[str, Any]]], object] | None = None,
        view: Connection | None = None,
    ) -> None:
        self.options = options.checked()
        self.origin = find_origin(dataset_id, options)
        self.layout, self.how = LAYOUTS[options.layout], LayoutOptions(keep_extra=options.keep_extra)
        # A table of columns shows pairs as they are.
        is_wanted = options.dataset_system and options.layout != "columns"
        self.default: str | None = self.origin.system_prompt if is_wanted else None
        self.pairs = self.rows = 0
        self.left, self.seen = left, seen
        self._stack = ExitStack()
        self.connection = view
        self.revision = 0

    def __enter__(self) -> "Rendering":
        self.connection = self.connection or self._stack.enter_context(reading())
        # The first word with the database is what the view is of.
        own = select(Dataset.revision).where(Dataset.id == self.origin.dataset_id)
        self.revision = int(self.connection.execute(own).scalar_one())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def find(self, statement: Any) -> Any:
        """What a query of entries finds in the view."""
        assert self.connection is not None
        return self.connection.execute(self.origin.find(statement))

    def chunks(self, *which: ColumnElement[bool]) -> Iterator[list[StoredEntry]]:
        """The stored rows that go out, some at a time, in their order; the layout may still refuse some."""
        chunks = (list(map(as_entry, rows)) for rows in self._fetch(entries.COLUMNS, *which))
        return iter(chunks_of(self._pick(chain.from_iterable(chunks)), ROWS)) if self.options.picks else chunks

    def _fetch(self, columns: Sequence[Any], *which: ColumnElement[bool]) -> Iterator[list[Any]]:
        # To make the query asks the app. It is made before the first piece, so that a stream outlives its request.
        assert self.connection is not None
        goes = goes_out(self.origin, self.options, self.connection)
        statement = self.origin.find(select(*columns).where(goes, *which).order_by(Entry.id))
        return entries.fetch_chunks(self.connection, statement, ROWS)

    def _pick(self, rows: Iterable[StoredEntry]) -> Iterator[StoredEntry]:
        options = self.options
        if options.max_tokens is not None:
            rows = filter(self.is_short, rows)
        if options.seed is not None or options.per_tag is not None:
            rows = shuffle(rows, options.seed or 0)
        if options.per_tag is not None:
            rows = take_of_each_tag(rows, options.per_tag, self._fits, lambda row: self.left(row, "tag-full"))
        return iter(rows)

    def is_short(self, row: StoredEntry) -> bool:
        """Whether a pair is within the limit of tokens, if there is one."""
        most = self.options.max_tokens
        is_over = most is not None and count_tokens(self.complete(row), load_tokenizer()) > most
        if is_over:
            self.left(row, "too-long")
        return not is_over

    def _fits(self, row: StoredEntry) -> bool:
        try:
            return self.rows_of(row) is not None
        except RowError:
            return False

    def complete(self, row: StoredEntry) -> Record:
        """The record of a stored row, with the dataset's prompt where it has none of its own."""
        record = row.record()
        return replace(record, system=self.default) if record.system is None and self.default is not None else record

    def rows_of(self, row: StoredEntry, record: Record | None = None) -> list[dict[str, Any]] | None:
        """The rows of the layout, nearly always one; None where there is nothing to learn. Raises RowError."""
        record = record or self.complete(row)
        alone = self.layout.labels is not None and record.rejected_answer is not None
        if not (record.answered or alone):
            return None
        if self.layout.name == "columns" and not self.how.keep_extra and record.extra:
            record = replace(record, extra={})
        written = self.layout.rows_of(record, self.how)
        if self.layout.name == "columns" and self.how.keep_extra:
            written = [_with_labels(out, row) for out in written]
            if FORMATS[self.options.format].tabular:
                # A table has no lists: what came as one is the text that the pair has.
                for out in written:
                    out.update(question=record.question, answer=record.answer)
        return written

    def rendered(self, *which: ColumnElement[bool]) -> Iterator[Mapping[str, Any]]:
        """The rows of the layout, pair by pair."""
        pairs = chain.from_iterable(self.chunks(*which))
        return chain.from_iterable(map(self.give, pairs))

    def give(self, row: StoredEntry) -> list[dict[str, Any]]:
        """The rows of one pair, counted and told of; none where it is refused."""
        record = self.complete(row)
        try:
            written = self.rows_of(row, record)
        except RowError as error:
            self.left(row, error)
            return []
        if written is None:
            self.left(row, "unanswered")
            return []
        self.pairs += 1
        self.rows += len(written)
        if self.seen is not None:
            self.seen(row, record, written)
        return written

    def pieces(self) -> Iterator[bytes]:
        """The file in pieces of any size, for formats that can be streamed. What it asks for is settled at once."""
        kind = FORMATS[self.options.format]
        assert kind.stream is not None
        if self.seen is None and self.options.format == "jsonl" and self.layout.is_chat:
            return chain([codecs.BOM_UTF8] if self.options.bom else [], self._chat_lines())
        if self.seen is None and kind.tabular and self.layout.name == "columns":
            return self._table_lines()
        return kind.stream(self.rendered(), self.write_options())

    def write(self, out: BinaryIO) -> None:
        """The whole file, for formats that cannot be streamed. Raises TooLarge where the format cannot hold a text."""
        kind = FORMATS[self.options.format]
        assert kind.write is not None
        kind.write(self.rendered(), out, self.write_options())

    def write_options(self, columns: tuple[str, ...] | None = None) -> WriteOptions:
        """How the format writes this export; ``columns`` are those of a table, where they are known."""
        options = self.options
        if columns is None:
            columns = self._columns()[0] if FORMATS[options.format].tabular else ()
        delimiter = "\t" if options.format == "tsv" else ","
        return WriteOptions(columns, options.bom, options.spreadsheet_safe, delimiter, title=self.origin.title)

    def _columns(self) -> tuple[tuple[str, ...], bool]:
        """The columns of a table: ours that are in use, then every other column that some pair has.

        Also whether none of the pairs has anything but texts and tags to show.
        """
        assert self.connection is not None
        if self.layout.name != "columns":
            before = Rendering(self.origin.dataset_id, self.options)
            before.connection = self.connection
            return tuple(dict.fromkeys(name for row in before.rendered() for name in row)), False
        used = {
            "system": Entry.system,
            "reasoning": Entry.reasoning,
            "rejected_answer": Entry.rejected_answer,
            "tags": Entry.tags,
            "source": Entry.source,
            "family": Entry.family,
            "turns_json": Entry.turns,
            "trace_json": Entry.trace,
            "extra": Entry.extra,
        }
        goes = goes_out(self.origin, self.options, self.connection)
        # Whether any pair has it is found soon enough to begin, which of those that have it go out is asked only then.
        live = entries.is_live(self.origin.dataset_id, self.connection)
        counts = select(*(func.count(column) for column in used.values())).where(live)
        numbers = self.connection.execute(self.origin.find(counts)).one()
        there = [name for name, number in zip(used, numbers, strict=True) if number]
        if there:
            some = (select(Entry.id).where(goes, used[name].is_not(None)).exists() for name in there)
            answers = self.connection.execute(self.origin.find(select(*some))).one()
            there = [name for name, is_there in zip(there, answers, strict=True) if is_there]
        others = "extra" in there
        wanted = {"question", "answer", *there} - {"extra"}
        is_plain = wanted.isdisjoint(("turns_json", "trace_json"))
        if not self.how.keep_extra:
            return tuple(name for name in OWN if name in wanted), is_plain
        wanted |= {"id", "status", "split"}
        ours = tuple(name for name in OWN if name in wanted)
        names: dict[str, None] = {}
        if others:
            statement = select(Entry.extra).where(goes, Entry.extra.is_not(None)).order_by(Entry.id)
            for rows in entries.fetch_chunks(self.connection, self.origin.find(statement), 1000):
                for (extra,) in rows:
                    if not names.keys() >= (found := msgspec.json.decode(extra)).keys():
                        names.update(dict.fromkeys(found))
        return (*ours, *(name for name in names if name not in ours and name != NOTES)), is_plain and not others

    def _chat_lines(self) -> Iterator[bytes]:
        """The quick way for JSONL of messages: a plain pair is a constant envelope around its texts."""
        default, encode, keep = self.default, _encode, self.how.keep_extra
        # As they stand in stored JSON: what is in them is written as well.
        own = [f'"{name}"' for name in {NOTES, *OPENAI.columns, *self.layout.columns}]
        user, assistant, end = b'{"role":"user","content":', b'},{"role":"assistant","content":', b"}]}\n"
        # What stands behind says nothing of a record.
        read = entries.COLUMNS[: PLACES["family"] + 1]
        picked: Iterator[list[Any]] = ([row[: len(read)] for row in rows] for rows in self.chunks())
        for rows in picked if self.options.picks else self._fetch(read):
            lines: list[bytes] = []
            for row in rows:
                question, answer, system, turns, trace, _, reasoning, tags, extra, _, _, source, family = row
                more = turns is not None or trace is not None or reasoning is not None
                if extra is not None and (keep or any(name in extra for name in own)):
                    more = True
                if more or (keep and (tags is not None or source is not None or family is not None)):
                    written = self._written(StoredEntry(*row))
                    self.pairs += bool(written)
                    lines.extend(encode(one) + b"\n" for one in written)
                    continue
                if answer[:1] not in PLAIN_STARTS and is_blank(answer):
                    continue
                self.pairs += 1
                system = system if system is not None else default
                if system is None:
                    lines.append(b'{"messages":[' + user + encode(question) + assistant + encode(answer) + end)
                else:
                    head = b'{"messages":[{"role":"system","content":' + encode(system) + b"},"
                    lines.append(head + user + encode(question) + assistant + encode(answer) + end)
            self.rows += len(lines)
            yield escape_line_ends(b"".join(lines))

    def _table_lines(self) -> Iterator[bytes]:
        """The quick way for CSV and TSV of columns: the cells of most pairs are their stored texts."""
        names, is_plain = self._columns()
        if is_plain and not self.options.picks:
            lines = self._plain_lines(names, self._fetch([getattr(Entry, name) for name in names]))
        else:
            lines = self._mixed_lines(names, self.chunks())
        return stream_lines(lines, self.write_options(names))

    def _plain_lines(self, names: Sequence[str], chunks: Iterable[list[Any]]) -> Iterator[list[Sequence[Any]]]:
        """The cells of pairs that have only texts and tags: nothing else is read."""
        answer, tags = names.index("answer"), names.index("tags") if "tags" in names else None
        for rows in chunks:
            if not all_visible([row[answer] for row in rows]):
                rows = [row for row in rows if not is_blank(row[answer])]
            if tags is not None:
                rows = [(*row[:tags], _cell_of_tags(row[tags]), *row[tags + 1 :]) for row in rows]
            self.pairs += len(rows)
            self.rows += len(rows)
            yield rows

    def _mixed_lines(self, names: Sequence[str], chunks: Iterable[list[StoredEntry]]) -> Iterator[list[Sequence[Any]]]:
        """The cells of pairs of which some have messages or other columns."""
        ours = list(takewhile(OWN.__contains__, names))
        others, tags = names[len(ours) :], ours.index("tags") if "tags" in ours else None
        cells_in = itemgetter(*(PLACES[name.removesuffix("_json")] for name in ours))
        for rows in chunks:
            lines: list[Sequence[Any]] = []
            for row in rows:
                more = msgspec.json.decode(row.extra) if row.extra and self.how.keep_extra else {}
                if row.turns is not None or row.trace is not None or not _TAKEN.isdisjoint(more):
                    for values in self._written(row):
                        lines.append(cells_of([values.get(name) for name in names]))
                elif row.answer[:1] in PLAIN_STARTS or not is_blank(row.answer):
                    cells = cells_in(row)
                    if tags is not None:
                        cells = (*cells[:tags], _cell_of_tags(cells[tags]), *cells[tags + 1 :])
                    lines.append((*cells, *cells_of([more.get(name) for name in others])) if others else cells)
            self.pairs += len(lines)
            self.rows += len(lines)
            yield lines

    def _written(self, row: StoredEntry) -> list[dict[str, Any]]:
        """The rows of a pair; none where it is refused."""
        try:
            return self.rows_of(row) or []
        except RowError:
            return []


@lru_cache(1024)
def _cell_of_tags(tags: str | None) -> str:
    """The cell of stored tags."""
    return join_tags(tuple(load_json(tags, [])))


def _with_labels(out: dict[str, Any], row: StoredEntry) -> dict[str, Any]:
    """The row of a table with what stands beside its texts, in the usual order."""
    last = {name: out.pop(name) for name in ("source", "family") if getattr(row, name) is not None}
    # What a file called its split and is none of ours stands beside the pair.
    split = row.split if row.split is not None else out.pop("split", None)
    return {"id": row.id, **out, "status": row.status, "split": split, **last}


def in_chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces of any size as chunks that are worth sending, and none so large that it could not wait on a disk.

    The first goes as soon as there is anything: it tells who waits that the file is coming.
    """
    waiting: list[bytes] = []
    size, least = 0, 1
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= least:
            least = CHUNK_BYTES
            joined = b"".join(waiting)
            yield from (joined[start : start + LARGEST_BYTES] for start in range(0, size, LARGEST_BYTES))
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)

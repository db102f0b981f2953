"""Splits of a file without a database: its records as rows to divide, and the rows of one split as they came."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from app.core import duplicates
from app.core.duplicates.base import Progress
from app.core.formats import FORMATS, BadRow, Row, Source, WriteOptions, csv, jsonl, parquet
from app.core.formats.base import Place
from app.core.layouts import LAYOUTS, LayoutOptions
from app.core.layouts.columns import split_of
from app.core.reading import ReadSettings, layout_options, read_options, read_records, read_rows
from app.core.record import dump_json
from app.core.splits.links import links_of
from app.core.splits.rows import Sides, SplitRows
from app.core.stored import stored_entry


@dataclass
class FileRows:
    """The records of a file as rows to divide, and the texts by which copies among them are found."""

    rows: SplitRows = field(default_factory=SplitRows)
    questions: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    refused: int = 0

    def search(self, progress: Progress | None = None) -> None:
        """Look for copies, and link them."""
        answers = lambda places: [self.answers[place] for place in places]  # noqa: E731
        found = duplicates.search_texts(self.questions, answers=answers, progress=progress)
        self.rows.links, self.rows.searched = links_of(found.pairs, answers), True


def read_file(source: Source, settings: ReadSettings) -> FileRows:
    """Read all records of a file; bad rows are counted."""
    found, options = FileRows(), layout_options(settings)
    rows = found.rows
    for item in read_records(source, settings):
        if isinstance(item, BadRow):
            found.refused += 1
            continue
        row, record = item
        try:
            content = stored_entry(record).content_hash or 0
        except UnicodeEncodeError:
            found.refused += 1
            continue
        place = rows.add_rows((row.number,), (content,), (split_of(row.values, options),))
        for kind, label in (("source", record.source), ("family", record.family)):
            if label is not None:
                rows.tie(kind, place, label)
        for tag in record.tags:
            rows.tie("tag", place, tag)
        named = rows.tie_conversation(place, dump_json(record.extra), None) if record.extra else False
        if not named:
            rows.add_turns(place, record)
        found.questions.append(record.question)
        found.answers.append(record.answer)
    return found


def suffix_of(settings: ReadSettings) -> str:
    """What the names of written files end with."""
    return FORMATS[settings.format or "jsonl"].extensions[0] if _keeps_rows(settings) else ".jsonl"


def _keeps_rows(settings: ReadSettings) -> bool:
    """Whether each record is one row of a format that can be written, so that it is written as it came."""
    layout = LAYOUTS[settings.layout or "columns"]
    return layout.grouping is None and FORMATS[settings.format or "jsonl"].write is not None


def write_split(source: Source, settings: ReadSettings, rows: SplitRows, sides: Sides, side: int, out: BinaryIO) -> int:
    """Write the rows of one split; returns how many. JSON lines and tables are copied as they stand in the file.

    Records that are made of several rows, or of a file that can only be read, become chats in JSON lines.
    """
    wanted = {name for name, one in zip(rows.names, sides.tolist(), strict=True) if one == side}
    kind = FORMATS[settings.format or "jsonl"]
    if not _keeps_rows(settings):
        render, keeping = LAYOUTS["openai"].rows_of, LayoutOptions(keep_extra=True)
        records = (item for item in read_records(source, settings) if not isinstance(item, BadRow))
        chats = (chat for row, record in records if row.number in wanted for chat in render(record, keeping))
        return FORMATS["jsonl"].write(chats, out, WriteOptions()) if FORMATS["jsonl"].write else 0
    if kind.name == "jsonl":
        return _copy_lines(source, settings, wanted, out)
    if kind.name in ("csv", "tsv"):
        return _copy_table(source, settings, wanted, out)
    if kind.name == "parquet":
        return parquet.copy_rows(source, wanted, out)
    assert kind.write is not None
    names: dict[str, None] = {}
    for row in _rows_of(source, settings):
        names.update(dict.fromkeys(row.values))
    picked = (row.values for row in _rows_of(source, settings) if row.number in wanted)
    return kind.write(picked, out, WriteOptions(columns=tuple(names) if kind.tabular else ()))


def _rows_of(source: Source, settings: ReadSettings) -> Iterator[Row]:
    return (row for row in read_rows(source, settings) if isinstance(row, Row))


def _copy_lines(source: Source, settings: ReadSettings, wanted: set[int], out: BinaryIO) -> int:
    """Copy lines of JSON as they stand; records that share a line with others are written anew."""
    place, options, number = Place(), read_options(settings, source.limits), 0
    for block in jsonl.read_blocks(source, options):
        begin = place.line
        rows = [row for row in jsonl.rows_of(block, place, options.limits) if isinstance(row, Row)]
        shared = Counter(row.line for row in rows)
        for row in rows:
            if row.number in wanted:
                line = block[(row.line or 0) - begin - 1]
                out.write(jsonl.encode_line(row.values) if shared[row.line] > 1 else line.rstrip(b"\r\n") + b"\n")
                number += 1
    return number


def _copy_table(source: Source, settings: ReadSettings, wanted: set[int], out: BinaryIO) -> int:
    """Copy the records of a table as the text that they are, below its header."""
    number, header = 0, settings.header is not False
    for row in _rows_of(source, settings):
        raw = (row.raw or "").encode("utf-8", "surrogatepass")
        end = b"\r\n" if raw.endswith(b"\r\n") else b"\n"
        if header:
            names = WriteOptions(columns=tuple(row.values), delimiter=settings.delimiter or ",")
            out.write(b"".join(csv.stream_lines((), names)).rstrip(b"\r\n") + end)
            header = False
        if row.number in wanted:
            out.write(raw if raw.endswith(b"\n") else raw + end)
            number += 1
    return number

"""What an import would do, before it does it: the first rows, the bad ones, and the counts."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from typing import Any

from app.core.changes import Value, chunks_of
from app.core.errors import Invalid, TooLarge
from app.core.formats import BadRow, Row
from app.core.options import encode
from app.core.reading import (
    Detected,
    Read,
    read_records,
    read_rows,
    require_mapping,
    resolve_settings,
)
from app.core.record import Message, Record
from app.models import Import, end_reading
from app.services import bounded, datasets, history, uploads
from app.services.imports import quarantine
from app.services.imports.settings import Settings
from app.services.imports.staging import Sorted, Sorter
from app.services.imports.waiting import detect, detected_of
from app.services.uploads import Upload

MB = 1024 * 1024
SHOWN = 50
# A page shows a line of a text.
CLIPPED = 2000
CHUNK = 1000
# Up to this size all rows are counted; of larger files as many as can be read in a moment.
COUNTED_BYTES = 20 * MB
PATIENCE_SECONDS = 2.5
MOMENT_SECONDS = 1.5
PLACES = 5
REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the preview. ``state``: new, same, update or bad; ``note`` says why it is not simply new."""

    number: int
    line: int | None
    state: str
    values: dict[str, object]
    record: Record | None = None
    note: str = ""
    fields: dict[str, tuple[Value, Value]] = field(default_factory=dict)


@dataclass(slots=True)
class BadKind:
    """Bad rows of one kind: how many, and where the first ones stand."""

    title: str
    count: int = 0
    places: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Preview:
    """What the import would do. ``complete`` is False where only the first rows were counted."""

    found: Detected
    settings: Settings
    lines: list[Line] = field(default_factory=list)
    bad: dict[str, BadKind] = field(default_factory=dict)
    imported: int = 0
    updated: int = 0
    skipped: int = 0
    quarantined: int = 0
    same_live: int = 0
    same_in_file: int = 0
    complete: bool = True
    problem: str = ""

    @property
    def rows_in(self) -> int:
        """All rows that were looked at."""
        return self.imported + self.skipped + self.quarantined


_made: OrderedDict[str, Preview] = OrderedDict()
_lock = threading.Lock()


def preview(dataset_id: int, upload: Upload, settings: Settings) -> Preview:
    """What importing the upload with these settings would do to the dataset. Writes nothing but missing hashes.

    The last few are remembered: most choices on the page change nothing in what the rows become.
    """
    revision = datasets.get(dataset_id).revision
    same = replace(settings, strict=False, remember=True)
    key = json.dumps([dataset_id, revision, upload.token, encode(same)])
    with _lock:
        known = _made.get(key)
    if known is None:
        known = _look_at(dataset_id, upload, settings)
        with _lock:
            _made[key] = known
            while len(_made) > REMEMBERED:
                _made.popitem(last=False)
    return replace(known, settings=replace(known.settings, strict=settings.strict, remember=settings.remember))


def _look_at(dataset_id: int, upload: Upload, settings: Settings) -> Preview:
    found = detect(upload, settings)
    patience = PATIENCE_SECONDS if upload.size <= COUNTED_BYTES else MOMENT_SECONDS
    patience = min(patience, bounded.seconds_left() / 2)
    problem = ""
    try:
        require_mapping(settings, found)
        history.rehash(dataset_id)
    except Invalid as error:
        problem = str(error.details.get("sentence", error.message))
    try:
        return uploads.look(upload, _make_preview, dataset_id, upload, settings, found, problem, patience)
    except (Invalid, TooLarge) as error:
        return Preview(found, resolve_settings(settings, found), problem=problem or error.message)


def _make_preview(
    dataset_id: int, upload: Upload, settings: Settings, found: Detected, problem: str, patience: float
) -> Preview:
    source, resolved = uploads.source_of(upload), resolve_settings(settings, found)
    result = Preview(found, resolved, problem=problem)
    if problem:
        # The first rows as they stand in the file, while it is not known what they mean.
        for row in islice(read_rows(source, resolved), SHOWN):
            line = Line(row.number, row.line, "new", row.values) if isinstance(row, Row) else _line_of(row, {}, {})
            result.lines.append(_clip_line(line))
        return result
    sorter = Sorter(dataset_id, resolved, look=True)
    deadline = time.monotonic() + patience

    def read_in_time() -> Iterator[Read | BadRow]:
        for number, item in enumerate(read_records(source, resolved)):
            if number >= SHOWN and time.monotonic() > deadline:
                result.complete = False
                return
            yield item

    try:
        for chunk in chunks_of(read_in_time(), CHUNK):
            _count_chunk(result, sorter.sort(chunk), chunk)
            end_reading()
    except (Invalid, TooLarge) as error:
        result.problem = error.message
    return result


def preview_unreadable(row: Import, settings: Settings, problem: str) -> Preview:
    """A preview of a file that cannot be read with these settings: what was found at first, and the reason."""
    found = detected_of(row)
    return Preview(found, resolve_settings(settings, found), problem=problem)


def _count_chunk(result: Preview, part: Sorted, chunk: list[Read | BadRow]) -> None:
    result.imported += len(part.new) + len(part.updates)
    result.updated += len(part.updates)
    result.quarantined += len(part.bad)
    if result.settings.on_duplicate == "keep":
        result.imported += len(part.same)
    else:
        result.skipped += len(part.same)
    live = sum(one.entry_id is not None for one in part.same)
    result.same_live += live
    result.same_in_file += len(part.same) - live
    for row in part.bad:
        title = quarantine.title_of(row.code, row.reason)
        # One code can stand for several kinds: the first has it as its name.
        first = result.bad.setdefault(row.code, BadKind(title))
        kind = first if first.title == title else result.bad.setdefault(title, BadKind(title))
        kind.count += 1
        if len(kind.places) < PLACES:
            kind.places.append(f"line {row.line:,}" if row.line else f"row {row.number:,}")
    if len(result.lines) < SHOWN:
        result.lines += map(_clip_line, _lines_of(part, chunk, result.lines)[: SHOWN - len(result.lines)])


def _lines_of(part: Sorted, chunk: list[Read | BadRow], earlier: list[Line]) -> list[Line]:
    """The rows of a chunk in the order of the file, each with what becomes of it."""
    lines = {one.number: one.line for one in earlier}
    lines |= {item[0].number: item[0].line for item in chunk[:SHOWN] if not isinstance(item, BadRow)}
    notes: dict[int, tuple[str, str, dict[str, tuple[Value, Value]]]] = {}
    for same in part.same:
        line = lines.get(same.earlier_row or 0)
        other = f"pair {same.entry_id}" if same.entry_id else f"line {line}" if line else f"row {same.earlier_row}"
        notes[same.row] = ("same", f"same as {other}", {})
    for update in part.updates:
        change = update.change
        notes[update.row] = ("update", f"changes pair {change.entry_id}", dict(change.fields))
    bad = {row.number: row for row in part.bad}
    return [_line_of(item, notes, bad) for item in chunk[:SHOWN]]


def _line_of(
    item: Read | BadRow,
    notes: dict[int, tuple[str, str, dict[str, tuple[Value, Value]]]],
    bad: dict[int, BadRow],
) -> Line:
    if isinstance(item, BadRow):
        return Line(item.number, item.line, "bad", {"": item.raw}, None, item.reason)
    row, record = item
    if row.number in bad:
        return Line(row.number, row.line, "bad", row.values, None, bad[row.number].reason)
    state, note, fields = notes.get(row.number, ("new", "", {}))
    return Line(row.number, row.line, state, row.values, record, note, fields)


def _clip_line(line: Line) -> Line:
    """The line with the beginnings of its texts: they are shown in one line each."""
    return replace(line, values=_clip(line.values), record=_clip(line.record), fields=_clip(line.fields))


def _clip(value: Any) -> Any:
    if isinstance(value, str):
        return value[:CLIPPED]
    if isinstance(value, dict):
        return {name: _clip(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_clip, value))
    if isinstance(value, (Record, Message)):
        return replace(value, **{one.name: _clip(getattr(value, one.name)) for one in fields(value)})
    return value

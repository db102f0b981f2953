"""Rows that could not become pairs: repaired in fields or as text, downloaded, or dismissed."""

import hashlib
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, BinaryIO

import msgspec
from sqlalchemy import ColumnElement, func, select, update

from app.core import formats, layouts
from app.core.changes import Value, chunks_of
from app.core.errors import Conflict, Invalid, NotFound
from app.core.formats import FORMATS, BadRow, Part, ReadOptions, Row, Source, WriteOptions
from app.core.reading import Detected, PartSettings, Read, forgiving, read_parts, records_of, settings_of_part
from app.core.stored import StoredEntry, content_hash, content_of
from app.core.text import fold_newlines, is_blank, plural
from app.models import IS_OPEN, ChangeSet, Import, QuarantinedRow, db, transaction
from app.services import history
from app.services.history import Applied
from app.services.imports.building import Builder, Built
from app.services.imports.running import get
from app.services.imports.settings import Settings, from_dict
from app.services.imports.staging import Sorted, Sorter
from app.services.pairs import edit_of
from app.services.uploads import file_limits

PAGE = 100
BLOCK = 64 * 1024
COLUMNS = ("row", "line", "code", "reason", "raw")
_TEXT_TABLES = ("csv", "tsv")
# What is wrong with all rows of one code: in the file, in its meaning, in the dataset it goes to.
TITLES = {
    **formats.BAD_ROW_TITLES,
    **layouts.BAD_ROW_TITLES,
    "unknown_id": "There is no pair with this id",
    "repeated_id": "The same id stands twice",
    "not_one_row": "The repaired text is not one row",
}


_GONE = "One of these rows is not in quarantine any more. Load the page again."
# Escapes of what no database keeps: U+0000, and surrogates that are no pair. Escaped backslashes begin none.
_UNSTORABLE = re.compile(
    r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_PLACE = re.compile(r"^(?:.*?: )?Row [\d,]+(?: \(line [\d,]+\))?: ")


def title_of(code: str, reason: str) -> str:
    """What is wrong with all rows of one kind: the sentence where it fits all of them, else the title of the code."""
    sentence = _PLACE.sub("", reason)
    return TITLES.get(code, sentence) if re.search(r"[\d“'\"]", sentence) else sentence.rstrip(".")


@dataclass(frozen=True, slots=True)
class Retried:
    """How a repair went: pairs that came in, rows that are there already, rows that are still bad, and the step."""

    imported: int
    skipped: int
    still_bad: int
    applied: Applied


def list_open(import_id: int, *, after: int = 0, size: int = PAGE) -> list[QuarantinedRow]:
    """Open rows in the order of the file; ``after`` is an id to continue from."""
    query = select(QuarantinedRow).where(_is_open(import_id), QuarantinedRow.id > after)
    return list(db.session.execute(query.order_by(QuarantinedRow.id).limit(size)).scalars())


def by_ids(import_id: int, row_ids: Iterable[int]) -> list[QuarantinedRow]:
    """The open rows among these."""
    query = select(QuarantinedRow).where(_is_open(import_id), QuarantinedRow.id.in_(list(row_ids)))
    return list(db.session.execute(query.order_by(QuarantinedRow.id)).scalars())


def find_open(import_id: int, row_id: int) -> QuarantinedRow:
    """One open row. Raises NotFound where it was repaired or dismissed, or never was."""
    found = by_ids(import_id, [row_id])
    if not found:
        raise NotFound(_GONE)
    return found[0]


def find_any(import_id: int, row_id: int) -> QuarantinedRow:
    """One row, open or not any more: who still writes in it sees it. Raises NotFound where it never was."""
    query = select(QuarantinedRow).where(QuarantinedRow.import_id == import_id, QuarantinedRow.id == row_id)
    if (found := db.session.execute(query).scalar()) is None:
        raise NotFound(_GONE)
    return found


def is_open(row: QuarantinedRow) -> bool:
    """Whether a row is still to be repaired."""
    return bool(by_ids(row.import_id, [row.id]))


def neighbours_of(import_id: int, row_id: int) -> tuple[int | None, int | None]:
    """The ids of the open rows before and after a row, in the order of the file."""
    query = select(func.max(QuarantinedRow.id)).where(_is_open(import_id), QuarantinedRow.id < row_id)
    later = select(func.min(QuarantinedRow.id)).where(_is_open(import_id), QuarantinedRow.id > row_id)
    return db.session.execute(query).scalar(), db.session.execute(later).scalar()


def count_open(import_id: int) -> int:
    """How many rows are open."""
    return int(db.session.execute(select(func.count()).where(_is_open(import_id))).scalar_one())


def _is_open(import_id: int) -> ColumnElement[bool]:
    return (QuarantinedRow.import_id == import_id) & IS_OPEN


def stream_open(import_id: int) -> Iterator[dict[str, object]]:
    """All open rows as values, for a download."""
    columns = (QuarantinedRow.row, QuarantinedRow.line, QuarantinedRow.code, QuarantinedRow.reason, QuarantinedRow.raw)
    after = 0
    while True:
        query = select(QuarantinedRow.id, *columns).where(_is_open(import_id), QuarantinedRow.id > after)
        rows = db.session.execute(query.order_by(QuarantinedRow.id).limit(1000)).all()
        if not rows:
            return
        for row in rows:
            yield dict(zip(COLUMNS, row[1:], strict=True))
        after = rows[-1][0]


class FileBlocks(Iterator[bytes]):
    """The blocks of a file, which is closed behind the last one; ``close`` closes it before, also before the first."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __next__(self) -> bytes:
        if not self._file.closed and (block := self._file.read(BLOCK)):
            return block
        self.close()
        raise StopIteration

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def save_open(import_id: int, format_name: str) -> FileBlocks:
    """The open rows as a file: ``csv`` (safe to open in a spreadsheet) or ``jsonl``."""
    write = FORMATS[format_name].write
    assert write is not None
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        write(stream_open(import_id), file, WriteOptions(columns=COLUMNS, spreadsheet_safe=True))
        file.seek(0)
        stack.pop_all()
    return FileBlocks(file)


def dismiss_rows(import_id: int, row_ids: Iterable[int] | None = None) -> int:
    """Put open rows away, all of them by default. They stay counted. Returns how many."""
    with transaction() as session:
        where = _is_open(import_id)
        if row_ids is not None:
            where = where & QuarantinedRow.id.in_(list(row_ids))
        query = select(QuarantinedRow.id, QuarantinedRow.state).where(where)
        states = {one.id: one.state for one in session.execute(query)}
        for part in chunks_of([*states], 500):
            session.execute(update(QuarantinedRow).where(QuarantinedRow.id.in_(part)).values(state="dismissed"))
        # Those whose repair was undone were counted as imported until now.
        back = [*states.values()].count("retried")
        record = get(import_id)
        record.imported, record.quarantined = record.imported - back, record.quarantined + back
        return len(states)


def fingerprint(raw: str) -> str:
    """What tells the text of a row from any other, whatever a browser does to its line ends."""
    return hashlib.sha256(fold_newlines(raw).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def retry_rows(import_id: int, raws: Mapping[int, str], *, seen: Mapping[int, str] = MappingProxyType({})) -> Retried:
    """Import repaired rows: ``raws`` has the new text by row id. Rows that are still bad keep the new text and reason.

    The pairs that come in are one step of the history, and count as imported instead of quarantined. ``seen`` are the
    fingerprints of the texts that were repaired: Conflict where somebody repaired one meanwhile.
    """

    def read(sorter: Sorter, record: Import, settings: Settings, row: QuarantinedRow) -> Sorted:
        part = sorter.sort([_read_repaired(record, row, raws[row.id])])
        if part.bad:
            row.raw, row.code, row.reason = raws[row.id], part.bad[0].code, part.bad[0].reason
        return part

    return _bring_in(import_id, raws, seen, read)


def save_fields(import_id: int, row_id: int, raw: str, values: Mapping[str, Value], *, seen: str) -> Retried:
    """Import one row whose parts were filled in: ``values`` are stored forms, what else the row says is kept with them.

    ``raw`` is the text that its parts were read from, ``seen`` the fingerprint of the one that stood there. Raises
    Invalid, and leaves the row as it is, where the pair is not whole yet; otherwise as ``retry_rows``.
    """

    def fill(sorter: Sorter, record: Import, settings: Settings, row: QuarantinedRow) -> Sorted:
        entry = read_fields(record, row, raw)
        if entry is None:
            raise Invalid(explain_refusal(record, row, raw), code="not_read")
        given = dict(values)
        if is_blank(question := given.get("question", entry.question)):
            if not settings.allow_empty_prompt:
                said = "The question is empty. Write one, or dismiss the row."
                raise Invalid(said, code="blank_question", field="question")
            entry = entry._replace(question=question or "")
            given.pop("question", None)
        change = edit_of(entry, given)
        changed: dict[str, Any] = {name: after for name, (_, after) in change.fields.items()} if change else {}
        entry = entry._replace(**changed)
        pair = entry.record()
        if not (settings.allow_unanswered or pair.answered or pair.rejected_answer):
            said = "The answer is empty. Write one, or dismiss the row."
            raise Invalid(said, code="blank_answer", field="answer")
        return sorter.sort_built(Built([entry._replace(content_hash=content_hash(content_of(entry)))]))

    return _bring_in(import_id, [row_id], {row_id: seen}, fill)


def _bring_in(
    import_id: int,
    row_ids: Collection[int],
    seen: Mapping[int, str],
    repair: Callable[[Sorter, Import, Settings, QuarantinedRow], Sorted],
) -> Retried:
    """Add what ``repair`` makes of each row in one step, and take those rows out of quarantine."""
    with transaction() as session:
        record = get_repairable(import_id)
        settings = from_dict(record.settings)
        if settings.on_duplicate == "update":
            settings = replace(settings, on_duplicate="keep")
        staged = history.stage(record.dataset_id, kind="import")
        sorter = Sorter(record.dataset_id, settings, import_id=import_id)
        new: list[StoredEntry] = []
        skipped = still_bad = 0
        rows = by_ids(import_id, row_ids)
        if not row_ids:
            raise Invalid("No row was chosen. Repair a row first.", code="no_row")
        if len(rows) < len(row_ids):
            raise NotFound(_GONE)
        if repaired := [row for row in rows if seen.get(row.id, fingerprint(row.raw)) != fingerprint(row.raw)]:
            place = repaired[0].line or repaired[0].row
            raise Conflict(f"Somebody repaired line {place:,} meanwhile. Load the page again.", code="stale_version")
        for row in rows:
            part = repair(sorter, record, settings, row)
            new += part.new
            skipped += len(part.same)
            still_bad += len(part.bad)
            if not part.bad:
                # One whose repair was undone is counted as imported until it is repaired anew.
                back = 1 if row.state == "retried" else 0
                record.imported += len(part.new) - back
                record.skipped += len(part.same)
                record.quarantined -= 1 - back
                row.state, row.repaired_in = "retried", staged if part.new else None
        history.add_rows(session, session.get_one(ChangeSet, staged), new)
        session.flush()
        applied = history.publish(staged, summary=f"Import {plural(len(new), 'repaired row')} of {record.file_name}")
        return Retried(len(new), skipped, still_bad, applied)


def get_repairable(import_id: int) -> Import:
    """The import, where its rows can be repaired. Raises Conflict where nothing of it came in."""
    record = get(import_id)
    if record.state != "done":
        raise Conflict("Rows can be tried again once the import is done. Import the file again instead.")
    return record


def read_fields(record: Import, row: QuarantinedRow, raw: str) -> StoredEntry | None:
    """The parts of a refused row as an entry, with nothing where one is missing; None where none can be read.

    Too many cells stand in the last one. In the place of what no database keeps stands the character U+FFFD.
    """
    if row.code in ("nul", "lone_surrogate"):
        raw = _UNSTORABLE.sub(lambda found: found[1] or "\ufffd", raw)
    settings, part = _settings_of(record, row)
    try:
        found = list(_rows_of(record, settings, raw, part, join=True))
    except Invalid:
        return None
    if len(found) != 1 or isinstance(found[0], BadRow):
        return None
    place = Part(part.title, part.split, row.row) if part else None
    read = read_parts(found[0]._replace(number=row.row, line=row.line, part=place), settings)
    if read is None:
        return None
    built = Builder(replace(forgiving(from_dict(record.settings)), on_duplicate="keep"), record.id).build([read])
    return next(iter(built.new), None)


def explain_refusal(record: Import, row: QuarantinedRow, raw: str) -> str:
    """Why a text cannot be taken as the row, in a sentence; empty where its layout takes it."""
    read = _read_repaired(record, row, raw)
    return read.reason if isinstance(read, BadRow) else ""


def _settings_of(record: Import, row: QuarantinedRow) -> tuple[Settings, PartSettings | None]:
    """How the row was read. Of several files it is of the one that its reason begins with."""
    settings = from_dict(record.settings)
    part = next((one for one in settings.parts if row.reason.startswith(f"{one.title}: ")), None)
    return settings_of_part(settings, part) if part else settings, part


def _read_repaired(record: Import, row: QuarantinedRow, raw: str) -> Read | BadRow:
    """The repaired text as a row of the same file."""
    settings, part = _settings_of(record, row)
    try:
        found = list(records_of(_rows_of(record, settings, raw, part), settings))
    except Invalid as error:
        return BadRow(row.row, row.line, error.code, error.message, raw)
    if len(found) != 1:
        what = "holds no record" if not found else f"holds {len(found)} records"
        return BadRow(row.row, row.line, "not_one_row", f"The repaired text {what}. Leave exactly one.", raw)
    one = found[0]
    place = Part(part.title, part.split, row.row) if part else None
    if isinstance(one, BadRow):
        reason = f"{part.title}: {one.reason}" if part else one.reason
        return one._replace(number=row.row, line=row.line, reason=reason)
    return one[0]._replace(number=row.row, line=row.line, part=place), one[1]


def _rows_of(
    record: Import, settings: Settings, raw: str, part: PartSettings | None, *, join: bool = False
) -> list[Row | BadRow]:
    source = Source.of_bytes(raw.encode("utf-8", "replace"), name="row", limits=file_limits())
    columns = columns_of(record, part)
    if settings.format not in _TEXT_TABLES:
        # Rows of all other kinds are kept as JSON.
        return list(FORMATS["jsonl"].read(source, ReadOptions(encoding="utf-8", limits=file_limits())))
    options = ReadOptions("utf-8", settings.delimiter, header=False, skip_lines=0, limits=file_limits())
    return [
        row if isinstance(row, BadRow) else _name_cells(row, columns, join=(settings.delimiter or ",") if join else "")
        for row in FORMATS["csv"].read(source, options)
    ]


def columns_of(record: Import, part: PartSettings | None = None) -> list[str]:
    """The columns of the imported file, or of one file of a set, in their order."""
    found = msgspec.convert(record.detected, Detected)
    return list(next((one.found for one in found.parts if part and one.path == part.path), found).columns)


def _name_cells(row: Row, columns: list[str], *, join: str = "") -> Row | BadRow:
    """The cells under the names of the file's own columns; those too many ``join`` the last, where that is given."""
    cells = list(row.values.values())
    if join and any(cells[len(columns) :]):
        # A delimiter in a text that nobody put into quotation marks.
        last = len(columns) - 1
        cells[last:] = [join.join(cells[last:])]
    if any(cells[len(columns) :]):
        reason = f"The row has {len(cells)} fields, expected {len(columns)}."
        return BadRow(row.number, row.line, "too_many_fields", reason, row.raw or "")
    cells += [""] * (len(columns) - len(cells))
    return row._replace(values=dict(zip(columns, cells, strict=False)))

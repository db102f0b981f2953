"""Rows that could not become pairs: repaired and tried again, downloaded, or dismissed."""

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import BinaryIO

import msgspec
from sqlalchemy import ColumnElement, func, select, update

from app.core import formats, layouts
from app.core.errors import Conflict, Invalid, NotFound
from app.core.formats import FORMATS, BadRow, Part, ReadOptions, Row, Source, WriteOptions
from app.core.reading import Detected, PartSettings, Read, records_of, settings_of_part
from app.core.stored import StoredEntry
from app.core.text import fold_newlines, plural
from app.models import ChangeSet, Import, QuarantinedRow, db, transaction
from app.services import history
from app.services.imports.running import get
from app.services.imports.settings import Settings, from_dict
from app.services.imports.staging import Sorter
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


_PLACE = re.compile(r"^(?:.*?: )?Row [\d,]+(?: \(line [\d,]+\))?: ")


def title_of(code: str, reason: str) -> str:
    """What is wrong with all rows of one kind: the sentence where it fits all of them, else the title of the code."""
    sentence = _PLACE.sub("", reason)
    return TITLES.get(code, sentence) if re.search(r"[\d“'\"]", sentence) else sentence.rstrip(".")


@dataclass(frozen=True, slots=True)
class Retried:
    """How a retry went: pairs that came in, rows that are there already, and rows that are still bad."""

    imported: int = 0
    skipped: int = 0
    still_bad: int = 0


def list_open(import_id: int, *, after: int = 0, size: int = PAGE) -> list[QuarantinedRow]:
    """Open rows in the order of the file; ``after`` is an id to continue from."""
    query = select(QuarantinedRow).where(_is_open(import_id), QuarantinedRow.id > after)
    return list(db.session.execute(query.order_by(QuarantinedRow.id).limit(size)).scalars())


def by_ids(import_id: int, row_ids: Iterable[int]) -> list[QuarantinedRow]:
    """The open rows among these."""
    query = select(QuarantinedRow).where(_is_open(import_id), QuarantinedRow.id.in_(list(row_ids)))
    return list(db.session.execute(query.order_by(QuarantinedRow.id)).scalars())


def count_open(import_id: int) -> int:
    """How many rows are open."""
    return int(db.session.execute(select(func.count()).where(_is_open(import_id))).scalar_one())


def _is_open(import_id: int) -> ColumnElement[bool]:
    return (QuarantinedRow.import_id == import_id) & (QuarantinedRow.state == "open")


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


def save_open(import_id: int, format_name: str) -> Iterator[bytes]:
    """The open rows as a file, in blocks: ``csv`` (safe to open in a spreadsheet) or ``jsonl``."""
    write = FORMATS[format_name].write
    assert write is not None
    out = tempfile.TemporaryFile()  # noqa: SIM115 (closed by the blocks, or with them)
    write(stream_open(import_id), out, WriteOptions(columns=COLUMNS, spreadsheet_safe=True))
    return _blocks(out)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while block := file.read(BLOCK):
            yield block


def dismiss_rows(import_id: int, row_ids: Iterable[int] | None = None) -> int:
    """Put open rows away, all of them by default. They stay counted. Returns how many."""
    with transaction() as session:
        where = _is_open(import_id)
        if row_ids is not None:
            where = where & QuarantinedRow.id.in_(list(row_ids))
        done = session.execute(
            update(QuarantinedRow).where(where).values(state="dismissed").returning(QuarantinedRow.id)
        )
        return len(done.all())


def fingerprint(raw: str) -> str:
    """What tells the text of a row from any other, whatever a browser does to its line ends."""
    return hashlib.sha256(fold_newlines(raw).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def retry_rows(import_id: int, raws: Mapping[int, str], *, seen: Mapping[int, str] = MappingProxyType({})) -> Retried:
    """Import repaired rows: ``raws`` has the new text by row id. Rows that are still bad keep the new text and reason.

    The pairs that come in are one step of the history, and count as imported instead of quarantined. ``seen`` are the
    fingerprints of the texts that were repaired: Conflict where somebody repaired one meanwhile.
    """
    with transaction() as session:
        record = get(import_id)
        if record.state != "done":
            raise Conflict("Rows can be tried again once the import is done. Import the file again instead.")
        settings = from_dict(record.settings)
        if settings.on_duplicate == "update":
            settings = replace(settings, on_duplicate="keep")
        staged = history.stage(record.dataset_id, kind="import")
        sorter = Sorter(record.dataset_id, settings, import_id=import_id)
        new: list[StoredEntry] = []
        skipped = still_bad = 0
        rows = by_ids(import_id, raws)
        if not raws:
            raise Invalid("No row was chosen. Repair a row first.", code="no_row")
        if len(rows) < len(raws):
            raise NotFound("One of these rows is not in quarantine any more. Load the page again.")
        if repaired := [row for row in rows if seen.get(row.id, fingerprint(row.raw)) != fingerprint(row.raw)]:
            place = repaired[0].line or repaired[0].row
            raise Conflict(f"Somebody repaired line {place:,} meanwhile. Load the page again.", code="stale_version")
        for row in rows:
            part = sorter.sort([_read_repaired(record, settings, row, raws[row.id])])
            new += part.new
            skipped += len(part.same)
            still_bad += len(part.bad)
            if part.bad:
                row.raw, row.code, row.reason = raws[row.id], part.bad[0].code, part.bad[0].reason
            else:
                row.state = "retried"
        history.add_rows(session, session.get_one(ChangeSet, staged), new)
        session.flush()
        history.publish(staged, summary=f"Import {plural(len(new), 'repaired row')} of {record.file_name}")
        record.imported += len(new)
        record.skipped += skipped
        record.quarantined -= len(new) + skipped
        return Retried(len(new), skipped, still_bad)


def _read_repaired(record: Import, settings: Settings, row: QuarantinedRow, raw: str) -> Read | BadRow:
    """The repaired text as a row of the same file."""
    # Of several files the one that the reason begins with.
    part = next((one for one in settings.parts if row.reason.startswith(f"{one.title}: ")), None)
    settings = settings_of_part(settings, part) if part else settings
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


def _rows_of(record: Import, settings: Settings, raw: str, part: PartSettings | None) -> list[Row | BadRow]:
    source = Source.of_bytes(raw.encode("utf-8", "replace"), name="row", limits=file_limits())
    columns = columns_of(record, part)
    if settings.format not in _TEXT_TABLES:
        # Rows of all other kinds are kept as JSON.
        return list(FORMATS["jsonl"].read(source, ReadOptions(encoding="utf-8", limits=file_limits())))
    options = ReadOptions("utf-8", settings.delimiter, header=False, skip_lines=0, limits=file_limits())
    return [
        row if isinstance(row, BadRow) else _name_cells(row, columns) for row in FORMATS["csv"].read(source, options)
    ]


def columns_of(record: Import, part: PartSettings | None = None) -> list[str]:
    """The columns of the imported file, or of one file of a set, in their order."""
    found = msgspec.convert(record.detected, Detected)
    return list(next((one.found for one in found.parts if part and one.path == part.path), found).columns)


def _name_cells(row: Row, columns: list[str]) -> Row | BadRow:
    """The cells under the names of the file's own columns."""
    cells = list(row.values.values())
    if any(cells[len(columns) :]):
        reason = f"The row has {len(cells)} fields, expected {len(columns)}."
        return BadRow(row.number, row.line, "too_many_fields", reason, row.raw or "")
    cells += [""] * (len(columns) - len(cells))
    return row._replace(values=dict(zip(columns, cells, strict=False)))

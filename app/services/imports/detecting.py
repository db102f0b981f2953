"""What a file seems to be, with the reason for each choice, and what an earlier import of such a file was told."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import select

from app.core import formats
from app.core.errors import Invalid, LttError, NotFound
from app.core.formats import BadRow, Detection, Row, Source
from app.core.formats.csv import generated_names
from app.core.formats.quoting import Quoting, detect_quoting
from app.core.html import looks_like_html
from app.core.layouts import recognise
from app.models import Import, db
from app.services.imports import reading
from app.services.imports.settings import Settings, from_dict

LOOKED_AT = 50
# The apostrophes of a spreadsheet-safe table may come late, and are quickly seen.
LOOKED_AT_FOR_QUOTING = 5_000
REMEMBERED = 200
_MARKED = (
    "Some texts begin with an apostrophe before = or the like, as spreadsheet-safe files have it. It is taken as text; "
    "“Undo spreadsheet-safe quoting” (--spreadsheet-safe) takes it away."
)
# The table ``messages`` of the older LLMTrainingTools, whose answers are HTML.
LEGACY_COLUMNS = {"id", "question", "answer"}


@dataclass(frozen=True, slots=True)
class Found:
    """How a file will be read. ``confidence`` is sure, likely or ask; ``sure`` needs no look by a person."""

    format: str
    layout: str
    encoding: str = "utf-8"
    delimiter: str = ""
    header: bool = True
    skip_lines: int = 0
    sheets: tuple[str, ...] = ()
    sheet: str = ""
    compression: str = ""
    columns: tuple[str, ...] = ()
    mapping: dict[str, str] = field(default_factory=dict)
    confidence: str = "sure"
    reasons: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    remembered: bool = False
    legacy: bool = False
    html: bool = False
    rows: int | None = None
    spreadsheet_safe: bool = False

    def as_dict(self) -> dict[str, object]:
        """The findings as they are stored."""
        lists = {"sheets": list(self.sheets), "columns": list(self.columns), "warnings": list(self.warnings)}
        return {**{name: getattr(self, name) for name in self.__dataclass_fields__}, **lists}


def found_from(values: Mapping[str, Any]) -> Found:
    """The findings as they were stored."""
    known = {name: value for name, value in values.items() if name in Found.__dataclass_fields__}
    lists = {name: tuple(known.get(name) or ()) for name in ("sheets", "columns", "warnings")}
    return Found(**{**known, **lists})


def look(source: Source, settings: Settings) -> Found:
    """Find out how to read the file; what the settings say is taken as said.

    Raises WrongKind for what is no data file, Invalid where there are no rows.
    """
    if settings.format and settings.format not in formats.FORMATS:
        raise Invalid(f"There is no format {settings.format!r}. Use one of {', '.join(formats.FORMATS)}.")
    detection = _as_told(formats.detect(source, encoding=settings.encoding), settings)
    quoted = _quoting(source, detection, settings)
    if settings.spreadsheet_safe is None:
        settings = settings.but(spreadsheet_safe=quoted.undo)
    rows, bad = _first_rows(source, detection, settings)
    if not rows:
        raise _nothing(bad)
    columns = _columns(rows)
    recognition = recognise([row.values for row in rows])
    mapping, remembered = recognition.mapping, False
    if recognition.layout == "columns" and recognition.confidence != "sure" and (earlier := _remembered(columns)):
        mapping, remembered = earlier, True
    return Found(
        detection.format,
        settings.layout or recognition.layout,
        detection.encoding,
        settings.delimiter or detection.delimiter,
        _has_header(detection, columns) if settings.header is None else settings.header,
        detection.skip_lines if settings.skip_lines is None else settings.skip_lines,
        detection.sheets,
        settings.sheet or detection.sheet,
        detection.compression,
        tuple(columns),
        dict(mapping),
        "likely" if remembered else recognition.confidence,
        {**detection.reasons, **recognition.reasons, **_reason(quoted, settings)},
        (*detection.warnings, *recognition.warnings, *_warning(quoted, settings)),
        remembered,
        detection.format == "sqlite" and set(columns) == LEGACY_COLUMNS,
        _holds_html(rows),
        _estimate(source, rows, bad),
        bool(settings.spreadsheet_safe),
    )


def _quoting(source: Source, detection: Detection, settings: Settings) -> Quoting:
    """Whether the table was made safe for spreadsheets. What cannot be read is told by those who read the rows."""
    if detection.format not in ("csv", "tsv"):
        return Quoting()
    options = reading.read_options(settings.but(spreadsheet_safe=False))

    def values() -> Iterator[dict[str, Any]]:
        with suppress(LttError):
            for row in islice(formats.read(source, detection, options), LOOKED_AT_FOR_QUOTING):
                if isinstance(row, Row):
                    yield row.values

    return detect_quoting(source.name, values())


def _reason(quoted: Quoting, settings: Settings) -> dict[str, str]:
    return {"spreadsheet_safe": quoted.reason} if quoted.undo and settings.spreadsheet_safe else {}


def _warning(quoted: Quoting, settings: Settings) -> tuple[str, ...]:
    return (_MARKED,) if quoted.marked and not settings.spreadsheet_safe else ()


def _has_header(detection: Detection, columns: Sequence[str]) -> bool:
    """Whether the first row was read as a header; a sheet is looked at only when its rows are read."""
    return detection.header and (detection.format != "xlsx" or list(columns) != generated_names(len(columns)))


def _as_told(detection: Detection, settings: Settings) -> Detection:
    """The detection, or where another format was chosen, one of that format."""
    if not settings.format or settings.format == detection.format:
        return detection
    return Detection(
        settings.format,
        settings.encoding or detection.encoding,
        reasons={**detection.reasons, "format": "chosen"},
        warnings=detection.warnings,
        compression=detection.compression,
    )


def _first_rows(source: Source, detection: Detection, settings: Settings) -> tuple[list[Row], list[BadRow]]:
    rows: list[Row] = []
    bad: list[BadRow] = []
    found = formats.read(source, detection, reading.read_options(settings))
    for item in islice(found, LOOKED_AT * 4):
        if isinstance(item, BadRow):
            bad.append(item)
        else:
            rows.append(item)
        if len(rows) >= LOOKED_AT:
            break
    return rows, bad


def _nothing(bad: Sequence[BadRow]) -> Invalid:
    if not bad:
        return Invalid("There are no rows in this file.", code="no_rows")
    start = "The only row cannot be read." if len(bad) == 1 else f"None of the first {len(bad)} rows can be read."
    return Invalid(f"{start} {bad[0].reason}", code=bad[0].code, line=bad[0].line)


def _holds_html(rows: Sequence[Row]) -> bool:
    """Whether some text of the first rows is HTML."""
    texts = (text for row in rows for text in row.values.values() if isinstance(text, str))
    return any(looks_like_html(text) for text in texts)


def _columns(rows: Sequence[Row]) -> list[str]:
    """All keys of the first rows, in the order of their first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row.values))


def _estimate(source: Source, rows: Sequence[Row], bad: Sequence[BadRow]) -> int | None:
    """About how many rows the file has, by the length of the first ones; None where they do not tell."""
    texts = [len((row.raw or "").encode("utf-8", "replace")) for row in rows]
    texts += [len(row.raw.encode("utf-8", "replace")) for row in bad]
    size = source.size
    if source.compression or not size or not texts or not all(texts):
        return None
    return max(len(texts), round(size * len(texts) / sum(texts)))


def _remembered(columns: Sequence[str]) -> dict[str, str] | None:
    """The mapping that the last import of a file with the same columns was told."""
    query = select(Import.settings, Import.detected).where(Import.state == "done").order_by(Import.id.desc())
    for row in db.session.execute(query.limit(REMEMBERED)):
        settings, detected = from_dict(row.settings), row.detected
        if settings.remember and settings.mapping and detected.get("columns") == list(columns):
            return settings.mapping
    return None


def resolved(settings: Settings, found: Mapping[str, Any]) -> Settings:
    """The settings with what was found filled in where nothing was said."""
    values = {
        name: found.get(name)
        for name in ("format", "layout", "encoding", "delimiter", "header", "skip_lines", "sheet", "spreadsheet_safe")
        if getattr(settings, name) is None and found.get(name) not in (None, "")
    }
    if not settings.mapping and (settings.layout or found.get("layout")) == found.get("layout"):
        values["mapping"] = dict(found.get("mapping") or {})
    return settings.but(**values)


def not_found(import_id: int) -> NotFound:
    """There is no such import."""
    return NotFound(f"There is no import {import_id}.", import_id=import_id)

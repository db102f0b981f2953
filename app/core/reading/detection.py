"""What a file seems to be, with the reason for each choice."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeVar

from app.core import formats
from app.core.errors import Invalid, LttError
from app.core.formats import FORMATS, BadRow, Detection, Row, Source, quoting
from app.core.formats.csv import generated_names
from app.core.formats.limits import MB, too_large
from app.core.formats.members import split_of_name
from app.core.formats.quoting import Quoting
from app.core.html import looks_like_html
from app.core.layouts import LAYOUTS, recognise
from app.core.layouts.mapping import MESSAGE_TARGETS, PROVENANCE, guess_columns, target_of
from app.core.layouts.paths import fields_in, steps_of
from app.core.layouts.sample import Sample
from app.core.reading.records import raw_text, read_options, read_rows
from app.core.reading.settings import OWN_SETTINGS, PartSettings, ReadSettings, settings_of_part
from app.core.reasoning import THINK

SAMPLE_ROWS = 50
SAMPLE_BYTES = 16 * MB
# The apostrophes of a spreadsheet-safe table may come late, and are quickly seen.
SAMPLE_ROWS_FOR_QUOTING = 5_000
# What can be mapped in every layout.
ANY_LAYOUT = ("status", "split", "id", *PROVENANCE)
TEXT_FORMATS = tuple(name for name in FORMATS if name not in ("xlsx", "parquet", "sqlite"))
# What is detected where the settings leave it open.
DETECTED_SETTINGS = ("format", "layout", "encoding", "delimiter", "header", "skip_lines", "sheet", "spreadsheet_safe")
# What decides which rows there are: these and how the rows of workbooks and chats are read.
ROW_SETTINGS = (*DETECTED_SETTINGS, "cells", "who_answers", "pause_hours")
_MARKED = (
    "Some texts begin with an apostrophe before = or the like, as spreadsheet-safe files have it. It is taken as text; "
    "“Undo spreadsheet-safe quoting” takes it away."
)
# The table ``messages`` of the older LLMTrainingTools, whose answers are HTML.
_LEGACY_COLUMNS = {"id", "question", "answer"}
S = TypeVar("S", bound=ReadSettings)


@dataclass(frozen=True, slots=True)
class Detected:
    """How a file will be read. ``confidence`` is sure, likely or ask; ``sure`` needs no look by a person.

    ``named`` is the mapping that the names of the columns give, whatever the layout. ``rows`` is about how many there
    are, where that can be told; ``remembered`` says that the mapping is the one of an earlier file with the same
    columns.
    """

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
    # Paths to texts inside the columns, where columns are to be mapped.
    fields: tuple[str, ...] = ()
    mapping: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    confidence: str = "sure"
    reasons: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    # Those of the warnings that ask which column is what.
    open_questions: tuple[str, ...] = ()
    remembered: bool = False
    legacy: bool = False
    html: bool = False
    thinks: bool = False
    rows: int | None = None
    spreadsheet_safe: bool = False
    # The split that the name of a file tells. It is offered, and taken only where somebody says so.
    split: str | None = None
    # The files of a set, where there are several; the rest is that of the first of them.
    parts: tuple["FoundPart", ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that the files of a set tell."""
        return tuple(dict.fromkeys(one.split for one in self.parts if one.split))


@dataclass(frozen=True, slots=True)
class FoundPart:
    """One file of a set: its path there, what it is called, its split where that is told, how it will be read."""

    path: str
    title: str
    split: str | None
    found: Detected


def detect_file(source: Source, settings: ReadSettings) -> Detected:
    """Find out how to read a file; what the settings say is taken as said.

    A stream that can be read once is judged by its first bytes. Raises WrongKind for what is no data file, Invalid
    where there are no rows.
    """
    for what, known in (("format", FORMATS), ("layout", LAYOUTS)):
        said = getattr(settings, what)
        if said and said not in known:
            raise Invalid(f"There is no {what} {said!r}. Use one of {', '.join(known)}.", code=f"no_{what}")
    if source.members:
        return drop_answered(_detect_members(source, settings), settings)
    detection = _insist(
        formats.detect(source, encoding=settings.encoding, who_answers=settings.who_answers, sheet=settings.sheet),
        settings.format,
    )
    rows, bad, quoted = _sample_file(source, detection, settings)
    columns = list(dict.fromkeys(name for row in rows for name in row.values))
    values = [row.values for row in rows]
    if (most := max(map(len, values))) > source.limits.columns:
        limit = f"{source.limits.columns:,}"
        raise too_large("This file", f"a row of it has {most:,} columns", limit, "LTT_MAX_COLUMNS")
    recognition = recognise(values)
    # What the columns are by their names, also where the rows have a layout that needs no mapping.
    named = recognition.mapping if recognition.layout == "columns" else guess_columns(Sample(values)).mapping
    layout = settings.layout or recognition.layout
    undo = quoted.undo if settings.spreadsheet_safe is None else settings.spreadsheet_safe
    # A sheet is looked at only when its rows are read.
    has_header = detection.header and (detection.format != "xlsx" or columns != generated_names(len(columns)))
    found = Detected(
        format=detection.format,
        layout=layout,
        encoding=detection.encoding,
        delimiter=settings.delimiter or detection.delimiter,
        header=has_header if settings.header is None else settings.header,
        skip_lines=detection.skip_lines if settings.skip_lines is None else settings.skip_lines,
        sheets=detection.sheets,
        sheet=settings.sheet or detection.sheet,
        compression=detection.compression,
        columns=tuple(columns),
        fields=tuple(fields_in(values)) if layout == "columns" else (),
        mapping=named if layout == "columns" else recognition.mapping if layout == recognition.layout else {},
        named=named,
        confidence=recognition.confidence,
        reasons={
            **detection.reasons,
            **recognition.reasons,
            **({"spreadsheet_safe": quoted.reason} if quoted.undo and undo else {}),
        },
        warnings=(*detection.warnings, *recognition.warnings, *((_MARKED,) if quoted.marked and not undo else ())),
        open_questions=recognition.warnings if recognition.confidence == "ask" else (),
        legacy=detection.format == "sqlite" and set(columns) == _LEGACY_COLUMNS,
        html=any(looks_like_html(text) for row in values for text in row.values() if isinstance(text, str)),
        thinks=any(THINK in raw_text(row) for row in rows),
        rows=_estimate_rows(source, rows, bad),
        spreadsheet_safe=undo,
        split=split_of_name(source.name),
    )
    return drop_answered(found, settings)


def _detect_members(source: Source, settings: ReadSettings) -> Detected:
    """How the files of a set will be read, each as it is; what is said of the first one goes for all.

    What is said and is just what the first one seems to be is no word about the others. Files without a row are passed
    over. Raises Invalid where all are empty, and what is wrong with one of them.
    """
    unsaid: dict[str, Any] = dict.fromkeys(DETECTED_SETTINGS)
    nothing = replace(settings, mapping={}, **unsaid)
    order = source.read_order()
    is_divided = order is None or order.divided
    said: ReadSettings | None = None
    parts: list[FoundPart] = []
    empty: list[str] = []
    for member in source.members:
        try:
            opened = source.open_member(member.path)
            if said is None:
                first = detect_file(opened, nothing)
                told: dict[str, Any] = {name: getattr(settings, name) for name in DETECTED_SETTINGS}
                meant = {name: value for name, value in told.items() if value not in (None, getattr(first, name))}
                said = replace(nothing, **meant)
            found = detect_file(opened, said)
        except LttError as error:
            if error.code in ("no_rows", "no_records"):
                empty.append(member.title)
                continue
            error.message = f"{member.title}: {error.message}"
            raise
        parts.append(FoundPart(member.path, member.title, member.split if is_divided else None, found))
    if not parts:
        raise Invalid(f"There are no rows in {', '.join(empty[:5])}.", code="no_rows")
    warnings = [*source.warnings, *([f"Without a row: {', '.join(empty)}."] if empty else [])]
    warnings += [f"{part.title}: {warning}" for part in parts for warning in part.found.warnings]
    found = parts[0].found
    open_questions = [f"{part.title}: {one}" for part in parts for one in part.found.open_questions]
    return replace(
        found,
        compression=source.compression,
        columns=tuple(dict.fromkeys(name for part in parts for name in part.found.columns)),
        fields=tuple(dict.fromkeys(name for part in parts for name in part.found.fields)),
        warnings=tuple(warnings),
        open_questions=tuple(open_questions),
        html=any(part.found.html for part in parts),
        thinks=any(part.found.thinks for part in parts),
        legacy=all(part.found.legacy for part in parts),
        rows=None,
        split=None,
        parts=tuple(parts),
    )


def drop_answered(found: Detected, settings: ReadSettings) -> Detected:
    """What was found, without the warnings that the chosen columns, or another layout, have answered."""
    chosen = {"question", "answer"} <= settings.mapping.keys() or settings.layout not in (None, "columns")
    if not (chosen and found.open_questions):
        return found
    warnings = tuple(one for one in found.warnings if one not in found.open_questions)
    return replace(found, warnings=warnings, open_questions=())


def _insist(detection: Detection, said: str | None) -> Detection:
    """The detection, or where another format was said, one of that format."""
    if not said or said == detection.format:
        return detection
    if (said in TEXT_FORMATS) != (detection.format in TEXT_FORMATS):
        found = FORMATS[detection.format].title
        raise Invalid(f"This is not a {FORMATS[said].title} file; it looks like {found}.", code="wrong_format")
    tables = {said, detection.format} == {"csv", "tsv"}
    kept = detection if tables else Detection(said, detection.encoding, compression=detection.compression)
    reasons = {**detection.reasons, "format": "chosen"}
    return replace(kept, format=said, reasons=reasons, warnings=detection.warnings)


def _sample_file(
    source: Source, detection: Detection, settings: ReadSettings
) -> tuple[list[Row], list[BadRow], Quoting]:
    """The first rows, good and bad, and whether the table was made safe for spreadsheets. Raises Invalid for none."""
    is_cut = not source.is_seekable and not source.complete
    sampled = source
    if not source.is_seekable:
        sampled = Source.of_bytes(source.head, name=source.name, limits=source.limits)
    is_table = detection.format in ("csv", "tsv")
    rows: list[Row] = []
    bad: list[BadRow] = []
    # Rows may be long: of such ones the first do.
    size = 0

    def read_values(undo: bool) -> Iterator[dict[str, Any]]:
        """The values of the first rows, which are kept, and of a table those of more rows."""
        nonlocal size
        rows.clear()
        bad.clear()
        size = 0
        options = replace(read_options(settings, source.limits), spreadsheet_safe=undo)
        try:
            for item in islice(formats.read(sampled, detection, options), SAMPLE_ROWS_FOR_QUOTING):
                if size < SAMPLE_BYTES and len(rows) < SAMPLE_ROWS and len(rows) + len(bad) < SAMPLE_ROWS * 4:
                    size += len(raw_text(item)) if isinstance(item, Row) else len(item.raw)
                    rows.append(item) if isinstance(item, Row) else bad.append(item)
                elif not is_table or undo:
                    return
                if isinstance(item, Row):
                    yield item.values
        except LttError:
            # What cannot be read behind the first rows is told by those who read it.
            if size < SAMPLE_BYTES and len(rows) < SAMPLE_ROWS and not is_cut:
                raise

    quoted = quoting.detect_quoting(source.name, read_values(undo=False)) if is_table else Quoting()
    undo = quoted.undo if settings.spreadsheet_safe is None else settings.spreadsheet_safe
    if not is_table or undo:
        deque(read_values(undo=is_table and undo), maxlen=0)
    if not rows and is_cut:
        source.keep()
        return _sample_file(source, detection, settings)
    if not rows and not bad:
        raise Invalid("There are no rows in this file: it holds no records.", code="no_rows")
    if not rows:
        start = "The only row cannot be read." if len(bad) == 1 else f"None of the first {len(bad)} rows can be read."
        raise Invalid(f"{start} {bad[0].reason}", code=bad[0].code, line=bad[0].line)
    return rows, bad, quoted


def _estimate_rows(source: Source, rows: list[Row], bad: list[BadRow]) -> int | None:
    """About how many rows the file has, by the length of the first ones; None where they do not tell."""
    texts = [len((row.raw or "").encode("utf-8", "replace")) for row in rows]
    texts += [len(row.raw.encode("utf-8", "replace")) for row in bad]
    size = source.size
    if source.compression or not size or not texts or not all(texts):
        return None
    return max(len(texts), round(size * len(texts) / sum(texts)))


def resolve_settings(settings: S, found: Detected) -> S:
    """The settings with what was found filled in where nothing was said."""
    values: dict[str, Any] = {
        name: getattr(found, name)
        for name in DETECTED_SETTINGS
        if getattr(settings, name) is None and getattr(found, name) not in (None, "")
    }
    said = {target for target, column in settings.mapping.items() if column}
    if settings.layout is None and said & {"question", "answer"}:
        # Whoever says which column is the question or the answer means columns, whatever else the rows hold.
        values["layout"] = "columns"
    elif settings.layout is None and said & MESSAGE_TARGETS:
        values["layout"] = "message-rows"
    layout = settings.layout or values.get("layout")
    detected = found.mapping if layout == found.layout else found.named if layout == "columns" else {}
    mapping = {**detected, **settings.mapping}
    values["mapping"] = {target: column for target, column in mapping.items() if column}
    values["columns"] = frozenset(found.columns)
    values["parts"] = tuple(_resolve_part(settings, part) for part in found.parts)
    return replace(settings, **values)


def _resolve_part(settings: ReadSettings, part: FoundPart) -> PartSettings:
    """How one file of a set is read. The columns that somebody chose count in each file that has them."""
    found = part.found
    has = {target: column for target, column in settings.mapping.items() if not column or _has_column(found, column)}
    chosen = {target for target in ("question", "answer") if settings.mapping.get(target)}
    unsaid: dict[str, Any] = dict.fromkeys(DETECTED_SETTINGS)
    own = resolve_settings(replace(settings, mapping=has if chosen <= has.keys() else {}, **unsaid), found)
    return PartSettings(part.path, part.title, part.split, **{name: getattr(own, name) for name in OWN_SETTINGS})


def _has_column(found: Detected, column: str) -> bool:
    return column in found.columns or _root_of(column) in found.columns


def plan_reading(source: Source, settings: S) -> tuple[S, Detected]:
    """The settings with which a file can be read, and what was found. Raises Invalid where somebody has to choose."""
    found = find_late_columns(source, settings, detect_file(source, settings))
    require_mapping(settings, found)
    return resolve_settings(settings, found), found


def find_late_columns(source: Source, settings: ReadSettings, found: Detected) -> Detected:
    """What was found, with the mapped columns that only later rows have. Looks for them where some are missing."""
    missing = {_root_of(column) for column in settings.mapping.values() if column} - {"", *found.columns}
    late: dict[str, None] = {}
    if missing and source.is_seekable and not found.parts:
        for row in read_rows(source, resolve_settings(settings, found)):
            if isinstance(row, Row) and not missing.isdisjoint(row.values):
                late.update(dict.fromkeys(missing & row.values.keys()))
                missing -= late.keys()
                if not missing:
                    break
    return replace(found, columns=(*found.columns, *late))


def _root_of(column: str) -> str:
    """The column that a path leads into; of a plain name, itself."""
    return str((steps_of(column) or [column])[0])


def require_mapping(settings: ReadSettings, found: Detected) -> None:
    """Raise Invalid where a person has to say which column is what, and has not."""
    told = resolve_settings(settings, found)
    for one, part in zip(told.parts, found.parts, strict=True):
        try:
            require_mapping(settings_of_part(told, one), part.found)
        except Invalid as error:
            raise _ask_mapping(found, f"{part.title}: {error.details.get('sentence', error.message)}") from error
    for target, column in told.mapping.items():
        if found.columns and not _has_column(found, column):
            raise _ask_mapping(found, f"There is no column “{column}” for the {target.replace('_', ' ')}.")
        is_message = told.layout == "message-rows"
        if target in MESSAGE_TARGETS and not is_message:
            said = f"The {target} of messages can be mapped where each row is one message"
            raise _ask_mapping(found, f"{said} (--from :message-rows).")
        if told.layout != "columns" and target not in ANY_LAYOUT and not (is_message and target in MESSAGE_TARGETS):
            what = target.replace("_", " ")
            said = f"The layout {told.layout} has its own place for the {what}, so no column can be mapped to it."
            raise _ask_mapping(found, f"{said} Leave the mapping out, or choose the layout columns.")
    if told.layout != "columns":
        if found.confidence == "ask" and not settings.layout and told.layout == found.layout:
            reason = found.reasons.get("layout", "")
            raise _ask_mapping(found, f"It is not clear what the rows of this file mean: {reason}. Choose a layout.")
        return
    needed = [*(() if told.allow_empty_prompt else ("question",)), *(() if told.allow_unanswered else ("answer",))]
    missing = [target for target in needed if target not in told.mapping]
    if missing:
        named = " and which one the ".join(missing)
        raise _ask_mapping(found, f"It is not clear which column holds the {named}. Choose it.", missing[0])
    unchosen = [name for name in found.columns if (target_of(name) or ("",))[0] == "answer"]
    if found.confidence == "ask" and not settings.mapping and (unchosen or not told.allow_unanswered):
        sentence = "It is not clear what the columns mean. Choose the question and the answer."
        raise _ask_mapping(found, sentence, "answer" if unchosen else "question")


def _ask_mapping(found: Detected, sentence: str, target: str = "") -> Invalid:
    columns: list[Any] = list(found.columns)
    said = f" Say which: --map {target}=COLUMN." if target else ""
    shown = f" The columns are {', '.join(f'“{name}”' for name in columns[:30])}." if columns else ""
    shown += f" Inside them are {', '.join(f'“{path}”' for path in found.fields[:10])}." if found.fields else ""
    return Invalid(
        sentence + said + shown, code="choose_mapping", sentence=sentence, columns=columns, mapping=dict(found.mapping)
    )

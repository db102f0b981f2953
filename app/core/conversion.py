"""Any readable file to any writable one: rows, records, rows. No database, constant memory, everything counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any, BinaryIO

from app.core.errors import BadUsage, Invalid
from app.core.formats import (
    FORMATS,
    BadRow,
    Detection,
    ReadOptions,
    Row,
    Source,
    WriteOptions,
    detect,
    format_of_name,
    read,
)
from app.core.layouts import LAYOUTS, Layout, LayoutOptions, Recognition, RowError, losses, recognise
from app.core.layouts.columns import OWN, STANDARD
from app.core.layouts.paths import steps_of
from app.core.record import Record
from app.core.spec import Spec, usual_layout

SAMPLE = 200
KEPT_BAD_ROWS = 100

# What becomes of a record on its way: itself, another one, several or none.
Change = Callable[[Record], Iterable[Record]]


@dataclass(frozen=True)
class Plan:
    """How a file is read: what was detected, with the choices made over it."""

    detection: Detection
    recognition: Recognition
    read_options: ReadOptions
    layout: Layout
    options: LayoutOptions


@dataclass
class Report:
    """What a conversion did. ``records_in = written + quarantined``."""

    records_in: int = 0
    written: int = 0
    quarantined: int = 0
    losses: Counter[str] = field(default_factory=Counter)
    bad_rows: list[BadRow] = field(default_factory=list)

    def as_dict(self, plan: Plan, target: Spec) -> dict[str, object]:
        """The result object of the commands and the API."""
        return {
            "records_in": self.records_in,
            "written": self.written,
            "quarantined": self.quarantined,
            "losses": [{"what": what, "records": number} for what, number in self.losses.most_common()],
            "format": plan.detection.format,
            "layout": plan.layout.name,
            "encoding": plan.detection.encoding,
            "delimiter": plan.detection.delimiter or None,
            "mapping": dict(plan.options.mapping),
            "to": {"format": target.format, "layout": target.layout},
            "warnings": [*plan.detection.warnings, *plan.recognition.warnings],
            "quarantine": [bad_row_dict(bad) for bad in self.bad_rows],
        }


def bad_row_dict(bad: BadRow) -> dict[str, object]:
    """A bad row as programs see it, without its raw text."""
    return {"row": bad.number, "line": bad.line, "code": bad.code, "reason": bad.reason}


def plan(source: Source, wanted: Spec, read_options: ReadOptions, options: LayoutOptions) -> Plan:
    """Detect how a file is to be read, as far as it was not said. Raises what ``detect`` raises."""
    detection = detect(source, encoding=read_options.encoding)
    if wanted.format and wanted.format != detection.format:
        detection = _insisted(detection, wanted.format)
    if read_options.delimiter:
        detection = replace(detection, delimiter=read_options.delimiter)
    sample = _sample(source, detection, read_options)
    recognition = recognise(sample)
    # Whoever says which column is the question or the answer means columns, whatever else the rows hold.
    chosen = "columns" if options.mapping.keys() & {"question", "answer"} else None
    layout = LAYOUTS[wanted.layout or chosen or recognition.layout]
    if layout.name == "columns":
        columns = frozenset(name for row in sample for name in row)
        options = replace(options, columns=columns, mapping={**_fitting(recognition, sample), **options.mapping})
    return Plan(detection, recognition, read_options, layout, options)


def columns_seen(source: Source, plan_: Plan) -> list[str]:
    """The columns of the first rows, in order."""
    names: dict[str, None] = {}
    for values in _sample(source, plan_.detection, plan_.read_options):
        names.update(dict.fromkeys(values))
    return list(names)


def _insisted(detection: Detection, kind: str) -> Detection:
    text = ("csv", "tsv", "jsonl", "json")
    if (kind in text) != (detection.format in text):
        raise Invalid(f"This is not a {FORMATS[kind].title} file; it looks like {FORMATS[detection.format].title}.")
    return replace(detection, format=kind)


def _sample(source: Source, detection: Detection, options: ReadOptions) -> list[dict[str, Any]]:
    """The values of the first good rows. A stream that can be read once is judged by its first bytes."""
    rereadable = source.is_seekable
    looked_at = source if rereadable else Source.of_bytes(source.head, name=source.name, limits=source.limits)
    rows = read(looked_at, detection, options)
    values: list[dict[str, Any]] = []
    try:
        values.extend(row.values for row in islice(rows, SAMPLE) if isinstance(row, Row))
    except Invalid:
        if rereadable or not values:
            raise
    return values


def _fitting(recognition: Recognition, sample: list[dict[str, Any]]) -> dict[str, str]:
    if recognition.mapping or not sample:
        return dict(recognition.mapping)
    return {name: name for name in STANDARD if any(name in row for row in sample)}


def check_mapping(plan_: Plan, columns: Iterable[str]) -> None:
    """Raise Invalid where a file of columns has no column for the question or the answer."""
    if plan_.layout.name != "columns":
        return
    names = list(dict.fromkeys((*columns, *sorted(plan_.options.columns or ()))))
    shown = ", ".join(f"“{name}”" for name in names[:12]) or "none"
    for target, column in plan_.options.mapping.items():
        if names and column not in names and (steps_of(column) or [""])[0] not in names:
            raise Invalid(f"There is no column “{column}” for the {target}. The columns are {shown}.", code="no_column")
    missing = [target for target in ("question", "answer") if target not in plan_.options.mapping]
    if missing and not (missing == ["answer"] and plan_.options.allow_unanswered):
        raise Invalid(
            f"No column could be taken for the {' and the '.join(missing)}. "
            f"Say which: --map {missing[0]}=COLUMN. The columns are {shown}.",
            code="ask_mapping",
        )


def records(source: Source, plan_: Plan) -> Iterator[tuple[Row, Record] | BadRow]:
    """Every row of a file as a record, or as a bad row with place and reason. Raises Invalid where there is none."""
    parse, options = plan_.layout.parse, plan_.options
    rows = read(source, plan_.detection, plan_.read_options)
    first = next(rows, None)
    if first is None:
        raise Invalid("The file holds no records.", code="no_records")
    if isinstance(first, Row):
        check_mapping(plan_, first.values)
    for row in chain([first], rows):
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            yield row, parse(row.values, options)
        except RowError as error:
            yield refused(row, error.code, error.message)
        except UnicodeEncodeError:
            yield refused(row, "lone_surrogate", "A text holds half of a character (a lone surrogate).")


def refused(row: Row, code: str, reason: str) -> BadRow:
    """A readable row that cannot be taken, with its place in front of the reason."""
    from app.core.formats.base import shorten

    place = f"Row {row.number}" if row.line is None else f"Row {row.number} (line {row.line})"
    return BadRow(row.number, row.line, code, f"{place}: {reason}", shorten(raw_text(row)))


def raw_text(row: Row) -> str:
    """A row as text: as it stood in the file, or as JSON."""
    if row.raw is not None:
        return row.raw
    import msgspec

    return msgspec.json.encode(row.values).decode()


def target_of(wanted: Spec, name: str, source_layout: str | None = None) -> Spec:
    """The format and layout to write: as said, else by the file's name, else what is usual. Raises BadUsage."""
    kind = wanted.format or format_of_name(name)
    if kind is None:
        raise BadUsage(f"Say which format to write: --to FORMAT:LAYOUT ({name!r} does not tell).", code="no_format")
    return Spec(kind, wanted.layout or usual_layout(kind))


@dataclass
class Conversion:
    """One conversion that is being written; iterate ``rows`` once, then read the report."""

    plan: Plan
    target: Spec
    options: LayoutOptions
    report: Report = field(default_factory=Report)
    change: Change | None = None

    def rows(self, source: Source, rejects: Callable[[BadRow], object] | None = None) -> Iterator[Mapping[str, Any]]:
        """The target's rows. ``rejects`` is called with each bad row."""
        layout = LAYOUTS[self.target.layout or "openai"]
        report, render, options = self.report, layout.rows_of, self.options
        for item in records(source, self.plan):
            report.records_in += 1
            if isinstance(item, BadRow):
                self._reject(item, rejects)
                continue
            for record in self.change(item[1]) if self.change else (item[1],):
                try:
                    rows = render(record, options)
                except RowError as error:
                    self._reject(refused(item[0], error.code, error.message), rejects)
                    continue
                if record.extra or record.turns or record.trace or record.system is not None or record.tags:
                    report.losses.update(losses(record, layout, options))
                report.written += len(rows)
                yield from rows

    def _reject(self, bad: BadRow, rejects: Callable[[BadRow], object] | None) -> None:
        self.report.quarantined += 1
        if len(self.report.bad_rows) < KEPT_BAD_ROWS:
            self.report.bad_rows.append(bad)
        if rejects is not None:
            rejects(bad)


def convert(
    source: Source,
    out: BinaryIO,
    plan_: Plan,
    target: Spec,
    *,
    write_options: WriteOptions | None = None,
    keep_extra: bool = False,
    rejects: Callable[[BadRow], object] | None = None,
    change: Change | None = None,
) -> Report:
    """Write the records of a source as ``target``, changed on the way if asked.

    A table whose columns are not known is read twice.

    Raises Invalid for a source without records, TooLarge where the target cannot hold a text.
    """
    kind, write_options = FORMATS[target.format or "jsonl"], write_options or WriteOptions()
    if kind.write is None:
        raise BadUsage(f"{kind.title} files can be read but not written.", code="no_format")
    options = LayoutOptions(keep_extra=keep_extra or target.layout == "columns")
    conversion = Conversion(plan_, target, options, change=change)
    if kind.tabular and not write_options.columns:
        write_options = replace(write_options, columns=columns_of(source, plan_, target, options))
    kind.write(conversion.rows(source, rejects), out, write_options)
    return conversion.report


def columns_of(source: Source, plan_: Plan, target: Spec, options: LayoutOptions) -> tuple[str, ...]:
    """The columns that a table of these records needs: ours in their order, then others as they appear.

    A plain table says it by its header; anything else is read through once.
    """
    layout = LAYOUTS[target.layout or "columns"]
    source.keep()
    rows = Conversion(plan_, target, options).rows(source)
    if FORMATS[plan_.detection.format].tabular and plan_.layout.name == "columns":
        rows = islice(rows, 1)
    seen: dict[str, None] = {}
    for row in rows:
        seen.update(dict.fromkeys(row))
    order = OWN if layout.name == "columns" else layout.keys
    return (*(name for name in order if name in seen), *(name for name in seen if name not in order))

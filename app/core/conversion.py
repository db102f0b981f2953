"""Any readable file to any writable one: rows, records, rows. No database, constant memory, everything counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, BinaryIO

from app.core.errors import BadUsage, Invalid
from app.core.formats import FORMATS, BadRow, Source, WriteOptions
from app.core.layouts import LAYOUTS, LayoutOptions, RowError, losses
from app.core.layouts.columns import OWN, STANDARD
from app.core.options import option
from app.core.reading import NUL_REFUSED, ReadSettings, bad_row_dict, holds_nul, read_records, refuse_row
from app.core.record import Record
from app.core.spec import Spec, parse_target
from app.core.targets import EXPORT_TARGETS

KEPT_BAD_ROWS = 100
# What becomes of columns that a layout has no place for.
EXTRA = {"keep": "Keep", "drop": "Leave out"}

# What becomes of a record on its way: itself, another one, several or none.
Change = Callable[[Record], Iterable[Record]]


@dataclass(frozen=True, slots=True)
class ConvertOptions(ReadSettings):
    """How a file is read, and what it becomes."""

    # The flag of the reader belongs to what is written here.
    spreadsheet_safe: bool | None = option(
        None,
        "Undo spreadsheet-safe quoting",
        "Take away the apostrophes of a table that was made safe for spreadsheets, or keep them.  [default: detected]",
        flag="--undo-spreadsheet-safe/--keep-spreadsheet-safe",
    )
    to: str = option(
        "jsonl:openai", "Target format", "Export target, or format and layout of what is written.", flag=""
    )
    make_safe: bool = option(
        False,
        "Safe for spreadsheets",
        "Make cells safe that a spreadsheet would run; reversible.",
        flag="--spreadsheet-safe",
    )
    bom: bool = option(False, "For Excel", "Begin a CSV with a byte order mark, for Excel.")
    keep_extra: bool = option(
        False, "Other columns", "Other columns in trainer layouts.", choices=EXTRA, flag="--extra", word="keep_extra"
    )

    @property
    def target(self) -> Spec:
        """The format and layout to write. Raises BadUsage."""
        return parse_target(self.to)

    @property
    def rendering(self) -> LayoutOptions:
        """How records become rows of the target."""
        return LayoutOptions(keep_extra=self.keep_extra or self.target.layout == "columns")


@dataclass
class Report:
    """What a conversion did. ``records_in = written + quarantined``."""

    records_in: int = 0
    written: int = 0
    quarantined: int = 0
    losses: Counter[str] = field(default_factory=Counter)
    bad_rows: list[BadRow] = field(default_factory=list)

    def as_dict(self, settings: ReadSettings, target: Spec, warnings: Sequence[str] = ()) -> dict[str, object]:
        """The result object of the commands and the API; ``warnings`` are those of the detection."""
        return {
            "records_in": self.records_in,
            "written": self.written,
            "quarantined": self.quarantined,
            "losses": [{"what": what, "records": number} for what, number in self.losses.most_common()],
            "format": settings.format,
            "layout": settings.layout,
            "encoding": settings.encoding,
            "delimiter": settings.delimiter or None,
            "mapping": dict(settings.mapping),
            "to": {"format": target.format, "layout": target.layout},
            "warnings": list(warnings),
            "quarantine": [bad_row_dict(bad) for bad in self.bad_rows],
        }


@dataclass
class Conversion:
    """One conversion that is being written; iterate ``rows`` once, then read the report.

    ``settings`` say how the file is read, with its format and layout.
    """

    settings: ReadSettings
    target: Spec
    options: LayoutOptions
    report: Report = field(default_factory=Report)
    change: Change | None = None

    def rows(self, source: Source, rejects: Callable[[BadRow], object] | None = None) -> Iterator[Mapping[str, Any]]:
        """The target's rows. ``rejects`` is called with each bad row."""
        layout = LAYOUTS[self.target.layout or "openai"]
        report, render, options = self.report, layout.rows_of, self.options
        for item in read_records(source, self.settings):
            report.records_in += 1
            if isinstance(item, BadRow):
                self._reject(item, rejects)
                continue
            if holds_nul(item[1]):
                self._reject(refuse_row(item[0], Invalid(NUL_REFUSED, code="nul")), rejects)
                continue
            for record in self.change(item[1]) if self.change else (item[1],):
                try:
                    rows = render(record, options)
                except RowError as error:
                    self._reject(refuse_row(item[0], error), rejects)
                    continue
                if lost := losses(record, layout, options):
                    report.losses.update(lost)
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
    settings: ReadSettings,
    target: Spec,
    *,
    write_options: WriteOptions | None = None,
    keep_extra: bool = False,
    rejects: Callable[[BadRow], object] | None = None,
    change: Change | None = None,
) -> Report:
    """Write the records of a source as ``target``, changed on the way if asked.

    A table whose columns are not known is read twice. Raises TooLarge where the target cannot hold a text.
    """
    kind, write_options = FORMATS[target.format or "jsonl"], write_options or WriteOptions()
    if kind.write is None:
        raise BadUsage(f"{kind.title} files can be read but not written.", code="no_format")
    layout = LAYOUTS[target.layout or "openai"]
    if not layout.is_written:
        raise BadUsage(f"The layout {layout.name} can be read but not written.", code="no_layout")
    require_csv(kind.name, write_options.bom, write_options.spreadsheet_safe)
    if (named := EXPORT_TARGETS.get(target.target)) is not None:
        is_safe = write_options.spreadsheet_safe or named.spreadsheet_safe
        write_options = replace(write_options, bom=write_options.bom or named.bom, spreadsheet_safe=is_safe)
    options = LayoutOptions(keep_extra=keep_extra or target.layout == "columns")
    conversion = Conversion(settings, target, options, change=change)
    if kind.tabular and not write_options.columns:
        write_options = replace(write_options, columns=columns_of(source, settings, target, options))
    kind.write(conversion.rows(source, rejects), out, write_options)
    return conversion.report


def require_csv(kind: str, bom: bool, safe: bool) -> None:
    """Raise BadUsage where something is asked for that only tables of text have."""
    if kind in ("csv", "tsv"):
        return
    if bom:
        raise BadUsage("A byte order mark is for CSV and TSV. Leave --bom out.", code="no_bom")
    if safe:
        said = "Only CSV and TSV have cells that a spreadsheet would run. Leave --spreadsheet-safe out."
        raise BadUsage(said, code="no_spreadsheet")


def columns_of(source: Source, settings: ReadSettings, target: Spec, options: LayoutOptions) -> tuple[str, ...]:
    """The columns that a table of these records needs: ours in their order, then others as they appear.

    A plain table says it by its header; anything else is read through once.
    """
    layout = LAYOUTS[target.layout or "columns"]
    source.keep()
    rows = Conversion(settings, target, options).rows(source)
    if FORMATS[settings.format or "csv"].tabular and settings.layout == "columns":
        rows = islice(rows, 1)
    seen: dict[str, None] = {}
    for row in rows:
        seen.update(dict.fromkeys(row))
    if layout.name == "columns" and settings.layout == "columns":
        # What the first row leaves empty, others may have. Status and split stay under their own names.
        mapped = settings.mapping.keys() - {"status", "split"}
        seen.update(dict.fromkeys(name for name in STANDARD if name in mapped))
    order = OWN if layout.name == "columns" else layout.keys
    return (*(name for name in order if name in seen), *(name for name in seen if name not in order))

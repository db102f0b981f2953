"""Converting an uploaded file into another shape, without a dataset."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePath
from typing import IO

import msgspec

from app.core import conversion
from app.core.conversion import Plan, Report
from app.core.errors import Invalid
from app.core.formats import FORMATS, BadRow, ReadOptions, Source, WriteOptions
from app.core.layouts import LAYOUTS, LayoutOptions, RowError
from app.core.spec import Spec, parse_spec, usual_layout
from app.services import limits, uploads
from app.services.uploads import Upload

SHOWN = 5
CHUNK = 64 * 1024
TARGETS = (
    ("jsonl:openai", "OpenAI chat (JSONL)"),
    ("csv:columns", "CSV"),
    ("jsonl:columns", "JSONL of columns"),
    ("json:columns", "JSON of columns"),
    ("json:alpaca", "Alpaca (JSON)"),
    ("jsonl:alpaca", "Alpaca (JSONL)"),
    ("json:sharegpt", "ShareGPT (JSON)"),
    ("jsonl:sharegpt", "ShareGPT (JSONL)"),
    ("jsonl:prompt-completion", "Prompt and completion (JSONL)"),
    ("jsonl:preference", "Preference pairs (JSONL)"),
    ("tsv:columns", "TSV"),
    ("xlsx:columns", "Excel workbook"),
    ("parquet:columns", "Parquet"),
    ("sqlite:columns", "SQLite database"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The choices of a conversion; empty means: as detected."""

    to: str = "jsonl:openai"
    layout: str = ""
    encoding: str = ""
    mapping: dict[str, str] = field(default_factory=dict)
    keep_extra: bool = False
    allow_unanswered: bool = False
    spreadsheet_safe: bool = False

    def target(self) -> Spec:
        """The format and layout to write. Raises BadUsage."""
        spec = parse_spec(self.to)
        kind = spec.format or "jsonl"
        return Spec(kind, spec.layout or usual_layout(kind))


@dataclass(frozen=True, slots=True)
class Look:
    """What a file is and how its first records look, before and after."""

    plan: Plan
    columns: list[str]
    before: list[str]
    after: list[str]
    bad: list[BadRow]
    problem: str


def _source(upload: Upload) -> Source:
    return Source.of_path(upload.path, name=upload.name, limits=limits.of_files())


def _plan(source: Source, wanted: Wanted) -> Plan:
    return conversion.plan(
        source,
        parse_spec(f":{wanted.layout}" if wanted.layout else None),
        ReadOptions(encoding=wanted.encoding or None, limits=source.limits),
        LayoutOptions(mapping=wanted.mapping, allow_unanswered=wanted.allow_unanswered),
    )


def look(upload: Upload, wanted: Wanted) -> Look:
    """Detect an uploaded file and convert its first records. Raises what detection raises."""
    source = _source(upload)
    plan = _plan(source, wanted)
    target = wanted.target()
    render = LAYOUTS[target.layout or "openai"].render
    options = _options(wanted)
    before: list[str] = []
    after: list[str] = []
    bad: list[BadRow] = []
    problem = ""
    try:
        for item in islice(conversion.records(source, plan), SHOWN * 4):
            if isinstance(item, BadRow):
                bad.append(item)
            elif len(after) < SHOWN:
                try:
                    shown = render(item[1], options)
                except RowError as error:
                    bad.append(conversion.refused(item[0], error.code, error.message))
                    continue
                after.append(msgspec.json.encode(shown).decode())
                before.append(conversion.raw_text(item[0]).rstrip("\r\n"))
    except Invalid as error:
        problem = error.message
    return Look(plan, conversion.columns_seen(source, plan), before, after, bad, problem)


@dataclass
class Finished:
    """A converted file, ready to be sent; it is gone once it was."""

    file: IO[bytes]
    name: str
    format: str
    size: int
    report: Report

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the file, in pieces."""
        with closing(self.file) as file:
            while part := file.read(CHUNK):
                yield part


def run(upload: Upload, wanted: Wanted) -> Finished:
    """Convert the whole file. Raises Invalid, TooLarge."""
    source, target = _source(upload), wanted.target()
    plan = _plan(source, wanted)
    kind = target.format or "jsonl"
    file = tempfile.TemporaryFile()  # noqa: SIM115 (it lives until it was sent)
    write_options = WriteOptions(spreadsheet_safe=wanted.spreadsheet_safe, title=PurePath(upload.name).stem)
    try:
        report = conversion.convert(
            source, file, plan, target, write_options=write_options, keep_extra=wanted.keep_extra
        )
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    stem = PurePath(upload.name.removesuffix(".gz")).stem or "converted"
    return Finished(file, f"{stem}{FORMATS[kind].extensions[0]}", kind, size, report)


def keep(upload: Upload, wanted: Wanted) -> tuple[str, dict[str, object]]:
    """Convert the whole file and keep the result like an upload. Returns its token and the report."""
    finished = run(upload, wanted)
    with closing(finished.file) as file:
        kept = uploads.save(file.read, finished.name)
    source = _source(upload)
    return kept.token, finished.report.as_dict(_plan(source, wanted), wanted.target())


def count(upload: Upload, wanted: Wanted) -> Report:
    """Go through the whole file without writing: what is lost and what is left out."""
    source = _source(upload)
    plan, target = _plan(source, wanted), wanted.target()
    run_ = conversion.Conversion(plan, target, _options(wanted))
    for _ in run_.rows(source):
        pass
    return run_.report


def rejects(upload: Upload, wanted: Wanted) -> Iterator[bytes]:
    """The rows that cannot be converted, because of themselves or of the target, one JSON object a line."""
    source = _source(upload)
    run_ = conversion.Conversion(_plan(source, wanted), wanted.target(), _options(wanted))
    return _rejects(run_, source)


def _rejects(run_: conversion.Conversion, source: Source) -> Iterator[bytes]:
    bad: list[BadRow] = []
    for _ in run_.rows(source, bad.append):
        yield from map(_reject, bad)
        bad.clear()
    yield from map(_reject, bad)


def _reject(bad: BadRow) -> bytes:
    return msgspec.json.encode({**conversion.bad_row_dict(bad), "raw": bad.raw}) + b"\n"


def _options(wanted: Wanted) -> LayoutOptions:
    return LayoutOptions(keep_extra=wanted.keep_extra or wanted.target().layout == "columns")

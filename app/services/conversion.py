"""Converting an uploaded file into another shape, without a dataset."""

import io
import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePath
from typing import IO

import msgspec

from app.core import conversion
from app.core.conversion import Conversion, ConvertOptions, Report
from app.core.errors import Invalid, TooLarge
from app.core.formats import FORMATS, BadRow, WriteOptions
from app.core.formats.base import shorten
from app.core.formats.jsonl import encode_line
from app.core.layouts import LAYOUTS, RowError
from app.core.reading import (
    Detected,
    bad_row_dict,
    raw_text,
    read_records,
    refuse_row,
    require_mapping,
    resolve_settings,
)
from app.services import bounded, uploads
from app.services.uploads import Upload

SHOWN = 5
CHUNK = 64 * 1024
# So long the losses of a conversion are counted; of more records than fit into it only the first.
COUNTED_SECONDS = 2.5
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
    ("jsonl:prompt-completion-text", "Prompt and completion as texts (JSONL)"),
    ("jsonl:preference", "Preference pairs (JSONL)"),
    ("jsonl:trl-preference", "Preference pairs for TRL (JSONL)"),
    ("json:llama-factory-preference", "Preference pairs for LLaMA-Factory (JSON)"),
    ("jsonl:swift", "MS-Swift (JSONL)"),
    ("jsonl:gemini", "Gemini (JSONL)"),
    ("jsonl:gemini-preference", "Preference pairs for Gemini (JSONL)"),
    ("jsonl:converse", "Amazon Nova (JSONL)"),
    ("jsonl:reference", "Prompts with a reference answer (JSONL)"),
    ("tsv:columns", "TSV"),
    ("xlsx:columns", "Excel workbook"),
    ("parquet:columns", "Parquet"),
    ("sqlite:columns", "SQLite database"),
)


@dataclass(slots=True)
class ConversionPreview:
    """What a file is and how its first records look, before and after. ``problem`` says why they cannot be read."""

    found: Detected
    settings: ConvertOptions
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    problem: str = ""


def preview(upload: Upload, options: ConvertOptions) -> ConversionPreview:
    """Detect an uploaded file and convert its first records. Raises what detection raises."""
    found = uploads.detect(upload, options)
    try:
        require_mapping(options, found)
        return uploads.look(upload, _make_preview, upload, options, found)
    except (Invalid, TooLarge) as error:
        return ConversionPreview(found, resolve_settings(options, found), problem=error.message)


def _make_preview(upload: Upload, options: ConvertOptions, found: Detected) -> ConversionPreview:
    result = ConversionPreview(found, resolve_settings(options, found))
    render, rendering = LAYOUTS[options.target.layout or "openai"].rows_of, options.rendering
    try:
        for item in islice(read_records(uploads.source_of(upload), result.settings), SHOWN * 4):
            if isinstance(item, BadRow):
                result.bad.append(item)
            elif len(result.after) < SHOWN:
                try:
                    shown = render(item[1], rendering)
                except RowError as error:
                    result.bad.append(refuse_row(item[0], error))
                    continue
                result.after.append(shorten("\n".join(msgspec.json.encode(row).decode() for row in shown)))
                result.before.append(shorten(raw_text(item[0]).rstrip("\r\n")))
    except (Invalid, TooLarge) as error:
        result.problem = error.message
    return result


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
        return pieces_of(self.file)


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a file in pieces; it is closed behind the last."""
    with closing(file):
        while part := file.read(CHUNK):
            yield part


def convert_file(upload: Upload, options: ConvertOptions) -> Finished:
    """Convert the whole file. Raises Invalid, TooLarge, DiskFull.

    It is finished before it is sent: what is wrong with the last row is a refusal, and no file that ends early.
    """
    settings, kind = _plan_conversion(upload, options), options.target.format or "jsonl"
    part = uploads.new_part()
    try:
        report = uploads.look(upload, _write_converted, part, upload, settings, whole=True)
        file = _take_part(part)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    stem = PurePath(upload.name.removesuffix(".gz")).stem or "converted"
    return Finished(file, f"{stem}{FORMATS[kind].extensions[0]}", kind, os.fstat(file.fileno()).st_size, report)


def _write_converted(part: Path, upload: Upload, options: ConvertOptions) -> Report:
    with io.BufferedRandom(uploads.ResultFile(part), uploads.CHUNK) as out:
        return conversion.convert(
            uploads.source_of(upload),
            out,
            options,
            options.target,
            write_options=WriteOptions(
                bom=options.bom, spreadsheet_safe=options.make_safe, title=PurePath(upload.name).stem
            ),
            keep_extra=options.keep_extra,
        )


def _take_part(part: Path) -> IO[bytes]:
    """A finished file, open; it is gone once it is closed."""
    file = part.open("rb")
    # Windows removes no open file: there it is swept.
    with suppress(PermissionError):
        part.unlink()
    return file


def _plan_conversion(upload: Upload, options: ConvertOptions) -> ConvertOptions:
    """The options with which the file can be read. Raises Invalid where somebody has to choose."""
    found = uploads.detect(upload, options)
    require_mapping(options, found)
    return resolve_settings(options, found)


def keep_converted(upload: Upload, options: ConvertOptions) -> tuple[str, dict[str, object]]:
    """Convert the whole file and keep the result like an upload. Returns its token and the report."""
    finished = convert_file(upload, options)
    with closing(finished.file) as file:
        kept = uploads.save(file.read, finished.name)
    found = uploads.detect(upload, options)
    return kept.token, finished.report.as_dict(resolve_settings(options, found), options.target, found.warnings)


@dataclass(frozen=True, slots=True)
class Losses:
    """What a conversion loses and leaves out. ``complete`` is False where only the first records were counted."""

    report: Report
    complete: bool


def count_losses(upload: Upload, options: ConvertOptions) -> Losses:
    """Go through the file without writing, as far as that takes no longer than a page may."""
    seconds = min(COUNTED_SECONDS, bounded.seconds_left() / 2)
    return uploads.look(upload, _count_losses, upload, _plan_conversion(upload, options), seconds)


def _count_losses(upload: Upload, options: ConvertOptions, seconds: float) -> Losses:
    run, deadline = Conversion(options, options.target, options.rendering), time.monotonic() + seconds
    for _ in run.rows(uploads.source_of(upload)):
        if time.monotonic() > deadline:
            return Losses(run.report, False)
    return Losses(run.report, True)


def save_rejects(upload: Upload, options: ConvertOptions) -> IO[bytes]:
    """The rows that cannot be converted, because of themselves or of the target, one JSON object a line, in a file."""
    part = uploads.new_part()
    try:
        uploads.look(upload, _write_rejects, part, upload, _plan_conversion(upload, options), whole=True)
        return _take_part(part)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _write_rejects(part: Path, upload: Upload, options: ConvertOptions) -> None:
    run = Conversion(options, options.target, options.rendering)
    with io.BufferedRandom(uploads.ResultFile(part), uploads.CHUNK) as out:
        rows = run.rows(
            uploads.source_of(upload), lambda bad: out.write(encode_line({**bad_row_dict(bad), "raw": bad.raw}))
        )
        deque(rows, maxlen=0)

"""Converting an uploaded file into another shape, without a dataset."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import PurePath
from typing import IO

import msgspec

from app.core import conversion
from app.core.conversion import Conversion, ConvertOptions, Report
from app.core.errors import Invalid
from app.core.formats import FORMATS, BadRow, WriteOptions
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
from app.services import uploads
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
    result = ConversionPreview(found, resolve_settings(options, found))
    render, rendering = LAYOUTS[options.target.layout or "openai"].rows_of, options.rendering
    try:
        require_mapping(options, found)
        for item in islice(read_records(uploads.source_of(upload), result.settings), SHOWN * 4):
            if isinstance(item, BadRow):
                result.bad.append(item)
            elif len(result.after) < SHOWN:
                try:
                    shown = render(item[1], rendering)
                except RowError as error:
                    result.bad.append(refuse_row(item[0], error))
                    continue
                result.after.append("\n".join(msgspec.json.encode(row).decode() for row in shown))
                result.before.append(raw_text(item[0]).rstrip("\r\n"))
    except Invalid as error:
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
        with closing(self.file) as file:
            while part := file.read(CHUNK):
                yield part


def convert_file(upload: Upload, options: ConvertOptions) -> Finished:
    """Convert the whole file. Raises Invalid, TooLarge."""
    settings, target = _plan_conversion(upload, options), options.target
    kind = target.format or "jsonl"
    file = tempfile.TemporaryFile()  # noqa: SIM115 (it lives until it was sent)
    write_options = WriteOptions(bom=options.bom, spreadsheet_safe=options.make_safe, title=PurePath(upload.name).stem)
    try:
        report = conversion.convert(
            uploads.source_of(upload),
            file,
            settings,
            target,
            write_options=write_options,
            keep_extra=options.keep_extra,
        )
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    stem = PurePath(upload.name.removesuffix(".gz")).stem or "converted"
    return Finished(file, f"{stem}{FORMATS[kind].extensions[0]}", kind, size, report)


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


def count_losses(upload: Upload, options: ConvertOptions) -> Report:
    """Go through the whole file without writing: what is lost and what is left out."""
    run = Conversion(_plan_conversion(upload, options), options.target, options.rendering)
    for _ in run.rows(uploads.source_of(upload)):
        pass
    return run.report


def stream_rejects(upload: Upload, options: ConvertOptions) -> Iterator[bytes]:
    """The rows that cannot be converted, because of themselves or of the target, one JSON object a line."""
    run = Conversion(_plan_conversion(upload, options), options.target, options.rendering)
    source = uploads.source_of(upload)

    def lines() -> Iterator[bytes]:
        bad: list[BadRow] = []
        for _ in chain(run.rows(source, bad.append), [None]):
            yield from (encode_line({**bad_row_dict(one), "raw": one.raw}) for one in bad)
            bad.clear()

    return lines()

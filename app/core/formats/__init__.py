"""Formats: bytes to rows and back. A new format is a new module and one line here."""

from dataclasses import replace
from pathlib import PurePath

from app.core.formats.base import BAD_ROW_TITLES, BadRow, Format, Part, ReadOptions, Row, Rows, WriteOptions
from app.core.formats.chats import CHATS
from app.core.formats.csv import CSV, TSV
from app.core.formats.detect import Detection, detect
from app.core.formats.json import JSON
from app.core.formats.jsonl import JSONL
from app.core.formats.limits import Limits
from app.core.formats.markdown import MARKDOWN
from app.core.formats.parquet import PARQUET
from app.core.formats.source import Source
from app.core.formats.sqlite import SQLITE
from app.core.formats.transcript import TRANSCRIPT
from app.core.formats.xlsx import XLSX

FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        *(CSV, TSV, JSONL, JSON, MARKDOWN, TRANSCRIPT, XLSX, PARQUET, SQLITE),
        *(chat.as_format() for chat in CHATS),
    )
}


def read(source: Source, detection: Detection, options: ReadOptions) -> Rows:
    """The rows of a file as detected, except where the options say otherwise."""
    chosen = replace(
        options,
        encoding=options.encoding or detection.encoding,
        delimiter=options.delimiter or detection.delimiter or None,
        header=detection.header if options.header is None and detection.delimiter else options.header,
        skip_lines=detection.skip_lines if options.skip_lines is None else options.skip_lines,
    )
    return FORMATS[detection.format].read(source, chosen)


def format_of_name(name: str) -> str | None:
    """The format that a file name promises, for files that are yet to be written."""
    suffix = PurePath(name.lower().removesuffix(".gz").removesuffix(".zst")).suffix
    return next((kind.name for kind in FORMATS.values() if suffix in kind.extensions), None)


__all__ = [
    "BAD_ROW_TITLES",
    "FORMATS",
    "BadRow",
    "Detection",
    "Format",
    "Limits",
    "Part",
    "ReadOptions",
    "Row",
    "Rows",
    "Source",
    "WriteOptions",
    "detect",
    "format_of_name",
    "read",
]

"""What kind of file this is, judged by its content; the name only breaks ties."""

import re
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from app.core.errors import Invalid, WrongKind
from app.core.formats import markdown, sqlite, transcript, xlsx
from app.core.formats.chats import describe_chat, recognise_chat
from app.core.formats.csv import column_names, preferred_delimiter
from app.core.formats.dialect import detect_dialect
from app.core.formats.encoding import detect_encoding, is_encoding
from app.core.formats.source import Source

_FOREIGN = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"(\xb5/\xfd", "a zstd file"),
    (b"{\\rtf", "a rich-text document"),
)
# Where a cell in quotation marks begins.
_OPENED = re.compile(r'(?:^|[,;\t|])"')
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
KINDS = "CSV, TSV, JSON, JSONL, Markdown, Excel, Parquet or SQLite"


@dataclass(frozen=True)
class Detection:
    """How a file will be read, with a reason for each choice and what a person should look at.

    ``sheet`` is the sheet or table, of ``sheets``, that is read by default.
    """

    format: str
    encoding: str = "utf-8"
    delimiter: str = ""
    header: bool = True
    header_sure: bool = True
    skip_lines: int = 0
    sheets: tuple[str, ...] = ()
    sheet: str = ""
    compression: str = ""
    reasons: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def detect(
    source: Source, *, encoding: str | None = None, who_answers: str | None = None, sheet: str | None = None
) -> Detection:
    """Look at the first megabyte. ``encoding`` overrides the detected one, ``who_answers`` in a chat is a name,
    ``sheet`` the table of a database that is read.

    Raises WrongKind, naming what it is, for a file of another kind, and Invalid for an empty one.
    """
    head = source.head
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise Invalid("The file is empty: it holds no records.", code="no_records")
    if head.startswith(sqlite.MAGIC):
        names, left_out = sqlite.table_names(source, sheet)
        said = f"It is read together with the log beside it, {source.log}." if source.log else ""
        is_where_it_was = source.path is not None and source.path.name == source.name
        if head[18:20] == sqlite.WITH_LOG and not is_where_it_was:
            said = "Its program writes into a log beside it (-wal) first. What stood there alone is not in this file."
        return Detection(
            "sqlite",
            sheets=tuple(names),
            sheet=sqlite.usual_table(names),
            compression=source.compression,
            warnings=(*((said,) if said else ()), *left_out),
        )
    if head.startswith(b"PAR1"):
        return Detection("parquet", compression=source.compression)
    if head.startswith((b"PK\x03\x04", _OLE)):
        names, usual = xlsx.sheet_names(source)
        return Detection("xlsx", sheets=tuple(names), sheet=usual, compression=source.compression)
    _refuse_foreign(head, source.name)
    return _detect_text(source, encoding, who_answers)


def _refuse_foreign(head: bytes, name: str) -> None:
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise WrongKind(f"This is {what}, not a data file. Use {KINDS}.", code="wrong_kind")
    start = head[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"version https://git-lfs"):
        raise WrongKind("This is a Git LFS pointer, not the data. Run git lfs pull and use the real file.", code="lfs")
    if start.startswith((b"<!doctype html", b"<html", b"<table", b"<meta", b"<?xml")):
        named = " Some shops call such files .xls." if name.lower().endswith((".xls", ".xlsx")) else ""
        raise WrongKind(f"This is a web page or XML, not a data file.{named} Open it in Excel and save it as .xlsx.")
    if name.lower().endswith((".parquet", ".pq")):
        raise WrongKind("This is not a Parquet file, although it is named so: it is text. Rename it to what it is.")
    if not head.startswith((b"\xff\xfe", b"\xfe\xff")) and _is_binary(head):
        raise WrongKind(f"This is a binary file of an unknown kind. Use {KINDS}.", code="wrong_kind")


def _is_binary(head: bytes) -> bool:
    sample = head[:8192]
    control = sum(sample.count(bytes([code])) for code in (*range(1, 9), *range(14, 27), *range(28, 32)))
    zeros = sample.count(0)
    utf16 = zeros and (sample[0::2].count(0) == 0 or sample[1::2].count(0) == 0)
    return control > len(sample) * 0.05 or (zeros > len(sample) * 0.01 and not utf16)


def _detect_text(source: Source, chosen: str | None, who_answers: str | None) -> Detection:
    found = detect_encoding(source.head, complete=source.complete)
    name = chosen or found.name
    reasons = {"encoding": "chosen" if chosen else found.reason}
    warnings = [found.warning] if found.warning and not chosen else []
    if not found.sure and not chosen:
        warnings.append(f"The encoding {name} is a guess. Look at the preview, and choose another if it reads wrong.")
    if not is_encoding(name):
        raise Invalid(f"There is no encoding {name!r}. Use for example utf-8, cp1252 or gb18030.")
    text = source.head.decode(name, "replace").lstrip("\ufeff")
    if source.passed_over:
        warnings.append(f"Only {source.name} of the archive is read; other files in it: {source.passed_over:,}.")
    if chat := recognise_chat(text):
        reasons["format"] = chat[1]
        reasons["who_answers"], more = describe_chat(chat[0], text, who_answers)
        return Detection(
            chat[0].name, name, compression=source.compression, reasons=reasons, warnings=(*warnings, *more)
        )
    kind, reasons["format"] = _json_kind(text, source)
    if kind:
        common = {"encoding": name, "compression": source.compression, "reasons": reasons}
        warnings += _repeated_keys(text) if kind == "jsonl" else []
        return Detection(kind, warnings=tuple(warnings), **common)  # type: ignore[arg-type]
    kind, reasons["format"], warning = _plain_kind(text)
    if kind:
        warnings += [warning] if warning else []
        return Detection(kind, name, compression=source.compression, reasons=reasons, warnings=tuple(warnings))
    return _detect_table(source, text, name, reasons, warnings)


def _plain_kind(text: str) -> tuple[str, str, str]:
    """The format of running text that has rows, with the reason and a warning; empty for any other text."""
    lines = text.splitlines()
    rule, outside = markdown.find_table(lines)
    if rule is not None and not _is_in_cell(lines[:rule]):
        warning = f"Text outside of tables is left out (lines: {outside:,})." if outside else ""
        return "markdown", "it has a table in Markdown", warning
    questions = markdown.find_questions(lines)
    if len(questions) > 1 and not _is_in_cell(lines[: questions[0]]):
        return "markdown", "its headings are questions", "Text that stands under no such heading is left out."
    found = transcript.find_speakers(lines)
    if found is None or _is_in_cell(lines[: found.start]):
        return "", "", ""
    warning = f"Text above the first speaker is left out (lines: {found.above:,})." if found.above else ""
    if {"question", "answer"}.isdisjoint(found.names.values()):
        warning = f"{warning} All turns are one conversation, until a line of --- or a system message begins another."
    return "transcript", f"its lines begin with who speaks, such as “{next(iter(found.names))}:”", warning.strip()


def _json_kind(text: str, source: Source) -> tuple[str, str]:
    start = text.lstrip()
    first, _, rest = start.partition("\n")
    if start[:1] == "[" and rest.lstrip()[:1] == "[" and _is_line_of_json(first, list):
        return "jsonl", "each line is a JSON list"
    if start[:1] == "[" and not _is_line_of_json(first, dict):
        return "json", "it begins with a list"
    if start[:1] != "{" and not source.name.lower().endswith((".jsonl", ".ndjson", ".json")):
        return "", ""
    lines = [line for line in start.split("\n") if line.strip()]
    if len(lines) > 1 and not source.complete:
        lines = lines[:-1]
    good = sum(_is_line_of_json(line, dict) for line in lines[:50])
    if good and (good * 2 >= min(len(lines), 50) or len(lines) == 1):
        if len(lines) == 1 and not _is_line_of_json(lines[0], dict):
            return "json", "it holds one object"
        if len(lines) == 1 and not source.name.lower().endswith((".jsonl", ".ndjson")):
            return "json", "it holds one object"
        return "jsonl", "each line is a JSON object"
    if not lines:
        return "", ""
    if (start[:1] == "{" and lines[0].strip() in ("{", "{}")) or not lines[0].rstrip().endswith(("}", "},")):
        return ("json", "it begins with an object") if start[:1] == "{" else ("jsonl", "its name says so")
    return "jsonl", "its lines begin like JSON objects"


def _is_line_of_json(line: str, kind: type) -> bool:
    try:
        return isinstance(msgspec.json.decode(line.strip()), kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False


def _repeated_keys(text: str) -> list[str]:
    """A warning for the first line, of the first thousand, in which a key stands twice."""
    import json

    repeated: list[str] = []

    def note_repeated(items: list[tuple[str, object]]) -> dict[str, object]:
        values = dict(items)
        if len(values) < len(items):
            counts = Counter(name for name, _ in items)
            repeated.extend(name for name in values if counts[name] > 1)
        return values

    for number, line in enumerate(text.split("\n")[:1000], 1):
        try:
            json.loads(line, object_pairs_hook=note_repeated)
        except (ValueError, RecursionError):
            continue
        if repeated:
            return [f"Line {number}: the key “{repeated[0]}” stands twice in one object; its last value is taken."]
    return []


def _is_in_cell(before: list[str]) -> bool:
    """Whether the line that follows stands in a cell of a table: a quotation mark is open."""
    return any(_OPENED.search(line) for line in before) and sum(line.count('"') for line in before) % 2 == 1


def _detect_table(source: Source, text: str, encoding: str, reasons: dict[str, str], warnings: list[str]) -> Detection:
    found = detect_dialect(text, complete=source.complete, preferred=preferred_delimiter(source.name))
    reasons["delimiter"] = found.reason
    reasons["format"] = f"it is a table with {found.columns} columns" if found.columns > 1 else "it is plain text lines"
    reasons["header"] = "the first row names the columns" if found.header else "the first row looks like data"
    if not found.header_sure:
        warnings.append("It is not sure whether the first row is a header. Look at the preview and choose.")
    warnings += _repeated_columns(text, found.delimiter, found.skip) if found.header else []
    return Detection(
        "tsv" if found.delimiter == "\t" else "csv",
        encoding,
        found.delimiter,
        found.header,
        found.header_sure,
        found.skip,
        compression=source.compression,
        reasons=reasons,
        warnings=tuple(warnings),
    )


def _repeated_columns(text: str, delimiter: str, skip: int) -> list[str]:
    import csv
    import io

    lines = text.splitlines(keepends=True)[skip : skip + 50]
    names = next(csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter), [])
    unique = column_names(names)
    repeated = [name for name, shown in zip(names, unique, strict=True) if name and name != shown and name in names]
    return (
        [f"The column name “{repeated[0].strip()}” appears twice; the second is called “{unique[-1]}”."]
        if repeated
        else []
    )

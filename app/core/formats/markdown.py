"""Tables in Markdown: ``| Question | Answer |`` over ``|---|---|``. Text around them is no row. Without a table,
headings that are questions, each with the text below it.

Source: the tables of GitHub Flavored Markdown (https://github.github.com/gfm/#tables-extension-). All tables of a file
are read, each by its own header.
"""

import json
import re
from collections.abc import Sequence

from app.core.errors import Invalid
from app.core.formats.base import BadRow, Format, ReadOptions, Row, Rows, shorten
from app.core.formats.csv import column_names
from app.core.formats.limits import too_long, too_many_rows
from app.core.formats.lines import decode_head, numbered_lines, row_of
from app.core.formats.source import Source
from app.core.text import plural

KIND = "This Markdown file"
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_HEADING = re.compile(r"#{1,6}\s+(?P<text>.*?(?P<asks>[?？؟])?[*_]*)\s*#*\s*")
_BAR = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"\s*<br\s*/?>\s*", re.IGNORECASE)


def read(source: Source, options: ReadOptions) -> Rows:
    """The rows of all tables, or of headings. Raises Invalid where there is none, and as ``numbered_lines`` does."""
    if find_table(decode_head(source, options).splitlines())[0] is None:
        yield from _rows_of_headings(source, options)
        return
    number, before = 0, ""
    names: list[str] = []
    for line_number, line in numbered_lines(source, options, KIND):
        if is_rule(before, line):
            names = column_names(cells_of(before))
        elif "|" not in line:
            names = []
        elif names:
            number += 1
            if number > options.limits.rows:
                raise too_many_rows(KIND, options.limits)
            cells = cells_of(line)
            if len(cells) > len(names):
                width = plural(len(names), "column")
                reason = f"Line {line_number} has {len(cells)} cells, but the table has {width}. "
                reason += "Write a bar inside a text as \\|."
                raw = json.dumps(
                    dict(zip(column_names([*names, *[""] * len(cells)]), cells, strict=False)), ensure_ascii=False
                )
                yield BadRow(number, line_number, "too_many_fields", reason, shorten(raw))
            else:
                padded = [*cells, *[""] * (len(names) - len(cells))]
                yield row_of(number, line_number, dict(zip(names, padded, strict=True)))
        before = line


def _rows_of_headings(source: Source, options: ReadOptions) -> Rows:
    number = start = size = 0
    question = ""
    said: list[str] = []
    for line_number, line in numbered_lines(source, options, KIND):
        heading = _HEADING.fullmatch(line)
        if heading is None and not question:
            continue
        if heading is None:
            said.append(line)
            size += len(line) + 1
            if size > options.limits.line_bytes:
                raise too_long(KIND, f"the text below line {start}", options.limits)
            continue
        if question:
            yield _pair(number, start, question, said)
        question, start = heading["text"].strip("*_ ") if heading["asks"] else "", line_number
        said.clear()
        size = 0
        number += bool(question)
        if number > options.limits.rows:
            raise too_many_rows(KIND, options.limits)
    if question:
        yield _pair(number, start, question, said)
    if not number:
        reason = "There is no table in this Markdown file (no line of dashes and bars), and no heading is a question."
        raise Invalid(reason, code="no_records")


def _pair(number: int, line: int, question: str, said: list[str]) -> Row | BadRow:
    return row_of(number, line, {"question": question, "answer": "\n".join(said).strip()})


def find_questions(lines: Sequence[str]) -> list[int]:
    """Which lines are headings that are questions."""
    return [place for place, line in enumerate(lines) if (match := _HEADING.fullmatch(line)) and match["asks"]]


def is_rule(before: str, line: str) -> bool:
    """Whether a line is the rule between the header ``before`` and the rows of a table of two or more columns."""
    if "|" not in line or "|" not in before or not _RULE.fullmatch(line):
        return False
    columns = len(cells_of(line))
    return columns > 1 and columns == len(cells_of(before))


def cells_of(line: str) -> list[str]:
    """The cells of a line of a table; ``<br>`` is a line break."""
    line = line.strip().removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [_BREAK.sub("\n", cell.strip().replace("\\|", "|")) for cell in _BAR.split(line)]


def find_table(lines: Sequence[str]) -> tuple[int | None, int]:
    """The line of the first rule of a table, and how many lines that say something stand outside of tables."""
    before, inside, outside = "", False, 0
    first = None
    for place, line in enumerate(lines):
        if is_rule(before, line):
            first = place if first is None else first
            inside = True
            outside -= 1
        elif not (inside and "|" in line):
            inside = False
            outside += bool(line.strip())
        before = line
    return first, outside


MARKDOWN = Format("markdown", "Markdown table", (".md", ".markdown"), read, None, "text/markdown; charset=utf-8")

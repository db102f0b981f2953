"""Tables in Markdown: ``| Question | Answer |`` over ``|---|---|``. Text around them is no row.

Source: the tables of GitHub Flavored Markdown (https://github.github.com/gfm/#tables-extension-). All tables of a file
are read, each by its own header.
"""

import re

import msgspec

from app.core.errors import Invalid
from app.core.formats.base import BadRow, Format, ReadOptions, Row, Rows
from app.core.formats.csv import column_names
from app.core.formats.limits import too_many_rows
from app.core.formats.lines import numbered_lines
from app.core.formats.source import Source

KIND = "This Markdown file"
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_BAR = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"\s*<br\s*/?>\s*", re.IGNORECASE)


def read(source: Source, options: ReadOptions) -> Rows:
    """The rows of all tables. Raises Invalid where there is none, and as ``numbered_lines`` does."""
    number, before, found = 0, "", False
    names: list[str] = []
    for line_number, line in numbered_lines(source, options, KIND):
        if is_rule(before, line):
            names, found = column_names(cells_of(before)), True
        elif "|" not in line:
            names = []
        elif names:
            number += 1
            if number > options.limits.rows:
                raise too_many_rows(KIND, options.limits)
            cells = cells_of(line)
            if len(cells) > len(names):
                reason = f"Line {line_number} has {len(cells)} cells, but the table has {len(names)} columns. "
                reason += "Write a bar inside a text as \\|."
                raw = msgspec.json.encode(dict(zip(column_names([*names, *[""] * len(cells)]), cells, strict=False)))
                yield BadRow(number, line_number, "too_many_fields", reason, raw.decode())
            else:
                padded = [*cells, *[""] * (len(names) - len(cells))]
                yield Row(number, line_number, dict(zip(names, padded, strict=True)))
        before = line
    if not found:
        raise Invalid("There is no table in this Markdown file: no line of dashes and bars.", code="no_records")


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


def find_table(text: str) -> tuple[bool, int]:
    """Whether the start of a text has a table, and how many of its lines that say something stand outside of one."""
    before, inside, found, outside = "", False, False, 0
    for line in text.splitlines():
        if is_rule(before, line):
            inside = found = True
            outside -= 1
        elif not (inside and "|" in line):
            inside = False
            outside += bool(line.strip())
        before = line
    return found, outside


MARKDOWN = Format("markdown", "Markdown table", (".md", ".markdown"), read, None, "text/markdown; charset=utf-8")

"""Which delimiter a table of text uses, where its header stands, and whether it has one."""

import csv
import io
from collections import Counter
from dataclasses import dataclass

from app.core.names import HEADER_WORDS

DELIMITERS = (",", ";", "\t", "|")
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SAMPLE_ROWS = 200


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table of text is written. ``skip`` is the number of lines above the header (or the first row)."""

    delimiter: str
    skip: int
    header: bool
    header_sure: bool
    columns: int
    reason: str


def detect_dialect(text: str, *, complete: bool, preferred: str = "") -> Dialect:
    """The dialect of a sample of a file. ``preferred`` breaks ties, by the file's extension."""
    if not complete:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    line = text.split("\n", 1)[0].rstrip("\r")
    said = line[4] if len(line) == 5 and line.lower().startswith("sep=") else ""
    if said:
        delimiter, reason = said, f"its first line says so (sep={said})"
    else:
        delimiter, reason = _choose_delimiter(text, preferred)
    rows = _parse_rows(text, delimiter, strict=False) or []
    skip_rows = 1 if said else 0
    widths = Counter(len(fields) for _, fields in rows[skip_rows:])
    width = max(widths, key=lambda one: (widths[one], one), default=1)
    skip_rows += _count_titles(rows[skip_rows:], width)
    body = [fields for _, fields in rows[skip_rows:]]
    header, sure = _has_header(body)
    first_line = rows[skip_rows][0] if skip_rows < len(rows) else 1
    return Dialect(delimiter, first_line - 1, header, sure, width, reason)


def _choose_delimiter(text: str, preferred: str) -> tuple[str, str]:
    scores = {delimiter: _score_delimiter(text, delimiter) for delimiter in DELIMITERS}
    if preferred:
        scores[preferred] *= 1.2
    best = max(scores, key=lambda delimiter: scores[delimiter])
    if scores[best] <= 0:
        return preferred or ",", "the file has one column"
    return best, f"the {NAMES[best]} splits the rows evenly"


def _score_delimiter(text: str, delimiter: str) -> float:
    """How evenly a delimiter splits the rows: the share of rows with the usual width, more for wider tables.

    A strict parse is tried first: a delimiter that leaves text behind closing quotes is hardly the right one.
    """
    rows = _parse_rows(text, delimiter, strict=True)
    penalty = 1.0
    if rows is None:
        rows, penalty = _parse_rows(text, delimiter, strict=False) or [], 0.6
    widths = Counter(len(fields) for _, fields in rows)
    if not widths:
        return 0.0
    width, number = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
    if width < 2:
        return 0.0
    share = number / sum(widths.values())
    if share < 0.5 or (delimiter != "\t" and share < 0.8 and width > 2 and number < 3):
        return 0.0
    return penalty * share * share * (1 + 0.05 * min(width, 10))


def _parse_rows(text: str, delimiter: str, *, strict: bool) -> list[tuple[int, list[str]]] | None:
    """The first rows with the 1-based line each starts on; None where a strict parse fails."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    rows: list[tuple[int, list[str]]] = []
    try:
        while len(rows) < _SAMPLE_ROWS:
            line = reader.line_num + 1
            fields = next(reader)
            if fields:
                rows.append((line, fields))
    except StopIteration:
        pass
    except csv.Error as error:
        if strict and "unexpected end of data" not in str(error):
            return None
    return rows


def _count_titles(rows: list[tuple[int, list[str]]], width: int) -> int:
    """How many rows of title or remark stand above the table: narrower than it, or with one filled cell only."""
    if width < 2:
        return 0
    for skipped, (_, fields) in enumerate(rows[:20]):
        filled = sum(bool(cell.strip()) for cell in fields)
        if len(fields) > width or (len(fields) == width and filled > 1):
            return skipped
    return 0


def _has_header(rows: list[list[str]]) -> tuple[bool, bool]:
    """Whether the first row names the columns, and whether that is sure."""
    if not rows:
        return True, True
    first = [plain_cell(cell) for cell in rows[0]]
    if any(cell in HEADER_WORDS for cell in first):
        return True, True
    if any(len(cell) > 60 or cell.endswith(("?", "？", ".", "。", "؟")) for cell in first):
        return False, False
    named = [cell for cell in first if cell]
    numeric = any(cell.replace(".", "", 1).replace("-", "", 1).isdigit() for cell in named)
    if not named or numeric or len(set(named)) < len(named):
        return False, False
    words = [cell.replace("-", "_").split("_") for cell in first]
    if any(len(cell) <= 4 and HEADER_WORDS.intersection(cell) for cell in words):
        return True, True
    lengths = sorted(sum(map(len, row)) for row in rows[1:] if row)
    shorter = bool(lengths) and sum(map(len, rows[0])) * 2 < lengths[len(lengths) // 2]
    return shorter or _sentences_below(rows), False


def _sentences_below(rows: list[list[str]]) -> bool:
    """Whether some column holds questions or sentences in most rows, but not in the first."""
    ends = ("?", "？", "؟", ".", "。", "!")
    for place, name in enumerate(rows[0]):
        cells = [row[place].strip() for row in rows[1:] if place < len(row)]
        if cells and not name.strip().endswith(ends) and sum(cell.endswith(ends) for cell in cells) * 2 > len(cells):
            return True
    return False


def plain_cell(name: str) -> str:
    """A cell as it is compared with names: no byte-order mark, no blanks at the ends, lower case."""
    return " ".join(name.replace("\ufeff", "").split()).lower().replace(" ", "_")

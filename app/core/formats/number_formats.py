"""How the cells of a workbook are shown: their number formats (.xlsx, .xlsm) or their shown texts (.ods).

calamine gives values alone, an error like a text that reads so, and leaves U+FFFE and U+FFFF in the escape of ECMA-376
22.9.2.19 (``_xFFFE_``), which a text may read like as well. This module runs in the process of ``workbook.py``, so it
imports nothing of this project.
"""

import posixpath
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from xml.parsers import expat

# A number and its format, an error with None, or a text that is shown as it is.
Cell = tuple[float, str] | tuple[str, None] | str
T = TypeVar("T")
Cells = Iterator[tuple[int, dict[int, Cell]]]
# A row, how often it is repeated, and its cells.
_Done = tuple[int, int, dict[int, Cell]]

_ISO, _TIME = "yyyy-mm-dd", "hh:mm"
# What a number of ECMA-376 18.8.30 stands for where a file does not say. Dates and currencies that a program writes as
# its user's system does are ISO dates and bare numbers; 27 to 36 and 50 to 58 are such dates of East Asia.
_BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "#,##0", 6: "#,##0", 7: "#,##0.00", 8: "#,##0.00",
    9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
    14: _ISO, 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 22: f"{_ISO} {_TIME}",
    18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
    37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)",
    41: "#,##0", 42: "#,##0", 43: "#,##0.00", 44: "#,##0.00", 48: "##0.0E+0",
    **dict.fromkeys((27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), _ISO),
    **dict.fromkeys((32, 33, 34, 35, 55, 56), _TIME),
}  # fmt: skip
# What a cell is where it is no number with a format.
_ERROR, _SHARED, _TEXT = "\0error", "\0shared", "\0text"
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_UNREAD_ESCAPE = re.compile(r"_x[Ff]{3}[EeFf]_")
# What in the XML of a sheet or of its texts must be looked at. To look for it is far quicker than to read the sheet.
_SPECIAL = re.compile(rb"""t=["']e["']|_x[Ff]{3}[EeFf]_""")
_REFERENCE = re.compile(r"([A-Z]+)(\d*)")
_PART = 1 << 16
# More columns than any table that is taken has: a cell of .ods may say that it is repeated to the end of the sheet.
_REPEATED = 1024


class Formats:
    """The number formats of a workbook; of one that is neither .xlsx nor .ods there are none."""

    def __init__(self, path: Path) -> None:
        self.since_1904 = False
        self._archive: zipfile.ZipFile | None = None
        self._parts: dict[str, str] = {}
        self._codes: list[str] = []
        self._texts = ""
        self._shared: dict[int, str] | None = None
        with path.open("rb") as file:
            # An old .xls may hold an archive somewhere inside, and is none.
            if file.read(4) != b"PK\x03\x04":
                return
        if not zipfile.is_zipfile(path):
            return
        archive = zipfile.ZipFile(path)
        # What this reader does not understand is read without its formats.
        with suppress(KeyError, ElementTree.ParseError, ValueError):
            if "content.xml" not in archive.namelist():
                self._open_xlsx(archive)
            self._archive = archive

    @property
    def tells_errors(self) -> bool:
        """Whether an error is told from a text that reads like one."""
        return bool(self._parts)

    def cells(self, sheet: str, *, shown: bool) -> Cells:
        """The cells of a sheet that are no plain texts, by row and column from 0 on; without ``shown`` no numbers."""
        if self._archive is None:
            return iter(())
        if sheet not in self._parts:
            return _ods_cells(self._archive, sheet) if shown and not self._parts else iter(())
        part = self._parts[sheet]
        codes = self._codes if shown else []
        if self._shared is None:
            is_odd = self._texts and _has_special(self._archive, self._texts)
            self._shared = dict(_odd_texts(self._archive, self._texts)) if is_odd else {}
        if not any(codes) and not self._shared and not _has_special(self._archive, part):
            return iter(())
        return _xlsx_cells(self._archive, part, codes, self._shared)

    def _open_xlsx(self, archive: zipfile.ZipFile) -> None:
        [main] = [target for kind, target in _relations(archive, "").values() if kind == "officeDocument"]
        book = ElementTree.fromstring(archive.read(main))
        relations = _relations(archive, main)
        for element in book.iter():
            name = _local(element.tag)
            if name == "sheet":
                reference = next(value for key, value in element.items() if key.startswith("{") and _local(key) == "id")
                self._parts[element.get("name", "")] = relations[reference][1]
            elif name == "workbookPr":
                self.since_1904 = element.get("date1904") in ("1", "true")
        for kind, target in relations.values():
            if kind == "sharedStrings":
                self._texts = target
            elif kind == "styles":
                self._codes = _codes(ElementTree.fromstring(archive.read(target)))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _relations(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """What a part of an .xlsx refers to: the kind and the path of each, by id."""
    folder, name = posixpath.split(part)
    root = ElementTree.fromstring(archive.read(posixpath.join(folder, "_rels", f"{name}.rels")))
    return {
        one.get("Id", ""): (
            one.get("Type", "").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, one.get("Target", "")))[1:],
        )
        for one in root
    }


def _codes(styles: ElementTree.Element) -> list[str]:
    """The number format of each cell style; none where it shows the number as it is."""
    own: dict[int, str] = {}
    codes: list[str] = []
    for group in styles:
        if _local(group.tag) == "numFmts":
            own = {int(one.get("numFmtId", 0)): one.get("formatCode", "") for one in group}
        elif _local(group.tag) == "cellXfs":
            numbers = [int(one.get("numFmtId", 0)) for one in group]
            codes = [own.get(number, _BUILT_IN.get(number, "")) for number in numbers]
    return ["" if code.lower() in ("general", "@") else code for code in codes]


def _has_special(archive: zipfile.ZipFile, part: str) -> bool:
    """Whether a sheet, or the texts of all sheets, may hold an error or an escape that calamine leaves as it is."""
    before = b""
    with archive.open(part) as file:
        while data := file.read(_PART):
            if _SPECIAL.search(before + data):
                return True
            before = data[-8:]
    return False


def _odd_texts(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[int, str]]:
    """The shared texts with an escape that calamine leaves as it is, by their number."""
    done: list[tuple[int, str]] = []
    number, phonetic, is_text = -1, 0, False
    text = ""

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal number, phonetic, is_text, text
        name = tag.rpartition(":")[2]
        if name == "si":
            number, text = number + 1, ""
        phonetic += name == "rPh"
        is_text = name == "t" and not phonetic

    def add(piece: str) -> None:
        nonlocal text
        if is_text:
            text += piece

    def end(tag: str) -> None:
        nonlocal phonetic, is_text
        name = tag.rpartition(":")[2]
        is_text = False
        phonetic -= name == "rPh"
        if name == "si" and _UNREAD_ESCAPE.search(text):
            done.append((number, _unescape(text)))

    parser = _parser()
    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = start, add, end
    yield from _parsed(archive, part, parser, done)


def _unescape(text: str) -> str:
    """A text with the characters that its escapes stand for; halves of characters stay escaped."""

    def character(match: re.Match[str]) -> str:
        code = int(match[1], 16)
        return match[0] if 0xD800 <= code < 0xE000 else chr(code)

    return _ESCAPE.sub(character, text)


def _xlsx_cells(archive: zipfile.ZipFile, part: str, codes: list[str], shared: dict[int, str]) -> Cells:
    done: list[_Done] = []
    row, column, kind, code, text = -1, -1, "", "", ""
    cells: dict[int, Cell] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, kind, code, text, cells
        name = tag.rpartition(":")[2]
        if name == "c":
            reference = _REFERENCE.match(attributes.get("r", ""))
            column = _column(reference[1]) if reference else column + 1
            kind, style = attributes.get("t", "n"), int(attributes.get("s", 0))
            text = ""
            code = {"e": _ERROR, "s": _SHARED if shared else "", "inlineStr": _TEXT, "str": _TEXT}.get(kind, "")
            if kind == "n" and style < len(codes):
                code = codes[style]
        elif code and name == ("t" if kind == "inlineStr" else "v"):
            parser.CharacterDataHandler, parser.EndElementHandler = add, end
        elif name == "row":
            if cells:
                done.append((row, 1, cells))
            row, column, cells = int(attributes.get("r", row + 2)) - 1, -1, {}

    def add(piece: str) -> None:
        nonlocal text
        text += piece

    def end(tag: str) -> None:
        parser.CharacterDataHandler = parser.EndElementHandler = None
        if code == _TEXT:
            if _UNREAD_ESCAPE.search(text):
                cells[column] = _unescape(text)
        elif code == _ERROR:
            cells[column] = (text, None)
        else:
            with suppress(ValueError, KeyError):
                cells[column] = shared[int(text)] if code == _SHARED else (float(text), code)

    parser = _parser()
    parser.StartElementHandler = start
    for first, number, found in _parsed(archive, part, parser, done):
        yield from ((first + place, found) for place in range(number))
    if cells:
        yield row, cells


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _ods_cells(archive: zipfile.ZipFile, sheet: str) -> Cells:
    done: list[_Done] = []
    row, column, is_here, notes = -1, 0, False, 0
    repeated, width, is_value = 1, 1, False
    cells: dict[int, Cell] = {}
    texts: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, is_here, notes, repeated, width, is_value, cells
        if tag == "table:table":
            is_here = attributes.get("table:name") == sheet
            row = -1
        elif not is_here:
            return
        elif tag == "table:table-row":
            row, column, cells = row + 1, 0, {}
            repeated = int(attributes.get("table:number-rows-repeated", 1))
        elif tag in ("table:table-cell", "table:covered-table-cell"):
            width = int(attributes.get("table:number-columns-repeated", 1))
            is_value = attributes.get("office:value-type", "string") != "string"
            texts.clear()
        elif tag == "office:annotation":
            notes += 1
        elif tag == "text:p" and not notes:
            texts.append("")

    def add(piece: str) -> None:
        if is_here and is_value and not notes and texts:
            texts[-1] += piece

    def end(tag: str) -> None:
        nonlocal row, column, notes, is_here
        if not is_here:
            return
        if tag in ("table:table-cell", "table:covered-table-cell"):
            if is_value and texts:
                cells.update(dict.fromkeys(range(column, column + min(width, _REPEATED)), "\n".join(texts)))
            column += width
        elif tag == "table:table-row":
            if cells:
                done.append((row, repeated, cells))
            row += repeated - 1
        elif tag == "office:annotation":
            notes -= 1
        elif tag == "table:table":
            is_here = False

    parser = _parser()
    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = start, add, end
    for first, number, found in _parsed(archive, "content.xml", parser, done):
        yield from ((first + place, found) for place in range(number))


def _parser() -> Any:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    return parser


def _parsed(archive: zipfile.ZipFile, part: str, parser: Any, done: list[T]) -> Iterator[T]:
    """What the handlers of a parser put into ``done``, part by part. A sheet that breaks off is left to calamine."""
    with archive.open(part) as file, suppress(expat.ExpatError, ValueError):
        data = b" "
        while data:
            data = file.read(_PART)
            parser.Parse(data, not data)
            yield from done
            done.clear()

"""Workbooks as people have them, and those that are made to harm."""

import datetime
import io
import re
import time
import zipfile

import pytest
import xlsxwriter

from app.core.errors import TooLarge, WrongKind
from app.core.formats import Limits, ReadOptions, Row, Source, WriteOptions, detect, read
from app.core.formats.number_formats import Formats
from app.core.formats.xlsx import XLSX

PAIRS = (("question", "answer"), ("How?", "So."), ("Why?", "Because."))


def book(*sheets):
    """A workbook of sheets; each is its rows, and may say more about itself in a dictionary before them."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as made:
        for first, *rows in sheets:
            sheet = made.add_worksheet()
            if first == "hidden":
                sheet.hide()
            else:
                sheet.activate()
            for number, row in enumerate(rows if first == "hidden" else (first, *rows)):
                sheet.write_row(number, 0, row)
    return out.getvalue()


def rows_of(data, limits=None, name="x.xlsx", **options):
    source = Source.of_bytes(data, name=name, limits=limits)
    return [one.values for one in read(source, detect(source), ReadOptions(**options)) if isinstance(one, Row)]


def test_a_cell_far_away_ends_neither_the_program_nor_its_patience():
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, PAIRS[0])
        sheet.write_string(1_048_575, 16_383, "far away")
    began = time.monotonic()
    with pytest.raises(TooLarge, match=r"workbook.*far away.*1,024 MB.*LTT_MAX_WORKBOOK_MB"):
        rows_of(out.getvalue())
    assert time.monotonic() - began < 60


def test_the_memory_limit_is_what_was_set():
    rows = [("question", "answer"), *((f"{n} {'long' * 2000}", f"{n} {'text' * 2000}") for n in range(2000))]
    data = book(rows)
    assert len(rows_of(data)) == 2000
    with pytest.raises(TooLarge, match="32 MB"):
        rows_of(data, Limits(workbook_bytes=32 * 1024 * 1024))


def test_hidden_sheets_are_not_offered_and_empty_ones_passed_over():
    data = book(("hidden", ("secret", "list"), ("a", "b")), ((),), PAIRS)
    source = Source.of_bytes(data, name="x.xlsx")
    assert (detect(source).sheets, detect(source).sheet) == (("Sheet2", "Sheet3"), "Sheet3")
    assert [row["question"] for row in rows_of(data)] == ["How?", "Why?"]
    [hidden] = read(source, detect(source), ReadOptions(sheet="Sheet1"))
    assert hidden.values == {"secret": "a", "list": "b"}


def test_a_damaged_workbook_is_refused():
    with pytest.raises(WrongKind, match="damaged"):
        rows_of(book(PAIRS)[:-200])


def formatted(*numbers, cells="shown", **settings):
    """The answers of a workbook whose answers are numbers with a number format."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, settings) as made:
        sheet = made.add_worksheet()
        sheet.write_row(2, 1, ("question", "answer"))
        for number, (value, code) in enumerate(numbers, 3):
            sheet.write_string(number, 1, f"Question {number}?")
            sheet.write(number, 2, value, made.add_format({"num_format": code}))
    source = Source.of_bytes(out.getvalue(), name="x.xlsx")
    return [row.values["answer"] for row in read(source, detect(source), ReadOptions(cells=cells))]


CELLS = (
    (0.25, "0%"), (42, "0000"), (45352.5, "dd.mm.yyyy"), (1234.5, "#,##0.00 [$€-407]"), (1.25, "# ?/?"), (45352, 14), (0.5, 20),
    (7.000000000000001, "General"),
)  # fmt: skip


def test_numbers_are_read_as_the_sheet_shows_them():
    assert formatted(*CELLS) == [
        "25%", "0042", "01.03.2024", "1,234.50 €", "1 1/4", "2024-03-01", "12:00", "7",
    ]  # fmt: skip


def test_numbers_are_read_as_they_are_stored_where_that_is_chosen():
    assert formatted(*CELLS, cells="stored") == [
        "0.25", "42", "2024-03-01 12:00:00", "1234.5", "1.25", "2024-03-01", "12:00:00", "7.000000000000001",
    ]  # fmt: skip


def test_dates_are_counted_from_1904_where_the_workbook_says_so():
    day = datetime.date(2024, 3, 1)
    assert formatted((day, "dd.mm.yyyy"), date_1904=True) == ["01.03.2024"]


@pytest.mark.parametrize("cells", ["shown", "stored"])
def test_an_error_is_named_as_what_it_is(cells):
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, PAIRS[0])
        sheet.write_row(1, 0, PAIRS[1])
        sheet.write_string(2, 0, "Lookup?")
        sheet.write_formula(2, 1, "=NA()", None, "#N/A")
    source = Source.of_bytes(out.getvalue(), name="x.xlsx")
    good, bad = read(source, detect(source), ReadOptions(cells=cells))
    assert good.values == dict(zip(*PAIRS[:2], strict=True))
    assert (bad.code, bad.line) == ("error_value", 3) and "#N/A" in bad.reason


ODS = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">
<office:body><office:spreadsheet><table:table table:name="Sheet1">
<table:table-row><table:table-cell office:value-type="string"><text:p>question</text:p></table:table-cell>
<table:table-cell office:value-type="string"><text:p>answer</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="2"><table:table-cell office:value-type="string"><text:p>Which share?</text:p>
</table:table-cell><table:table-cell office:value-type="percentage" office:value="0.25"><office:annotation><text:p>a note</text:p>
</office:annotation><text:p>25,00 %</text:p></table:table-cell></table:table-row>
<table:table-row><table:table-cell office:value-type="string"><text:p>Since when?</text:p></table:table-cell>
<table:table-cell office:value-type="date" office:date-value="2024-03-01"><text:p>01.03.24</text:p></table:table-cell></table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>"""


def test_a_sheet_of_libreoffice_is_read_as_it_is_shown():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", ODS.replace("\n", ""))
    assert [row["answer"] for row in rows_of(out.getvalue(), name="x.ods")] == ["25,00 %", "25,00 %", "01.03.24"]


def test_an_archive_inside_an_old_workbook_is_not_taken_for_the_workbook(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
        archive.writestr("_rels/.rels", f'<R><Relationship Id="r1" Type="{kind}" Target="theme/manager.xml"/></R>')
        archive.writestr("theme/manager.xml", "<themeManager/>")
        archive.writestr("theme/_rels/manager.xml.rels", "<R/>")
    path = tmp_path / "old.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + inner.getvalue())
    assert list(Formats(path).cells("Sheet1", shown=True)) == []


TORTURE = [
    *(f"a{chr(code)}b" for code in (*range(1, 32), 0x7F, 0x85, 0xA0, 0xAD, 0xFFFD, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF)),
    *("\ufffe", "_xFFFE_", "_xffff_ \uffff", "_x005F_xFFFE_", "_x005F_x005F_xFFFE_", "_x005F_", "__xFFFE__", "_xFFFE_xFFFF_"),
    *("_x0041_", "_x005F_x0041_", "_x0000_", "_xD83D_", "_xD83D__xDE00_", "_x000D_", "_x000d_\r", "_x", "_x00", "_xZZZZ_"),
    *("=1+1", "+1", "-x", "@a", "'a", "''a", "#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "#GETTING_DATA"),
    *("TRUE", "false", "1e5", "007", "1.0", "2024-01-01", "12:30", "1/2", "10%", "5 €", "NaN", "inf", "=", "'"),
    *("a\r\nb", "a\rb", "a\nb", "\na", "a\n\n", " lead", "trail ", "\ttab\t", "\u2028", "\u3000a\u3000", "\ufeffa"),
    *("<r>bold</r>", "<r><t>x</t></r>", "<t>", "</t>", "&amp;", "&#10;", "]]>", "<![CDATA[x]]>", "http://example.org", "mailto:a@b.c"),
    *("👩‍💻 e\u0301 \u202eא", "x" * 32_767, "ä" * 32_767, "😀" * 16_383, "_" * 32_767),
]  # fmt: skip


def workbook_of(texts):
    out = io.BytesIO()
    assert XLSX.write(
        ({"question": f"How {n}?", "answer": text} for n, text in enumerate(texts)), out, WriteOptions()
    ) == len(texts)
    return out.getvalue()


def by_shared_texts(data):
    """The same workbook as a spreadsheet program writes it: with its texts in a part of their own."""
    texts = []

    def share(match):
        texts.append(match[1])
        return f' t="s"><v>{len(texts) - 1}</v></c>'

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = re.sub(
        r' t="inlineStr"><is>(<t.*?</t>)</is></c>', share, parts["xl/worksheets/sheet1.xml"], flags=re.DOTALL
    )
    namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    parts["xl/sharedStrings.xml"] = (
        f'<sst xmlns="{namespace}">' + "".join(f"<si>{one}</si>" for one in texts) + "</sst>"
    )
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    relation = f'<Relationship Id="rId99" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace("</Relationships>", relation)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace("</Types>", override)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return out.getvalue()


@pytest.mark.parametrize("cells", ["shown", "stored"])
@pytest.mark.parametrize("kind", ["own", "shared"])
def test_every_text_comes_back_as_it_was(cells, kind):
    data = workbook_of(TORTURE)
    found = rows_of(data if kind == "own" else by_shared_texts(data), cells=cells)
    assert [row["answer"] for row in found] == TORTURE


def test_names_of_columns_come_back_as_they_were():
    names = ("question", "_x0041_", "\ufffe", "#N/A", "<r>x</r>", "a\rb")
    out = io.BytesIO()
    XLSX.write([dict.fromkeys(names, "x")], out, WriteOptions())
    [row] = rows_of(out.getvalue(), header=True)
    assert tuple(row) == names


def test_another_reader_finds_the_same_texts():
    openpyxl = pytest.importorskip("openpyxl")
    from openpyxl.utils.escape import unescape

    half = re.compile("_x[Dd][89A-Fa-f]")
    [sheet] = openpyxl.load_workbook(io.BytesIO(workbook_of(TORTURE))).worksheets
    found = [row[1].value for row in list(sheet.iter_rows())[1:]]
    assert {row[1].data_type for row in sheet.iter_rows()} == {"s"}
    for said, text in zip(found, TORTURE, strict=True):
        assert half.search(text) or unescape(said) == text


def test_an_error_is_a_bad_row_and_a_text_that_reads_like_one_is_a_text():
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        for number, name in enumerate(("question", "answer")):
            sheet.write(0, number, name)
        for number in (1, 2, 3):
            sheet.write_string(number, 0, f"How {number}?")
        sheet.write_string(1, 1, "#N/A")
        sheet.write_formula(2, 1, "=NA()", None, "#N/A")
        sheet.write_formula(3, 1, '="#N/"&"A"', None, "#N/A\u2060")
    good, bad, last = list(XLSX.read(Source.of_bytes(out.getvalue()), ReadOptions()))
    assert good.values["answer"] == "#N/A" and bad.code == "error_value" and last.values["answer"] == "#N/A\u2060"


def test_an_error_in_the_first_row_of_a_sheet_without_names_is_a_bad_row():
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ("How?", "x"))
        sheet.write_formula(0, 1, "=NA()", None, "#N/A")
        sheet.write_row(1, 0, ("Why?", "So."))
    bad, good = list(XLSX.read(Source.of_bytes(out.getvalue()), ReadOptions(header=False)))
    assert bad.code == "error_value" and list(good.values.values()) == ["Why?", "So."]


@pytest.mark.parametrize("text", ["x" * 32_768, "😀" * 16_384, "ä" + "😀" * 16_384])
def test_a_text_that_a_cell_cannot_hold_is_refused_before_it_is_cut(text):
    with pytest.raises(TooLarge, match="32,767"):
        workbook_of([text])


def test_a_workbook_does_not_say_when_it_was_made() -> None:
    out = io.BytesIO()
    XLSX.write([{"question": "q", "answer": "a"}], out, WriteOptions(columns=("question", "answer")))
    facts = zipfile.ZipFile(out).read("docProps/core.xml").decode()
    assert set(re.findall(r"\d{4}-\d\d-\d\dT", facts)) == {"2000-01-01T"}

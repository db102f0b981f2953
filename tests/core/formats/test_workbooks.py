"""Workbooks as people have them, and those that are made to harm."""

import io
import time

import pytest
import xlsxwriter

from app.core.errors import TooLarge, WrongKind
from app.core.formats import Limits, ReadOptions, Row, Source, detect, read

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


def rows_of(data, limits=None):
    source = Source.of_bytes(data, name="x.xlsx", limits=limits)
    return [one.values for one in read(source, detect(source), ReadOptions()) if isinstance(one, Row)]


def test_a_cell_far_away_ends_neither_the_program_nor_its_patience():
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as made:
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, PAIRS[0])
        sheet.write_string(1_048_575, 16_383, "far away")
    began = time.monotonic()
    with pytest.raises(TooLarge, match=r"workbook.*far away.*1,024 MB.*LTT_MAX_WORKBOOK_MB"):
        rows_of(out.getvalue())
    assert time.monotonic() - began < 10


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

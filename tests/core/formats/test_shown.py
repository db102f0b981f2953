"""Numbers by their number formats, as a spreadsheet program shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.formats.shown import show

DAY = 45352  # 1 March 2024
NUMBERS = [
    (0.25, "0%", "25%"),
    (0.125, "0.0 %", "12.5 %"),
    (-0.5, "0%", "-50%"),
    (42, "0000", "0042"),
    (7.1, "0.00", "7.10"),
    (2.675, "0.00", "2.68"),
    (1234567.891, "#,##0.00", "1,234,567.89"),
    (100, "#,##0", "100"),
    (5, "0,000", "0,005"),
    (0.5, "#.00", ".50"),
    (12.5, ".00", "12.50"),
    (5, "0.##", "5."),
    (5.5, "0.0#", "5.5"),
    (0, "#", ""),
    (-5, "#,##0;(#,##0)", "(5)"),
    (-3, "#,##0.00;[Red]-#,##0.00", "-3.00"),
    (0, '0;-0;"none"', "none"),
    (5, ";;;", ""),
    (150, "[>=100]0;0.0", "150"),
    (50, "[>=100]0;0.0", "50.0"),
    (1_500_000, '0.0,,"M"', "1.5M"),
    (5, '0" pcs"', "5 pcs"),
    (5, 'General" km"', "5 km"),
    (123456789, "000-00-0000", "123-45-6789"),
    (5551234567, "(000) 000-0000", "(555) 123-4567"),
    (12345.678, "0.00E+00", "1.23E+04"),
    (0.00012, "0.00E+00", "1.20E-04"),
    (99999, "0.0E+0", "1.0E+5"),
    (12345, "##0.0E+0", "12.3E+3"),
    (1.25, "# ?/?", "1 1/4"),
    (0.75, "?/?", "3/4"),
    (0.333, "# ??/??", "1/3"),
    (3.5, "# ?/8", "3 4/8"),
    (2, "# ?/?", "2"),
    (1234.5, "[$€-407]#,##0.00", "€1,234.50"),
    (1234.5, "#,##0.00\\ [$€-407]", "1,234.50 €"),
    (-1234.5, '_("$"* #,##0.00_);_("$"* (#,##0.00)', "$(1,234.50)"),
    (0.1 + 0.2, "General", "0.3"),
    (12345678901234, "General", "12345678901234"),
    (12, "@", "12"),
]
DATES = [
    (DAY, "yyyy-mm-dd", "2024-03-01"),
    (DAY, "dd.mm.yyyy", "01.03.2024"),
    (DAY, "m/d/yy", "3/1/24"),
    (DAY, "dddd, mmmm d, yyyy", "Friday, March 1, 2024"),
    (DAY, "[$-409]d-mmm-yy", "1-Mar-24"),
    (DAY, 'yyyy"年"m"月"d"日"', "2024年3月1日"),
    (DAY + 0.3541666667, "d/m/yyyy h:mm AM/PM", "1/3/2024 8:30 AM"),
    (DAY + 0.3541666667, "yyyy-mm-dd", "2024-03-01"),
    (0.3541666667, "hh:mm", "08:30"),
    (0.5, "h:mm:ss AM/PM", "12:00:00 PM"),
    (0.0104166, "mm:ss", "15:00"),
    (1.5, "[h]:mm", "36:00"),
    (0.00001157 * 1.5, "ss.00", "01.50"),
    (1, "yyyy-mm-dd", "1900-01-01"),
    (61, "yyyy-mm-dd", "1900-03-01"),
]


@pytest.mark.parametrize(("value", "code", "text"), [*NUMBERS, *DATES])
def test_a_number_is_written_by_its_format(value, code, text):
    assert show(value, code) == text


@pytest.mark.parametrize("code", ["[$-407]d. mmmm yyyy", "[$-F800]dddd", "[$-411]ggge", "[$-1060401]d/m/yyyy"])
def test_a_date_that_only_the_users_system_could_write_is_an_iso_date(code):
    assert show(DAY, code) == "2024-03-01"


def test_dates_of_old_macs_are_counted_from_1904():
    assert show(DAY - 1462, "yyyy-mm-dd", since_1904=True) == "2024-03-01"


@pytest.mark.parametrize(("value", "text"), [(-1, "-1"), (3e9, "3000000000"), (1e300, "1e+300")])
def test_what_is_no_date_is_shown_as_a_number(value, text):
    assert show(value, "yyyy-mm-dd") == text


@given(st.floats(allow_nan=False), st.text('0#?,.%/;[]hmsydE+-@"\\_*AMPGeneral $€-409<>=1 ', max_size=12))
def test_no_format_ends_the_reading(value, code):
    assert isinstance(show(value, code), str)

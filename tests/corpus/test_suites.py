"""The files with which other parsers are tested: none may end or hang the program, and none may lose a row silently."""

import json
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core import formats
from app.core.errors import LttError
from app.core.formats import BadRow, Limits, ReadOptions, Row, Source
from app.core.reading import ReadSettings, detect_file, read_rows, resolve_settings

FOLDER = Path(os.environ.get("LTT_CORPUS_DIR", "")) / "suites"
pytestmark = pytest.mark.skipif("LTT_CORPUS_DIR" not in os.environ, reason="LTT_CORPUS_DIR is not set")

SECONDS = 20
GOOD = b'{"question": "first?", "answer": "one"}\n', b'{"question": "last?", "answer": "two"}\n'
# The suite's own JSON has another phone number, and the stored copy of the CSV other line ends.
UNLIKE = ("location_coordinates", "newlines_crlf")


def suites():
    if "LTT_CORPUS_DIR" not in os.environ or not FOLDER.is_dir():
        return []
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "generate")


def files(suite):
    found = sorted(path for path in (FOLDER / suite).rglob("*") if path.is_file())
    return [path for path in found if path.suffix not in (".md", ".html") and "LICEN" not in path.name.upper()]


@contextmanager
def in_time(what):
    """Fail, naming the file, where it takes too long."""

    def late(*_):
        pytest.fail(f"{what} took more than {SECONDS} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def imported(source):
    """The rows as an import reads them; None where the file is refused with a sentence."""
    try:
        return list(read_rows(source, resolve_settings(ReadSettings(), detect_file(source, ReadSettings()))))
    except LttError as error:
        assert error.message.endswith((".", "}.")), error.message
        return None


def detected(source):
    """The rows as formats read them; those of an archive of several data files one file after the other."""
    files = [source.open_member(one.path) for one in source.members] if source.members else [source]
    return [row for one in files for row in formats.read(one, formats.detect(one), ReadOptions(limits=one.limits))]


def values(rows):
    return [row.values if isinstance(row, Row) else row.code for row in rows]


@pytest.mark.parametrize("suite", suites())
def test_every_file_is_read_to_its_end_or_refused(app, suite):
    read = 0
    with app.app_context():
        for path in files(suite):
            source = None
            with in_time(path.name):
                try:
                    source = Source.of_path(path, limits=Limits(rows=50_000))
                except LttError:
                    continue
                rows = imported(source)
                if rows is None:
                    continue
                read += 1
                assert [row.number for row in rows] == list(range(1, len(rows) + 1)), path.name
                assert repr(values(rows)) == repr(values(detected(source))), path.name
    assert read


def test_a_line_that_is_no_json_never_stops_its_neighbours():
    for path in files("JSONTestSuite"):
        value = path.read_bytes()
        if b"\n" in value:
            continue
        line = b'{"question": "between?", "answer": "x", "v": ' + value + b"}\n"
        with in_time(path.name):
            rows = detected(Source.of_bytes(GOOD[0] + line + GOOD[1], name="x.jsonl"))
        good = [row.values["question"] for row in rows if isinstance(row, Row)]
        assert good[0] == "first?" and good[-1] == "last?" and len(rows) >= 3, path.name
        if path.name[0] == "n":
            assert "between?" not in good, path.name
        elif path.name[0] == "y" and b"\\u0000" not in value:
            assert rows[1].values["v"] == json.loads(value), path.name


def test_tables_hold_what_their_suite_says():
    for path in files("csv-spectrum"):
        if path.suffix == ".csv" and path.stem not in UNLIKE:
            expected = json.loads((path.parents[1] / f"json/{path.stem}.json").read_text(encoding="utf-8"))
            assert values(detected(Source.of_path(path))) == expected, path.name


def test_one_table_in_many_kinds_is_the_same_table():
    foods = [path for path in files("polars") if path.stem == "foods1"]
    tables = [[{name: float(cell) if name != "category" else cell for name, cell in row.items()} for row in one]
              for one in (values(detected(Source.of_path(path))) for path in foods)]  # fmt: skip
    assert len(foods) == 4 and len(tables[0]) == 27 and all(table == tables[0] for table in tables)
    same = [path for path in files("alphagov-spreadsheets") if path.parent.name == "equivalents"]
    tables = [values(detected(Source.of_path(path))) for path in same]
    assert len(same) == 8 and len(tables[0]) == 3 and all(table == tables[0] for table in tables)


def test_pictures_with_the_names_of_tables_are_refused():
    for path in files("alphagov-spreadsheets"):
        if "png" in path.name:
            with pytest.raises(LttError, match="PNG picture"):
                formats.detect(Source.of_path(path))


def test_bad_rows_say_where_and_why():
    for suite in ("csvkit", "frictionless", "doccano"):
        for path in files(suite):
            source = Source.of_path(path) if path.suffix == ".csv" else None
            for row in imported_quietly(source) if source else ():
                if isinstance(row, BadRow):
                    assert row.reason.startswith("Row ") and row.line and row.raw, path.name


def imported_quietly(source):
    try:
        return detected(source)
    except LttError:
        return []

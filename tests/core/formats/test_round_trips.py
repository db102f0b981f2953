"""What is written is read back: for every format that can be written, whatever the texts are."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.formats import FORMATS, ReadOptions, Row, Source, WriteOptions, detect, read
from app.core.formats.csv import stream_lines

ANY = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=40)
# A workbook is XML: it has no control characters, and a cell's line ends are LF.
PRINTABLE = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), max_size=40)
TEXTS = {name: PRINTABLE if name == "xlsx" else ANY for name in FORMATS}


def back(name, data, **options):
    rows = list(FORMATS[name].read(Source.of_bytes(data, name=f"x.{name}"), ReadOptions(encoding="utf-8", **options)))
    return [row.values if isinstance(row, Row) else row for row in rows]


def written(name, rows, **options):
    out = io.BytesIO()
    assert FORMATS[name].write(rows, out, WriteOptions(**options)) == len(rows)
    return out.getvalue()


@pytest.mark.parametrize("name", [name for name, one in FORMATS.items() if one.write])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_texts_come_back_unchanged(name, data):
    visible = TEXTS[name].filter(lambda text: text.strip() != "")
    pair = st.fixed_dictionaries({"question": visible, "answer": TEXTS[name]})
    rows = data.draw(st.lists(pair, min_size=1, max_size=4))
    fixed = {"delimiter": "\t" if name == "tsv" else ",", "header": True, "skip_lines": 0}
    options = fixed if name in ("csv", "tsv") else {"header": True} if name == "xlsx" else {}
    assert back(name, written(name, rows), **options) == rows


@pytest.mark.parametrize("name", ["csv", "tsv"])
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(ANY.filter(lambda text: text != ""), min_size=1, max_size=4))
def test_the_spreadsheet_safe_form_reverses_exactly(name, texts):
    rows = [{"question": text, "answer": text} for text in texts]
    options = {"delimiter": "\t" if name == "tsv" else ",", "header": True, "skip_lines": 0}
    data = written(name, rows, spreadsheet_safe=True)
    assert back(name, data, spreadsheet_safe=True, **options) == rows


@pytest.mark.parametrize("name", ["jsonl", "json"])
def test_json_values_keep_type_and_order(name):
    row = {"b": [1, 2.5, None, True], "a": {"z": 12345678901234567890123, "y": "é"}, "c": ""}
    [got] = back(name, written(name, [row]))
    assert got == row and list(got) == list(row) and type(got["b"][1]) is float


@pytest.mark.parametrize("name", [name for name, one in FORMATS.items() if one.write])
def test_an_empty_file_of_each_kind_is_written_whole(name):
    data = written(name, [], columns=("question", "answer") if FORMATS[name].tabular else ())
    rows = back(name, data, header=True) if data else []
    assert rows == []


@pytest.mark.parametrize("name", [name for name, kind in FORMATS.items() if kind.stream])
def test_pieces_together_are_the_file(name):
    rows = [{"question": f"q{n}", "answer": "a" * 50} for n in range(1000)]
    columns = ("question", "answer")
    pieces = list(FORMATS[name].stream(iter(rows), WriteOptions(columns=columns)))
    assert b"".join(pieces) == written(name, rows, columns=columns) and len(pieces) > 2


@pytest.mark.parametrize("name", [name for name, one in FORMATS.items() if one.write])
def test_a_written_file_is_recognised_by_its_content(name):
    rows = [{"question": f"What is {n}?", "answer": f"It is {n}, of course."} for n in range(12)]
    source = Source.of_bytes(written(name, rows), name="upload")
    found = detect(source)
    assert found.format == name
    assert [row.values for row in read(source, found, ReadOptions())] == rows


@pytest.mark.parametrize("delimiter", [",", "\t"])
@settings(max_examples=200, deadline=None)
@given(
    lines=st.integers(0, 3).flatmap(
        lambda width: st.lists(
            st.tuples(*[st.one_of(st.none(), st.integers(), st.text("a \",\t\r\n'\\é", max_size=4))] * width)
        )
    )
)
def test_a_table_is_written_as_the_writer_of_python_writes_it(delimiter, lines):
    expected = io.StringIO(newline="")
    csv.writer(expected, delimiter=delimiter).writerows([["a", "b"], *lines])
    assert (
        b"".join(stream_lines([lines], WriteOptions(("a", "b"), delimiter=delimiter))) == expected.getvalue().encode()
    )

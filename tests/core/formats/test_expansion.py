"""Small files that grow while they are read, and records that never end: refused before they are in memory."""

import gzip
import io
import json
import os
import time
import tracemalloc
import zipfile

import pyarrow
import pytest
from pyarrow import parquet

from app.core.errors import TooLarge
from app.core.formats import Limits, Source
from app.core.reading import ReadSettings, plan_reading, read_records

MB = 1024 * 1024
SMALL = Limits(line_bytes=MB)


def records_of(data: bytes, name: str, limits: Limits | None = None, **settings) -> list:
    source = Source.of_bytes(data, name=name, limits=limits)
    return list(read_records(source, plan_reading(source, ReadSettings(**settings))[0]))


def table_of(columns: dict) -> bytes:
    out = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), out, compression="zstd", store_schema=False)
    return out.getvalue()


def repeat(texts: list[str], places: list[int]) -> pyarrow.DictionaryArray:
    return pyarrow.DictionaryArray.from_arrays(pyarrow.array(places, pyarrow.int32()), pyarrow.array(texts))


@pytest.mark.parametrize("pack", ["gzip", "zip"])
def test_a_packed_file_is_refused_as_soon_as_it_grows_too_much(pack):
    # As a whole the file grows to less than thirty times its size.
    plain = b"question,answer\n" + (b"What?,This." + b" " * 1000 + b"\n") * 100_000, os.urandom(5 * MB)
    packed = io.BytesIO()
    if pack == "gzip":
        packed.write(b"".join(map(gzip.compress, plain)))
    else:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("data.csv", b"".join(plain))
    source = Source.of_bytes(packed.getvalue(), name=f"data.csv.{pack}")
    with source.open() as unpacked, pytest.raises(TooLarge, match="more than 200 times its size"):
        while unpacked.read(MB):
            pass


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("data.csv", b"question,answer\nWhat?,This.\n"),
        ("data.csv", b'question,answer\nWhat?,This.\n"'),
        ("data.md", b"| question | answer |\n|---|---|\n| What? | This. |\n|"),
        ("data.txt", b"User: What?\nAssistant: This.\nUser: Why?\nAssistant: "),
        ("chat.txt", b"[01.01.20, 10:00:00] Ann: Hi?\n[01.01.20, 10:01:00] Bob: Hello\n" * 2),
        ("data.jsonl", b'{"question": "What?", "answer": "This."}\n{"question": "'),
    ],
)
def test_a_line_without_an_end_is_refused_before_it_is_in_memory(name, head):
    data = head + b"x" * (12 * MB)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match=r"longer.*LTT_MAX_LINE_MB"):
            records_of(data, name, SMALL)
        assert tracemalloc.get_traced_memory()[1] < 10 * MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "head", "line"),
    [
        ("data.csv", b'question,answer\nWhat?,This.\nWhy?,"', b"More.\n"),
        ("data.csv", b"question,answer\nWhat?,This.\n", b'"More\n",'),
        ("data.md", b"# What?\nThis.\n# Why?\n", b"\n"),
        ("data.txt", b"User: What?\nAssistant: This.\n\nUser: Why?\nAssistant: ", b"\n"),
        ("data.txt", b"User: What?\nAssistant: This.\n", b"User: And?\n"),
        ("chat.txt", b"[01.01.20, 10:00:00] Ann: Hi?\n[01.01.20, 10:01:00] Bob: Hello\n", b"\n"),
        (
            "chat.txt",
            b"[01.01.20, 10:00:00] Ann: Hi?\n[01.01.20, 10:01:00] Bob: Hello\n",
            b"[01.01.20, 10:02:00] Ann: " + b"Hi " * 50 + b"\n",
        ),
    ],
)
def test_a_record_that_goes_on_for_too_many_lines_is_refused(name, head, line):
    with pytest.raises(TooLarge, match=r"longer.*LTT_MAX_LINE_MB"):
        records_of(head + line * (5 * MB // len(line) if len(line) > 100 else 3 * MB // 2 // len(line)), name, SMALL)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[{"question": "What?", "answer": "This."}, {"question": "', '"}]'),
        ('{"question": "', '"}'),
        ('{"a": ["', '"]}'),
    ],
)
def test_a_record_of_a_json_document_has_a_largest_size(before, after):
    data = (before + "x" * (20 * MB) + after).encode()
    began = time.monotonic()
    with pytest.raises(TooLarge, match=r"record \d is longer than 16 MB.*LTT_MAX_LINE_MB"):
        records_of(data, "data.json")
    assert time.monotonic() - began < 30


def test_a_json_document_may_be_large_where_its_records_are_not():
    rows = [{"question": f"What {number}?", "answer": "x" * MB} for number in range(20)]
    assert len(records_of(json.dumps(rows).encode(), "data.json")) == 20


def test_empty_rows_of_a_table_have_a_most():
    limits = Limits(rows=1000)
    assert len(records_of(b"question,answer\n" + b",\n" * 900 + b"What?,This.\n", "data.csv", limits)) == 1
    with pytest.raises(TooLarge, match=r"more than 1,000 empty rows.*LTT_MAX_ROWS"):
        records_of(b"question,answer\nWhat?,This.\n" + b"\n" * 1001, "data.csv", limits)


def test_a_parquet_file_whose_dictionary_repeats_a_long_text_is_refused_before_it_is_unfolded():
    long = repeat(["x" * MB], [0] * 20_000)
    data = table_of({"question": long, "answer": long})
    assert len(data) < 2000
    before = pyarrow.default_memory_pool().max_memory()
    with pytest.raises(TooLarge, match="to more than"):
        records_of(data, "data.parquet")
    assert pyarrow.default_memory_pool().max_memory() - before < 50 * MB


def test_texts_in_lists_are_counted_as_well():
    texts = pyarrow.ListArray.from_arrays([0, 1, 20_000], repeat(["x" * MB], [0] * 20_000))
    roles = pyarrow.ListArray.from_arrays([0, 1, 20_000], repeat(["user"], [0] * 20_000))
    structs = pyarrow.StructArray.from_arrays([roles.flatten(), texts.flatten()], ["role", "content"])
    for column in (texts, pyarrow.ListArray.from_arrays([0, 1, 20_000], structs)):
        with pytest.raises(TooLarge, match="to more than"):
            records_of(table_of({"messages": column}), "data.parquet", layout="openai")


@pytest.mark.parametrize(
    "nothing", [pyarrow.nulls(15_000_000, pyarrow.int8()), pyarrow.nulls(15_000_000, pyarrow.int64())]
)
def test_a_list_of_very_many_values_is_refused_before_it_is_decoded(nothing):
    data = table_of({"question": ["What?"], "answer": pyarrow.ListArray.from_arrays([0, len(nothing)], nothing)})
    assert len(data) < 2000
    with pytest.raises(TooLarge, match="more than 200 times its size"):
        records_of(data, "data.parquet")


def test_a_row_of_a_parquet_file_has_a_largest_size():
    with pytest.raises(TooLarge, match=r"row 2 is longer than 1 MB.*LTT_MAX_LINE_MB"):
        records_of(table_of({"question": ["a", "b"], "answer": ["c", "x" * (10 * MB)]}), "data.parquet", SMALL)


def test_a_parquet_file_with_one_long_text_among_many_short_ones_is_read():
    places = [*[0] * 500, 1, *[0] * 700]
    data = table_of({"question": repeat(["What?", "y" * MB], places), "answer": repeat(["This.", "x" * MB], places)})
    found = records_of(data, "data.parquet")
    assert [len(record.answer) for _, record in found] == [MB if place else 5 for place in places]
    chats = pyarrow.ListArray.from_arrays(
        [0, *range(2, 2 * len(places) + 1, 2)],
        pyarrow.StructArray.from_arrays(
            [
                repeat(["user", "assistant"], [0, 1] * len(places)),
                repeat(["What?", "This.", "x" * MB], [one for place in places for one in (0, 1 + place)]),
            ],
            ["role", "content"],
        ),
    )
    found = records_of(table_of({"messages": chats}), "data.parquet")
    assert [len(record.answer) for _, record in found] == [MB if place else 5 for place in places]


@pytest.mark.parametrize("cell", ["a", "", "a{}"])
def test_a_header_with_very_many_columns_is_refused_in_time(cell):
    header = ",".join(cell.format(place) for place in range(200_000)).encode()
    began = time.monotonic()
    with pytest.raises(TooLarge, match="LTT_MAX_COLUMNS"):
        records_of(header + b",question,answer\n" + b"x," * 200_000 + b"What?,This.\n", "data.csv")
    assert time.monotonic() - began < 60


def test_an_object_with_very_many_keys_is_refused_in_time():
    keys = ",".join(f'"k{place}": 1' for place in range(50_000))
    began = time.monotonic()
    with pytest.raises(TooLarge, match="LTT_MAX_COLUMNS"):
        records_of(f'{{"question": "What?", "answer": "This.", {keys}}}\n'.encode() * 2, "data.jsonl")
    assert time.monotonic() - began < 60

"""Single files, read with the libraries that people read them with."""

import csv
import io
import json
import sqlite3

import pytest

from app.core.filters import EVERY
from app.core.record import Record
from app.core.spec import parse_target
from app.core.targets import EXPORT_TARGETS
from app.services import export, history
from app.services.export import ExportOptions

TEXTS = [
    "plain",
    "=1+1",
    "-3",
    "1e5",
    "007",
    'a "b"\r\nc',
    "\tx",
    "🦊 שלום",
    "\x01a\x1f",
    "_x0041_",
    "  edges  ",
    "true",
    "a\u2028",
]


@pytest.fixture
def written(dataset_id, tmp_path):
    """Write the pairs for a target; returns the path."""
    records = [Record(f"{n}?", text, rejected_answer="No.") for n, text in enumerate(TEXTS)]
    history.create(dataset_id, records, summary="Add")

    def write(name, compression=""):
        options = ExportOptions(compression=compression).complete(parse_target(name), EVERY)
        path = tmp_path / export.file_name("set", options)
        with path.open("wb") as out:
            export.write_export(dataset_id, options, out)
        return path

    return write


def test_every_cell_of_a_workbook_is_a_text(written, read):
    head, *rows = read("xlsx", written("xlsx"))
    answer = [name for name, _ in head].index("answer")
    assert [row[answer][0] for row in rows] == TEXTS
    assert {row[answer][1] for row in rows} <= {"s", "inlineStr"}


def test_parquet_holds_the_texts(written, read):
    assert [row["answer"] for row in read("parquet", written("parquet-columns"))] == TEXTS


def test_csv_and_tsv_hold_the_texts(written):
    for name, delimiter in (("csv", ","), ("tsv", "\t")):
        rows = csv.DictReader(io.StringIO(written(name).read_bytes().decode(), newline=""), delimiter=delimiter)
        assert [row["answer"] for row in rows] == TEXTS


def test_sqlite_has_the_table_and_the_old_view(written):
    connection = sqlite3.connect(written("sqlite"))
    assert [answer for (answer,) in connection.execute("SELECT answer FROM pairs ORDER BY rowid")] == TEXTS
    found = connection.execute("SELECT id, question, answer FROM messages").fetchall()
    connection.close()
    assert [row[1:] for row in found] == [(f"{n}?", text) for n, text in enumerate(TEXTS)] and found[0][0] == 1


def test_zstandard_and_gzip_hold_the_same_as_the_plain_file(written, read):
    import gzip

    plain = written("together").read_text("utf-8")
    assert read("zstd", written("together", "zst")) == plain
    assert gzip.decompress(written("together", "gz").read_bytes()).decode() == plain


@pytest.mark.parametrize(
    "name", [one.name for one in EXPORT_TARGETS.values() if one.formats[0] in ("json", "jsonl") and not one.bundle]
)
def test_json_of_every_target_is_json_of_one_object_a_line_with_every_answer(written, name):
    data = written(name).read_bytes()
    assert data.startswith(b"\xef\xbb\xbf") is (name == "azure")
    text = data.decode("utf-8-sig")
    rows = (
        json.loads(text) if EXPORT_TARGETS[name].format == "json" else [json.loads(line) for line in text.splitlines()]
    )
    assert len(rows) == len(TEXTS) * (2 if name == "trl-kto" else 1)
    told = json.dumps(rows, ensure_ascii=False)
    assert all(json.dumps(text, ensure_ascii=False)[1:-1] in told or name == "text" for text in TEXTS)


def test_the_same_pairs_give_the_same_bytes(written):
    for name, compression in (("together", ""), ("together", "gz"), ("together", "zst"), ("parquet-columns", "")):
        first = written(name, compression).read_bytes()
        assert written(name, compression).read_bytes() == first

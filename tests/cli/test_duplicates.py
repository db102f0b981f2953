"""``ltt dedupe``: groups of files and datasets, files without surplus copies, exit codes."""

import csv
import json

import pytest

ROWS = [
    ("Where is my parcel?", "On its way."),
    ("Where is my parcel?", "On its way."),
    ("where is my  parcel", "on its way"),
    ("Where is my parcel?", "It is lost."),
    ("How long does the delivery of a lamp to Norway take in 2024?", "A week."),
    ("How long does the delivery of a lamp to Norway take in 2025?", "A week."),
    ("How can I return a sofa that does not fit through the door?", "Call us."),
    ("How can I return a sofa that does not fit trough the door?", "Call us."),
]


@pytest.fixture
def table(tmp_path):
    """A table with copies, a conflict, a variant and a misspelt question."""
    path = tmp_path / "table.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("question", "answer"), *ROWS])
    return path


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(("method", "groups", "duplicates"), [("exact", 1, 1), ("normalised", 1, 2), ("near", 2, 3)])
def test_methods_go_from_strict_to_lax(ltt, table, method, groups, duplicates):
    done = ltt("dedupe", table, "--method", method, "--json")
    assert done.code == 1
    assert (done.json["records"], done.json["groups"], done.json["duplicates"]) == (8, groups, duplicates)


def test_groups_name_rows_pairs_and_differences(ltt, table):
    found = lines(ltt("dedupe", table, "--groups", "-").out)
    assert [(one["kind"], one["records"], one["differs"]) for one in found] == [
        ("normalised", [1, 2, 3], []),
        ("near", [7, 8], []),
        ("conflict", [1, 2, 3, 4], ["word"]),
        ("near", [5, 6], ["number"]),
    ]
    assert found[1]["pairs"][0][:2] == [7, 8] and 98 < found[1]["pairs"][0][2] < 100


def test_surplus_copies_go_and_nothing_else(ltt, table, tmp_path):
    out = tmp_path / "out.csv"
    done = ltt("dedupe", table, "--out", out, "--json")
    assert (done.json["duplicates"], done.json["written"]) == (3, 5)
    with out.open(encoding="utf-8", newline="") as file:
        assert [tuple(row) for row in csv.reader(file)][1:] == [ROWS[place] for place in (0, 3, 4, 5, 6)]


def test_records_that_another_file_has_are_found(ltt, table, tmp_path):
    bench = tmp_path / "bench.jsonl"
    bench.write_text('{"question": "WHERE IS MY PARCEL", "answer": "on its way"}\n', encoding="utf-8")
    out = tmp_path / "out.csv"
    done = ltt("dedupe", table, "--against", bench, "--method", "normalised", "--groups", "-", "--out", out)
    assert [(one["records"], one["against"]) for one in lines(done.out)] == [([1, 2, 3], [1]), ([1, 2, 3, 4], [1])]
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1 + 5


def test_a_dataset_is_looked_at_by_id(ltt, table):
    assert ltt("import", table, "--dataset", "D", "--create").code == 0
    before = ltt("digest").out
    found = lines(ltt("dedupe", "--dataset", "D", "--method", "exact", "--groups", "-").out)
    assert found[0]["records"] == [1, 2]
    assert ltt("digest").out == before


def test_nothing_found_is_a_plain_success(ltt, tmp_path):
    path = tmp_path / "one.jsonl"
    path.write_text('{"question": "a", "answer": "b"}\n', encoding="utf-8")
    assert ltt("dedupe", path).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("x.csv", "--dataset", "D"),
        ("--dataset", "D", "--out", "y"),
        ("x.csv", "--groups", "-", "--out", "-"),
        ("x", "--threshold", "7"),
    ],
)
def test_wrong_usage_is_told(ltt, arguments):
    done = ltt("dedupe", *arguments)
    assert done.code == 2 and done.err


def test_out_needs_a_file_that_can_be_read_twice(ltt):
    done = ltt("dedupe", "-", "--out", "x.jsonl", stdin=b'{"question": "a", "answer": "b"}\n')
    assert done.code == 2 and "reads the file twice" in done.err

"""``ltt stats``: a file and a dataset counted alike, exit codes, and what is printed for people."""

import json

import pytest

ROWS = [{"question": f"How heavy is box {n}?", "answer": f"It weighs {n + 100} kg."} for n in range(1, 13)]


@pytest.fixture
def faq(tmp_path):
    """A file of twelve pairs."""
    path = tmp_path / "faq.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_a_file_is_counted_without_a_database(ltt, faq):
    done = ltt("stats", faq, "--json")
    assert done.code == 0 and done.json["records"] == 12
    assert set(done.json) >= {"records", "tokens", "lengths", "languages", "labels", "turns"}
    assert {"openai", "llama3", "qwen", "gpt-oss", "estimate"} <= set(done.json["tokens"])
    assert set(done.json["tokens"]["openai"]) >= {"total", "median", "p95", "max"}
    assert not done.json["tokens"]["estimate"]["exact"] and done.json["tokens"]["qwen"]["exact"]
    assert done.json["turns"] == {"1": 12} and done.json["labels"] is None


def test_a_dataset_is_counted_as_its_file_is(ltt, faq):
    ltt("import", faq, "--dataset", "Boxes", "--create")
    file, dataset = ltt("stats", faq, "--json").json, ltt("stats", "--dataset", "Boxes", "--json").json
    assert dataset["statuses"] == {"review": 12} and dataset["left_out"] == []
    assert dataset["tokens"]["openai"]["total"] == file["tokens"]["openai"]["total"]
    assert (dataset["lengths"], dataset["kinds"]) == (file["lengths"], file["kinds"])


def test_rows_that_are_no_record_are_counted_and_make_the_code_1(ltt, faq):
    faq.write_text(faq.read_text() + "{broken\n")
    done = ltt("stats", faq, "--json")
    assert (done.code, done.json["records"], done.json["quarantined"]) == (1, 12, 1)
    assert "rows that are no record: 1" in ltt("stats", faq).out


def test_what_is_over_a_length_is_told(ltt, faq):
    done = ltt("stats", faq, "--family", "openai", "--length", 5, "--json")
    assert done.json["tokens"]["openai"]["over"] == 12 and len(done.json["tokens"]) == 1
    printed = ltt("stats", faq, "--family", "openai", "--length", 5).out
    assert "12 over 5" in printed and "Kinds: Facts" in printed


def test_wrong_usage_is_refused(ltt, faq):
    assert ltt("stats").code == 2
    assert ltt("stats", faq, "--dataset", "D").code == 2
    assert ltt("stats", faq, "--family", "bert").code == 2
    assert ltt("stats", "nothing.jsonl").code == 3

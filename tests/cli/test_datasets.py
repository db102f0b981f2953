"""The commands on datasets, files and history, as scripts use them."""

import json
import re

import pytest

from app.services import datasets
from tests import factories

TABLE = "question,answer,class\r\nWhat?,This.,x\r\nWhy?,So.,y\r\nEmpty?,,z\r\n"


def test_deleted_datasets_are_listed_and_brought_back(ltt, app):
    ltt("demo")
    with app.app_context():
        [gone] = [one.id for one in datasets.list_datasets()]
        datasets.delete_dataset(gone)
    assert ltt("datasets", "--json").json["datasets"] == []
    assert ltt("datasets", "--deleted").out.startswith(f"{gone}\t")
    assert ltt("datasets", "--bring-back", gone).out.startswith(f"{gone}\t")
    assert ltt("datasets", "--bring-back", 99).code == 4


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "faq.csv"
    path.write_bytes(TABLE.encode())
    return path


def test_demo_datasets_and_digest(ltt):
    assert ltt("demo").code == 0
    [dataset] = ltt("datasets", "--json").json["datasets"]
    assert dataset["pairs"] >= 60
    lines = ltt("digest", "--dataset", dataset["id"]).out.split("\n")
    assert lines[0].startswith("content ") and lines[1].startswith("all ")


def test_convert_there_and_back(ltt, table, tmp_path):
    result = ltt("convert", table, tmp_path / "o.jsonl", "--json", "--rejects", tmp_path / "bad.jsonl")
    assert (result.code, result.json["written"], result.json["quarantined"]) == (1, 2, 1)
    assert json.loads((tmp_path / "bad.jsonl").read_text())["row"] == 3
    assert ltt("convert", tmp_path / "o.jsonl", tmp_path / "back.csv").code == 0
    assert (tmp_path / "back.csv").read_bytes() == b"question,answer\r\nWhat?,This.\r\nWhy?,So.\r\n"


def test_convert_in_a_pipeline(ltt):
    result = ltt("convert", "-", "-", "--to", "jsonl:alpaca", stdin=b"question,answer\nA?,B.\nC?,D.\n")
    assert [json.loads(line)["output"] for line in result.out.splitlines()] == ["B.", "D."]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nothing.csv", "o.jsonl"], 3), (["{table}", "o.unknown"], 2), (["{table}", "o.jsonl", "--from", "nope"], 2),
        (["{png}", "o.jsonl"], 3), (["{table}", "o.jsonl", "--map", "question=nope"], 3),
    ],
)  # fmt: skip
def test_convert_answers_by_exit_code_and_sentence(ltt, table, tmp_path, monkeypatch, arguments, code):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n....")
    result = ltt("convert", *(one.format(table=table, png=tmp_path / "x.png") for one in arguments))
    assert result.code == code and result.err.strip().count("\n") == 0 and result.err.strip().endswith(".")
    assert not (tmp_path / "o.jsonl").exists()


@pytest.fixture
def dataset_id(app):
    with app.app_context():
        return factories.dataset("Mine")


def test_export_with_manifest_and_round_trip(ltt, dataset_id, tmp_path):
    out = tmp_path / "o.jsonl"
    result = ltt("export", "Mine", out, "--manifest", "--json").json
    trip = result["round_trip"]
    assert result["records"] == 3 and (trip["records"], trip["back"], trip["differences"]) == (3, 3, 0)
    assert result["files"][0]["bytes"] == out.stat().st_size
    manifest = json.loads((tmp_path / "o.jsonl.manifest.json").read_text())
    assert manifest == {**manifest, **result} and manifest["dataset"] == "Mine"


def test_export_each_split_and_to_stdout(ltt, dataset_id, tmp_path):
    files = ltt("export", "Mine", tmp_path / "o.csv", "--split", "each", "--json").json["files"]
    assert [file["records"] for file in files] == [0, 0, 0]
    assert ltt("export", "Mine", "-", "--query", "Question 2").out.count("\n") == 1


def test_export_each_split_says_which_pairs_are_in_none_of_the_files(ltt, dataset_id, tmp_path):
    result = ltt("export", "Mine", tmp_path / "o.jsonl.gz", "--split", "each", "--json").json
    assert result["records"] == 0 and result["left_out"] == [{"reason": "without a split", "records": 3}]
    assert sorted(path.name for path in tmp_path.glob("o.*")) == [
        "o.test.jsonl.gz",
        "o.train.jsonl.gz",
        "o.validation.jsonl.gz",
    ]
    refused = ltt("export", "Mine", "-", "--split", "each")
    assert refused.code == 2 and "cannot go to stdout" in refused.err


def test_undo_and_redo(ltt, app, dataset_id):
    with app.app_context():
        before = datasets.compute_digest(dataset_id)
    assert ltt("undo", "Mine").code == 0 and ltt("datasets", "--json").json["datasets"][0]["pairs"] == 2
    assert ltt("redo", "Mine", "--json").json["changed"] == 1
    assert [step["state"] for step in ltt("history", "Mine", "--json").json["steps"]] == ["applied"] * 3
    with app.app_context():
        assert datasets.compute_digest(dataset_id) == before
    assert ltt("redo", "Mine").code == 4


def test_backup_verify_restore(ltt, dataset_id, tmp_path):
    copy = tmp_path / "copy.db"
    assert ltt("backup", copy).code == 0 and ltt("verify", copy).code == 0 and ltt("verify").code == 0
    before = ltt("digest").out
    ltt("undo", "Mine")
    assert ltt("digest").out != before
    assert ltt("restore", copy).code == 0 and ltt("digest").out == before
    assert ltt("backup", copy).code == 4
    (tmp_path / "bad.db").write_bytes(b"x")
    assert ltt("restore", tmp_path / "bad.db").code == 3


def test_a_dataset_that_does_not_exist(ltt):
    result = ltt("export", "Nobody", "o.jsonl")
    assert (result.code, result.err.strip()) == (4, "There is no dataset 'Nobody'.")


def test_one_of_a_thing_is_named_as_one(ltt, tmp_path):
    path = tmp_path / "one.jsonl"
    path.write_text('{"question": "How heavy is it?", "answer": "12&nbsp;kg as it stands.", "note": "n"}\n')
    copy = tmp_path / "two.jsonl"
    copy.write_text(path.read_text() * 2)
    told = [
        ltt("dedupe", path), ltt("dedupe", copy), ltt("convert", path, "--to", tmp_path / "one.csv"),
        ltt("clean", path, "--operation", "decode-entities", "--out", tmp_path / "clean.jsonl"),
        ltt("import", path, "--dataset", "Shop", "--create"), ltt("stats", path), ltt("validate", path),
        ltt("export", "Shop", "--to", tmp_path / "out.jsonl", "--target", "openai"), ltt("advice", path),
        ltt("dedupe", "--dataset", "Shop"), ltt("clean", "--dataset", "Shop", "--operation", "decode-entities"),
    ]  # fmt: skip
    said = "\n".join(one.out + one.err for one in told)
    assert "1 group of copies with 1 to spare; 0 conflicts" in said and "1 of 1 record changes" in said
    assert not re.findall(
        r"(?<![\d.,])1 (?:[a-z]+ ){0,1}(?:pairs|records|rows|groups|conflicts|families|kinds)\b.*", said
    )

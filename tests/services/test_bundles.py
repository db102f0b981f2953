"""Bundles: one file for each split that has pairs, one view of the data, and a manifest that names what was written."""

import hashlib
import io
import json
import zipfile

import pytest

from app.core.errors import Invalid
from app.core.filters import Filters
from app.core.record import Message, Record
from app.core.spec import parse_target
from app.services import datasets, entries, export, history, imports, jobs, snapshots, uploads
from app.services.export import ExportOptions, bundles
from app.services.imports import Settings


def options_for(name, **filters):
    return ExportOptions().complete(parse_target(name), Filters(**filters))


def filled(dataset_id, **splits):
    for split, records in splits.items():
        history.create(dataset_id, records, summary="Add", split=None if split == "none" else split)


def manifest_of(folder):
    return json.loads((folder / ".ltt" / "manifest.json").read_text())


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_split_has_a_file_and_an_empty_one_has_none(dataset_id, tmp_path):
    filled(
        dataset_id,
        train=[Record("q1", "a1", tags=("t",)), Record("q2", "a2")],
        test=[Record("q3", "a3", tags=("t", "u"))],
    )
    result = export.write_folder(dataset_id, options_for("huggingface"), tmp_path / "set")
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [
        ".ltt",
        "README.md",
        "test.jsonl",
        "train.jsonl",
    ]
    found = manifest_of(tmp_path / "set")
    assert found["splits"]["train"]["records"] == 2 and found["splits"]["test"]["tags"] == {"t": 1, "u": 1}
    for file in found["files"]:
        data = (tmp_path / "set" / file["path"]).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (file["sha256"], file["bytes"]) and file["tokens"] > 0
    assert result["records"] == 3 and found["target"] == "huggingface" and found["made_by"]["version"]


def test_pairs_without_a_split_are_the_training_set_where_none_has_one(dataset_id, tmp_path):
    filled(dataset_id, none=[Record("q1", "a1")])
    result = export.write_folder(dataset_id, options_for("mlx"), tmp_path / "set")
    assert [file["path"] for file in result["files"]] == ["train.jsonl"] and not result["left_out"]


def test_pairs_without_a_split_stay_behind_where_others_have_one(dataset_id, tmp_path):
    filled(dataset_id, none=[Record("q1", "a1")], validation=[Record("q2", "a2")])
    result = export.write_folder(dataset_id, options_for("mlx"), tmp_path / "set")
    assert [file["path"] for file in result["files"]] == ["valid.jsonl"]
    assert result["left_out"] == [{"reason": "without a split, while others have one", "records": 1}]


def test_the_row_with_most_keys_stands_first_and_others_keep_their_order(dataset_id, tmp_path):
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    rich = Record("rich", "a", trace=(Message("assistant", tool_calls=[call]), Message("tool", "1", tool_call_id="c")))
    filled(dataset_id, train=[Record("q1", "a"), Record("q2", "a", "s"), rich, Record("q3", "a")])
    export.write_folder(dataset_id, options_for("huggingface"), tmp_path / "set")
    asked = [
        next(m["content"] for m in row["messages"] if m["role"] == "user")
        for row in rows_of(tmp_path / "set" / "train.jsonl")
    ]
    assert asked == ["rich", "q1", "q2", "q3"]


def test_a_second_export_takes_its_own_stale_files_away_and_no_others(dataset_id, tmp_path):
    filled(dataset_id, train=[Record("q1", "a1")], test=[Record("q2", "a2")])
    folder = tmp_path / "set"
    export.write_folder(dataset_id, options_for("huggingface"), folder)
    (folder / "mine.jsonl").write_text("{}")
    (folder / "README.md").write_text((folder / "README.md").read_text() + "Mine.\n")
    export.write_folder(dataset_id, options_for("huggingface", splits=("train",)), folder)
    assert sorted(path.name for path in folder.iterdir()) == [".ltt", "README.md", "mine.jsonl", "train.jsonl"]
    assert "test.jsonl" not in (folder / "README.md").read_text() and "Mine." in (folder / "README.md").read_text()


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3}', '{"files": [{"path": "../../away"}]}', "no json"])
def test_a_strange_manifest_removes_nothing(dataset_id, tmp_path, text):
    filled(dataset_id, train=[Record("q1", "a1")])
    folder = tmp_path / "a" / "set"
    (folder / ".ltt").mkdir(parents=True)
    (folder / ".ltt" / "manifest.json").write_text(text)
    (tmp_path / "away").write_text("kept")
    export.write_folder(dataset_id, options_for("huggingface"), folder)
    assert (tmp_path / "away").read_text() == "kept"


def test_a_manifest_has_only_files_removed_that_an_export_can_have_written():
    # The Hub takes these names for patterns, a folder for the way out of it.
    names = ["*", "..", ".git", "README.md", "notes.txt", "train.jsonl", "valid.jsonl", "test.json"]
    manifest = json.dumps({"files": [{"path": name} for name in names]}).encode()
    assert export.find_written(manifest) == {"train.jsonl", "valid.jsonl", "test.json"}


def test_the_same_pairs_give_the_same_archive(dataset_id, tmp_path):
    filled(dataset_id, train=[Record("q1", "a1")], test=[Record("q2", "a2")])
    for name in ("a.zip", "b.zip"):
        export.write_folder(dataset_id, options_for("huggingface"), tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert b"".join(export.stream_export(dataset_id, options_for("huggingface"))) == (tmp_path / "a.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None and "README.md" in archive.namelist()


@pytest.mark.parametrize("is_divided", [True, False])
def test_a_manifest_names_the_snapshot_that_holds_the_same(dataset_id, tmp_path, is_divided):
    if is_divided:
        filled(dataset_id, train=[Record("q1", "a1")])
    else:
        history.create(dataset_id, [Record("q1", "a1")], summary="Add")
    snapshots.freeze(snapshots.FreezeRun(dataset_id, name="First"), jobs.Unwatched())
    export.write_folder(dataset_id, options_for("huggingface"), tmp_path / "set")
    found = manifest_of(tmp_path / "set")
    assert found["snapshot"]["name"] == "First" and found["snapshot"]["hash"] == found["pairs_hash"]
    filled(dataset_id, train=[Record("q2", "a2")])
    export.write_folder(dataset_id, options_for("huggingface"), tmp_path / "set")
    again = manifest_of(tmp_path / "set")
    assert again["snapshot"] is None and again["pairs_hash"] != found["pairs_hash"]


def test_nothing_is_written_where_no_pair_is_left(dataset_id, tmp_path):
    with pytest.raises(Invalid, match="nothing to write"):
        export.write_folder(dataset_id, options_for("huggingface"), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(dataset_id, tmp_path):
    filled(dataset_id, train=[Record("q1", "a1")])
    (tmp_path / "set").write_text("mine")
    with pytest.raises(Invalid, match="is a file"):
        export.write_folder(dataset_id, options_for("huggingface"), tmp_path / "set")


def test_losses_and_left_out_pairs_are_counted(dataset_id, tmp_path):
    filled(dataset_id, train=[Record("q1", "a1", reasoning="r", extra={"score": 3}), Record("q2", "")])
    result = export.write_folder(dataset_id, options_for("huggingface"), tmp_path / "set")
    assert result["losses"] == [{"what": "other columns", "records": 1}]
    assert result["left_out"] == [{"reason": "without an answer", "records": 1}]


def test_every_split_of_llama_factory_is_a_list_with_its_entry(dataset_id, tmp_path):
    filled(dataset_id, train=[Record("q1", "a1"), Record("q2", "a2")], test=[Record("q3", "a3")])
    export.write_folder(dataset_id, options_for("llama-factory"), tmp_path / "set")
    info = json.loads((tmp_path / "set" / "dataset_info.json").read_text())
    counts = {name: len(json.loads((tmp_path / "set" / one["file_name"]).read_text())) for name, one in info.items()}
    assert counts == {"tests": 2, "tests_test": 1}


def test_a_folder_that_was_tampered_with_does_not_pass_the_proof(dataset_id, tmp_path, monkeypatch):
    filled(dataset_id, train=[Record("q1", "a1"), Record("q2", "a2", "s"), Record("q3", "a3")], test=[Record("t", "u")])
    # The files of a folder tell the split by their names.
    lost = [{"what": "status", "records": 4}]
    told = export.write_folder(dataset_id, options_for("mlx"), tmp_path / "a", prove=True)["round_trip"]
    assert told == {"records": 4, "back": 4, "differences": 0, "losses": lost}
    copy = bundles.shutil.copyfile

    def spoil(source, target):
        copy(source, target)
        if source.name == "train.jsonl":
            target.write_bytes(target.read_bytes().replace(b"a2", b"b2"))

    monkeypatch.setattr(bundles.shutil, "copyfile", spoil)
    told = export.write_folder(dataset_id, options_for("mlx"), tmp_path / "b", prove=True)["round_trip"]
    assert told == {"records": 4, "back": 4, "differences": 1, "losses": lost}


@pytest.mark.parametrize("target", ["huggingface", "llama-factory", "axolotl", "mlx"])
@pytest.mark.parametrize("packed", ["set", "set.zip"])
def test_a_set_is_read_back_as_it_was_sent(dataset_id, tmp_path, target, packed):
    call = Message(
        "assistant", "", tool_calls=({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},)
    )
    tools = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]}
    for number in range(1, 13):
        more = {"trace": (call, Message("tool", "5", tool_call_id="c1")), "extra": tools} if number in (7, 8) else {}
        filled(
            dataset_id, **{("train", "test", "validation", "train")[number % 4]: [Record(f"q{number}", "a", **more)]}
        )
    export.write_folder(dataset_id, options_for(target), tmp_path / packed)
    again = datasets.create_dataset("Again").id
    row = imports.add(again, upload_of(tmp_path / packed))
    imports.start(row.id, Settings(), here=True)
    assert (row.rows_in, row.quarantined, len(history.steps(again))) == (12, 0, 1)
    found, sent = (list(entries.stream_entries(one)) for one in (again, dataset_id))
    assert [(one.question, one.split) for one in found] == [(one.question, one.split) for one in sent]
    if target != "llama-factory":
        # Its rows have no place for the ids of tool calls.
        assert datasets.compute_digest(again).content == datasets.compute_digest(dataset_id).content


def upload_of(path):
    if path.is_file():
        return uploads.save(io.BytesIO(path.read_bytes()).read, path.name)
    files = [
        (one.relative_to(path).as_posix(), io.BytesIO(one.read_bytes()).read)
        for one in sorted(path.rglob("*"))
        if one.is_file()
    ]
    return uploads.save_files(files, path.name)


def test_pairs_that_had_no_split_come_back_without_one(dataset_id, tmp_path):
    filled(dataset_id, none=[Record("q1", "a1"), Record("q2", "a2")])
    export.write_folder(dataset_id, options_for("huggingface"), tmp_path / "set.zip")
    again = datasets.create_dataset("Again").id
    imports.start(imports.add(again, upload_of(tmp_path / "set.zip")).id, Settings(), here=True)
    assert datasets.compute_digest(again) == datasets.compute_digest(dataset_id)


def test_what_is_left_out_is_counted_in_the_view_that_is_written(dataset_id, tmp_path, monkeypatch):
    filled(dataset_id, train=[Record("q1", "a1"), Record("q2", "")])
    real = bundles.write_bundle.__globals__["write_part"]

    def write_part(*given):
        history.create(dataset_id, [Record("q3", "")], summary="Add", split="train")
        return real(*given)

    monkeypatch.setattr(bundles, "write_part", write_part)
    result = export.write_folder(dataset_id, options_for("huggingface"), tmp_path / "set")
    assert result["left_out"] == [{"reason": "without an answer", "records": 1}]
    assert manifest_of(tmp_path / "set")["left_out"] == result["left_out"]

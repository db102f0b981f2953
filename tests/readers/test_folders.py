"""Folders that ``datasets`` and mlcroissant open, whatever comes late in them or stands in one split alone."""

import json

import pytest

from app.core.record import Message, Record
from app.services import export, history
from app.services.export import ExportOptions

TOOL = {"type": "function", "function": {"name": "weigh", "parameters": {"type": "object", "properties": {"n": {}}}}}


def called(question, arguments='{"n": 1}', **more):
    call = {"id": "c1", "type": "function", "function": {"name": "weigh", "arguments": arguments}}
    trace = (Message("assistant", tool_calls=[call]), Message("tool", "18", tool_call_id="c1"))
    return Record(question, "18 kg.", trace=trace, extra={"tools": [TOOL]}, **more)


def filled(dataset_id, **splits):
    """Create the records of each split."""
    for split, records in splits.items():
        history.create(dataset_id, records, summary="Add", split=split if split != "none" else None)


def folder_of(dataset_id, tmp_path, target="huggingface", layout="hugging-face"):
    path = tmp_path / "folder"
    export.write_folder(dataset_id, ExportOptions(layout=layout, target=target), path)
    return path


def messages(rows):
    return [json.dumps(row["messages"][-1]) for row in rows]


def test_a_folder_opens_with_its_splits_and_without_empty_ones(dataset_id, tmp_path, read):
    filled(dataset_id, train=[Record("q1", "a1"), Record("q2", "a2")], validation=[Record("q3", "a3")])
    found = read("datasets", folder_of(dataset_id, tmp_path))
    assert {name: len(rows) for name, rows in found.items()} == {"train": 2, "validation": 1}
    assert found["validation"] == [
        {"messages": [{"role": "user", "content": "q3"}, {"role": "assistant", "content": "a3"}]}
    ]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_tools_in_one_split_alone_open(dataset_id, tmp_path, read, split):
    filled(dataset_id, train=[Record("q1", "a1", reasoning="r")], **{split: [called("q2")]})
    found = read("datasets", folder_of(dataset_id, tmp_path))
    assert found[split][0]["tools"] == [TOOL]
    assert found[split][0]["messages"][1]["tool_calls"][0]["function"]["arguments"] == {"n": 1}
    assert found["train"][0]["messages"][1]["reasoning_content"] == "r"


def test_25_mb_with_what_comes_late_open_and_are_right(dataset_id, tmp_path, read):
    long = [Record(f"Question {number}?", "x" * 5000) for number in range(5200)]
    late = [
        called("late tools"),
        called("other arguments", '{"n": {"deep": [1, "two"]}}'),
        Record("late weight", "a", extra={"_layout": {"answer": {"weight": 0}}}),
        Record("late reasoning", "a", reasoning="because"),
        Record("other schema", "a", extra={"tools": [{"type": "function", "function": {"name": "w", "strict": True}}]}),
    ]  # fmt: skip
    filled(dataset_id, train=[*long, *late])
    path = folder_of(dataset_id, tmp_path)
    assert (path / "train.jsonl").stat().st_size > 25 * 1024 * 1024
    rows = read("datasets", path)["train"]
    asked = {row["messages"][0]["content"]: row for row in rows}
    assert len(asked) == len(long) + len(late)
    assert asked["Question 7?"] == {
        "messages": [{"role": "user", "content": "Question 7?"}, {"role": "assistant", "content": "x" * 5000}]
    }
    deep = asked["other arguments"]["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert deep == {"n": {"deep": [1, "two"]}} and asked["late tools"]["tools"] == [TOOL]
    assert asked["late weight"]["messages"][1]["weight"] == 0
    assert asked["late reasoning"]["messages"][1]["reasoning_content"] == "because"
    assert asked["other schema"]["tools"][0]["function"]["strict"] is True


def test_a_second_export_opens_though_the_card_was_written_by_hand(dataset_id, tmp_path, read):
    filled(dataset_id, train=[Record("q1", "a1")], test=[Record("q2", "a2")])
    path = folder_of(dataset_id, tmp_path)
    card = path / "README.md"
    card.write_text(card.read_text().replace("pretty_name:", "license: mit\npretty_name:") + "\nMine.\n")
    filled(dataset_id, validation=[called("q3")])
    folder_of(dataset_id, tmp_path)
    assert set(read("datasets", path)) == {"train", "validation", "test"}
    assert "license: mit" in card.read_text() and "Mine." in card.read_text()


def test_texts_of_all_kinds_come_back_letter_by_letter(dataset_id, tmp_path, read):
    texts = [
        "\u2028a\u2029b\x85",
        "=1+1",
        'say "x"\n\ttab',
        "\x01a\x1f\x7f",
        "🦊 𝔘 שלום",
        "<|im_end|>",
        "\ufeffbom",
        "- a: b #",
    ]
    filled(dataset_id, train=[Record(f"{number}?", text) for number, text in enumerate(texts)])
    rows = read("datasets", folder_of(dataset_id, tmp_path))["train"]
    assert sorted(row["messages"][1]["content"] for row in rows) == sorted(texts)


def test_croissant_describes_the_files_and_reads_their_rows(dataset_id, tmp_path, read):
    filled(dataset_id, train=[Record("q1", "a1"), called("q2")], test=[Record("q3", "a3", reasoning="r")])
    found = read("croissant", folder_of(dataset_id, tmp_path) / ".ltt" / "croissant.json")
    assert not found["errors"] and {name: len(rows) for name, rows in found["rows"].items()} == {"train": 2, "test": 1}
    assert [one["test/messages/role"] for one in found["rows"]["test"][0]["test/messages"]] == ["user", "assistant"]


@pytest.mark.parametrize(("target", "layout"), [("axolotl", "axolotl"), ("mlx", "mlx"), ("llama-factory", "sharegpt")])
def test_nothing_beside_the_data_is_read_as_data(dataset_id, tmp_path, read, target, layout):
    filled(dataset_id, train=[Record("q1", "a1")], validation=[Record("q2", "a2")])
    path = tmp_path / "folder"
    options = ExportOptions("json" if target == "llama-factory" else "jsonl", layout, target)
    export.write_folder(dataset_id, options, path)
    for beside in ("dataset_info.json", "axolotl.yml"):
        (path / beside).unlink(missing_ok=True)
    assert {name: len(rows) for name, rows in read("datasets", path).items()} == {"train": 1, "validation": 1}

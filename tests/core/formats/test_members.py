"""Which files of a set hold data, and what splits they are."""

import io
import zipfile

import pytest

from app.core.bundles.order import OrderKeeper, read_order
from app.core.errors import Invalid, TooLarge
from app.core.formats import Limits, Source
from app.core.formats.members import choose_members, split_of_name, tells_splits
from app.core.reading import ReadSettings, plan_reading, read_records

ROW = b'{"question":"q%d","answer":"a%d"}\n'


def rows(*numbers):
    return b"".join(ROW % (number, number) for number in numbers)


def packed(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, data)
    return out.getvalue()


def chosen(files):
    found = choose_members(list(files), lambda path: files[path])
    return [(one.path, one.split) for one in found.files]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.jsonl", "train"),
        ("valid.jsonl", "validation"),
        ("dev.csv", "validation"),
        ("data/test-00000-of-00002.parquet", "test"),
        ("my_set_Train.json.gz", "train"),
        ("validation/part-1.jsonl", "validation"),
        ("train/test.jsonl", "test"),
        ("bitext_eval.csv", "test"),
        ("latest.jsonl", None),
        ("train_test.jsonl", None),
        ("restrain.csv", None),
        ("my set train.csv", "train"),
        ("train (1).csv.gz", "train"),
        ("Training Data 2024.xlsx", "train"),
        ("data part 1 of 3 - test.jsonl", "test"),
        ("training of dogs.csv", None),
        ("dev team faq.csv", None),
        ("test results.csv", None),
        ("train stations/faq.csv", None),
        (" /test.csv/ .csv", "test"),
    ],
)
def test_a_name_tells_a_split_only_by_a_whole_word(name, split):
    assert split_of_name(name) == split


def test_a_card_of_blanks_is_read_in_no_time():
    files = {"README.md": b"---\nconfigs:\n- " + b" " * 100_000 + b":\n---\n", "a.jsonl": b""}
    assert chosen(files) == [("a.jsonl", None)]


def test_a_card_says_which_files_are_which_split():
    card = (
        b"---\nlicense: mit\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/a-*\n"
        b'  - split: test\n    path:\n    - "b.jsonl"\n    - c.jsonl\ntags: [x]\n---\n# Set\n'
    )
    files = {"README.md": card, "data/a-1.jsonl": b"", "b.jsonl": b"", "c.jsonl": b"", "d.jsonl": b"", "LICENSE": b""}
    assert chosen(files) == [("data/a-1.jsonl", "train"), ("b.jsonl", "test"), ("c.jsonl", "test")]
    assert choose_members(list(files), files.get).warnings == ("Not read: 1 other file in it (d.jsonl).",)


def test_a_card_may_write_its_files_in_braces_and_lie_in_a_folder():
    card = b"---\nconfigs:\n- config_name: main\n  data_files:\n  - {split: train_sft, path: one.jsonl}\n---\n"
    assert chosen({"set/README.md": card, "set/one.jsonl": b"", "set/two.jsonl": b""}) == [("set/one.jsonl", "train")]


def test_of_several_configurations_the_default_one_is_read():
    card = (
        b"---\nconfigs:\n- config_name: main\n  data_files: main/*.jsonl\n- config_name: other\n  default: true\n"
        b"  data_files:\n  - split: test\n    path: other/*\n---\n"
    )
    files = {"README.md": card, "main/train.jsonl": b"", "other/x.jsonl": b""}
    assert chosen(files) == [("other/x.jsonl", "test")]


@pytest.mark.parametrize(
    "card", [b"---\nconfigs: 3\n---\n", b"no head", b"---\nconfigs:\n- [[[\n---\n", b"\xff\xfe---"]
)
def test_a_card_that_says_nothing_leaves_it_to_the_names(card):
    assert chosen({"README.md": card, "dev.csv": b"", "train.csv": b""}) == [
        ("train.csv", "train"),
        ("dev.csv", "validation"),
    ]


@pytest.mark.parametrize("info", [b"[]", b"{", b'{"a": 3}', b'{"a": {"file_name": 3}}', b"[" * 100_000])
def test_a_list_that_is_none_leaves_it_to_the_names(info):
    assert chosen({"dataset_info.json": info, "test.json": b""}) == [("test.json", "test")]


def test_the_list_of_llama_factory_names_its_files():
    info = b'{"mine": {"file_name": "a.json"}, "mine_test": {"file_name": "b.json"}}'
    files = {"dataset_info.json": info, "a.json": b"", "b.json": b"", "c.json": b""}
    assert chosen(files) == [("b.json", "test"), ("a.json", None)]


def test_parts_come_in_the_order_of_their_numbers():
    files = dict.fromkeys(["train-10.csv", "train-2.csv", "train-1.csv", ".hidden.csv", "__MACOSX/train-3.csv"], b"")
    assert [path for path, _ in chosen(files)] == ["train-1.csv", "train-2.csv", "train-10.csv"]


def test_files_that_come_together_are_a_set_only_where_all_tell_a_split():
    assert tells_splits(["train.jsonl", "test.jsonl"]) and tells_splits(["README.md", "data.jsonl"])
    assert not tells_splits(["train.jsonl"]) and not tells_splits(["train.jsonl", "faq.csv"])
    assert not tells_splits(["a.csv", "b.csv"]) and not tells_splits([])


def records(data, **limits):
    source = Source.of_stream(io.BytesIO(data), limits=Limits(**limits))
    settings, found = plan_reading(source, ReadSettings())
    return found, list(read_records(source, settings))


def test_each_file_is_read_as_it_is():
    found, read = records(
        packed({"test.csv": b"prompt;response\nq3;a3\n", "train.jsonl": rows(1, 2), "notes/empty_dev.jsonl": b""})
    )
    assert [(row.number, row.part.file, row.part.split, record.question) for row, record in read] == [
        (1, "train.jsonl", "train", "q1"),
        (2, "train.jsonl", "train", "q2"),
        (3, "test.csv", "test", "q3"),
    ]
    assert [one.found.format for one in found.parts] == ["jsonl", "csv"]
    assert found.warnings == ("Without a row: notes/empty_dev.jsonl.",)


def test_what_is_packed_inside_is_unpacked_as_well():
    import gzip

    _, read = records(packed({"train.jsonl.gz": gzip.compress(rows(1)), "test.jsonl": rows(2)}))
    assert [record.question for _, record in read] == ["q1", "q2"]


def test_a_bad_row_is_told_with_its_file():
    _, read = records(packed({"train.jsonl": rows(1), "test.jsonl": b'{"question":"q","answer":""}\nno\n' + rows(2)}))
    assert [(bad.number, bad.reason) for bad in read[1:3]] == [
        (2, "test.jsonl: Row 1 (line 1): The answer is empty."),
        (3, read[2].reason),
    ]
    assert read[2].reason.startswith("test.jsonl: ") and read[2].line == 2


def test_a_file_that_cannot_be_read_is_named():
    with pytest.raises(Invalid, match=r"^b\.csv: .*which column"):
        records(packed({"a.csv": b"question,answer\nq,a\n", "b.csv": b"x,y\n1,2\n"}))


def test_an_archive_without_data_says_what_it_holds():
    with pytest.raises(Invalid, match=r"no data file in it: it holds a\.png, b\.bin"):
        records(packed({"a.png": b"x", "b.bin": b"y"}))


def test_too_many_files_are_refused():
    with pytest.raises(Invalid, match="201 data files"):
        records(packed({f"{number}.jsonl": rows(number) for number in range(201)}))


def test_all_files_together_are_within_the_limits():
    with pytest.raises(TooLarge, match="LTT_MAX_DECODED_MB"):
        records(packed({"train.jsonl": b" " * 700_000, "test.jsonl": b" " * 700_000}), decoded_bytes=1_000_000)
    with pytest.raises(TooLarge, match="LTT_MAX_ROWS"):
        records(packed({"train.jsonl": rows(1, 2), "test.jsonl": rows(3, 4)}), rows=3)


def test_paths_that_lead_out_and_links_are_no_paths_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    link = zipfile.ZipInfo("test.jsonl")
    link.external_attr = 0o120777 << 16
    data = packed([("../../train.jsonl", rows(1)), ("/tmp/x/dev.jsonl", rows(2)), (link, b"/etc/passwd")])
    found, read = records(data)
    assert [one.title for one in found.parts] == ["train.jsonl", "tmp/x/dev.jsonl"]
    assert len(read) == 2 and list(tmp_path.iterdir()) == []


def test_a_file_that_stands_twice_is_refused():
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = packed([("train.jsonl", rows(1)), ("train.jsonl", rows(2)), ("test.jsonl", rows(3))])
    with pytest.raises(Invalid, match=r"holds train\.jsonl twice"):
        records(data)


def test_rows_are_put_in_the_order_that_is_kept_with_them():
    keeper = OrderKeeper()
    for split, number in [("train", 1), ("test", 1), ("train", 2), ("test", 1)]:
        keeper.add(split, number)
    kept = keeper.as_json({"train": "a", "test": "b"}, {"train": 2, "test": 0}, divided=True)
    # The third row of a stands first in it.
    order = read_order(kept)
    assert list(order.merge({"a": iter([5, 1, 3]), "b": iter([2, 6])})) == [1, 2, 3, 5, 6]


@pytest.mark.parametrize(
    "kept",
    [{"files": ["a"], "first": [9], "runs": [0, 99, 7, 1, -1, 2, 0, -5]}, {"files": [], "first": [1], "runs": [0]}],
)
def test_an_order_that_does_not_fit_loses_no_row(kept):
    import msgspec

    order = read_order(msgspec.json.encode(kept))
    assert sorted(order.merge({"a": iter([1, 2]), "b": iter([3])})) == [1, 2, 3]


@pytest.mark.parametrize(
    "kept",
    [
        *(b"", b"[]", b'{"files": 3}', b'{"files":["a"],"first":["x"],"runs":[]}'),
        b'{"files":["a"],"first":[0],"runs":[0,9223372036854775808]}',
        b'{"files":["a"],"first":[9223372036854775808],"runs":[0,1]}',
    ],
)
def test_what_is_no_order_is_none(kept):
    assert read_order(kept) is None

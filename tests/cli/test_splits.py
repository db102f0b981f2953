"""``ltt split``: files written row by row as they came, datasets in one step, leaks as exit code."""

import csv
import json
from datetime import date
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

TOPICS = ("refund", "shipping", "invoice", "password", "warranty")


def documents(first, last):
    return [
        {
            "question": f"What is said of {topic} in manual {doc}?",
            "answer": f"“{topic}”,\nsays {doc}",
            "source": f"d{doc}",
            "family": f"f{doc}.{number // 2}",
            "rank": 1.0,
        }
        for doc in range(first, last)
        for number, topic in enumerate(TOPICS)
    ]


def write_lines(path, rows):
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
    return path


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def manuals(tmp_path):
    """A hundred documents with five pairs each, two wordings of most."""
    return write_lines(tmp_path / "manuals.jsonl", documents(0, 100))


def test_lines_of_a_file_are_divided_as_they_stand_and_more_move_none(ltt, tmp_path, manuals):
    done = ltt("split", manuals, "--group-by", "source", "--out-dir", tmp_path / "out", "--json")
    assert done.code == 0 and done.json["groups"] == 100 and done.json["quarantined"] == 0
    parts = {name: lines(tmp_path / "out" / f"{name}.jsonl") for name in ("train", "validation", "test")}
    assert {name: len(part) for name, part in parts.items()} == {name: done.json[name] for name in parts}
    assert sorted(sum(parts.values(), [])) == sorted(lines(manuals))
    for key in ("source", "family"):
        kept = [{json.loads(line)[key] for line in part} for part in parts.values()]
        assert sum(map(len, kept)) == len(set().union(*kept))
    more = write_lines(tmp_path / "more.jsonl", [*documents(0, 100), *documents(2, 4), *documents(300, 302)])
    ltt("split", more, "--group-by", "source", "--out-dir", tmp_path / "more")
    for name, part in parts.items():
        assert set(part) <= set(lines(tmp_path / "more" / f"{name}.jsonl"))


@pytest.mark.parametrize(("end", "delimiter"), [("\n", ","), ("\r\n", ";")])
def test_records_of_a_table_are_copied_with_its_header(ltt, tmp_path, end, delimiter):
    path = tmp_path / "faq.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter=delimiter, lineterminator=end)
        table.writerow(["question", "answer", "team"])
        table.writerows([f"q{n} “?”", f'a "{n}"\nb', f"t{n % 3}"] for n in range(60))
    done = ltt("split", path, "--out-dir", tmp_path / "out", "--ratios", "50/25/25", "--json")
    assert [Path(one["path"]).name for one in done.json["files"]] == ["train.csv", "validation.csv", "test.csv"]
    header, body = path.read_bytes().split(end.encode(), 1)
    written = [Path(one["path"]).read_bytes().split(end.encode(), 1) for one in done.json["files"]]
    assert all(part[0] == header and part[1] for part in written)
    assert sum(len(part[1]) for part in written) == len(body)


def test_a_list_of_records_stays_one(ltt, tmp_path):
    rows = [{"question": f"q{n}", "answer": f"a{n}", "n": n} for n in range(40)]
    path = tmp_path / "faq.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    ltt("split", path, "--out-dir", tmp_path / "out")
    found = [json.loads((tmp_path / "out" / f"{name}.json").read_text()) for name in ("train", "validation", "test")]
    assert sorted(sum(found, []), key=lambda row: row["n"]) == rows


def test_rows_of_parquet_keep_their_types(ltt, tmp_path):
    rows = [
        {"question": f"q{n}", "answer": f"a{n}", "at": date(2026, 1, 1 + n % 28), "parts": [n, n]} for n in range(40)
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "faq.parquet")
    ltt("split", tmp_path / "faq.parquet", "--out-dir", tmp_path / "out")
    found = [parquet.read_table(tmp_path / "out" / f"{name}.parquet") for name in ("train", "validation", "test")]
    assert sorted(sum((one.to_pylist() for one in found), []), key=lambda row: row["parts"]) == rows


def test_messages_in_rows_of_their_own_become_chats(ltt, tmp_path):
    rows = "".join(f"{n},user,question {n}\n{n},assistant,answer {n}\n" for n in range(30))
    path = tmp_path / "chat.csv"
    path.write_text("conversation_id,role,text\n" + rows, encoding="utf-8")
    done = ltt("split", path, "--out-dir", tmp_path / "out", "--json")
    assert sum(one["records"] for one in done.json["files"]) == 30
    assert json.loads(lines(tmp_path / "out" / "train.jsonl")[0])["messages"][0]["role"] == "user"


def test_standard_input_and_columns_of_any_name(ltt, tmp_path):
    text = "frage,antwort,dokument\n" + "".join(f"q{n},a{n},d{n // 4}\n" for n in range(80))
    told = ("--map", "question=frage,answer=antwort,source=dokument", "--group-by", "source", "--seed", 3)
    done = ltt("split", "-", *told, "--out-dir", tmp_path / "out", "--json", stdin=text.encode())
    assert done.json["groups"] == 20 and (tmp_path / "out" / "test.csv").is_file()


def test_without_a_folder_nothing_is_written(ltt, tmp_path, manuals):
    done = ltt("split", manuals)
    assert (
        done.code == 0 and "train" in done.err and [one.name for one in tmp_path.glob("*.jsonl")] == ["manuals.jsonl"]
    )


def test_bad_rows_are_counted_and_stay_out(ltt, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"question": "q", "answer": "a"}\n{"question": "", "answer": "b"}\nnot json\n', encoding="utf-8")
    done = ltt("split", path, "--ratios", "100/0/0", "--out-dir", tmp_path / "out", "--json")
    assert (done.code, done.json["quarantined"], done.json["train"]) == (1, 2, 1)
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["train.jsonl"]


def test_a_column_of_splits_is_kept_where_that_is_asked(ltt, tmp_path):
    rows = [{"question": f"q{n}", "answer": "a", "split": "test"} for n in range(30)]
    path = write_lines(tmp_path / "x.jsonl", rows)
    assert ltt("split", path, "--lock", "--json").json["test"] == 30
    done = ltt("split", path, "--json").json
    assert done["train"] > 15 and done["moved"] + done["stayed"] == 30


def test_a_file_with_near_copies_is_judged_and_mended(ltt, tmp_path):
    rows = [
        {
            "question": "How can I return a sofa that does not fit through the door?",
            "answer": "Call us.",
            "split": "train",
        },
        {
            "question": "How can I return a sofa that does not fit trough the door?",
            "answer": "Call us.",
            "split": "test",
        },
        {"question": "Where do the lamps come from?", "answer": "From Norway.", "split": "train"},
    ]
    path = write_lines(tmp_path / "x.jsonl", rows)
    done = ltt("split", path, "--leaks", "--json")
    assert done.code == 1 and [one[:2] + one[3:] for one in done.json["leaks"]] == [[1, 2, "near"]]
    mended = ltt("split", path, "--move-together", "--out-dir", tmp_path / "out", "--json")
    assert mended.json["moved"] == 1 and mended.json["leaks"] == []
    together = ltt("split", path, "--group-by", "duplicates", "--json").json
    assert together["groups"] == 2


def test_a_dataset_is_split_in_one_step_and_its_leaks_are_told(ltt, manuals):
    ltt("import", manuals, "--dataset", "D", "--create")
    done = ltt("split", "--dataset", "D", "--group-by", "source", "--json")
    assert done.code == 0 and done.json["change_set"] == 2 and done.json["placed"] == 500
    assert ltt("split", "--dataset", "D", "--group-by", "source", "--json").json["moved"] == 0
    told = ltt("split", "--dataset", "D", "--leaks", "--json")
    assert (told.code, told.json["leaks"], told.json["searched"]) == (0, [], True)
    ltt("undo", "D")
    assert ltt("split", "--dataset", "D", "--leaks", "--ratios", "50/25/25", "--json").json["leak_counts"].keys() <= {
        "near", "question", "source", "family"
    }  # fmt: skip


def test_what_is_not_said_is_as_in_the_last_division_of_the_dataset(ltt, manuals):
    ltt("import", manuals, "--dataset", "D", "--create")
    first = ltt("split", "--dataset", "D", "--group-by", "source", "--ratios", "60/20/20", "--no-lock", "--json")
    assert "as in the last division" not in first.err
    again = ltt("split", "--dataset", "D", "--json")
    assert "What is not said is as in the last division: --ratios 60/20/20 --group-by source." in again.err
    assert again.json["moved"] == 0 and again.json["groups"] == 100
    other = ltt("split", "--dataset", "D", "--seed", 42, "--ratios", "80/10/10", "--json")
    assert "as in the last division: --group-by source." in other.err and other.json["groups"] == 100
    alone = ltt("split", "--dataset", "D", "--group-by", "", "--json")
    assert alone.json["groups"] > 100 and alone.json["leaks"] == [] and alone.json["documents_apart"] > 10
    assert "as in the last division" not in alone.err
    # Of two that exclude each other the one that is said counts.
    ltt("split", "--dataset", "D", "--group-by", "tag")
    assert ltt("split", "--dataset", "D", "--stratify", "tag").code == 0
    assert ltt("split", "--dataset", "D", "--group-by", "source,tag").code == 0
    ltt("undo", "D")
    assert ltt("split", "--dataset", "D", "--group-by", "tag", "--stratify", "tag").code == 2


def test_pairs_of_one_document_leak_only_where_documents_are_kept_together(ltt, tmp_path):
    rows = [
        {"question": f"What is {name}?", "answer": f"It is {n}.", "source": "d", "split": side}
        for n, (name, side) in enumerate([("a lamp", "train"), ("the warranty of shoes", "train"), ("Oslo", "test")])
    ]
    path = write_lines(tmp_path / "x.jsonl", rows)
    ltt("import", path, "--dataset", "D", "--create")
    for place in ([path], ["--dataset", "D"]):
        told = ltt("split", *place, "--leaks", "--json")
        assert (told.code, told.json["leak_counts"], told.json["documents_apart"]) == (0, {}, 1)
        assert told.json["notes"] == ["Validation is empty."]
        said = ltt("split", *place, "--leaks").err
        assert "1 document has pairs in several splits" in said and "leak" not in said
        told = ltt("split", *place, "--leaks", "--group-by", "source", "--json")
        assert (told.code, told.json["leak_counts"], told.json["documents_apart"]) == (1, {"source": 1}, 0)
    assert ltt("split", "--dataset", "D", "--move-together", "--json").json["moved"] == 0
    done = ltt("split", "--dataset", "D", "--move-together", "--group-by", "source")
    assert "Validation and test are empty." in done.err


def test_leaks_of_a_dataset_are_found_without_a_search_before_and_moved(ltt, tmp_path):
    rows = [
        {
            "question": "How can I return a sofa that does not fit through the door?",
            "answer": "Call us.",
            "split": "train",
        },
        {
            "question": "How can I return a sofa that does not fit trough the door?",
            "answer": "Call us.",
            "split": "test",
        },
    ]
    ltt("import", write_lines(tmp_path / "x.jsonl", rows), "--dataset", "D", "--create")
    told = ltt("split", "--dataset", "D", "--leaks", "--json")
    assert told.code == 1 and told.json["leak_counts"] == {"near": 1}
    assert ltt("split", "--dataset", "D", "--move-together", "--json").json["moved"] == 1
    assert ltt("split", "--dataset", "D", "--leaks").code == 0


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("x.jsonl", "--dataset", "D"),
        ("--dataset", "D", "--out-dir", "out"),
        ("x.jsonl", "--leaks", "--out-dir", "out"),
        ("x.jsonl", "--ratios", "80/30/10"),
        ("x.jsonl", "--ratios", "80/20"),
        ("x.jsonl", "--group-by", "colour"),
        ("x.jsonl", "--group-by", "tag", "--stratify", "tag"),
    ],
)
def test_wrong_usage_is_refused(ltt, words):
    assert ltt("split", *words).code == 2


def test_a_dataset_that_is_not_there_is_refused(ltt):
    assert ltt("split", "--dataset", "none").code == 4
    assert ltt("split", "none.jsonl").code == 3


def test_an_export_of_splits_that_leak_is_refused_with_both_ways_out(ltt, tmp_path):
    rows = [{"question": "How many boxes?", "answer": "There are 12.", "split": side} for side in ("train", "test")]
    ltt("import", write_lines(tmp_path / "leaking.jsonl", rows), "--dataset", "Leaking", "--create")
    out = tmp_path / "out.jsonl"
    for words in (["--split", "train"], ["--split", "each"], ["--to", "mlx"]):
        refused = ltt("export", "Leaking", tmp_path / "mlx" if "mlx" in words else out, *words)
        assert refused.code == 4 and "1 same text" in refused.err and "--allow-leaks" in refused.err
    assert not out.exists() and not (tmp_path / "mlx").exists()
    allowed = ltt("export", "Leaking", out, "--split", "each", "--allow-leaks")
    assert allowed.code == 0 and "1 leak between splits" in allowed.err
    assert ltt("export", "Leaking", out).code == 0
    ltt("split", "--dataset", "Leaking", "--move-together")
    assert ltt("export", "Leaking", tmp_path / "mlx", "--to", "mlx").code == 0

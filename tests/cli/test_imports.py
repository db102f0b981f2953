"""``ltt import``."""

import io
import json
import os
import sys

import pytest
import xlsxwriter

CSV = b"question,answer\nHow?,So.\nWhy?,Because.\n"
BAD = CSV + b"Open?,\n"


@pytest.fixture
def file(tmp_path):
    """Makes a file with some content."""

    def make(content=CSV, name="faq.csv"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return make


def test_a_file_comes_into_a_new_dataset(ltt, file):
    done = ltt("import", file(), "--dataset", "D", "--create", "--json")
    assert done.code == 0
    assert {name: done.json[name] for name in ("dataset", "change_set", "rows_in", "imported", "skipped")} == {
        "dataset": "D", "change_set": 1, "rows_in": 2, "imported": 2, "skipped": 0,
    }  # fmt: skip
    [one] = done.json["files"]
    assert (one["name"], one["format"], one["layout"], one["encoding"], one["delimiter"], one["mapping"]) == (
        "faq.csv", "csv", "columns", "utf-8", ",", {"question": "question", "answer": "answer"},
    )  # fmt: skip


def test_without_json_it_says_the_counts(ltt, file):
    done = ltt("import", file(), "--dataset", "D", "--create")
    assert done.out == "faq.csv: 2 imported, 0 skipped, 0 in quarantine (2 rows)\n"


def test_bad_rows_are_findings(ltt, file):
    done = ltt("import", file(BAD), "--dataset", "D", "--create")
    assert done.code == 1 and "Row 3 (line 4): The answer is empty." in done.err
    again = ltt("import", file(BAD), "--dataset", "D", "--json")
    assert again.json["files"][0]["quarantine"][0]["line"] == 4


def test_strict_imports_nothing_of_all_files(ltt, file):
    done = ltt("import", file(), file(BAD, "bad.csv"), "--dataset", "D", "--create", "--strict", "--json")
    assert done.code == 3 and "bad.csv: Nothing was imported: 1 of 3 rows" in done.err
    assert ltt("import", file(), "--dataset", "D", "--on-duplicate", "skip", "--json").json["imported"] == 2


def test_standard_input_and_a_layout(ltt):
    line = json.dumps({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})
    done = ltt("import", "-", "--dataset", "D", "--create", "--from", "jsonl:openai", "--json", stdin=line.encode())
    assert (done.code, done.json["imported"], done.json["files"][0]["layout"]) == (0, 1, "openai")


def test_options_reach_the_import(ltt, file):
    table = file("Thema\tText\tAlt\nHow?\tSo.\tx\nHow?\tSo.\tx\nOpen?\t\tx\n".encode("cp1252"), "t.txt")
    done = ltt(
        "import", table, "--dataset", "D", "--create", "--map", "question=Thema,answer=Text", "--delimiter", "\\t",
        "--encoding", "cp1252", "--on-duplicate", "skip", "--allow-unanswered",
        "--tag", "one", "--tag", "two", "--json",
    )  # fmt: skip
    assert (done.code, done.json["imported"], done.json["skipped"]) == (0, 2, 1)


def test_update_by_id(ltt, file):
    ltt("import", file(), "--dataset", "D", "--create")
    table = file(b"id,question,answer\n1,How?,Better.\n2,Why?,Because.\n", "edited.csv")
    done = ltt("import", table, "--dataset", "D", "--on-duplicate", "update", "--update-by", "id", "--json")
    assert (done.json["imported"], done.json["skipped"], done.json["files"][0]["updated"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--dataset", "D"], 4, "no dataset"),
        (["--dataset", "D", "--create", "--map", "nonsense"], 2, "no mapping"),
        (["--dataset", "D", "--create", "--on-duplicate", "nonsense"], 2, "nonsense"),
        (["--dataset", "D", "--create", "--from", "nonsense"], 2, "no format"),
        (["--dataset", "D", "--create", "--map", "question=nope,answer=answer"], 3, "no column"),
    ],
)
def test_what_is_refused(ltt, file, arguments, code, words):
    done = ltt("import", file(), *arguments)
    assert done.code == code and words in done.err


def test_a_missing_file_and_a_picture(ltt, file, tmp_path):
    assert ltt("import", tmp_path / "none.csv", "--dataset", "D", "--create").code == 3
    done = ltt("import", file(b"\x89PNG\r\n\x1a\n", "x.csv"), file(), "--dataset", "D", "--create", "--json")
    assert done.code == 3 and "PNG" in done.err and done.json["imported"] == 2


def test_the_import_shows_among_the_jobs(ltt, file):
    ltt("import", file(), "--dataset", "D", "--create")
    [job] = ltt("jobs", "--json").json["jobs"]
    assert (job["state"], job["title"], job["result"]["imported"]) == ("done", "Import faq.csv into D", 2)
    assert "Import faq.csv into D" in ltt("jobs").out


CHAT = """\
01.06.24, 09:00 - Mill: Good morning!
01.06.24, 09:02 - Jo: Do you have rye bread?
01.06.24, 09:03 - Mill: Yes.
01.06.24, 19:00 - Jo: Still?
01.06.24, 19:01 - Mill: No.
"""


def test_a_chat_is_imported_as_who_answers_and_when(ltt, file):
    chat = file(CHAT.encode(), "chat.txt")
    done = ltt("import", chat, "--dataset", "D", "--create")
    assert done.code == 0 and "2 imported" in done.out and "“Mill” is taken as the one who answers" in done.err
    [told] = ltt("import", chat, "--dataset", "E", "--create", "--pause-hours", 24, "--json").json["files"]
    assert (told["imported"], told["format"], told["layout"]) == (1, "whatsapp", "openai")
    refused = ltt("import", chat, "--dataset", "F", "--create", "--who-answers", "Bo")
    assert refused.code == 3 and "There are: Mill (3), Jo (2)" in refused.err


def test_numbers_of_a_workbook_are_taken_as_shown_or_as_stored(ltt, file):
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ("question", "answer"))
        sheet.write_row(1, 0, ("Which share?", 0.25), book.add_format({"num_format": "0%"}))
    path = file(out.getvalue(), "shares.xlsx")
    assert '"25%"' in ltt("convert", path, "-", "--to", "jsonl:columns").out
    assert '"0.25"' in ltt("convert", path, "-", "--to", "jsonl:columns", "--cells", "stored").out


def test_spreadsheet_safe_quoting_is_undone_and_told(ltt, file):
    table = file(b"question,answer\nHow?,'=1\n", "x.spreadsheet-safe.csv")
    done = ltt("import", table, "--dataset", "D", "--create")
    assert "quoting was undone because the file's name" in done.err
    kept = ltt("import", table, "--dataset", "D", "--no-spreadsheet-safe", "--json").json["files"][0]
    assert kept["spreadsheet_safe"] is False and "apostrophe" in kept["warnings"][0]


@pytest.mark.parametrize("content", [b"PK\x03\x04 no archive", b"one,two,three\n1,2,3\n"])
def test_a_dataset_is_not_made_for_a_file_that_is_refused(ltt, tmp_path, content):
    path = tmp_path / "refused.zip" if content.startswith(b"PK") else tmp_path / "refused.csv"
    path.write_bytes(content)
    assert ltt("import", str(path), "--dataset", "D", "--create").code != 0
    assert "D" not in ltt("datasets").out and ltt("datasets", "--deleted").out.strip() in ("", "No datasets.")
    good = tmp_path / "good.csv"
    good.write_text("question,answer\nWhy?,So.\n")
    assert ltt("import", str(good), "--dataset", "D", "--create").code == 0


def test_a_folder_is_one_import_and_each_file_tells_its_split(ltt, file, tmp_path):
    folder = tmp_path / "my set"
    folder.mkdir()
    for name in ("train.jsonl", "valid.jsonl"):
        (folder / name).write_text(json.dumps({"question": name, "answer": "a"}) + "\n")
    (folder / "notes.md").write_text("Not data.")
    done = ltt("import", folder, "--dataset", "D", "--create", "--json")
    assert done.code == 0 and done.json["change_sets"] == [1]
    [one] = done.json["files"]
    assert (one["name"], [(part["name"], part["split"]) for part in one["parts"]]) == (
        "my set",
        [("train.jsonl", "train"), ("valid.jsonl", "validation")],
    )
    assert "Not read: 1 other file in it (notes.md)." in done.err
    out = tmp_path / "out.csv"
    ltt("export", "D", out, "--split", "validation")
    assert "valid.jsonl" in out.read_text() and "train.jsonl" not in out.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such name")
def test_a_folder_with_a_name_that_is_no_text_is_read(ltt, tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for name in (b"a\xff.jsonl", b"b.jsonl"):
        with open(os.path.join(os.fsencode(folder), name), "w") as file:
            file.write(json.dumps({"question": str(name), "answer": "a"}) + "\n")
    done = ltt("import", folder, "--dataset", "D", "--create", "--json")
    assert done.code == 0 and done.json["files"][0]["imported"] == 2


def test_a_folder_without_data_is_refused(ltt, tmp_path):
    (tmp_path / "folder").mkdir()
    done = ltt("import", tmp_path / "folder", "--dataset", "D", "--create")
    assert done.code == 3 and "There is no data file" in done.err


def test_a_name_that_tells_a_split_is_offered(ltt, file):
    row = b'{"question":"q","answer":"a"}\n'
    done = ltt("import", file(row, "test.jsonl"), "--dataset", "D", "--create")
    assert "Its name tells a split. To set it: --split test" in done.err
    assert "--split" not in ltt("import", file(row, "test.jsonl"), "--dataset", "D", "--split", "test").err

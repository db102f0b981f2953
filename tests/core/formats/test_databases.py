"""SQLite files: what is computed, what is too long, and what stands in the log beside them."""

import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from app.core.conversion import ConvertOptions
from app.core.errors import BadUsage, Invalid
from app.core.formats import BadRow, Limits, Source
from app.core.formats.database_log import with_log
from app.core.reading import detect_file, plan_reading, read_records

PAIR = "INSERT INTO t (question, answer) VALUES ('How?', 'So.');"


def database(folder, script, rows=(), then=""):
    path = folder / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("own", 1, lambda value: value, deterministic=True)
        connection.executescript(script)
        connection.executemany("INSERT INTO t (question, answer) VALUES (?, ?)", rows)
        connection.executescript(then)
        connection.commit()
    return path


def read(path, limits=None, **settings):
    source = Source.of_path(path, limits=limits)
    plan, found = plan_reading(source, ConvertOptions(**settings))
    return found, list(read_records(source, plan))


@pytest.mark.parametrize("table", ["question TEXT, answer TEXT", "question TEXT, answer TEXT, PRIMARY KEY (answer)"])
@pytest.mark.parametrize("without", ["", " WITHOUT ROWID"])
@pytest.mark.parametrize("place", [(0,), (2,), (4,), (0, 1), (1, 2), (0, 1, 2, 3), (3, 4), (1, 3)])
def test_a_value_over_the_limit_is_one_bad_row(tmp_path, table, without, place):
    if without and "KEY" not in table:
        table += ", PRIMARY KEY (question)"
    texts = [f"{number}" * (1_500_000 if number in place else 3) for number in range(5)]
    path = database(tmp_path, f"CREATE TABLE t ({table}){without};", [(text[:3], text) for text in texts])
    _, found = read(path, Limits(line_bytes=1024 * 1024))
    assert [(one.number, one.code) for one in found if isinstance(one, BadRow)] == [
        (at + 1, "too_long") for at in place
    ]
    assert [one[1].question for one in found if not isinstance(one, BadRow)] == [
        text[:3] for number, text in enumerate(texts) if number not in place
    ]


@pytest.mark.parametrize("kind", ["VIRTUAL", "STORED"])
def test_a_computed_column_is_read(tmp_path, kind):
    path = database(tmp_path, f"CREATE TABLE t (question, answer, more AS (upper(answer)) {kind});{PAIR}")
    found, [(row, _)] = read(path)
    assert found.columns == ("question", "answer", "more") and row.values["more"] == "SO." and not found.warnings


def test_a_column_computed_from_json_is_read(tmp_path):
    path = database(
        tmp_path,
        """CREATE TABLE t (question, answer, data AS (json_extract(answer, '$.a')), odd AS (hex(answer)));
        INSERT INTO t (question, answer) VALUES ('How?', '{"a": "So."}')""",
    )
    found, [(row, _)] = read(path)
    assert row.values["data"] == "So."
    assert ("odd" in row.values) != bool(found.warnings)


@pytest.mark.parametrize("expression", ["own(answer)", "answer || answer"])
def test_a_computed_column_that_cannot_be_computed_is_left_out_and_named(tmp_path, expression):
    path = database(tmp_path, f"CREATE TABLE t (question, answer, more AS ({expression}));", [("How?", "x" * 900_000)])
    found, [(row, record)] = read(path, Limits(line_bytes=1024 * 1024))
    assert found.columns == ("question", "answer") and record.question == "How?" and "more" not in row.values
    [warning] = found.warnings
    assert "“more” is left out" in warning


def test_a_late_row_whose_computed_value_fails_is_one_bad_row(tmp_path):
    rows = [(f"How {number}?", "{}" if number != 1200 else "[") for number in range(1500)]
    add = "ALTER TABLE t ADD COLUMN more AS (json_extract(answer, '$'))"
    path = database(tmp_path, "CREATE TABLE t (question, answer);", rows, add)
    _, found = read(path)
    [bad] = [one for one in found if isinstance(one, BadRow)]
    assert (len(found), bad.number, bad.code) == (1500, 1201, "unreadable") and "malformed JSON" in bad.reason


def test_plain_tables_alone_are_offered_and_nothing_in_them_runs(tmp_path):
    path = database(
        tmp_path,
        "CREATE TABLE t (question, answer); CREATE VIEW v AS SELECT * FROM t; CREATE VIRTUAL TABLE f USING fts5(a);"
        f"CREATE TABLE late (a, b); CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM late; END;{PAIR}",
        [("Why?", "Because.")],
    )
    before = path.read_bytes()
    assert detect_file(Source.of_path(path), ConvertOptions()).sheets == ("t", "late")
    with pytest.raises(BadUsage, match="no table"):
        read(path, sheet="v")
    assert path.read_bytes() == before and sorted(os.listdir(tmp_path)) == ["a.db"]


@pytest.fixture
def live(tmp_path):
    """A database that is in use: its newest pair stands in its log alone."""
    folder = tmp_path / "live"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "a.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("CREATE TABLE t (question, answer)")
        connection.execute("INSERT INTO t VALUES ('Old?', 'Old.')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("INSERT INTO t VALUES ('New?', 'New.')")
        yield folder


def questions(path):
    found, rows = read(path)
    return [one[1].question for one in rows], found.warnings


def test_a_database_in_use_is_read_with_its_log(live):
    asked, warnings = questions(live / "a.db")
    assert asked == ["Old?", "New?"] and any("a.db-wal" in one for one in warnings)


@pytest.mark.parametrize("files", [("a.db", "a.db-wal"), ("a.db", "a.db-wal", "a.db-shm")])
def test_a_copy_with_its_log_is_read_with_it_and_left_as_it_was(live, tmp_path, files):
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in files:
        shutil.copyfile(live / name, copy / name)
    before = {one.name: one.read_bytes() for one in copy.iterdir() if not one.name.endswith("-shm")}
    assert questions(copy / "a.db")[0] == ["Old?", "New?"]
    (tmp_path / "link.db").symlink_to(copy / "a.db")
    assert questions(tmp_path / "link.db")[0] == ["Old?", "New?"]
    assert {one.name: one.read_bytes() for one in copy.iterdir() if not one.name.endswith("-shm")} == before
    assert {one.name for one in copy.iterdir()} == set(files)


def test_a_folder_that_cannot_be_written_is_read_all_the_same(live, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("a.db", "a.db-wal"):
        shutil.copyfile(live / name, copy / name)
    copy.chmod(0o500)
    try:
        assert questions(copy / "a.db")[0] == ["Old?", "New?"]
    finally:
        copy.chmod(0o700)


def test_a_change_that_was_never_finished_is_taken_back(tmp_path):
    path = database(tmp_path, f"CREATE TABLE t (question, answer);{PAIR}")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size=1")
        connection.execute("PRAGMA cache_spill=1")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(f"Half {n}?", "x" * 3000) for n in range(200)])
        for name in ("a.db", "a.db-journal"):
            shutil.copyfile(tmp_path / name, tmp_path / f"copy-{name}")
        connection.execute("ROLLBACK")
    assert questions(tmp_path / "copy-a.db")[0] == ["How?"]


def test_a_file_that_is_no_database_is_read_beside_what_is_called_like_a_log(tmp_path):
    (tmp_path / "a.csv").write_text("question,answer\nHow?,So.\n")
    (tmp_path / "a.csv-wal").write_text("what I did")
    assert questions(tmp_path / "a.csv") == (["How?"], ())


def test_a_log_that_does_not_belong_to_it_is_no_end_of_the_database(live, tmp_path):
    shutil.copyfile(live / "a.db", tmp_path / "b.db")
    (tmp_path / "b.db-wal").write_bytes(b"\x00" * 5000)
    assert questions(tmp_path / "b.db")[0] == ["Old?"]


def test_what_is_sent_without_its_log_is_said_to_be(live, tmp_path):
    data = (live / "a.db").read_bytes()
    warnings = detect_file(Source.of_bytes(data, name="a.db"), ConvertOptions()).warnings
    assert any("not in this file" in one for one in warnings)
    shutil.copyfile(live / "a.db", tmp_path / "alone.db")
    assert questions(tmp_path / "alone.db") == (["Old?"], ())


def test_copies_are_gone_when_they_were_read(live, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(os.listdir(tmp_path))
    source = Source.of_path(live / "a.db")
    assert len(os.listdir(tmp_path)) == len(before) + 1
    del source
    with with_log(live / "a.db") as whole:
        assert whole.parent.parent == tmp_path
    with pytest.raises(Invalid):
        Source.of_path(tmp_path / "none.db")
    assert sorted(os.listdir(tmp_path)) == before

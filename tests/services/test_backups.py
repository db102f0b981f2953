"""Backups are whole, checked and never overwritten; a restore replaces everything and can be taken back."""

import os
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from alembic import command
from sqlalchemy import text

from app.core.errors import Conflict, Invalid, NotFound, Restored
from app.core.filters import Filters
from app.core.record import Record
from app.factory import migrate
from app.models import ChangeSet, open_copy
from app.services import backups, datasets, entries, history, jobs, pairs
from app.services.cleaning import recipes


@pytest.fixture
def saved(dataset_id):
    """A backup of a dataset with two pairs, to which a third was added afterwards."""
    history.create(dataset_id, [Record("q1", "a1"), Record("q2", "a2")], summary="Add")
    digest = datasets.compute_digest()
    path = backups.make_backup()
    pairs.add_pair(dataset_id, "q3", "a3")
    return path, digest


def test_a_restore_brings_the_old_digest_and_keeps_what_was_there(saved):
    path, digest = saved
    later = datasets.compute_digest()
    safety = backups.restore_backup(path)
    assert datasets.compute_digest() == digest
    backups.restore_backup(safety)
    assert datasets.compute_digest() == later


def test_a_form_that_was_open_before_a_restore_is_stale(saved, dataset_id):
    path, _ = saved
    [first, *_] = entries.stream_entries(dataset_id)
    backups.restore_backup(path)
    with pytest.raises(Conflict, match="changed since"):
        pairs.save_pair(dataset_id, first.id, {"answer": "mine"}, version=first.version)


def test_after_a_restore_everything_still_works(saved, dataset_id):
    backups.restore_backup(saved[0])
    pairs.add_pair(dataset_id, "new", "a")
    history.undo(dataset_id)
    assert entries.count_entries(dataset_id, Filters()) == 2 and backups.verify_database() == []


def test_two_backups_in_one_moment_are_two_files(saved):
    assert len({backups.make_backup().name for _ in range(5)}) == 5


def test_a_backup_never_overwrites(saved):
    with pytest.raises(Conflict, match="exists already"):
        backups.make_backup(saved[0])


def test_a_backup_is_for_its_owner_only(saved):
    assert saved[0].stat().st_mode & 0o777 == 0o600
    assert [path for path in saved[0].parent.iterdir() if path.suffix != ".db"] == []


def test_deleted_text_is_not_in_a_backup_made_after_it_is_gone(dataset_id):
    staged = history.stage(dataset_id, kind="import")
    with history.transaction() as session:
        change_set = session.get_one(ChangeSet, staged)
        history.add_rows(session, change_set, [history.new_row(Record("very secret words", "a"))])
    history.discard(staged)
    assert b"very secret words" not in backups.make_backup().read_bytes()


def test_backups_are_listed_newest_first_and_found_by_name(saved):
    newest = backups.make_backup(prefix="before-test")
    assert [one.name for one in backups.list_backups()] == [newest.name, saved[0].name]
    assert backups.list_backups()[0].automatic and backups.path_of(newest.name) == newest


@pytest.mark.parametrize("name", ["../ltt.db", "nothing.db", "ltt.db", "/etc/passwd", "a/b.db"])
def test_only_backups_can_be_fetched(saved, name):
    with pytest.raises(NotFound):
        backups.path_of(name)


def foreign(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (x)")


def newer(path, saved):
    path.write_bytes(saved.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


def overwritten(path, saved):
    data = bytearray(saved.read_bytes())
    data[4096:12288] = b"\xa5" * 8192
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "no file"),
        ("empty", "is empty"),
        ("text", "not a SQLite database"),
        ("truncated", "damaged"),
        ("overwritten", "damaged"),
        ("foreign", "another program"),
        ("newer", "newer version"),
    ],
)
def test_a_bad_file_is_refused_in_its_own_words_and_changes_nothing(saved, tmp_path, kind, said):
    path, before = tmp_path / "bad.db", datasets.compute_digest()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("just some text")
    elif kind == "truncated":
        path.write_bytes(saved[0].read_bytes()[:9000])
    elif kind == "overwritten":
        overwritten(path, saved[0])
    elif kind == "foreign":
        foreign(path)
    elif kind == "newer":
        newer(path, saved[0])
    with pytest.raises(Invalid, match=said):
        backups.restore_backup(path)
    assert datasets.compute_digest() == before


ODD = {
    "CREATE TRIGGER gone AFTER INSERT ON entries BEGIN DELETE FROM datasets; END": "holds the trigger gone",
    "CREATE VIEW seen AS SELECT 1": "holds the view seen",
    "DROP TABLE jobs": "the table jobs lacks everything",
    "ALTER TABLE entries DROP COLUMN extra": "the table entries lacks extra",
}


@pytest.mark.parametrize(("statement", "said"), ODD.items())
def test_a_backup_with_a_schema_that_is_not_ours_is_refused(saved, tmp_path, statement, said):
    path, before = tmp_path / "odd.db", datasets.compute_digest()
    altered(path, saved[0], statement)
    with pytest.raises(Invalid, match=said):
        backups.restore_backup(path)
    assert datasets.compute_digest() == before and backups.verify_database() == []


def altered(path, saved, statement):
    path.write_bytes(saved.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_backup_that_cannot_be_upgraded_is_taken_back(saved, tmp_path):
    path, before = tmp_path / "older.db", datasets.compute_digest()
    altered(path, saved[0], "UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(Invalid, match="nothing was changed"):
        backups.restore_backup(path)
    assert datasets.compute_digest() == before and backups.verify_database() == []


def test_verify_finds_a_trigger(saved):
    with history.transaction() as session:
        session.execute(text("CREATE TRIGGER gone AFTER INSERT ON entries BEGIN DELETE FROM datasets; END"))
    assert ["trigger gone" in problem for problem in backups.verify_database()] == [True]


def test_a_backup_into_a_folder_that_is_not_there_says_so(saved, tmp_path):
    with pytest.raises(Invalid, match="no folder"):
        backups.make_backup(tmp_path / "none" / "x.db")


def test_verify_finds_wrong_counts(saved, dataset_id):
    with history.transaction() as session:
        session.get_one(datasets.Dataset, dataset_id).counts = {"review": 99}
    assert backups.verify_database() == [f"Dataset {dataset_id} says 99 pairs but holds 3."]


def test_the_same_backup_restored_twice_gives_every_pair_another_version(saved, dataset_id):
    seen = []
    for _ in range(3):
        seen.append({entry.id: entry.version for entry in entries.stream_entries(dataset_id)})
        backups.restore_backup(saved[0])
        pairs.save_pair(dataset_id, 1, {"answer": f"{seen}"}, version=entries.get(dataset_id, 1).version)
    for entry_id in (1, 2):
        assert len({versions[entry_id] for versions in seen}) == 3


def test_versions_stay_within_what_javascript_counts_exactly(saved, dataset_id):
    for _ in range(5):
        backups.restore_backup(saved[0])
    assert all(entry.version < 2**53 for entry in entries.stream_entries(dataset_id))
    assert datasets.get(dataset_id).revision < 2**53


def test_no_id_that_was_given_out_before_a_restore_is_given_again(saved, dataset_id):
    lost = datasets.create_dataset("Made after the backup").id
    job = jobs.enqueue("import", {}).id
    recipe = recipes.create_recipe("R").id
    backups.restore_backup(saved[0])
    pairs.add_pair(dataset_id, "somebody else's", "a")
    assert [entry.id for entry in entries.stream_entries(dataset_id)] == [1, 2, 4]
    assert datasets.create_dataset("Another").id > lost and jobs.enqueue("import", {}).id > job
    assert recipes.create_recipe("S").id > recipe


def test_steps_go_on_after_those_of_before_a_restore(saved, dataset_id):
    [lost, _] = history.steps(dataset_id)
    backups.restore_backup(saved[0])
    pairs.add_pair(dataset_id, "another step", "a")
    assert [one.number for one in history.steps(dataset_id)] == [lost.number + 1, 1]
    with pytest.raises(NotFound, match="no step"):
        history.undo(dataset_id, lost.number)


def test_what_was_read_before_a_restore_cannot_be_the_base_of_a_write(app, saved, dataset_id):
    began, go = threading.Event(), threading.Event()
    said = []

    def write_late():
        with app.app_context():
            datasets.get(dataset_id)
            began.set()
            go.wait(30)
            try:
                pairs.add_pair(dataset_id, "from before", "a")
            except Restored as error:
                said.append(error.code)

    other = threading.Thread(target=write_late)
    other.start()
    began.wait(30)
    backups.restore_backup(saved[0])
    go.set()
    other.join()
    assert said == ["restored"] and entries.count_entries(dataset_id, Filters()) == 2


def test_of_two_restores_that_began_together_one_is_refused(saved, monkeypatch):
    prepare = backups._prepare_copy

    def prepare_and_be_overtaken(*arguments):
        prepare(*arguments)
        monkeypatch.setattr(backups, "_prepare_copy", prepare)
        backups.restore_backup(saved[0])

    monkeypatch.setattr(backups, "_prepare_copy", prepare_and_be_overtaken)
    before = len(backups.list_backups())
    with pytest.raises(Restored, match="restored from a backup"):
        backups.restore_backup(saved[0])
    assert len(backups.list_backups()) == before + 1


def test_jobs_that_waited_or_ran_are_interrupted(saved, tmp_path):
    job = jobs.enqueue("import", {}).id
    path = backups.make_backup()
    backups.restore_backup(path)
    assert (jobs.get(job).state, "put back" in jobs.get(job).error) == ("interrupted", True)


def test_a_restore_leaves_nothing_beside_the_database_and_an_empty_log(app, saved, data_dir):
    backups.restore_backup(saved[0])
    assert sorted(path.name for path in data_dir.glob("*.db*") if "-shm" not in path.name) == ["ltt.db", "ltt.db-wal"]
    assert (data_dir / "ltt.db-wal").stat().st_size == 0


def test_an_older_backup_is_upgraded_aside(saved, tmp_path, dataset_id):
    path = tmp_path / "old.db"
    path.write_bytes(saved[0].read_bytes())
    config = migrate.get_config()
    with open_copy(path) as config.attributes["engine"]:
        command.downgrade(config, "0005")
    backups.restore_backup(path)
    assert entries.count_entries(dataset_id, Filters()) == 2 and backups.verify_database() == []


@pytest.mark.parametrize("epoch", [0, -1, 2**62])
def test_a_backup_with_an_epoch_that_is_none_is_refused(saved, tmp_path, epoch):
    altered(tmp_path / "odd.db", saved[0], f"UPDATE workspace SET epoch = {epoch}")
    with pytest.raises(Invalid, match="no epoch"):
        backups.restore_backup(tmp_path / "odd.db")


def test_what_a_killed_restore_left_is_swept_once_it_is_old(saved, data_dir):
    for name, age in (("restoring-1.db", 90_000), ("restoring-2.db-wal", 60)):
        (data_dir / name).write_bytes(b"x")
        os.utime(data_dir / name, (time.time() - age,) * 2)
    backups.sweep_left()
    assert [path.name for path in data_dir.glob("restoring-*")] == ["restoring-2.db-wal"]

"""Bringing the database to the newest schema, and refusing what must not be touched."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app import config, create_app, factory
from app.core.errors import Conflict
from app.models import Dataset, Import, Job, SavedRecipe, close_cleanly, db, met_epoch, transaction
from app.services import datasets, schema


@pytest.fixture
def prepare(data_dir: Path):
    """Open the data folder as at a start."""

    def run() -> Path | None:
        app = create_app({"LTT_DATA_DIR": str(data_dir), "LTT_LOG_LEVEL": "ERROR"})
        with app.app_context():
            try:
                return schema.prepare_schema()
            finally:
                db.engine.dispose()

    return run


def write(path: Path, *statements: str) -> None:
    """Change a database behind the program's back."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


INSERT = """INSERT INTO datasets (name, description, settings, counts, last_number, undo_count, revision, created_at,
changed_at) VALUES ('Kept', '', '{}', '{}', 0, 0, 0, '2026-01-01', '2026-01-01')"""


def names(path: Path) -> list[str]:
    """The names of the datasets in a database file."""
    return [name for (name,) in sqlite3.connect(path).execute("SELECT name FROM datasets")]


def test_the_migrations_make_what_the_models_say(app) -> None:
    with app.app_context(), db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []


def test_a_new_folder_gets_a_database_for_its_owner_only(tmp_path: Path) -> None:
    app = create_app({"LTT_DATA_DIR": str(tmp_path / "new"), "LTT_LOG_LEVEL": "ERROR"})
    with app.app_context():
        assert schema.prepare_schema() is None
        assert datasets.create_dataset("First").id == 1
        close_cleanly()
    assert (tmp_path / "new" / "ltt.db").stat().st_mode & 0o777 == 0o600


def test_the_newest_schema_is_left_alone(prepare, data_dir: Path) -> None:
    before = (data_dir / "ltt.db").read_bytes()
    assert prepare() is None
    assert (data_dir / "ltt.db").read_bytes() == before


LATER = """
from alembic import op

revision = "9000"
down_revision = "{newest}"


def upgrade():
    op.execute("CREATE TABLE later (id INTEGER)")
    op.execute("DELETE FROM datasets")
    {end}
"""


@pytest.fixture
def later(migrated_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Add a migration that the database in the data folder does not have yet."""

    def add(end: str) -> None:
        newest = sqlite3.connect(migrated_folder / "ltt.db").execute("SELECT * FROM alembic_version").fetchone()[0]
        shutil.copytree(config.ROOT / "migrations", tmp_path / "migrations")
        text = LATER.format(newest=newest, end=end)
        (tmp_path / "migrations" / "versions" / "9000_later.py").write_text(text, encoding="utf-8")
        monkeypatch.setattr(factory.migrate, "directory", str(tmp_path / "migrations"))

    return add


def test_an_older_schema_is_upgraded_after_a_copy(prepare, later, data_dir: Path) -> None:
    write(data_dir / "ltt.db", INSERT)
    later("pass")
    copy = prepare()
    assert copy is not None and copy.parent == data_dir / "backups"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert names(copy) == ["Kept"]
    assert names(data_dir / "ltt.db") == []


def test_a_failed_upgrade_leaves_everything_as_it_was(prepare, later, data_dir: Path) -> None:
    write(data_dir / "ltt.db", INSERT)
    later("raise RuntimeError('killed here')")
    with pytest.raises(RuntimeError, match="killed here"):
        prepare()
    assert names(data_dir / "ltt.db") == ["Kept"]
    tables = sqlite3.connect(data_dir / "ltt.db").execute("SELECT name FROM sqlite_master").fetchall()
    assert ("later",) not in tables


def test_a_safety_copy_holds_what_was_there(app, data_dir: Path) -> None:
    with app.app_context():
        datasets.create_dataset("Kept")
        copy = schema._safety_copy("0001")
    assert copy is not None
    assert names(copy) == ["Kept"]
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_newer_schema_is_refused_untouched(prepare, data_dir: Path) -> None:
    write(data_dir / "ltt.db", "UPDATE alembic_version SET version_num = '9999'")
    before = (data_dir / "ltt.db").read_bytes()
    with pytest.raises(Conflict, match="newer version"):
        prepare()
    assert (data_dir / "ltt.db").read_bytes() == before


def test_a_database_of_another_program_is_refused(prepare, data_dir: Path) -> None:
    (data_dir / "ltt.db").unlink()
    write(data_dir / "ltt.db", "CREATE TABLE messages (id, question, answer)")
    with pytest.raises(Conflict, match="another program"):
        prepare()


def test_a_file_that_is_no_database_is_refused_untouched(prepare, data_dir: Path) -> None:
    (data_dir / "ltt.db").write_bytes(b"This is not a database. " * 500)
    before = (data_dir / "ltt.db").read_bytes()
    with pytest.raises(Conflict, match=r"ltt\.db is damaged.*ltt restore"):
        prepare()
    assert (data_dir / "ltt.db").read_bytes() == before


def test_a_log_without_its_database_is_refused(prepare, data_dir: Path) -> None:
    (data_dir / "ltt.db").unlink()
    (data_dir / "ltt.db-wal").write_bytes(b"x" * 4096)
    with pytest.raises(Conflict, match="is missing"):
        prepare()
    assert not (data_dir / "ltt.db").exists()


@pytest.mark.parametrize("table", ["datasets", "imports", "recipes"])
def test_the_id_of_a_row_that_is_gone_for_good_never_comes_again(app, table: str) -> None:
    with app.app_context(), transaction() as session:
        dataset_id = datasets.create_dataset("D").id
        made = {
            "datasets": lambda: Dataset(name="D", counts={}, settings={}),
            "imports": lambda: Import(dataset_id=dataset_id, file_name="f"),
            "recipes": lambda: SavedRecipe(name="R"),
        }
        ids = []
        for _ in range(3):
            row = made[table]()
            session.add(row)
            session.flush()
            ids.append(row.id)
            session.delete(row)
            session.flush()
    assert len(set(ids)) == 3


def test_each_new_database_begins_in_an_epoch_of_its_own(tmp_path: Path) -> None:
    epochs = set()
    for name in ("one", "other"):
        app = create_app({"LTT_DATA_DIR": str(tmp_path / name), "LTT_LOG_LEVEL": "ERROR"})
        with app.app_context():
            schema.prepare_schema()
            epochs.add(met_epoch())
            close_cleanly()
    assert len(epochs) == 2


def test_filters_of_one_finding_or_import_are_filters_of_several_afterwards(app, data_dir: Path) -> None:
    old = {"text": "", "statuses": ["draft"], "finding": "html", "import_id": 7, "left_out": ""}
    none = {"text": "x", "statuses": [], "finding": "", "import_id": None, "left_out": ""}
    with app.app_context():
        dataset_id = datasets.create_dataset("Kept").id
        with transaction() as session:
            for number, filters in enumerate((old, none, {})):
                session.add(Job(kind="clean", arguments={"wish": {"filters": filters}, "n": number}))
        config_of_migrations = schema._alembic_config()
        command.downgrade(config_of_migrations, "0013")
        command.upgrade(config_of_migrations, "head")
        jobs = db.session.query(Job).order_by(Job.id).all()
        found = [one.arguments["wish"]["filters"] for one in jobs]
        assert datasets.get(dataset_id).name == "Kept"
    assert found[0] == {"text": "", "statuses": ["draft"], "left_out": "", "findings": ["html"], "imports": ["7"]}
    assert found[1] == {"text": "x", "statuses": [], "left_out": "", "findings": [], "imports": []} and found[2] == {}

"""The database of the workbench, named by hand: no command opens its file, reads it without its log or writes over it."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests import factories

# Whatever Python opens, by path. Hooks stay for good, so this one listens only while somebody looks.
_opened: list[str] | None = None


def _listen(event, arguments):
    if event == "open" and _opened is not None and isinstance(arguments[0], (str, bytes)):
        _opened.append(os.fsdecode(arguments[0]))


sys.addaudithook(_listen)


@pytest.fixture
def opened(monkeypatch):
    """The paths that Python opens meanwhile."""
    found = []
    monkeypatch.setattr(sys.modules[__name__], "_opened", found)
    return found


@pytest.fixture
def live(data_dir, context):
    """The database while a server uses it, with a pair in its log alone."""
    factories.dataset("FAQ", 1)
    path = data_dir / "ltt.db"
    assert path.with_name("ltt.db-wal").stat().st_size
    return path


def named(live, way, tmp_path, monkeypatch):
    if way == "relative":
        monkeypatch.chdir(live.parent)
        return "ltt.db"
    if way in ("symlink", "hard link"):
        other = tmp_path / "other.db"
        other.symlink_to(live) if way == "symlink" else other.hardlink_to(live)
        return other
    return live


@pytest.mark.parametrize("way", ["path", "relative", "symlink", "hard link"])
@pytest.mark.parametrize(
    "command",
    [
        ("import", "{live}", "--dataset", "FAQ"),
        ("convert", "{live}", "{out}", "--to", "jsonl"),
        ("dedupe", "{live}"),
        ("dedupe", "{other}", "--against", "{live}"),
        ("clean", "{live}", "--remove", "x"),
        ("validate", "{live}"),
        ("restore", "{live}"),
        ("convert", "{other}", "{live}", "--to", "sqlite"),
        ("convert", "{other}", "{out}", "--to", "jsonl", "--rejects", "{live}"),
        ("export", "FAQ", "{live}"),
    ],
    ids=" ".join,
)
def test_it_is_refused_with_what_to_use(live, ltt, way, command, tmp_path, monkeypatch, opened):
    name = named(live, way, tmp_path, monkeypatch)
    other, out = tmp_path / "other.csv", tmp_path / "out"
    other.write_text("question,answer\nq,a\n")
    before = live.stat()
    opened.clear()
    outcome = ltt(*[part.format(live=name, out=out, other=other) for part in command])
    assert outcome.code == 3, outcome.err
    assert "is the database that this workbench works with" in outcome.err
    touched = [one for one in opened if Path(one).exists() and os.path.samefile(one, live)]
    assert not touched
    assert (live.stat().st_ino, live.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("way", ["path", "relative", "symlink", "hard link"])
def test_it_is_verified_as_the_live_database(live, ltt, way, tmp_path, monkeypatch, opened):
    outcome = ltt("verify", named(live, way, tmp_path, monkeypatch))
    assert (outcome.code, outcome.out) == (0, "All is well.\n")
    assert not [one for one in opened if Path(one).exists() and os.path.samefile(one, live)]


def test_a_copy_of_the_data_folder_is_verified_and_put_back_with_its_log(live, ltt, tmp_path):
    from app.services import datasets, entries

    copy = tmp_path / "copy"
    shutil.copytree(live.parent, copy)
    assert ltt("verify", copy / "ltt.db").code == 0
    [dataset] = datasets.list_datasets()
    assert ltt("restore", copy / "ltt.db").code == 0
    assert len(list(entries.stream_entries(dataset.id))) == 1

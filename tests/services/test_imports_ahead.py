"""Large files are read by a process of their own; what comes of it is the same."""

import subprocess
import sys
from dataclasses import replace

import pytest

from app.core.errors import LttError
from app.core.formats import Limits, Source
from app.services.imports import Settings, ahead, building
from tests.services.test_imports import bring, counts, stored

LINES = b'{"messages": [{"role": "user", "content": "Q%d"}, {"role": "assistant", "content": "A"}]}\n'
# A tag for all pairs: otherwise plain chats are parsed here, in the quick way.
JSONL = Settings(format="jsonl", layout="openai", encoding="utf-8", tags=("new",))


@pytest.fixture
def chats(tmp_path):
    path = tmp_path / "chats.jsonl"
    path.write_bytes(b"".join(LINES % number for number in range(2500)) + b'{"a": "\\ud83d"}\nno\n')
    return Source.of_path(path, limits=Limits(rows=2600))


@pytest.fixture(autouse=True)
def all_files_are_large(monkeypatch):
    monkeypatch.setattr(ahead, "LARGE_BYTES", 0)


def test_another_process_builds_the_same_rows(chats):
    here = list(building.build_parts(chats, JSONL, 7))
    there = list(ahead.parts(chats, JSONL, 7))
    assert [(part.new, part.bad) for part in there] == [(part.new, part.bad) for part in here]
    assert [len(part.new) for part in there] == [1000, 1000, 500] and len(there[-1].bad) == 2


def test_a_refusal_comes_back_with_its_words(chats):
    chats.limits = Limits(rows=2000)
    with pytest.raises(LttError) as there:
        list(ahead.parts(chats, JSONL, 7))
    with pytest.raises(LttError) as here:
        list(building.build_parts(chats, JSONL, 7))
    assert (type(there.value), vars(there.value)) == (type(here.value), vars(here.value))
    assert "LTT_MAX_ROWS" in there.value.message


def test_a_missing_file_is_told(tmp_path):
    (tmp_path / "x").write_bytes(b"{}")
    source = Source.of_path(tmp_path / "x")
    parts = ahead._received(source, JSONL, 7)
    (tmp_path / "x").unlink()
    with pytest.raises(LttError, match="There is no file"):
        list(parts)


def test_rows_that_change_pairs_are_read_here(chats, monkeypatch):
    monkeypatch.setattr(ahead, "_received", None)
    parts = ahead.parts(chats, replace(JSONL, on_duplicate="update"), 7)
    assert sum(len(part.rows) for part in parts) == 2500


def test_plain_chats_are_read_here(chats, monkeypatch):
    monkeypatch.setattr(ahead, "_received", None)
    parts = list(ahead.parts(chats, replace(JSONL, tags=()), 7))
    assert sum(len(part.plain or part.new) for part in parts) == 2500


@pytest.mark.parametrize("program", ["pass", "import sys; sys.stdout.buffer.write(b'\\0' * 7 + b'\\x09x')"])
def test_a_process_that_dies_is_told(chats, monkeypatch, program):
    monkeypatch.setattr(ahead, "_PROGRAM", [sys.executable, "-c", program])
    with pytest.raises(LttError, match="ended without a word"):
        list(ahead.parts(chats, JSONL, 7))


def test_the_process_ends_when_nobody_listens(chats, monkeypatch):
    started = []
    real = subprocess.Popen

    def remember(*arguments, **options):
        started.append(real(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(ahead.subprocess, "Popen", remember)
    parts = ahead.parts(chats, JSONL, 7)
    assert next(parts).new
    parts.close()
    assert started[0].poll() is not None


def test_an_import_is_the_same(dataset_id):
    data = b"".join(LINES % number for number in range(20)) + b"no\n" + LINES % 3
    row = bring(dataset_id, data, "chats.jsonl", on_duplicate="skip")
    assert counts(row) == (20, 1, 1)
    assert [entry.question for entry in stored(dataset_id)] == [f"Q{number}" for number in range(20)]

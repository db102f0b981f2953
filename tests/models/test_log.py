"""The write-ahead log: folded, cut, bounded, and never the reason of a refusal of what is stored."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from flask import Flask
from sqlalchemy import text

from app.core.errors import Busy
from app.core.record import Record
from app.models import Entry, Turns, db, empty_log, reading, transaction
from app.models import log as logs
from app.models.log import WriteAheadLog
from app.services import datasets, entries, history

MB = 1024 * 1024


@pytest.fixture
def wal(app: Flask) -> Iterator[WriteAheadLog]:
    """The log, with a limit of 8 MB: it is folded from 256 kB on, bulk reads let go of it at 2 MB."""
    with app.app_context():
        wal = app.extensions["ltt_log"]
        wal.limit_bytes = 8 * MB
        with transaction() as session:
            session.execute(text("CREATE TABLE filler (text TEXT)"))
        yield wal
        with transaction() as session:
            session.execute(text("DROP TABLE filler"))


def write(megabytes: float) -> None:
    """Make the log grow."""
    with transaction() as session:
        session.execute(text("INSERT INTO filler VALUES (:text)"), {"text": "x" * int(megabytes * MB)})


@contextmanager
def reader() -> Iterator[None]:
    """Somebody who reads on and on, in another thread."""
    with ExitStack() as stack:
        connection = db.engine.raw_connection()
        stack.callback(connection.close)
        connection.driver_connection.execute("BEGIN")
        connection.driver_connection.execute("SELECT count(*) FROM filler").fetchall()
        stack.callback(connection.driver_connection.execute, "ROLLBACK")
        yield


def test_a_log_that_cannot_be_folded_is_no_reason_to_refuse_what_is_stored(wal, monkeypatch) -> None:
    def fail(mode: str) -> bool:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(wal, "_checkpoint", fail)
        write(1)
        empty_log()
    assert db.session.execute(text("SELECT count(*) FROM filler")).scalar() == 1
    db.session.rollback()
    wal._not_before = 0
    write(0.01)
    assert wal.size == 0, "what could not be folded was folded later"


def test_a_commit_that_fails_keeps_nothing(wal) -> None:
    pages = db.session.execute(text("PRAGMA page_count")).scalar()
    db.session.rollback()
    with pytest.raises(Exception, match="full"), transaction() as session:
        session.execute(text(f"PRAGMA max_page_count={pages + 4}"))
        session.execute(text("INSERT INTO filler VALUES (:text)"), {"text": "x" * MB})
    db.engine.dispose()
    assert db.session.execute(text("SELECT count(*) FROM filler")).scalar() == 0


def test_a_log_that_a_reader_let_grow_is_cut_when_it_has_ended(wal) -> None:
    with reader():
        for _ in range(4):
            write(1)
        assert wal.size > 4 * MB
    with reading():
        pass
    assert wal.size == 0


def test_at_its_limit_nobody_writes_and_afterwards_everybody_does(wal) -> None:
    with reader():
        for _ in range(9):
            write(0.9)
        with pytest.raises(Busy) as caught:
            write(0.1)
        assert caught.value.code == "log_full"
        assert wal.size < 9 * MB
        assert db.session.execute(text("SELECT count(*) FROM filler")).scalar() == 9
        db.session.rollback()
    write(0.1)
    assert wal.size < MB


def test_bulk_writes_wait_for_room_and_leave_the_rest_to_others(wal) -> None:
    ended, stack = threading.Event(), ExitStack()
    stack.enter_context(reader())
    for _ in range(7):
        write(0.9)

    def end() -> None:
        assert not ended.wait(0.5)
        stack.close()

    thread = threading.Thread(target=end)
    thread.start()
    with Turns() as turns:
        turns.begin().execute(text("INSERT INTO filler VALUES ('bulk')"))
        ended.set()
    thread.join()
    assert wal.size < MB


def test_bulk_writes_do_not_wait_for_ever(wal, monkeypatch) -> None:
    monkeypatch.setattr(logs, "ROOM_SECONDS", 0.3)
    with reader():
        for _ in range(7):
            write(0.9)
        with pytest.raises(Busy), Turns() as turns:
            turns.begin()
        write(0.1)


def test_a_long_read_lets_go_of_a_log_that_grows_and_still_sees_one_moment(wal) -> None:
    dataset_id = datasets.create_dataset("Tests").id
    history.create(dataset_id, [Record(f"Q{n}", f"A{n}") for n in range(300)], summary="x")
    db.session.rollback()
    rows = entries.stream(dataset_id, columns=(Entry.id, Entry.answer), size=10)
    seen = [*next(rows)]
    for _ in range(3):
        write(1)
    seen += next(rows)
    write(0.1)
    assert wal.size > 3 * MB, "the next rows come before all others were read"
    history.delete(dataset_id, [seen[0][0] + 250])
    for _ in range(5):
        seen += next(rows)
    write(0.1)
    assert wal.size < MB, "the read has let go"
    seen += [row for part in rows for row in part]
    assert [row[1] for row in seen] == [f"A{n}" for n in range(300)]


def test_a_long_read_that_is_dropped_while_it_lets_go_holds_nothing(wal) -> None:
    dataset_id = datasets.create_dataset("Tests").id
    history.create(dataset_id, [Record(f"Q{n}", f"A{n}") for n in range(300)], summary="x")
    db.session.rollback()
    rows = entries.stream(dataset_id, columns=(Entry.id, Entry.answer), size=10)
    next(rows)
    for _ in range(3):
        write(1)
    next(rows)
    rows.close()
    assert wal.size == 0

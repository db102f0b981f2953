"""Long writers make way: one large transaction while nobody waits, a pause as soon as somebody does."""

import threading

import pytest

from app.models import Dataset, Turns, db, transaction
from app.models.filelock import FileLock


def test_who_waits_is_seen_and_let_through(tmp_path):
    lock = FileLock(tmp_path / "x.lock")
    lock.acquire()
    assert not lock.wanted
    other = threading.Thread(target=lambda: lock.acquire() or lock.release())
    other.start()
    while not lock.wanted:
        pass
    lock.release()
    lock.make_way()
    other.join(5)
    assert not other.is_alive() and not lock.wanted


def test_another_process_is_seen_too(tmp_path):
    holder, waiter = FileLock(tmp_path / "x.lock"), FileLock(tmp_path / "x.lock")
    holder.acquire()
    other = threading.Thread(target=lambda: waiter.acquire() or waiter.release())
    other.start()
    while not holder.wanted:
        pass
    holder.release()
    other.join(5)
    assert not other.is_alive() and not holder.wanted


@pytest.mark.usefixtures("in_app")
class TestTurns:
    """Inside an application."""

    def test_a_turn_is_one_transaction_until_it_is_paused(self):
        with Turns(60) as turns:
            turns.begin().add(Dataset(name="a", counts={}, settings={}))
            turns.begin().add(Dataset(name="b", counts={}, settings={}))
            assert not turns.is_over
            turns.pause()
            assert db.session.query(Dataset).count() == 2

    def test_a_failure_takes_back_the_open_turn_only(self):
        with pytest.raises(RuntimeError), Turns(60) as turns:
            turns.begin().add(Dataset(name="kept", counts={}, settings={}))
            turns.pause()
            turns.begin().add(Dataset(name="lost", counts={}, settings={}))
            raise RuntimeError
        assert [one.name for one in db.session.query(Dataset)] == ["kept"]

    def test_who_is_in_no_hurry_waits_until_nobody_else_wants_to_write(self, in_app):
        lock = in_app.extensions["ltt_write_lock"]
        with Turns() as turns:
            assert turns.stand_back()
            lock._marker.touch()
            assert not turns.stand_back(0.01)
            threading.Timer(0.05, lock._marker.unlink).start()
            assert turns.stand_back(60)

    def test_a_turn_is_over_when_somebody_else_wants_to_write(self, in_app):
        def write():
            with in_app.app_context(), transaction() as session:
                session.add(Dataset(name="other", counts={}, settings={}))

        with Turns(60) as turns:
            turns.begin().add(Dataset(name="mine", counts={}, settings={}))
            other = threading.Thread(target=write)
            other.start()
            while not turns.is_over:
                pass
            turns.pause()
            other.join(5)
            assert not other.is_alive()
            turns.begin()
        assert db.session.query(Dataset).count() == 2


@pytest.fixture
def in_app(app):
    """An application context."""
    with app.app_context():
        yield app

"""A dataset that is made of a snapshot: there with all its pairs, or not at all."""

import pytest

from app.core.record import Record
from app.models import ChangeSet, Dataset, Entry, db
from app.services import datasets, entries, history, snapshots, tasks, work
from app.services.jobs import Unwatched
from app.services.snapshots import CopyRun, FreezeRun, restoring


class Killed(BaseException):
    """What no handler of errors sees, as none sees a kill."""


@pytest.fixture
def frozen(dataset_id):
    history.create(dataset_id, [Record("q1", "a1"), Record("q2", "a2")], summary="Add")
    tasks.start(snapshots.FREEZE, FreezeRun(dataset_id))
    return dataset_id


def kill_in(monkeypatch, where, name):
    def end(*given, **named):
        raise Killed

    monkeypatch.setattr(where, name, end)


@pytest.mark.parametrize("name", ["create", "report", "publish"])
def test_a_copy_that_is_killed_shows_nowhere_and_is_swept(frozen, monkeypatch, name):
    with monkeypatch.context() as patched:
        kill_in(patched, work.Work, name)
        with pytest.raises(Killed):
            restoring.copy(CopyRun(frozen, 1, "Copy"), Unwatched())
    db.session.rollback()
    assert [one.name for one in datasets.list_datasets()] == ["Tests"]
    for sweep in tasks.sweeps():
        sweep()
    assert db.session.query(Dataset).count() == 1 and db.session.query(Entry).count() == 2
    assert db.session.query(ChangeSet).filter_by(state="staging").count() == 0


def test_a_copy_can_be_made_after_one_was_killed(frozen, monkeypatch):
    with monkeypatch.context() as patched:
        kill_in(patched, work.Work, "publish")
        with pytest.raises(Killed):
            restoring.copy(CopyRun(frozen, 1, "Copy"), Unwatched())
    db.session.rollback()
    made = tasks.start(snapshots.COPY, CopyRun(frozen, 1, "Copy")).result
    assert [entry.question for entry in entries.stream_entries(made["dataset"])] == ["q1", "q2"]
    assert datasets.find_dataset("Copy").id == made["dataset"]
    assert datasets.BEGUN not in datasets.find_dataset("Copy").settings


def test_what_is_begun_by_a_job_that_goes_on_is_left_alone(frozen, monkeypatch):
    seen = []

    def sweep(work, rows):
        for one in tasks.sweeps():
            one()
        seen.append(db.session.query(Dataset).count())
        return real(work, rows)

    real = work.Work.create
    monkeypatch.setattr(work.Work, "create", sweep)
    made = tasks.start(snapshots.COPY, CopyRun(frozen, 1, "Copy")).result
    assert seen == [2] and datasets.get(made["dataset"]).entry_count == 2

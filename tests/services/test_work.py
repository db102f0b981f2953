"""Long work: hidden while it lasts, shown in one moment, gone when something stops it or its process dies."""

import pytest

from app.core.errors import Conflict, Invalid
from app.core.record import Record
from app.models import ChangeSet, Entry, db, end_reading, is_writing, transaction
from app.services import datasets, entries, history, jobs, work
from app.services.jobs import Unwatched

KIND = "clean"


class Watched(Unwatched):
    """Keeps what it is told."""

    def __init__(self, job_id=None):
        self.job_id = job_id
        self.told = []

    def progress(self, done, total=None, message=""):
        self.told.append((done, total, message))


@pytest.fixture
def filled(dataset_id):
    history.create(dataset_id, [Record("A?", "B")], summary="Add")
    return dataset_id


def answers(dataset_id):
    end_reading()
    return [entry.answer for entry in entries.stream_entries(dataset_id)]


def keep_some(w, dataset_id):
    """A new pair, and another answer for the first one."""
    first = next(iter(entries.stream_entries(dataset_id))).id
    w.create([history.new_row(Record("C?", "D"))])
    w.change([(first, "answer", "B", "E")], 1)


def killed(dataset_id, job_id):
    """A hidden set of a job whose process died."""
    with pytest.raises(SystemExit), work.work(KIND, dataset_id, Watched(job_id)) as w:
        keep_some(w, dataset_id)
        w.commit()
        raise SystemExit
    return w.set_id


def test_it_shows_as_one_step_once_it_is_published(filled):
    with work.work(KIND, filled) as w:
        keep_some(w, filled)
        w.commit()
        assert answers(filled) == ["B"]
        with w.publishing() as publication:
            step = w.publish("Clean it").step
            publication.result["step"] = step.number
    assert answers(filled) == ["E", "D"]
    assert (step.summary, step.created, step.changed, datasets.get(filled).entry_count) == ("Clean it", 1, 1, 2)


def test_nothing_kept_makes_no_step(filled):
    with work.work(KIND, filled) as w, w.publishing():
        assert w.publish("Clean it").step is None
    assert [step.kind for step in history.steps(filled)] == ["create"]
    assert db.session.query(ChangeSet).count() == 1


def test_an_error_discards_what_was_kept(filled):
    told = []
    with pytest.raises(Invalid), work.work(KIND, filled, stopped=lambda *facts: told.append(facts)) as w:
        keep_some(w, filled)
        w.commit()
        raise Invalid("Not like this.")
    assert answers(filled) == ["B"] and db.session.query(Entry).count() == 1
    assert db.session.get(ChangeSet, w.set_id) is None
    assert [(set_id, str(error)) for set_id, error in told] == [(w.set_id, "Not like this.")]


def test_it_commits_and_tells_when_its_time_is_over(filled, monkeypatch):
    watch = Watched()
    with work.work(KIND, filled, watch) as w:
        keep_some(w, filled)
        w.report(1, 2, "pairs")
        assert watch.told == [] and is_writing()
        monkeypatch.setattr(w._turns, "_longest", 0)
        w.report(1, 2, "pairs")
        assert watch.told == [(1, 2, "pairs")] and not is_writing()
        with w.publishing():
            w.publish("Clean it")


def test_inside_another_write_it_goes_with_that(filled):
    watch = Watched()
    with pytest.raises(Invalid), transaction():
        with work.work(KIND, filled, watch) as w:
            keep_some(w, filled)
            w.report(1)
            with w.publishing():
                w.publish("Clean it")
        raise Invalid("Not like this.")
    assert answers(filled) == ["B"] and watch.told == []
    assert db.session.query(ChangeSet).count() == 1


def test_only_what_dead_jobs_left_is_swept(filled):
    alive, dead = killed(filled, jobs.enqueue(KIND, {}).id), killed(filled, 99)
    # A pair and a change.
    assert work.sweep() == 2
    assert db.session.get(ChangeSet, dead) is None
    assert db.session.get(ChangeSet, alive).state == "staging"
    assert answers(filled) == ["B"]


def test_a_run_that_was_overtaken_keeps_nothing_more(filled):
    with pytest.raises(Conflict, match="started again elsewhere"), work.work(KIND, filled) as w:
        keep_some(w, filled)
        w.commit()
        history.discard(w.set_id)
        keep_some(w, filled)
    assert answers(filled) == ["B"] and db.session.query(Entry).count() == 1

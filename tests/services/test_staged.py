"""Hidden change sets of jobs: kept while the job lives, swept once it does not."""

import pytest

from app.core.errors import Conflict
from app.core.record import Record
from app.models import ChangeSet, db, transaction
from app.services import entries, history, jobs, staged

KIND = "clean"


def hidden(dataset_id, job_id):
    """A hidden set with one change of the first pair."""
    set_id = staged.stage(dataset_id, kind=KIND, job_id=job_id, actor="you")
    first = next(iter(entries.stream_entries(dataset_id))).id
    with transaction() as session:
        staged.keep(session, set_id, [(first, "answer", "B", "C")], 1)
    return set_id


@pytest.fixture
def filled(dataset_id):
    history.create(dataset_id, [Record("A?", "B")], summary="Add")
    return dataset_id


def test_only_what_dead_jobs_left_is_swept(filled):
    alive = hidden(filled, jobs.enqueue(KIND, {}).id)
    dead = hidden(filled, 99)
    assert staged.sweep("duplicates") == 0
    assert staged.sweep(KIND) == 1
    assert db.session.get(ChangeSet, dead) is None
    assert db.session.get(ChangeSet, alive).state == "staging"
    assert next(iter(entries.stream_entries(filled))).answer == "B"


def test_nothing_is_kept_under_a_set_that_was_published(filled):
    set_id = hidden(filled, 99)
    history.publish_changes(set_id, summary="Change", seen=history.Moment(0, 0))
    with pytest.raises(Conflict, match="started again elsewhere"), transaction() as session:
        staged.keep(session, set_id, [(1, "answer", "C", "D")], 1)

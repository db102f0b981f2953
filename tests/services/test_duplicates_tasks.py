"""Searching, settling and re-checking as jobs: done together with their effect, or without any."""

import pytest

from app.core.errors import Conflict
from app.core.record import Record
from app.models import ChangeSet, DuplicateGroup, DuplicateScan, Job, db, end_reading, transaction
from app.services import datasets, duplicates, entries, history, jobs, runners, running, tasks
from app.services.duplicates import RecheckRun, ScanOptions, ScanRun, SettleRun, store

QUESTIONS = ("Where is my order?", "How do I reset the password?", "Which bulbs fit this lamp?")
RECORDS = [Record(question, f"See the page about it: {question}") for question in QUESTIONS] * 2


@pytest.fixture
def dataset_id(context):
    """The id of a dataset of three copies."""
    made = datasets.create_dataset("Tests").id
    history.create(made, RECORDS, summary="Add")
    return made


def scan(dataset_id, side="question", **how):
    return tasks.start(duplicates.SCAN, ScanRun(dataset_id, ScanOptions(side)), **how)


def settle(dataset_id):
    return tasks.start(duplicates.SETTLE, SettleRun.of_scan(duplicates.latest_scan(dataset_id), 102, "newest"))


def recheck(dataset_id):
    return tasks.start(duplicates.RECHECK, RecheckRun(dataset_id))


def sweep():
    for one in tasks.sweeps():
        one()


@pytest.fixture
def busy(monkeypatch):
    """Everything is large, and a worker is there."""
    monkeypatch.setattr(duplicates.tasks, "AT_ONCE", 0)
    monkeypatch.setattr(duplicates.tasks, "RECHECKED_AT_ONCE", 0)
    monkeypatch.setattr(runners, "any_worker", lambda: True)


def test_a_small_dataset_is_searched_at_once(dataset_id):
    job = scan(dataset_id)
    assert job.state == "done" and job.result["summary"] == "3 groups of copies and 0 conflicts among 6 pairs."
    assert duplicates.latest_scan(dataset_id).job_id == job.id


@pytest.mark.parametrize(
    ("other", "scope"),
    [(None, "own"), (["splits", []], "splits"), (["splits", ["train", "test"]], "splits"), ("another", "dataset")],
)
def test_a_search_that_an_older_version_queued_is_done(dataset_id, other, scope):
    if other == "another":
        other = ["dataset", datasets.create_dataset("Other").id]
    wish = {"side": "pair", "other": other, "semantic": False}
    job = jobs.enqueue("duplicates", {"dataset_id": dataset_id, "wish": wish}, dataset_id=dataset_id, title="Find")
    assert tasks.run_now(job.id).state == "done"
    found = duplicates.latest_scan(dataset_id, scope)
    assert (found.side, found.job_id) == ("pair", job.id)
    assert other is None or scope != "splits" or found.scope == {"splits": other[1] or ["train", "validation", "test"]}


def test_a_large_dataset_is_searched_by_a_worker(dataset_id, busy):
    job = scan(dataset_id)
    assert job.state == "queued" and scan(dataset_id, "pair").id == job.id
    assert tasks.run_now(job.id).result["groups"]["copies"] == 3
    assert duplicates.latest_scan(dataset_id).id == jobs.get(job.id).result["scan"]


def test_without_a_worker_it_is_done_here(dataset_id, monkeypatch):
    monkeypatch.setattr(duplicates.tasks, "AT_ONCE", 0)
    assert scan(dataset_id).state == "done"


def test_a_stopped_search_keeps_nothing(dataset_id, busy, monkeypatch):
    job = scan(dataset_id)
    monkeypatch.setattr("app.services.running.REPORT_SECONDS", 0)
    search = duplicates.scan.duplicates.search_texts

    def stopped(*arguments, **more):
        jobs.cancel(job.id)
        return search(*arguments, **more)

    monkeypatch.setattr(duplicates.scan.duplicates, "search_texts", stopped)
    with pytest.raises(jobs.Cancelled):
        tasks.run_now(job.id)
    assert jobs.get(job.id).state == "cancelled"
    assert db.session.query(DuplicateScan).count() == 0 == db.session.query(DuplicateGroup).count()
    assert list(store.index_root().iterdir()) == []


def test_settling_is_done_together_with_its_job(dataset_id, busy):
    scan(dataset_id, here=True)
    job = settle(dataset_id)
    assert (job.state, job.title) == ("queued", "Settle 3 groups of copies")
    result = tasks.run_now(job.id).result
    assert (result["groups"], result["removed"], result["summary"]) == (
        3, 3, "Settle 3 groups of copies, remove 3 pairs.",
    )  # fmt: skip
    assert [entry.id for entry in entries.stream_entries(dataset_id)] == [4, 5, 6]
    assert duplicates.count_by_tab(duplicates.latest_scan(dataset_id))["settled"] == 3


def test_settling_of_a_replaced_scan_is_refused(dataset_id, busy):
    scan(dataset_id, here=True)
    job = settle(dataset_id)
    scan(dataset_id, here=True)
    with pytest.raises(Conflict, match="replaced"):
        tasks.run_now(job.id)
    assert datasets.get(dataset_id).entry_count == 6


def test_many_changes_are_rechecked_by_a_worker(dataset_id, busy):
    scan(dataset_id, here=True)
    history.create(dataset_id, RECORDS[:1], summary="Add")
    job = recheck(dataset_id)
    assert job.state == "queued" and recheck(dataset_id).id == job.id
    assert tasks.run_now(job.id).result["pairs"] == 1
    assert duplicates.list_groups(duplicates.latest_scan(dataset_id), duplicates.Filter()).groups[0].size == 3


def test_a_recheck_that_searches_everything_ends_its_job(dataset_id, busy, monkeypatch):
    monkeypatch.setattr(duplicates.recheck, "LEAST_LARGEST", 0)
    scan(dataset_id, here=True)
    history.create(dataset_id, RECORDS[:1], summary="Add")
    job = tasks.run_now(recheck(dataset_id).id)
    assert job.state == "done" and job.result["scan"] == duplicates.latest_scan(dataset_id).id


def test_what_dead_jobs_left_is_swept_and_what_runs_is_not(dataset_id):
    job = tasks.enqueue(duplicates.SCAN, ScanRun(dataset_id))
    scan_id = duplicates.scan.begin_scan(dataset_id, ScanOptions(), job.id)
    with transaction() as session:
        group = store.NewGroup(("copies", "exact", 80, 102, 1, 100.0, "[]", None, "t", "open"), [(1, None)])
        store.add_groups(session, scan_id, [group])
    store.index_folder(scan_id).mkdir()
    sweep()
    assert db.session.get(DuplicateScan, scan_id) is not None and store.index_folder(scan_id).exists()
    jobs.cancel(job.id)
    sweep()
    end_reading()
    assert db.session.get(DuplicateScan, scan_id) is None and not store.index_folder(scan_id).exists()
    assert db.session.query(DuplicateGroup).count() == 0


def test_a_retried_search_runs_again(dataset_id, busy):
    job = scan(dataset_id)
    claim = running.claim_job(job.id, runners.me())
    duplicates.scan.begin_scan(dataset_id, ScanOptions(), claim.id)
    with transaction() as session:
        session.get_one(Job, job.id).state = "interrupted"
    jobs.retry(job.id)
    assert tasks.run_now(job.id).state == "done"
    store.sweep_scans()
    assert db.session.query(DuplicateScan).count() == 1
    assert db.session.query(ChangeSet).filter_by(state="staging").count() == 0

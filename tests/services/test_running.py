"""One run of one job: its states, its progress, and that nobody runs it twice."""

import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from app.core.errors import Busy, Conflict, Invalid, NotFound
from app.models import Dataset, db, transaction
from app.models.base import now
from app.models.filelock import FileLock
from app.services import backups, datasets, jobs, pairs, runners, running, tasks
from tests.factories import declare_probe

pytestmark = pytest.mark.usefixtures("context", "own_tasks")


def enqueue(run, **arguments):
    declare_probe(lambda options, watch: run(watch))
    return jobs.enqueue("probe", arguments, title="Probe").id


def test_a_job_runs_with_its_arguments_and_keeps_its_result():
    job = tasks.run_now(enqueue(lambda ctx: {"double": ctx.claim.arguments["n"] * 2}, n=21))
    assert (job.state, job.result, job.attempts, job.error) == ("done", {"double": 42}, 1, None)
    assert job.finished_at >= job.started_at >= job.created_at


def test_a_domain_error_fails_the_job_and_reaches_whoever_ran_it():
    def run(ctx):
        raise Invalid("Line 3 is broken.", code="broken", line=3, seen=("a", 1))

    job_id = enqueue(run)
    with pytest.raises(Invalid, match="Line 3"):
        tasks.run_now(job_id)
    job = jobs.get(job_id)
    assert (job.state, job.error, job.result) == (
        "failed",
        "Line 3 is broken.",
        {"error": "Invalid", "code": "broken", "line": 3, "seen": "('a', 1)"},
    )


def test_what_an_error_lists_reaches_the_job():
    def run(ctx):
        raise Invalid("Choose.", columns=["a", "b"], kind="odd")

    job_id = enqueue(run)
    with pytest.raises(Invalid):
        tasks.run_now(job_id)
    assert jobs.get(job_id).result == {"error": "Invalid", "code": "invalid", "columns": ["a", "b"], "kind": "odd"}


def test_a_defect_fails_the_job_without_its_inner_words():
    def run(ctx):
        raise RuntimeError("/secret/path")

    tasks.run_queued(job_id := enqueue(run), "me")
    assert (jobs.get(job_id).state, jobs.get(job_id).error) == ("failed", running.DEFECT)


def test_an_unknown_kind_fails_the_job():
    job = tasks.run_now(jobs.enqueue("nonsense", {}).id)
    assert (job.state, job.error) == ("failed", "This version does not know jobs of the kind 'nonsense'.")


def test_a_job_is_run_once_only():
    runs = []
    job_id = enqueue(lambda ctx: runs.append(1))
    assert tasks.run_queued(job_id, "a") is not None
    assert tasks.run_queued(job_id, "b") is None
    assert runs == [1]


def test_progress_can_be_read_meanwhile():
    seen = []

    def run(ctx):
        ctx.progress(5, 10, "rows")
        job = jobs.get(ctx.job_id)
        seen.append((job.state, job.done, job.total, job.message))

    tasks.run_now(enqueue(run))
    assert seen == [("running", 5, 10, "rows")]


def test_a_running_job_stops_where_it_looks(monkeypatch):
    monkeypatch.setattr(running, "REPORT_SECONDS", 0)

    def run(ctx):
        jobs.cancel(ctx.job_id)
        ctx.check_cancelled()
        raise AssertionError("not reached")

    job_id = enqueue(run)
    with pytest.raises(jobs.Cancelled):
        tasks.run_now(job_id)
    assert jobs.get(job_id).state == "cancelled"


def test_a_queued_job_is_cancelled_at_once_and_never_runs():
    job_id = enqueue(lambda ctx: {})
    assert jobs.cancel(job_id).state == "cancelled"
    assert running.find_next_queued() is None and tasks.run_queued(job_id, "me") is None


def test_publishing_makes_the_effect_and_the_end_one(monkeypatch):
    def run(ctx):
        with ctx.publish() as publication:
            publication.session.add(Dataset(name="made", counts={}, settings={}))
            publication.result = {"made": 1}
            assert jobs.get(ctx.job_id).state == "publishing"
            with pytest.raises(Conflict, match="too late"):
                jobs.cancel(ctx.job_id)
        assert jobs.get(ctx.job_id).state == "done"

    job = tasks.run_now(enqueue(run))
    assert (job.state, job.result) == ("done", {"made": 1})
    assert db.session.query(Dataset).count() == 1


def test_what_fails_while_publishing_leaves_nothing():
    def run(ctx):
        with ctx.publish() as publication:
            publication.session.add(Dataset(name="made", counts={}, settings={}))
            publication.session.flush()
            raise Invalid("No.")

    tasks.run_queued(job_id := enqueue(run), "me")
    assert jobs.get(job_id).state == "failed" and db.session.query(Dataset).count() == 0


def test_a_cancelled_job_publishes_nothing():
    def run(ctx):
        jobs.cancel(ctx.job_id)
        with ctx.publish():
            raise AssertionError("not reached")

    tasks.run_queued(job_id := enqueue(run), "me")
    assert jobs.get(job_id).state == "cancelled"


def test_a_runner_that_lost_its_lease_can_publish_nothing():
    def run(ctx):
        with transaction():
            jobs.get(ctx.job_id).worker = "somebody else"
        with ctx.publish() as publication:
            publication.session.add(Dataset(name="made", counts={}, settings={}))

    tasks.run_queued(job_id := enqueue(run), "me")
    job = jobs.get(job_id)
    assert (job.state, job.worker) == ("running", "somebody else")
    assert db.session.query(Dataset).count() == 0


def test_the_job_of_a_dead_runner_becomes_interrupted_and_can_be_retried():
    job_id = enqueue(lambda ctx: {"ran": True})
    running.claim_job(job_id, f"{runners._host()}.999999.00000000")
    assert running.interrupt_dead() == 1
    assert (jobs.get(job_id).state, jobs.get(job_id).error) == (
        "interrupted",
        f"{running.INTERRUPTED} Nothing of it was kept.",
    )
    jobs.retry(job_id)
    job = tasks.run_now(job_id)
    assert (job.state, job.attempts, job.result) == ("done", 2, {"ran": True})


def test_the_job_of_a_living_runner_is_left_alone():
    job_id = enqueue(lambda ctx: {})
    running.claim_job(job_id, runners.me())
    assert running.interrupt_dead() == 0 and jobs.get(job_id).state == "running"


def test_a_lease_that_ran_out_on_another_machine_is_over():
    job_id = enqueue(lambda ctx: {})
    running.claim_job(job_id, "elsewhere.1.00000000")
    assert running.interrupt_dead() == 0
    with transaction():
        jobs.get(job_id).lease_until = now()
    assert running.interrupt_dead() == 1


def test_only_ended_jobs_are_retried():
    job_id = enqueue(lambda ctx: {})
    with pytest.raises(Conflict, match="queued"):
        jobs.retry(job_id)
    tasks.run_now(job_id)
    with pytest.raises(Conflict, match="done"):
        jobs.retry(job_id)


def test_an_ended_job_cannot_be_cancelled():
    job = tasks.run_now(enqueue(lambda ctx: {}))
    with pytest.raises(Conflict, match="ended already"):
        jobs.cancel(job.id)


def test_jobs_are_listed_newest_first_and_counted():
    first, second = enqueue(lambda ctx: {}), enqueue(lambda ctx: {})
    jobs.cancel(first)
    assert [job.id for job in jobs.listed()] == [second, first]
    assert [job.id for job in jobs.listed(states=["queued"])] == [second]
    assert [job.id for job in jobs.listed(before=second)] == [first]
    assert jobs.totals() == {"queued": 1, "cancelled": 1}


def test_a_job_says_how_many_it_waits_for():
    enqueue(lambda ctx: {})
    assert tasks.ahead_of(jobs.get(enqueue(lambda ctx: {}))) == 1


def test_there_is_no_such_job():
    for act in (jobs.get, jobs.cancel, jobs.retry):
        with pytest.raises(NotFound):
            act(99)


def full_disk():
    """What SQLite raises where there is no space."""
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorname = "SQLITE_FULL"
    return OperationalError("COMMIT", None, error)


def fail_at_first(monkeypatch, times):
    real, calls = running.record_end, []

    def finish(*arguments, **values):
        calls.append(arguments)
        if len(calls) <= times:
            raise full_disk()
        real(*arguments, **values)

    monkeypatch.setattr(running, "record_end", finish)
    monkeypatch.setattr(running, "FULL_SECONDS", 0)
    return calls


def test_a_patient_job_waits_until_a_full_disk_can_hold_its_end(monkeypatch):
    def run(ctx):
        raise full_disk()

    job_id = enqueue(run)
    calls = fail_at_first(monkeypatch, 3)
    running.run_claimed(running.claim_job(job_id, runners.me()), tasks.act_of("probe"), patient=True)
    job = jobs.get(job_id)
    assert job.state == "failed" and job.error.startswith("The disk is full") and len(calls) == 4


def test_others_tell_of_the_full_disk_at_once(monkeypatch):
    fail_at_first(monkeypatch, 1)
    with pytest.raises(OperationalError, match="disk is full"):
        tasks.run_now(enqueue(lambda ctx: {}))


@pytest.mark.parametrize("error", [OSError(28, "full"), Busy("Later."), RuntimeError("a defect")])
def test_what_fails_after_the_publication_is_no_refusal_of_it(error):
    def run(ctx):
        with ctx.publish() as publication:
            publication.session.add(Dataset(name="published", counts={}, settings={}))
            publication.result["made"] = 1
        raise error

    job = tasks.run_now(enqueue(run))
    assert (job.state, job.result, job.error) == ("done", {"made": 1}, None)
    assert [one.name for one in db.session.query(Dataset)] == ["published"]


def test_the_end_of_a_published_job_waits_for_nobody(app, monkeypatch):
    def run(ctx):
        with ctx.publish() as publication:
            publication.result["made"] = 1
        monkeypatch.setattr(FileLock, "acquire", refuse)

    def refuse(self, timeout_seconds=None):
        raise Busy("Somebody else writes.")

    assert tasks.run_now(enqueue(run)).state == "done"
    monkeypatch.undo()


def test_nothing_that_a_job_does_reaches_a_later_epoch(dataset_id):
    job_id, path = jobs.enqueue("probe", {}, dataset_id=dataset_id).id, backups.make_backup()
    claim = running.claim_job(job_id, runners.me())
    backups.restore_backup(path)

    def act(arguments, watch):
        pairs.add_pair(dataset_id, "late", "a")

    ending = running.run_claimed(claim, act)
    assert (ending.state, ending.cause.code) == ("interrupted", "restored")
    db.session.remove()
    assert jobs.get(job_id).state == "interrupted" and datasets.get(dataset_id).entry_count == 0

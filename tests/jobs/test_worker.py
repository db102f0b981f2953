"""The worker: each job in a process of its own, ended when it passes a limit; nothing else is harmed."""

import os
import signal
import subprocess
import sys
import time

import pytest

from app.core.cleaning import Step
from app.core.record import Record
from app.jobs import child
from app.jobs.worker import Worker
from app.models import db
from app.services import backups, cleaning, datasets, entries, history, jobs, runners, running, tasks
from app.services.cleaning import CleaningOptions
from app.services.tasks import TaskLimits
from tests.factories import ProbeOptions, declare_probe
from tests.services.test_running import full_disk

pytestmark = [
    pytest.mark.usefixtures("context", "own_tasks"),
    pytest.mark.skipif(sys.platform != "linux", reason="tasks of tests reach the child by forking"),
]


@pytest.fixture
def worker(app, data_dir):
    yield Worker(app, {"LTT_DATA_DIR": str(data_dir), "TESTING": True})
    runners.retire()


def work(worker, run, **limits):
    declare_probe(lambda options, watch: run(watch), limits=TaskLimits(**limits))
    job_id = jobs.enqueue("probe", {}).id
    worker.turn()
    return jobs.get(job_id)


def test_a_job_runs_in_another_process(worker):
    job = work(worker, lambda ctx: {"pid": os.getpid()})
    assert job.state == "done" and job.result["pid"] != os.getpid()


def test_the_longest_waiting_job_comes_first(worker):
    declare_probe(lambda options, watch: {})
    first, second = jobs.enqueue("probe", {}).id, jobs.enqueue("probe", {}).id
    worker.turn()
    assert (jobs.get(first).state, jobs.get(second).state) == ("done", "queued")


def test_a_full_disk_does_not_end_the_worker(worker, monkeypatch, caplog):
    def take(*arguments):
        raise full_disk()

    declare_probe(lambda options, watch: {})
    job_id = jobs.enqueue("probe", {}).id
    with monkeypatch.context() as patched:
        patched.setattr(running, "claim_job", take)
        assert worker._turned() is False
    assert "Jobs wait" in caplog.text and jobs.get(job_id).state == "queued"
    assert worker._turned() is True and jobs.get(job_id).state == "done"


def test_an_idle_worker_does_nothing(worker):
    assert worker.turn() is False


def test_a_job_that_eats_memory_is_ended(worker):
    def run(ctx):
        hoard = []
        while True:
            hoard.append(bytearray(os.urandom(1) * 10_000_000))

    job = work(worker, run, memory_mb=300)
    assert (job.state, job.error) == ("failed", "This job needed more than 300 MB of memory. Nothing of it was kept.")


def test_what_the_worker_itself_holds_is_no_need_of_its_job(worker):
    held = bytearray(os.urandom(1) * 400_000_000)
    assert work(worker, lambda ctx: time.sleep(0.5) or {}, memory_mb=300).state == "done"
    assert len(held) == 400_000_000


def test_a_job_that_only_burns_time_is_ended(worker):
    def run(ctx):
        while True:
            pass

    job = work(worker, run, cpu_seconds=1)
    assert job.state == "failed" and "processor time" in job.error


def test_a_job_that_stands_still_is_ended(worker):
    job = work(worker, lambda ctx: time.sleep(60), stall_seconds=1)
    assert job.state == "failed" and "did not get on" in job.error


def test_a_crash_of_the_process_fails_the_job_and_the_next_one_runs(worker):
    job = work(worker, lambda ctx: os._exit(7))
    assert job.state == "failed" and "code 7" in job.error
    assert work(worker, lambda ctx: {}).state == "done"


def test_a_runaway_pattern_fails_its_job_changes_nothing_and_the_next_one_runs(worker):
    dataset_id = datasets.create_dataset("D").id
    history.create(dataset_id, [Record("q", "a"), Record("q", "a" * 50 + "!")], summary="Add")
    slow = [one.id for one in entries.stream_entries(dataset_id)][1]
    before = datasets.compute_digest(dataset_id).all
    wish = CleaningOptions((Step("find-replace", {"find": "^(a|aa)+$", "mode": "regex"}),))
    job_id = tasks.enqueue(cleaning.CLEAN, cleaning.CleaningRun(dataset_id, wish)).id
    worker.turn()
    job = jobs.get(job_id)
    assert job.state == "failed" and job.error.startswith(f"Pair {slow}: The pattern is too slow. Nothing was changed.")
    assert datasets.compute_digest(dataset_id).all == before
    assert work(worker, lambda ctx: {}).state == "done"


def test_a_job_that_does_not_listen_is_cancelled_all_the_same(worker, monkeypatch):
    monkeypatch.setattr(child, "CANCEL_SECONDS", 0.5)

    def run(ctx):
        jobs.cancel(ctx.job_id)
        time.sleep(60)

    assert work(worker, run).state == "cancelled"


def test_what_a_dead_job_left_is_swept_before_the_next(worker):
    swept = []
    declare_probe(lambda options, watch: os._exit(1), sweep=lambda: swept.append(1))
    worker.turn()
    jobs.enqueue("probe", {})
    worker.turn()
    worker.turn()
    assert len(swept) == 2


def spawn(data_dir, *arguments):
    environment = {**os.environ, "LTT_DATA_DIR": str(data_dir), "LTT_LOG_LEVEL": "WARNING"}
    return subprocess.Popen([sys.executable, "-m", "app", "worker", *arguments], env=environment)


def await_(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        # The next look must see what others wrote meanwhile.
        db.session.rollback()
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def test_a_worker_process_runs_jobs_until_it_is_told_to_stop(data_dir):
    process = spawn(data_dir)
    try:
        await_(runners.any_worker)
        job_id = jobs.enqueue("nonsense", {}).id
        await_(lambda: jobs.get(job_id).state == "failed")
    finally:
        process.terminate()
    assert process.wait(60) == 0
    assert not runners.any_worker() and list(runners.folder().iterdir()) == []


def test_a_worker_that_is_told_to_stop_leaves_a_job_that_can_be_resumed(app, worker):
    def run(ctx):
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(30)

    declare_probe(lambda options, watch: run(watch))
    job_id = jobs.enqueue("probe", {}).id
    began = time.monotonic()
    previous = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        worker.run()
    finally:
        signal.signal(signal.SIGTERM, previous[0])
        signal.signal(signal.SIGINT, previous[1])
    assert time.monotonic() - began < 29
    db.session.remove()
    assert (jobs.get(job_id).state, jobs.get(job_id).error) == (
        "interrupted",
        f"{running.STOPPED} Nothing of it was kept.",
    )
    assert jobs.retry(job_id).state == "queued"


def test_lock_files_of_dead_processes_are_cleared(worker):
    name = runners.me()
    dead = runners.folder() / "host.1.00000000.lock"
    dead.touch()
    os.utime(dead, (0, 0))
    (runners.folder() / "host.2.00000000.lock").touch()
    runners.clear_dead()
    names = {path.name for path in runners.folder().iterdir()}
    assert names == {f"{name}.lock", "host.2.00000000.lock"}


def test_a_worker_ends_with_its_parent(data_dir):
    parent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process = spawn(data_dir, "--parent", str(parent.pid))
    await_(runners.any_worker)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert process.wait(60) == 0


def test_after_a_kill_the_job_is_interrupted_by_the_next_worker(data_dir, worker):
    job_id = jobs.enqueue("probe", {}).id
    dead = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    running.claim_job(job_id, f"{runners._host()}.{dead.pid}.00000000")
    dead.kill()
    dead.wait()
    worker.turn()
    assert jobs.get(job_id).state == "interrupted"


def test_a_job_that_a_restored_backup_does_not_know_is_ended_and_the_worker_goes_on(worker, app):
    path = backups.make_backup()

    def run(ctx):
        with app.app_context():
            backups.restore_backup(path)
        db.session.remove()
        while True:
            time.sleep(0.1)

    declare_probe(lambda options, watch: run(watch))
    jobs.enqueue("probe", {})
    db.session.remove()
    assert worker.turn() is True and jobs.listed() == []
    declare_probe(lambda options, watch: {})
    job_id = jobs.enqueue("probe", {}).id
    worker.turn()
    assert (job_id, jobs.get(job_id).state) == (2, "done")


def test_a_job_of_another_lane_runs_beside_the_others(worker, tmp_path):
    """The long one ends only once a job that was queued after it is done."""
    mark = tmp_path / "mark"

    def wait(options, watch):
        while not mark.exists():
            watch.progress(0, None, f"{time.monotonic()}")
            time.sleep(0.05)
        return {"waited": True}

    tasks.declare(tasks.Task("long", ProbeOptions, wait, lambda options: "Long", ("", ()), lane="training"))
    declare_probe(lambda options, watch: mark.touch())
    long, short = jobs.enqueue("long", {}).id, jobs.enqueue("probe", {}).id
    assert tasks.ahead_of(jobs.get(short)) == 0
    worker.turn()
    assert jobs.get(short).state == "done"
    while jobs.get(long).state != "done":
        db.session.remove()
        worker.turn()
    assert jobs.get(long).result == {"waited": True}


def test_one_job_of_a_lane_waits_for_the_other(worker, tmp_path):
    mark = tmp_path / "mark"

    def wait(options, watch):
        while not mark.exists():
            watch.check_cancelled()
            time.sleep(0.05)
        return {}

    tasks.declare(tasks.Task("long", ProbeOptions, wait, lambda options: "Long", ("", ()), lane="training"))
    first, second = jobs.enqueue("long", {}).id, jobs.enqueue("long", {}).id
    worker.turn()
    worker._asked = float("-inf")
    worker.turn()
    assert (jobs.get(first).state, jobs.get(second).state) == ("running", "queued")
    assert tasks.ahead_of(jobs.get(second)) == 1
    mark.touch()
    while jobs.get(second).state != "done":
        db.session.remove()
        worker.turn()
    assert jobs.get(first).state == "done"


def test_what_runs_beside_ends_with_the_worker(worker):
    def wait(options, watch):
        while True:
            watch.check_cancelled()
            time.sleep(0.05)

    tasks.declare(tasks.Task("long", ProbeOptions, wait, lambda options: "Long", ("", ()), lane="training"))
    long = jobs.enqueue("long", {}).id
    worker.turn()
    process = worker._beside[0].process.pid
    worker._stopping.set()
    worker._look_beside()
    db.session.remove()
    assert jobs.get(long).state == "interrupted" and not runners.pid_exists(process)

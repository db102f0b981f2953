"""``ltt jobs`` and ``ltt worker``."""

import os
import signal
import subprocess
import sys
import time

import pytest

from app import create_app
from app.core.record import Record
from app.services import datasets, duplicates, history, jobs, tasks
from app.services.duplicates import ScanRun


@pytest.fixture
def job_id(app):
    """A job that waits."""
    with app.app_context():
        return jobs.enqueue("nonsense", {}, title="Waits").id


def test_jobs_are_listed(ltt, job_id):
    assert f"{job_id}  queued      Waits" in ltt("jobs").out
    assert ltt("jobs", "--json").json["jobs"][0]["state"] == "queued"


def test_a_job_that_is_done_tells_what_it_did(ltt, app):
    with app.app_context():
        dataset_id = datasets.create_dataset("Mine").id
        history.create(dataset_id, [Record("A?", "B"), Record("A?", "B")], summary="Add")
        tasks.start(duplicates.SCAN, ScanRun(dataset_id), here=True)
    assert ltt("jobs").out.endswith("Find duplicate questions  1 group of copies and 0 conflicts among 2 pairs.\n")


def test_a_job_is_cancelled_and_retried_here(ltt, job_id):
    assert ltt("jobs", "cancel", job_id).out == f"Job {job_id} is stopped.\n"
    assert ltt("jobs", "cancel", job_id).code == 4
    assert ltt("jobs", "retry", job_id).code == 0
    assert ltt("jobs", "--json").json["jobs"][0]["state"] == "failed"


def test_no_such_job(ltt, job_id):
    assert ltt("jobs", "cancel", 99).code == 4


@pytest.mark.skipif(os.name == "nt", reason="signals of this kind are not known there")
def test_a_worker_takes_jobs_up_and_ends_when_asked(job_id, data_dir):
    environment = {**os.environ, "LTT_DATA_DIR": str(data_dir)}
    worker = subprocess.Popen([sys.executable, "-m", "app", "worker"], env=environment)
    app = create_app({"LTT_DATA_DIR": str(data_dir), "LTT_LOG_LEVEL": "WARNING"})
    deadline = time.monotonic() + 20
    state = ""
    while state != "failed" and time.monotonic() < deadline:
        with app.app_context():
            state = jobs.get(job_id).state
        time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)
    assert (state, worker.wait(60)) == ("failed", 0)

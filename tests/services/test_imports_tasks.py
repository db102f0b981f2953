"""Where an import runs: small text here, what must be unpacked in the worker, with its limits."""

import gzip
import io

import pytest

from app.core.errors import Invalid, TooLarge
from app.models import transaction
from app.services import datasets, entries, imports, jobs, runners, tasks, uploads
from app.services.imports import Settings

pytestmark = pytest.mark.usefixtures("context")
CSV = b"question,answer\nHow?,So.\n"


@pytest.fixture
def worker(monkeypatch):
    """A worker that takes every job up at once, in this process."""
    taken = []

    def work(job_id):
        taken.append(job_id)
        tasks.run_queued(job_id, "worker")
        return await_(job_id)

    await_ = tasks._await
    monkeypatch.setattr(runners, "any_worker", lambda: True)
    monkeypatch.setattr(tasks, "_await", work)
    return taken


def add(content, name="faq.csv"):
    return imports.add(datasets.create_dataset("D").id, uploads.save(io.BytesIO(content).read, name))


def test_small_text_runs_at_once_in_this_process(worker):
    assert imports.start(add(CSV).id, Settings()).state == "done" and worker == []


def test_what_must_be_unpacked_runs_in_the_worker(worker):
    job = imports.start(add(gzip.compress(CSV)).id, Settings())
    assert (job.state, worker) == ("done", [job.id])


def test_without_a_worker_it_runs_here():
    assert imports.start(add(gzip.compress(CSV)).id, Settings()).state == "done"


def test_a_large_file_waits_in_the_queue(app):
    app.config["LTT_INLINE_MB"] = 0
    assert imports.start(add(CSV).id, Settings()).state == "queued"


def test_what_it_failed_of_in_the_worker_is_raised_as_it_was(worker, app):
    row = add(gzip.compress(CSV * 3 + b"x,y\n" * 5))
    app.config["LTT_MAX_ROWS"] = 3
    with pytest.raises(TooLarge, match="LTT_MAX_ROWS"):
        imports.start(row.id, Settings())
    with pytest.raises(Invalid, match="Nothing was imported"):
        imports.start(add(gzip.compress(CSV + b"Open?,\n")).id, Settings(strict=True))


def test_a_write_is_never_held_open_for_the_worker(worker):
    row = add(gzip.compress(CSV))
    with transaction():
        assert imports.start(row.id, Settings()).state == "queued"
    assert worker == []


def test_sweeping_forgets_what_nobody_waits_for(app):
    row = add(CSV)
    uploads.remove(row.upload)
    imports.tasks.IMPORT.sweep()
    assert list(jobs.listed()) == [] and imports.list_imports(row.dataset_id) == []


def test_the_result_is_one_sentence_for_the_list_of_jobs():
    job = imports.start(add(CSV + b"Open?,\n").id, Settings())
    assert job.result["summary"] == "1 imported, 0 skipped, 1 in quarantine."
    assert sum(1 for _ in entries.stream_entries(job.dataset_id)) == 1


def test_an_import_that_an_older_version_queued_is_done(worker):
    row = add(CSV)
    job = imports.enqueue(row.id, Settings())
    with transaction():
        jobs.get(job.id).arguments = {"import_id": row.id}
    assert tasks.run_now(job.id).state == "done" and imports.get(row.id).imported == 1

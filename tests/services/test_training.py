"""Training runs: tied to a snapshot, trained once, seen as they go, and taken up where they stopped."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import flask
import pytest
from sqlalchemy import text

from app.core.errors import Conflict, Invalid, LttError, NotFound, Unavailable
from app.core.training import decode_spec
from app.jobs.worker import Worker
from app.models import Job, end_reading, transaction
from app.services import datasets, jobs, pairs, runners, running, snapshots, tasks, training
from app.services.training import local, results
from tests.training import choose, make_dataset, use_fake_engine

pytestmark = pytest.mark.usefixtures("context")
by_forking = pytest.mark.skipif(sys.platform != "linux", reason="the fake engine reaches the child by forking")


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    use_fake_engine(monkeypatch)


@pytest.fixture
def worker(app, data_dir):
    yield Worker(app, {"LTT_DATA_DIR": str(data_dir), "TESTING": True})
    runners.retire()


def train(dataset_id, **more):
    return training.start_run(training.create_run(choose(dataset_id, **more)).id, here=True)


def work_until(worker, run_id, wanted):
    """Let the worker work until a run is as wanted."""
    deadline = time.monotonic() + 120
    while not wanted(run := training.require_run(run_id)):
        assert time.monotonic() < deadline, (run.state, run.result)
        worker.turn()
        time.sleep(0.02)
    worker._asked = float("-inf")
    return run


def test_a_run_is_trained_from_the_snapshot_to_its_card():
    dataset_id = make_dataset()
    run = train(dataset_id, name="First")
    assert run.state == "done" and jobs.get(run.job_id).state == "done"
    assert [one.step for one in training.read_run(run).points] == list(range(13))
    folder = training.folder_of(run)
    spec = decode_spec((folder / "run.json").read_bytes())
    assert spec == training.spec_of(run) and spec.splits == {"train": 12, "validation": 4}
    assert spec.versions["torch"] == "0" and "llm-training-tools" in spec.versions
    assert spec.snapshot.hash == snapshots.find_snapshot(dataset_id, "v1").hash
    card = (folder / "result" / "README.md").read_text()
    assert spec.snapshot.hash in card and "# First" in card
    told = training.as_dict(run)
    assert told["state"] == "done" and told["best"]["step"] == 12 and told["steps"] == 12
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_is_edited_later_is_not_trained_on():
    dataset_id = make_dataset()
    run = training.create_run(choose(dataset_id))
    pairs.add_pair(dataset_id, "Something new?", "It came later.", split="train")
    training.start_run(run.id, here=True)
    data = (training.folder_of(run) / "data/train.jsonl").read_text()
    assert len(data.splitlines()) == 12 and "It came later." not in data


def test_only_approved_pairs_are_trained_on_once_any_is():
    dataset_id = make_dataset()
    pairs.add_pair(dataset_id, "Approved?", "Yes, this one.", status="approved", split="train")
    run = train(dataset_id)
    lines = (training.folder_of(run) / "data/train.jsonl").read_text().splitlines()
    assert len(lines) == 1 and "Yes, this one." in lines[0]


def test_without_validation_pairs_it_is_told_what_that_means_and_some_can_be_held_out():
    dataset_id = make_dataset(validation=0, train=40)
    assert training.NO_VALIDATION in training.plan_run(choose(dataset_id)).notes
    plan = training.plan_run(choose(dataset_id, held_out=25))
    assert training.NO_VALIDATION not in plan.notes
    assert plan.survey.splits["train"] + plan.survey.splits["validation"] == 40 and plan.survey.splits["validation"]
    first, again = (training.create_run(choose(dataset_id, held_out=25)) for _ in range(2))
    other = training.create_run(choose(dataset_id, held_out=25, seed=7))
    data = []
    for run in (first, again, other):
        training.start_run(run.id, here=True)
        data.append((training.folder_of(run) / "data/validation.jsonl").read_bytes())
    assert data[0] == data[1] != data[2]


def test_pairs_that_ask_the_same_are_held_out_together():
    dataset_id = make_dataset(validation=0, train=30)
    for _ in range(30):
        pairs.add_pair(dataset_id, "Where is the bank?", f"In street {_}.")
    run = train(dataset_id, held_out=30)
    folder = training.folder_of(run) / "data"
    there = ["Where is the bank?" in (folder / f"{name}.jsonl").read_text() for name in ("train", "validation")]
    assert sorted(there) == [False, True]


def test_what_must_be_fixed_blocks_a_run_unless_a_reason_is_given():
    dataset_id = make_dataset()
    question, answer = "What does account number 1 cost in a year?", "Account number 1 costs 10 euros."
    pairs.add_pair(dataset_id, question, answer, split="validation")
    plan = training.plan_run(choose(dataset_id))
    assert plan.is_blocked and [one.code for one in plan.survey.blocking] == ["leaks"]
    with pytest.raises(Conflict, match="say why"):
        training.create_run(choose(dataset_id))
    run = train(dataset_id, override="It is only a trial.")
    assert run.state == "done" and training.as_dict(run)["override"] == "It is only a trial."


def test_a_run_without_pairs_is_refused():
    dataset_id = make_dataset(train=0, validation=3)
    with pytest.raises(Conflict, match="No pair is left to train on"):
        training.create_run(choose(dataset_id))


def test_a_missing_extra_is_told_with_the_command(monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE_MISSING", "torch,trl")
    dataset_id = make_dataset()
    with pytest.raises(Conflict, match=r"needs more packages \(torch, trl\). Run: python3 run.py add train"):
        training.create_run(choose(dataset_id))


def test_a_run_that_does_not_fit_is_refused_with_numbers(monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE_FITS", "0")
    run = training.create_run(choose(make_dataset()))
    with pytest.raises(Conflict, match="It needs 9,000 MB, and 100 MB are free."):
        training.start_run(run.id, here=True)
    run = training.require_run(run.id)
    assert (run.state, run.result["code"]) == ("failed", "no_memory")


def test_a_run_that_fails_says_why_and_goes_on_where_it_was(monkeypatch):
    run = training.create_run(choose(make_dataset()))
    monkeypatch.setenv("FAKE_ENGINE_FAIL_AT", "6")
    with pytest.raises(LttError, match="The disk is full."):
        training.start_run(run.id, here=True)
    assert training.as_dict(training.require_run(run.id))["message"] == "The disk is full."
    monkeypatch.delenv("FAKE_ENGINE_FAIL_AT")
    run = training.resume_run(run.id, here=True)
    assert run.state == "done" and training.as_dict(run)["message"] == ""
    there = training.read_run(run)
    assert [one.step for one in there.points] == list(range(13))
    assert [one.kind for one in there.events] == ["started", "resumed", "done"]


def test_an_engine_that_is_gone_without_a_word_fails_the_run(monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE_DIE_AT", "3")
    run = training.create_run(choose(make_dataset()))
    with pytest.raises(LttError, match=r"ended without a word \(code 9\)"):
        training.start_run(run.id, here=True)


def test_data_that_somebody_changed_is_not_trained_on(monkeypatch):
    run = training.create_run(choose(make_dataset()))
    monkeypatch.setenv("FAKE_ENGINE_FAIL_AT", "6")
    with pytest.raises(LttError):
        training.start_run(run.id, here=True)
    with (training.folder_of(run) / "data/train.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(Conflict, match="was changed since the run began"):
        training.resume_run(run.id, here=True)


@by_forking
def test_a_run_pauses_and_goes_on_later(worker, monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE_STEP_SECONDS", "0.1")
    run_id = training.create_run(choose(make_dataset())).id
    runners.announce_worker()
    training.start_run(run_id)
    work_until(worker, run_id, lambda one: training.read_run(one).state.step >= 1)
    training.pause_run(run_id)
    paused = work_until(worker, run_id, lambda one: one.state == "paused")
    assert training.read_run(paused).state.step < 12 and paused.finished_at is None
    with pytest.raises(Conflict, match="nothing to pause"):
        training.pause_run(run_id)
    monkeypatch.setenv("FAKE_ENGINE_STEP_SECONDS", "0")
    training.resume_run(run_id)
    done = work_until(worker, run_id, lambda one: one.state == "done")
    assert [one.step for one in training.read_run(done).points] == list(range(13))


def test_a_pause_that_is_asked_for_while_a_run_begins_is_heard(monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE_STEP_SECONDS", "0.1")
    run = training.create_run(choose(make_dataset()))
    place = training.find_place("local")
    begin = place.start

    def start(spec, folder):
        training.pause_run(run.id)
        return begin(spec, folder)

    monkeypatch.setattr(place, "start", start)
    assert training.start_run(run.id, here=True).state == "paused"


@by_forking
def test_a_run_is_cancelled_and_its_checkpoints_stay(worker, monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE_STEP_SECONDS", "0.1")
    run_id = training.create_run(choose(make_dataset())).id
    runners.announce_worker()
    training.start_run(run_id)
    work_until(worker, run_id, lambda one: training.read_run(one).checkpoints)
    training.cancel_run(run_id)
    ended = work_until(worker, run_id, lambda one: jobs.get(one.job_id).state == "cancelled")
    assert training.read_run(ended).checkpoints and ended.state == "cancelled"


@by_forking
def test_a_run_whose_process_is_killed_is_taken_up_from_its_checkpoint(worker, monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE_STEP_SECONDS", "0.1")
    run_id = training.create_run(choose(make_dataset())).id
    runners.announce_worker()
    training.start_run(run_id)
    work_until(worker, run_id, lambda one: training.read_run(one).checkpoints)
    first, flight = training.require_run(run_id).job_id, worker._beside.pop()
    os.kill(flight.process.pid, signal.SIGKILL)
    flight.process.join()
    monkeypatch.setattr(running, "interrupt_dead", lambda: _interrupt(first))
    monkeypatch.setenv("FAKE_ENGINE_STEP_SECONDS", "0")
    done = work_until(worker, run_id, lambda one: one.state == "done")
    assert done.job_id != first and jobs.get(first).state == "interrupted"
    there = training.read_run(done)
    assert [one.step for one in there.points] == list(range(13))
    assert [one.kind for one in there.events] == ["started", "resumed", "done"]


def _interrupt(job_id):
    """What is found once the lease of a killed process has run out."""
    with transaction() as session:
        job = session.get(Job, job_id)
        is_new = job.state == "running"
        job.state = "interrupted" if is_new else job.state
    return is_new


def test_a_run_that_gets_no_further_is_not_taken_up_for_ever(monkeypatch):
    from app.services.training.running import take_up

    run = training.create_run(choose(make_dataset()))
    for _ in range(3):
        job = _lose(run)
        assert take_up() == 1 and training.require_run(run.id).job_id != job
    _lose(run)
    assert take_up() == 0
    run = training.require_run(run.id)
    assert run.state == "failed" and "was interrupted 3 times" in run.result["error"]


def test_a_run_whose_place_is_gone_keeps_no_other_from_being_taken_up():
    from app.services.training.running import take_up

    dataset_id = make_dataset()
    first, second = (training.create_run(choose(dataset_id)) for _ in range(2))
    for run in (first, second):
        _lose(run)
    with transaction():
        training.require_run(first.id).place = "removed"
    assert take_up() == 1
    assert training.require_run(first.id).state == "failed"
    assert "no place 'removed'" in training.require_run(first.id).result["error"]
    assert training.require_run(second.id).state == "interrupted"


def test_of_a_run_at_a_service_whose_connection_was_removed_it_is_said_that_it_may_cost():
    from app.services.training.running import take_up

    run = training.create_run(choose(make_dataset()))
    _lose(run)
    with transaction():
        training.require_run(run.id).place = "9"
    (training.folder_of(run) / "hosted.json").write_text("{}")
    assert take_up() == 0
    assert "may go on at the service, and cost" in training.require_run(run.id).result["error"]


def _lose(run):
    """A process that worked on the run and is gone."""
    if training.require_run(run.id).job_id is None:
        runners.announce_worker()
        training.start_run(run.id)
        runners.retire()
    with transaction():
        job = jobs.get(training.require_run(run.id).job_id)
        job.state = "interrupted"
    return job.id


def test_a_waiting_run_is_paused_and_cancelled_at_once():
    runners.announce_worker()
    dataset_id = make_dataset()
    first, second = (training.start_run(training.create_run(choose(dataset_id)).id) for _ in range(2))
    assert training.pause_run(first.id).state == "paused" and jobs.get(first.job_id).state == "cancelled"
    assert training.cancel_run(first.id).state == "cancelled"
    assert training.cancel_run(second.id).state == "cancelled" and jobs.get(second.job_id).state == "cancelled"
    runners.retire()


def test_runs_are_compared_by_what_differs():
    dataset_id = make_dataset()
    first, second = train(dataset_id), train(dataset_id, seed=43)
    found = training.compare_runs([first, second])
    assert [(one.name, one.values) for one in found.differences] == [("seed", (42, 43))]
    assert [len(points) for points in found.points] == [13, 13]


def test_a_sweep_is_a_run_for_each_combination():
    dataset_id = make_dataset()
    made = training.create_sweep(choose(dataset_id), {"learning_rate": ["1e-3", "2e-3"], "epochs": ["1", "2"]}, "rates")
    told = [training.spec_of(run).settings for run in made]
    assert [(one.learning_rate, one.epochs) for one in told] == [(1e-3, 1), (1e-3, 2), (2e-3, 1), (2e-3, 2)]
    assert {run.sweep for run in made} == {"rates"}
    for over, said in (
        ({"epochs": ["1"]}, "2 to 8 runs; these are 1"),
        ({"epochs": list("123456789")}, "these are 9"),
        ({"beta": ["1", "2"]}, "not over beta"),
        ({"epochs": ["1", "x"]}, "Epochs must be a whole number"),
    ):
        with pytest.raises(Invalid, match=said):
            training.create_sweep(choose(dataset_id), over, "bad")


def test_checkpoints_and_whole_runs_are_deleted_with_their_bytes():
    run = train(make_dataset())
    assert training.delete_checkpoints(run.id) > 0 and not training.read_run(run).checkpoints
    assert training.read_run(run).points
    assert training.delete_run(run.id) > 0 and not training.folder_of(run).exists()
    with pytest.raises(NotFound):
        training.require_run(run.id)


def test_a_run_has_a_name_and_a_note():
    run = training.create_run(choose(make_dataset(), name=" A  b ", note="why"))
    assert (run.name, run.note) == ("A b", "why")
    assert training.describe_run(run.id, name="C").name == "C" and training.require_run(run.id).note == "why"
    with pytest.raises(Invalid, match="longer than 200"):
        training.describe_run(run.id, name="x" * 201)


def test_the_same_on_the_command_line_says_what_is_not_usual():
    plan = training.plan_run(choose(make_dataset(), seed=7))
    assert plan.command.replace(" \\\n  ", " ") == (
        "ltt train Bank --where local --base toy --method full --set epochs=2 --set batch_size=2 --set accumulation=1"
        " --seed 7"
    )
    json.dumps(plan.as_dict())


def test_nothing_that_was_meant_for_others_reaches_the_engine(monkeypatch):
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "https_proxy", "DB_PASSWD", "LTT_DATABASE_URL", "MY_DSN", "LTT_PORT"):
        monkeypatch.setenv(name, "secret-value")
    for name in ("CUDA_VISIBLE_DEVICES", "HF_HOME", "LC_ALL"):
        monkeypatch.setenv(name, "needed")
    place = training.find_place("local")
    seen = place.environment()
    assert "secret-value" not in seen.values() and seen["HF_HUB_OFFLINE"] == "1"
    assert {seen["CUDA_VISIBLE_DEVICES"], seen["HF_HOME"], seen["LC_ALL"]} == {"needed"} and seen["PATH"]
    downloading = place.environment(download=True)
    assert "HF_HUB_OFFLINE" not in downloading
    assert [name for name, value in downloading.items() if value == "secret-value"] == ["https_proxy"]


def test_a_sweep_is_all_runs_or_none():
    dataset_id = make_dataset()
    for over, said in (
        ({"rank": ["4", "0"]}, "must be from 1"),
        ({"rank": ["4", "x"]}, "Rank"),
        ({"epochs": ["1", "2", "1"]}, "names a value of epochs twice"),
        ({"learning_rate": ["0.001", "1e-3"]}, "names a value of learning_rate twice"),
        ({name: [str(number) for number in range(1, 1001)] for name in training.SWEPT}, "these are 1,000,000,000"),
        ({"rank": ["4"]}, "these are 1"),
        ({}, "these are 1"),
        ({"seed": ["1", "2"]}, "not over seed"),
    ):
        with pytest.raises(Invalid, match=said):
            training.create_sweep(choose(dataset_id), over, "s")
    assert training.count_runs(dataset_id) == 0
    lora = replace(choose(dataset_id), base="acme/small-1b", method="lora")
    made = training.create_sweep(lora, {"rank": ["4", "8"], "learning_rate": ["2e-4"]}, "s")
    assert [run.name for run in made] == ["s: rank 4, learning rate 2e-4", "s: rank 8, learning rate 2e-4"]


def test_ranks_are_swept_only_of_an_adapter():
    with pytest.raises(Invalid, match="trains the weights themselves"):
        training.create_sweep(choose(make_dataset()), {"rank": ["4", "8"]}, "s")


def test_a_lost_run_can_be_resumed_where_no_worker_takes_it_up():
    run = training.create_run(choose(make_dataset()))
    _lose(run)
    assert training.resume_run(run.id, here=True).state == "done"
    with pytest.raises(Conflict, match="nothing to resume"):
        training.resume_run(run.id, here=True)


def test_the_job_of_a_failed_run_does_it_again_when_it_is_retried(monkeypatch):
    run = training.create_run(choose(make_dataset()))
    monkeypatch.setenv("FAKE_ENGINE_FAIL_AT", "6")
    with pytest.raises(LttError):
        training.start_run(run.id, here=True)
    monkeypatch.delenv("FAKE_ENGINE_FAIL_AT")
    job = jobs.retry(training.require_run(run.id).job_id)
    tasks.run_now(job.id)
    assert training.require_run(run.id).state == "done"


@pytest.mark.parametrize(
    "change",
    [
        {"made_at": "2026-11-30T08:00:00+00:00"},
        {"seed": 7},
        {"files": {}},
        {"base": {"kind": "folder", "name": "another", "path": "/models/another", "licence": ""}},
    ],
)
def test_a_run_is_not_gone_on_with_by_what_another_one_says(change):
    run = train(make_dataset())
    with transaction():
        training.require_run(run.id).state = "failed"
    spec = training.folder_of(run) / "run.json"
    spec.write_text(json.dumps(json.loads(spec.read_text()) | change))
    with pytest.raises(Conflict, match="says something else than the run"):
        training.resume_run(run.id, here=True)


def test_a_run_whose_record_was_deleted_from_its_folder_goes_on():
    run = train(make_dataset())
    with transaction():
        training.require_run(run.id).state = "failed"
    spec = training.folder_of(run) / "run.json"
    written = spec.read_bytes()
    spec.unlink()
    assert training.resume_run(run.id, here=True).state == "done" and spec.read_bytes() == written


def test_a_run_that_was_killed_before_it_was_told_of_its_data_writes_it_again(monkeypatch):
    run = training.create_run(choose(make_dataset()))
    with monkeypatch.context() as patched:

        def kill(run_id, **values):
            raise KeyboardInterrupt

        patched.setattr("app.services.training.running._write", kill)
        with pytest.raises(KeyboardInterrupt):
            training.prepare(run, jobs.Unwatched())
    assert (training.folder_of(run) / "run.json").exists() and not training.spec_of(run).files
    assert training.start_run(run.id, here=True).state == "done"


def test_what_is_done_to_a_run_leaves_the_folder_of_a_later_one_of_its_id_alone():
    """A backup of before a run was put back: the next one gets the same id."""
    dataset_id = make_dataset()
    first = train(dataset_id)
    folder, run_id = training.folder_of(first), first.id
    with transaction() as session:
        session.delete(training.require_run(run_id))
        session.execute(text("UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'training_runs'"))
    second = training.create_run(choose(dataset_id))
    assert second.id == run_id
    kept = digest(folder)
    assert training.read_run(second).points == [] and training.as_dict(second)["step"] == 0
    training.cancel_run(second.id)
    training.delete_checkpoints(second.id)
    training.delete_run(second.id)
    assert digest(folder) == kept


def digest(folder):
    """What lies in a folder: the bytes of each file."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("state", [b"[]", b"{", b'{"step": "x"}', b'{"step": 1, "best": 3}', b'{"pid": "-1"}'])
def test_a_state_that_is_broken_ends_no_run(monkeypatch, state):
    place = training.find_place("local")
    poll = place.poll

    def break_first(handle, folder):
        (folder / "state.json").write_bytes(state)
        return poll(handle, folder)

    monkeypatch.setattr(place, "poll", break_first)
    assert train(make_dataset()).state == "done"


def test_a_run_that_is_stopped_at_the_terminal_is_paused(monkeypatch):
    run = training.create_run(choose(make_dataset()))
    place = training.find_place("local")

    def stop(handle, folder):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(place, "poll", stop)
        with pytest.raises(KeyboardInterrupt):
            training.start_run(run.id, here=True)
    assert training.require_run(run.id).state == "paused" and not place._running
    assert training.resume_run(run.id, here=True).state == "done"


def test_adapter_and_base_are_made_one_model_by_a_job(monkeypatch):
    run = train(make_dataset())
    order = training.MakeModel(run.dataset_id, run.id, "merge")
    job = tasks.start(training.MAKE, order, here=True)
    assert job.title == "Merge run 1" and job.result["number"] == 1 and job.result["made"].endswith("merged")
    assert training.list_made(run) == {"merge": len(b"merged")}
    with pytest.raises(Conflict, match="made already"):
        tasks.start(training.MAKE, order, here=True)
    monkeypatch.setattr(results, "find_converter", lambda: None)
    with pytest.raises(Unavailable, match=r"convert_hf_to_gguf\.py of llama\.cpp, which is not found"):
        tasks.start(training.MAKE, replace(order, what="gguf"), here=True)
    monkeypatch.setattr(results, "find_converter", lambda: "convert_hf_to_gguf.py")
    monkeypatch.setenv("FAKE_ENGINE_FAIL_AT", "1")
    with pytest.raises(Unavailable, match="it is broken"):
        tasks.start(training.MAKE, replace(order, what="gguf"), here=True)
    monkeypatch.delenv("FAKE_ENGINE_FAIL_AT")
    tasks.start(training.MAKE, replace(order, what="gguf"), here=True)
    assert (training.folder_of(run) / "model.gguf").read_bytes() == b"GGUF"
    waiting = training.create_run(choose(run.dataset_id))
    with pytest.raises(Conflict, match="no model on this computer"):
        tasks.start(training.MAKE, training.MakeModel(run.dataset_id, waiting.id, "merge"), here=True)


def test_making_a_model_ends_with_who_waits_for_it(monkeypatch, tmp_path):
    run = train(make_dataset())
    monkeypatch.setenv("FAKE_ENGINE_STEP_SECONDS", "300")
    monkeypatch.setattr("app.providers.tuning.local.MAKING_SECONDS", 0.1)

    class Cancelling(jobs.Unwatched):
        def progress(self, done, total=None, message=""):
            raise jobs.Cancelled("Stopped.")

    began = time.monotonic()
    with pytest.raises(jobs.Cancelled):
        training.make_of_result(run.id, "merge", tmp_path / "out", Cancelling())
    assert time.monotonic() - began < 60 and not (tmp_path / "out").exists()


def test_what_a_stopped_job_left_of_a_model_goes(monkeypatch):
    run = train(make_dataset())
    left = training.folder_of(run) / "making"

    def fail(what, folder, out, wait):
        assert [path.name for path in left.iterdir()] == []
        (left / "merged.making").mkdir()
        raise Unavailable("No room.")

    left.mkdir()
    (left / "of-a-killed-one").write_bytes(b"0" * 1000)
    with monkeypatch.context() as patched:
        patched.setattr(training.find_place("local"), "make", fail)
        with pytest.raises(Unavailable):
            tasks.start(training.MAKE, training.MakeModel(run.dataset_id, run.id, "merge"), here=True)
    assert not left.exists() and training.list_made(run) == {}


def test_a_run_is_not_deleted_while_a_model_is_made_of_it():
    run = train(make_dataset())
    runners.announce_worker()
    job = tasks.start(training.MAKE, training.MakeModel(run.dataset_id, run.id, "merge"))
    runners.retire()
    assert training.list_making(run) == ["merge"]
    with pytest.raises(Conflict, match="is being made"):
        training.delete_run(run.id)
    jobs.cancel(job.id)
    assert training.delete_run(run.id) > 0


def test_two_sweeps_that_nobody_named_are_not_joined():
    dataset_id = make_dataset()
    first, second, third = (training.create_sweep(choose(dataset_id), {"epochs": ["1", "2"]}) for _ in range(3))
    assert [one[0].sweep for one in (first, second, third)] == ["Sweep 1", "Sweep 2", "Sweep 3"]
    with transaction():
        for run in first:
            run.state = "done"
    for run in first:
        training.delete_run(run.id)
    again = training.create_sweep(choose(dataset_id), {"epochs": ["1", "2"]})
    assert {run.sweep for run in again} == {"Sweep 1"}


@pytest.mark.parametrize("field", ["name", "note", "licence", "override", "base"])
def test_what_is_too_long_or_cannot_be_kept_starts_nothing(field):
    dataset_id = make_dataset()
    for words in ("x" * 10_001, "\x00", "\ud800"):
        with pytest.raises(Invalid):
            training.create_run(replace(choose(dataset_id), **{field: words}))
    assert not training.list_runs(dataset_id)


def test_what_went_between_the_plan_and_the_start_is_told():
    for go in ("dataset", "snapshot"):
        dataset_id = make_dataset(go)
        plan = training.plan_start(choose(dataset_id))
        if go == "dataset":
            datasets.delete_dataset(dataset_id)
        else:
            snapshots.delete_snapshot(plan.snapshot.id)
        with pytest.raises(NotFound, match=f"There is no {go}"):
            training.record_runs(plan, [choose(dataset_id)])
        assert not training.list_runs(dataset_id) and not list(training.runs_folder().iterdir())


def test_of_two_who_resume_a_run_at_once_one_does(monkeypatch):
    # The session of this thread is no other's.
    run_id = _make_ended("failed").id
    both, met = threading.Barrier(2), []
    app, is_dir = flask.current_app._get_current_object(), Path.is_dir

    def meet(folder, **more):
        # Where each has seen that the run can be resumed.
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(1)
        return is_dir(folder, **more)

    def resume():
        with app.app_context():
            try:
                met.append(training.resume_run(run_id).state)
            except Conflict as error:
                met.append(error.code)

    runners.announce_worker()
    threads = [threading.Thread(target=resume) for _ in range(2)]
    with monkeypatch.context() as patched:
        patched.setattr(Path, "is_dir", meet)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    runners.retire()
    end_reading()
    assert sorted(met) == ["not_resumable", "queued"]
    assert [one.kind for one in jobs.listed() if one.state == "queued"] == ["train"]


def test_who_lost_a_run_to_another_process_leaves_its_state_alone(monkeypatch):
    run_id, place = training.create_run(choose(make_dataset())).id, local.make_place()
    poll = place.poll

    def take_over(handle, folder):
        # As if this process had slept, and another one had taken the run up.
        with transaction():
            jobs.get(training.require_run(run_id).job_id).worker = "somebody else"
        return poll(handle, folder)

    monkeypatch.setattr("app.services.running.REPORT_SECONDS", 0)
    monkeypatch.setattr("app.services.training.running.TICK_SECONDS", 0.01)
    monkeypatch.setenv("FAKE_ENGINE_STEP_SECONDS", "0.1")
    monkeypatch.setattr(place, "poll", take_over)
    with contextlib.suppress(LttError):
        training.start_run(run_id, here=True)
    run = training.require_run(run_id)
    assert run.state == "running" and "error" not in run.result and run.finished_at is None


def test_a_run_that_is_cancelled_in_the_moment_of_its_pause_is_cancelled(monkeypatch):
    run_id, place = training.create_run(choose(make_dataset())).id, local.make_place()
    polled = place.poll

    def poll(handle, folder):
        if training.require_run(run_id).state == "running":
            training.pause_run(run_id)
        state = polled(handle, folder)
        if state.state == "paused":
            training.cancel_run(run_id)
        return state

    monkeypatch.setenv("FAKE_ENGINE_STEP_SECONDS", "0.1")
    monkeypatch.setattr(place, "poll", poll)
    assert training.start_run(run_id, here=True).state == "cancelled"
    assert training.require_run(run_id).finished_at is not None


def _make_ended(state):
    run = training.create_run(choose(make_dataset()))
    with transaction():
        training.require_run(run.id).state = state
    return run


def test_of_a_job_that_trained_it_is_said_what_is_left_of_it():
    run = training.create_run(choose(make_dataset()))
    runners.announce_worker()
    training.start_run(run.id)
    runners.retire()
    job_id = training.require_run(run.id).job_id
    running.claim_job(job_id, f"{runners._host()}.999999.00000000")
    assert running.interrupt_dead() == 1
    assert jobs.get(job_id).error == "The program ended while this job ran. Its complete checkpoints are kept."

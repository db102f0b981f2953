"""Whatever lies in the folder of a run, its pages, the API and the worker pass over it, and nothing outside is lost."""

import io
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.jobs.worker import Worker
from app.models import transaction
from app.services import models, training
from app.services.models import Values
from app.services.training.data import hash_file
from tests.run_folders import make_run
from tests.training import make_dataset, use_fake_engine

HUGE = str(10**30)
STATE = '{"phase": "training", "step": %s, "steps": %s, "best": {"step": %s, "validation_loss": %s}}'
POINT = '{"step": 1, "validation_loss": 2.0}\n{"step": 2, "%s": %s}\n'
WRONG = ("-1", HUGE, "1e308", "null", '"x"')
PLAIN = (b"\x00\xff", b"[]", b"[" * 5000, "folder", "nowhere", "elsewhere", "itself")
DAMAGES = {
    "state.json": [*PLAIN, *((STATE % (text, text, text, text)).encode() for text in WRONG)],
    "metrics.jsonl": [
        *PLAIN,
        *(
            (POINT % (name, text)).encode()
            for name in ("step", "tokens", "seconds", "validation_loss", "memory_mb")
            for text in WRONG
        ),
    ],
    "events.jsonl": [*PLAIN, b'{"at": "0001-01-01T00:00:00+14:00", "kind": "note", "message": "<b>", "step": -1}'],
    "samples.jsonl": [*PLAIN, b'{"step": %s, "question": "q", "answer": "\\u0000"}' % HUGE.encode()],
    "hosted.json": [*PLAIN, b'{"name": "n", "service": "openai", "address": "a", "files": {"other": {"name": "x"}}}'],
    "quote.json": [*PLAIN, b'{"service": [], "sum": null, "formula": {}, "connection": 1}'],
    "log.txt": [*PLAIN],
    "checkpoints": ["folder", "nowhere", "elsewhere", "itself", b"x"],
    "checkpoints/step-42": ["nowhere", "elsewhere", "itself", b"x"],
    "checkpoints/step-42/complete.json": [*PLAIN, *(b'{"step": %s}' % text.encode() for text in WRONG)],
    "result": ["folder", "nowhere", "elsewhere", "itself", b"x"],
}


@pytest.fixture
def outside(tmp_path):
    """A folder that is nobody's business."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "complete.json").write_text('{"step": 1, "bytes": 5}')
    return folder


@pytest.fixture
def run(app, monkeypatch):
    """A run of a service that was cancelled, with files of all kinds."""
    use_fake_engine(monkeypatch)
    with app.app_context():
        made = make_run(make_dataset(), state="cancelled", step=42)
        connection = models.add_connection(Values("Tuner", "http://127.0.0.1:9/v1", "gpt-4o-mini"))
        with transaction():
            training.require_run(made.id).place = str(connection.id)
        return SimpleNamespace(id=made.id, dataset_id=made.dataset_id, folder=training.folder_of(made))


@pytest.fixture
def folder(run):
    return run.folder


def damage(path, what, outside):
    """Put something else in the place of a file or folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if isinstance(what, bytes):
        path.write_bytes(what)
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to({"nowhere": "/no/such/place", "elsewhere": outside, "itself": path}[what])


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_folder_is_read_as_far_as_it_can_be(app, client, run, folder, outside, name, tmp_path):
    page, api = f"/datasets/{run.dataset_id}/training", f"/api/v1/runs/{run.id}"
    shutil.copytree(folder, tmp_path / "whole")
    for what in DAMAGES[name]:
        damage(folder / name, what, outside)
        for path in (page, f"{page}/1", f"{page}/1/log", f"{page}?run=1&run=1", api, f"{api}/metrics", f"{api}/record"):
            assert client.get(path).status_code == 200, (path, what)
        for which in ("run.json", "card", "metrics", "samples", "events", "log", "result", "bundle"):
            with client.get(f"{page}/1/{which}/file") as answer:
                assert answer.status_code in (200, 404, 409, 422), (which, what)
        with app.app_context():
            training.delete_checkpoints(run.id)
        assert not (folder / "checkpoints").exists() and (outside / "complete.json").exists(), what
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "whole", folder)


@pytest.mark.parametrize("what", [b"", "folder", "itself"])
def test_damaged_runs_keep_the_worker_from_nothing(app, data_dir, run, folder, outside, what):
    (folder / "control").write_text("cancel")
    damage(folder / "hosted.json", b"{", outside)
    with app.app_context():
        other = make_run(run.dataset_id, state="running", step=42)
        damage(training.folder_of(other) / "metrics.jsonl", what, outside)
        with transaction():
            training.require_run(other.id).job_id = 99
        other_id = other.id
        Worker(app, {"LTT_DATA_DIR": str(data_dir), "TESTING": True}).turn()
        assert training.require_run(other_id).state == "interrupted"
        told = training.require_run(run.id)
        assert told.result["code"] == "damaged_notes" and "Look for it at the service" in told.result["error"]
        # Nobody can be told any more, so nothing is waited for.
        training.delete_run(run.id)
    assert not folder.exists()


def test_of_a_link_in_the_place_of_a_folder_only_the_link_is_deleted(app, run, folder, outside):
    (outside / "large").write_bytes(b"0" * 5000)
    damage(folder / "checkpoints", "elsewhere", outside)
    with app.app_context():
        assert training.delete_checkpoints(run.id) == 0
    assert not (folder / "checkpoints").is_symlink() and (outside / "large").exists()


def test_what_could_not_be_deleted_is_told(app, client, run, folder, monkeypatch):
    monkeypatch.setattr("app.services.training.folders.shutil.rmtree", lambda *about, **more: None)
    answer = client.post(f"/datasets/{run.dataset_id}/training/1/delete", data={})
    assert answer.status_code == 409 and "could not be deleted whole" in answer.text and folder.is_dir()


def test_numbers_that_are_none_do_not_hide_the_points_beside_them(app, client, run, folder):
    row = {"step": 1, "loss": 2.0, "tokens": 10**30}
    (folder / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    points = client.get(f"/api/v1/runs/{run.id}/metrics").json["points"]
    assert points == [{"step": 1, "loss": 2.0}]


def test_a_file_that_may_not_be_read_or_written_is_told_in_a_sentence(app, client, run, folder, monkeypatch):
    page = f"/datasets/{run.dataset_id}/training/1"
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "train.jsonl").write_bytes(b"{}\n")
    (folder / "metrics.jsonl").unlink()
    (folder / "metrics.jsonl").mkdir()
    with app.app_context(), transaction():
        mine = training.require_run(run.id)
        mine.place, mine.state = "bundle", "waiting"
    for address, data in (
        (f"{page}/metrics", {"file": (io.BytesIO(b'{"step": 1, "loss": 2.0}'), "metrics.jsonl")}),
        (f"/api/v1/runs/{run.id}/metrics", {"file": (io.BytesIO(b'{"step": 1, "loss": 2.0}'), "metrics.jsonl")}),
    ):
        refused = client.post(address, data=data)
        assert refused.status_code == 409 and "of the data folder cannot be" in refused.text, address

    def refuse(path, *about, **more):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    assert hash_file(folder / "run.json") == ""

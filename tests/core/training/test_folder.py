"""The folder of a run, as it is while another process writes it."""

import json

import pytest

from app.core.training import folder as folders
from app.core.training.folder import Best, Checkpoint, Event, RunState, Sample, read_folder, read_log
from app.core.training.points import Point


@pytest.fixture
def folder(tmp_path):
    """A run at step 4, with a checkpoint that is whole and one that is being written."""

    def lines(name, *rows, torn=""):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows) + torn, "utf-8")

    (tmp_path / "state.json").write_text(
        json.dumps({"phase": "training", "step": 4, "steps": 9, "epoch": 0.5, "pid": 7, "device": "cpu",
                    "best": {"step": 2, "validation_loss": 1.5}, "message": "", "code": "", "later": [1]})
    )  # fmt: skip
    lines("metrics.jsonl", {"step": 2, "validation_loss": 1.5}, {"step": 4, "loss": 1.0}, torn='{"step": 5, "lo')
    lines(
        "events.jsonl", {"at": "2026-11-30T10:00:00Z", "step": 0, "kind": "started", "message": "Begins."}, torn='{"at"'
    )
    lines("samples.jsonl", {"step": 0, "entry": 3, "question": "Who?", "answer": "", "reference": None}, [1])
    for step, whole in ((2, True), (4, False)):
        place = tmp_path / "checkpoints" / f"step-{step}"
        place.mkdir(parents=True)
        (place / "model.bin").write_bytes(b"12345")
        if whole:
            (place / "complete.json").write_text(json.dumps({"step": step, "validation_loss": 1.5, "bytes": 5}))
    return tmp_path


def test_what_is_whole_is_read(folder):
    seen = read_folder(folder)
    assert seen.state == RunState("training", 4, 9, 0.5, Best(2, 1.5), device="cpu")
    assert [one.step for one in seen.points] == [2, 4] and seen.best == Point(2, validation_loss=1.5)
    assert seen.events == [Event("2026-11-30T10:00:00Z", "started", "Begins.", 0)]
    assert seen.samples == [Sample(0, "Who?", "", 3, None)]
    assert seen.checkpoints == [Checkpoint(2, 1.5, 5)] and seen.result_bytes is None


def test_of_a_run_that_has_not_begun_there_is_nothing(tmp_path):
    seen = read_folder(tmp_path / "none")
    assert seen.state == RunState() and not (seen.points or seen.events or seen.samples or seen.checkpoints)
    assert seen.best is None and read_log(tmp_path / "none") == ""


def test_the_bytes_of_the_result_are_counted(folder):
    (folder / "result" / "deep").mkdir(parents=True)
    (folder / "result" / "deep" / "a").write_bytes(b"123")
    (folder / "result" / "b").write_bytes(b"4567")
    (folder / "result" / "link").symlink_to(folder / "log.txt")
    assert read_folder(folder).result_bytes == 7 + (folder / "result" / "link").lstat().st_size


def test_of_a_long_log_the_end_is_shown_from_a_whole_line_on(folder, monkeypatch):
    monkeypatch.setattr(folders, "MOST_LOG", 30)
    (folder / "log.txt").write_bytes(b"first line\n" * 9 + b"10%\r50%\r100%\r\n\xffend\n")
    assert read_log(folder) == "100%\n\ufffdend\n"

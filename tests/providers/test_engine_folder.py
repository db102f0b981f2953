"""The folder of a run, as the engine keeps it; none of the packages that train are needed for it."""

import errno
import json
from itertools import product
from pathlib import Path

import pytest

from app.core.options import encode
from app.core.training import TrainingSettings, number_checkpoints
from app.providers.engine.errors import Stop, explain, explain_model
from app.providers.engine.folder import Folder, space_checkpoints


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    spec = {"settings": {}, "method": "full", "base": {"kind": "toy"}}
    (tmp_path / "run.json").write_text(json.dumps(spec), encoding="utf-8")
    (tmp_path / "checkpoints").mkdir()
    return Folder(tmp_path)


def checkpoint(folder: Folder, step: int, complete: str | None) -> Path:
    path = folder.checkpoint_path(step)
    path.mkdir()
    (path / "model.safetensors").write_bytes(b"x")
    if complete is not None:
        (path / "complete.json").write_text(complete, encoding="utf-8")
    return path


def test_it_goes_back_to_the_newest_complete_checkpoint_and_cuts_what_came_after(folder: Folder) -> None:
    checkpoint(folder, 2, '{"step": 2, "validation_loss": null, "bytes": 1}')
    checkpoint(folder, 10, '{"step": 10, "validation_loss": 1.5, "bytes": 1}')
    torn = [checkpoint(folder, 12, None), checkpoint(folder, 14, '{"st')]
    metrics = folder.path / "metrics.jsonl"
    metrics.write_text('{"step": 9}\n{"step": 10}\nnull\n{"step": 11}\n{"step": 12, "lo', encoding="utf-8")
    assert folder.go_back() == 10
    assert metrics.read_text(encoding="utf-8") == '{"step": 9}\n{"step": 10}\n'
    assert list(folder.checkpoints()) == [2, 10] and not any(one.exists() for one in torn)
    folder.event("resumed", "Training goes on.")
    [event] = folder.lines("events.jsonl")
    assert event["step"] == 10


def test_without_a_checkpoint_it_begins_anew(folder: Folder) -> None:
    (folder.path / "metrics.jsonl").write_text('{"step": 0}\n{"step": 1}\n', encoding="utf-8")
    assert folder.go_back() == -1 and list(folder.lines("metrics.jsonl")) == []


@pytest.mark.parametrize(("word", "taken"), [("pause\n", "pause"), ("cancel", "cancel"), ("stop", ""), ("", "")])
def test_a_word_that_is_left_for_it_is_taken_once(word: str, taken: str, folder: Folder) -> None:
    (folder.path / "control").write_text(word, encoding="utf-8")
    assert folder.take_control() == taken
    assert folder.take_control() == ""


def test_rows_that_cannot_be_read_are_told(folder: Folder) -> None:
    (folder.path / "data").mkdir()
    (folder.path / "data" / "train.jsonl").write_text('{"messages": []}\n{\n', encoding="utf-8")
    assert folder.rows("validation") == []
    with pytest.raises(Stop, match="data/train.jsonl holds a line that is no JSON"):
        folder.rows("train")


def test_a_model_that_is_not_here_is_told_with_what_helps() -> None:
    said = "We couldn't connect to 'https://hub.example' to load the files, and couldn't find them in the cached files."
    stop = explain_model("acme/small-1b", OSError(said))
    assert stop.code == "no_model" and str(stop).startswith("The model acme/small-1b is not on this computer")
    assert "Allow the download" in str(stop) and "hub.example" not in str(stop)


def test_there_are_checkpoints_as_often_as_was_planned() -> None:
    for rows, batch, accumulation, every in product(range(1, 60), (1, 3, 4), (1, 2, 4), (0, 5)):
        settings = TrainingSettings(batch_size=batch, accumulation=accumulation, checkpoint_every=every)
        assert space_checkpoints(rows, encode(settings)) == number_checkpoints(rows, settings)[0]


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="no readable run.json"):
        Folder(tmp_path)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EFBIG, "File too large"), "disk_full"),
        (RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos: PytorchStreamWriter failed writing file"), "disk_full"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"), "out_of_memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (ValueError("odd"), "failed"),
    ],
)  # fmt: skip
def test_whatever_ends_it_is_told_in_a_sentence_with_what_is_left(error: Exception, code: str) -> None:
    for kept, said in ((1_200, "The checkpoint of step 1,200 is whole"), (None, "There is no checkpoint yet")):
        stop = explain(error, kept)
        assert stop.code == code and said in str(stop) and str(stop).endswith(".")

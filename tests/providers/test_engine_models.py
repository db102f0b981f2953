"""Models of strangers: what of them is not read, and what is said of those that cannot be."""

from pathlib import Path

import pytest

from app.providers.engine.base import refuse_pickles
from app.providers.engine.errors import Stop, explain_model


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth", "model.ckpt"])
def test_weights_that_could_run_code_are_not_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    refuse_pickles(tmp_path)
    (tmp_path / name).write_bytes(b"whatever it is, nobody opens it")
    with pytest.raises(Stop, match=rf"are a pickle \({name}\)") as stop:
        refuse_pickles(tmp_path)
    assert stop.value.code == "pickled"
    # Beside weights that are data it is not opened either.
    (tmp_path / "model.safetensors").write_bytes(b"data")
    refuse_pickles(tmp_path)
    refuse_pickles(tmp_path / "acme/a-name-of-the-hub")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("Expecting value: line 1\nmore of it"), "no_model", "cannot be read: Expecting value: line 1."),
        (RuntimeError(""), "no_model", "cannot be read: RuntimeError."),
        (RecursionError("too deep."), "no_model", "cannot be read: too deep."),
        (
            OSError("couldn't find them in the cached files"),
            "no_model",
            "is not on this computer, and was not fetched.",
        ),
        (MemoryError(), "out_of_memory", "The memory did not suffice."),
        (OSError(28, "No space left on device"), "disk_full", "There is no room left on the disk."),
        (Stop("other", "Another sentence."), "other", "Another sentence."),
    ],
)
def test_a_model_that_cannot_be_read_is_told_in_a_sentence(error: Exception, code: str, said: str) -> None:
    stop = explain_model("/models/small", error)
    assert stop.code == code and said in str(stop) and "\n" not in str(stop) and str(stop).endswith(".")

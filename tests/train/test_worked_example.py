"""The example of docs/training.md, as it stands there: from a CSV file to a tuned toy model."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.train.conftest import PYTHON, ROOT, environment


def test_the_example_of_the_documentation_trains_a_toy(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    [make_file] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    [commands] = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    subprocess.run([sys.executable, "-c", make_file], cwd=tmp_path, check=True)
    data = {"LTT_DATA_DIR": str(tmp_path / "data"), "LTT_TRAIN_PYTHON": str(PYTHON)}
    said = []
    for line in commands.splitlines():
        name, *words = shlex.split(line)
        assert name == "ltt"
        done = subprocess.run(
            [sys.executable, "-m", "app", *words],
            cwd=tmp_path, env={**environment(), **data}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        said.append(done.stdout)
    assert "200 imported" in said[0] and "v1: 200 pairs" in said[2] and "72 steps" in said[3]
    [run] = (tmp_path / "data" / "runs").glob("1-*")
    points = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [one["step"] for one in points] == list(range(len(points)))
    measured = [one["validation_loss"] for one in points if "validation_loss" in one]
    # What the page says of it: perplexity from about 400 to below 20.
    assert 5.5 < measured[0] < 6.5 and min(measured) < 3.0
    assert (run / "result" / "model.safetensors").is_file()
    assert "First try" in (run / "result" / "README.md").read_text(encoding="utf-8")
    assert os.stat(run).st_mode & 0o077 == 0 or os.name == "nt"

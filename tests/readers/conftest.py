"""Reads what we write with the libraries of others, in an environment of their own beside ours."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.services import datasets

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-readers" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
MISSING = f"No other reader is asked: there is no {PYTHON.relative_to(ROOT)}. CONTRIBUTING.md says how to make it."


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say it where nothing of this folder is tried."""
    if not PYTHON.exists():
        for one in items:
            if one.path.parent == Path(__file__).parent:
                one.add_marker(pytest.mark.skip(reason=MISSING))


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str, Path], Any]:
    """What another library finds in a file or a folder: ``read("datasets", folder)``."""

    def ask(library: str, path: Path) -> Any:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "HOME": str(home), "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            [PYTHON, Path(__file__).with_name("reference.py"), library, path],
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={**os.environ, **offline},
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return ask


@pytest.fixture
def dataset_id(app: Flask) -> Iterator[int]:
    """An empty dataset, inside the application."""
    with app.app_context():
        yield datasets.create_dataset("Scales: all").id

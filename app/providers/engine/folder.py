"""The folder of a run: what is to be done, how far it is, and what is left of it. The standard library suffices.

Lines are appended; when a run resumes, those past its checkpoint are cut. A folder of checkpoints counts once
``complete.json`` lies in it, which is written last.
"""

import json
import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.providers.engine.errors import Stop

STREAMS = ("metrics.jsonl", "samples.jsonl", "events.jsonl")
# So many checkpoints has an epoch where nobody says how many.
_PARTS_OF_EPOCH = 3


class Folder:
    """The folder of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.spec: dict[str, Any] = json.loads((path / "run.json").read_text(encoding="utf-8"))
            self.settings: dict[str, Any] = self.spec["settings"]
            self.method: str = self.spec["method"]
            self.base: dict[str, Any] = self.spec["base"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Stop("no_run", f"There is no readable run.json in {path}.") from error
        self.state: dict[str, Any] = {
            "phase": "loading", "step": 0, "steps": 0, "epoch": 0.0, "best": None, "message": "", "code": "",
            "device": "", "pid": os.getpid(),
        }  # fmt: skip
        self._said = 0.0

    # What is to be trained.

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of data/train.jsonl or data/validation.jsonl; none where there is no such file."""
        try:
            with (self.path / "data" / f"{name}.jsonl").open(encoding="utf-8") as lines:
                return [json.loads(line) for line in lines if line.strip()]
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise Stop("bad_data", f"data/{name}.jsonl holds a line that is no JSON.") from error

    # How far it is.

    def tell(self, now: bool = False, **changes: Any) -> None:
        """Change the state, and write it; changes of numbers alone are written once in half a second."""
        now = now or "phase" in changes or "best" in changes
        self.state.update(changes)
        if now or time.monotonic() - self._said > 0.5:
            replace_json(self.path / "state.json", self.state)
            self._said = time.monotonic()

    def event(self, kind: str, message: str) -> None:
        """Note what happened, at the step that the state is at."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self.append("events.jsonl", {"at": at, "step": self.state["step"], "kind": kind, "message": message})

    def append(self, name: str, line: Mapping[str, Any]) -> None:
        """Add a line to a stream."""
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """The whole lines of a stream."""
        try:
            text = (self.path / name).read_bytes()
        except FileNotFoundError:
            return
        for line in text.split(b"\n")[:-1]:
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                yield found

    def cut(self, step: int) -> None:
        """Leave out of all streams what stands past a step, and what was written in half."""
        for name in STREAMS:
            kept = [json.dumps(line, ensure_ascii=False) + "\n" for line in self.lines(name) if line["step"] <= step]
            write_whole(self.path / name, "".join(kept).encode())

    def go_back(self) -> int:
        """Take the run back to its newest complete checkpoint, if it has one; returns its step, or -1."""
        newest = max(self.checkpoints(), default=-1)
        self.sweep()
        self.cut(newest)
        self.state["step"] = max(newest, 0)
        return newest

    def take_control(self) -> str:
        """The word that somebody left for the engine, which is then gone: pause, cancel, or none."""
        path = self.path / "control"
        try:
            word = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""
        if word in ("pause", "cancel"):
            path.unlink(missing_ok=True)
            return word
        return ""

    # What is left of it.

    @property
    def checkpoints_path(self) -> Path:
        """Where its checkpoints lie."""
        return self.path / "checkpoints"

    def checkpoints(self) -> dict[int, dict[str, Any]]:
        """What the complete checkpoints say of themselves, by step."""
        found = {}
        for path in self.checkpoints_path.glob("step-*/complete.json"):
            try:
                said = json.loads(path.read_text(encoding="utf-8"))
                found[int(said["step"])] = said
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return dict(sorted(found.items()))

    def checkpoint_path(self, step: int) -> Path:
        """Where the checkpoint of a step lies."""
        return self.checkpoints_path / f"step-{step}"

    def sweep(self) -> None:
        """Remove what a killed process left of checkpoints and of a result."""
        complete = {self.checkpoint_path(step) for step in self.checkpoints()}
        for path in (*self.checkpoints_path.glob("*"), *self.path.glob("*.making")):
            if path not in complete:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def remove_checkpoint(self, step: int) -> None:
        """Remove a checkpoint; killed in between, what is left of it counts for nothing."""
        path = self.checkpoint_path(step)
        (path / "complete.json").unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that there is the old one or the new one, whatever happens."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def replace_json(path: Path, value: Any) -> None:
    """Write a JSON file whole."""
    write_whole(path, json.dumps(value, ensure_ascii=False).encode())


def count_bytes(path: Path) -> int:
    """The bytes of all files in a folder."""
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


def space_checkpoints(rows: int, settings: Mapping[str, Any]) -> int:
    """After how many steps there is a checkpoint: as often as was planned, whose rule this is."""
    per_epoch = math.ceil(math.ceil(rows / settings["batch_size"]) / settings["accumulation"])
    return int(settings["checkpoint_every"]) or max(math.ceil(per_epoch / _PARTS_OF_EPOCH), 1)

"""What lies in the folder of a run, read for those who look at it while it is written by another process.

No reading here fails on what is not there yet, torn, or of a later version: such a line is passed over.
"""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from app.core.training.points import Count, Measure, Point, find_best, read_points

# What is read of a file at most: samples of many checkpoints, and the end of what grows without a bound.
MOST_SAMPLES = 32 * 1024 * 1024
MOST_EVENTS = 1024 * 1024
MOST_LOG = 128 * 1024
T = TypeVar("T")


class Best(msgspec.Struct, frozen=True):
    """The best checkpoint so far."""

    step: Count
    validation_loss: Measure


class RunState(msgspec.Struct, frozen=True):
    """Where the engine stands, as it says itself in ``state.json``."""

    phase: str = ""
    step: Count = 0
    steps: Count = 0
    epoch: Measure = 0.0
    best: Best | None = None
    message: str = ""
    code: str = ""
    device: str = ""


class Event(msgspec.Struct, frozen=True):
    """Something that happened, at a time in ISO 8601."""

    at: str
    kind: str
    message: str
    step: Count | None = None


class Sample(msgspec.Struct, frozen=True):
    """The answer to a validation question at one step; 0 is before training."""

    step: Count
    question: str
    answer: str
    entry: int | str | None = None
    reference: str | None = None


class Checkpoint(msgspec.Struct, frozen=True):
    """A checkpoint that is whole."""

    step: Count
    validation_loss: Measure | None = None
    bytes: Count = 0


@dataclass(frozen=True, slots=True)
class RunFolder:
    """All that a run wrote so far. ``result_bytes`` is None where there is no result yet."""

    state: RunState
    points: list[Point]
    events: list[Event]
    samples: list[Sample]
    checkpoints: list[Checkpoint]
    result_bytes: int | None

    @property
    def best(self) -> Point | None:
        """The point with the lowest validation loss."""
        return find_best(self.points)


def read_folder(folder: Path) -> RunFolder:
    """What lies in the folder of a run; of a folder that there is not, nothing."""
    result = folder / "result"
    return RunFolder(
        read_state(folder),
        read_points(folder / "metrics.jsonl"),
        list(_read_lines(folder / "events.jsonl", Event, MOST_EVENTS)),
        list(_read_lines(folder / "samples.jsonl", Sample, MOST_SAMPLES)),
        list_checkpoints(folder),
        count_bytes(result) if result.is_dir() else None,
    )


def read_state(folder: Path) -> RunState:
    """Where the engine stands; of one that said nothing yet, or nothing that can be read, nothing."""
    try:
        said = msgspec.json.decode((folder / "state.json").read_bytes(), type=dict[str, Any])
        # What a place does not know may stand there as nothing.
        return msgspec.convert({name: value for name, value in said.items() if value is not None}, RunState)
    except (OSError, msgspec.MsgspecError, RecursionError):
        return RunState()


def list_checkpoints(folder: Path) -> list[Checkpoint]:
    """The whole checkpoints that are still there, by their steps. What has no ``complete.json`` is none."""
    found = []
    for mark in (folder / "checkpoints").glob("step-*/complete.json"):
        try:
            found.append(msgspec.json.decode(mark.read_bytes(), type=Checkpoint))
        except (OSError, msgspec.MsgspecError, RecursionError):
            continue
    return sorted(found, key=lambda one: one.step)


def read_log(folder: Path) -> str:
    """The end of what the engine printed. Progress bars, which are written over themselves, leave their last state."""
    text = _read_end(folder / "log.txt", MOST_LOG).decode("utf-8", "replace")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def count_bytes(folder: Path) -> int:
    """The size of all files below a folder; links are not followed, nor is one in the place of the folder."""
    total = 0
    if folder.is_symlink():
        return total
    for here, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(here, name)).st_size
            except OSError:
                continue
    return total


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in the place of another, whole or not at all. Of two that write at once the later one counts."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _read_lines(file: Path, kind: type[T], most: int) -> Iterator[T]:
    decoder = msgspec.json.Decoder(kind)
    for line in _read_end(file, most).splitlines():
        try:
            yield decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError):
            continue


def _read_end(file: Path, most: int) -> bytes:
    """The last bytes of a file, from the beginning of a line on where they are not all."""
    try:
        with file.open("rb") as opened:
            size = opened.seek(0, os.SEEK_END)
            opened.seek(max(size - most, 0))
            found = opened.read(most)
    except OSError:
        return b""
    return found if size <= most else found.partition(b"\n")[2]

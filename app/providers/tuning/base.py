"""What every place that trains can do: check, start, poll, pause, cancel, resume and fetch a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from app.core.training import RunSpec

# The states in which a place has nothing more to do by itself.
ENDED = ("paused", "waiting", "done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a run cannot start at a place, and what to do about it.

    One that is not ``blocking`` is only said. ``details`` are its numbers.
    """

    code: str
    message: str
    blocking: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlaceState:
    """Where a run stands at its place: ``state`` is queued, running or one of ``ENDED``.

    ``result`` is what is known of its outcome beside the files of its folder, such as the model that came of it.
    """

    state: str
    step: int = 0
    steps: int | None = None
    message: str = ""
    code: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)


class Place(Protocol):
    """A place that trains. Whatever it learns of a run it writes into the files of the run's folder.

    ``folder`` is the run's: ``run.json`` and ``data/`` lie there before anything is asked of it. ``lane`` says beside
    which other runs one of this place may run (see ``app.services.tasks``), ``poll_seconds`` how long to wait between
    two looks. ``targets`` are the export targets in whose form it reads the data, by method; ``can_pause`` says whether
    it can stop a run so that it goes on later.
    """

    name: str
    title: str
    lane: str
    poll_seconds: float
    targets: Mapping[str, str]
    can_pause: bool

    def check(self, spec: RunSpec, folder: Path | None) -> list[Obstacle]:
        """What speaks against it here. Without a folder only what is known before the data is written."""

    def estimate(self, spec: RunSpec, folder: Path) -> dict[str, Any]:
        """What it will need, as far as the place can tell: memory_mb, seconds_per_step, cost, fits, why."""

    def versions(self) -> dict[str, str]:
        """By what it trains, for the record: names of programs and their versions, as far as it tells."""

    def start(self, spec: RunSpec, folder: Path) -> str:
        """Begin, or go on from what the folder holds; gives the handle by which it is found again."""

    def poll(self, handle: str, folder: Path) -> PlaceState:
        """Where it stands. New points, events and samples are in the folder's files then."""

    def pause(self, handle: str, folder: Path) -> None:
        """Ask it to stop so that it can go on later."""

    def cancel(self, handle: str, folder: Path) -> None:
        """Ask it to stop for good."""

    def resume(self, spec: RunSpec, handle: str, folder: Path) -> str:
        """Go on where it was paused; gives the handle."""

    def fetch(self, handle: str, folder: Path) -> dict[str, Any]:
        """Bring what came of it into ``result/`` as far as the place gives it; what it is."""

    def end(self, handle: str) -> None:
        """Let go of it at once: the process that follows it ends."""

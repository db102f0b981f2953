"""A machine that this program cannot reach: a run is taken there as a bundle, and what was measured is brought back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.core.bundles.training import list_trainers
from app.core.training import TARGETS, RunSpec
from app.providers.tuning.base import Obstacle, PlaceState


class BundlePlace:
    """Another machine. Nothing is started: once the data of a run is written it waits for its metrics."""

    name = "bundle"
    title = "Take-away bundle"
    lane = "away"
    poll_seconds = 1.0
    # Other trainers' bundles are written from the snapshot when they are asked for.
    targets: Mapping[str, str] = TARGETS
    can_pause = False

    def check(self, spec: RunSpec, folder: Path | None) -> list[Obstacle]:
        """Whether some trainer can do what the run asks for."""
        if list_trainers(spec):
            return []
        return [Obstacle("no_trainer", "There is no trainer that can do this with a bundle. Choose another method.")]

    def estimate(self, spec: RunSpec, folder: Path) -> dict[str, Any]:
        """Nothing is known of that machine."""
        return {}

    def versions(self) -> dict[str, str]:
        """Those of that machine are pinned in the bundle."""
        return {}

    def start(self, spec: RunSpec, folder: Path) -> str:
        """There is nothing to start."""
        return self.name

    def poll(self, handle: str, folder: Path) -> PlaceState:
        """It waits until somebody brings its metrics."""
        return PlaceState("waiting", message="waiting for its metrics")

    def pause(self, handle: str, folder: Path) -> None:
        """There is nothing to pause."""

    def cancel(self, handle: str, folder: Path) -> None:
        """There is nothing to stop."""

    def resume(self, spec: RunSpec, handle: str, folder: Path) -> str:
        """It waits again."""
        return self.name

    def fetch(self, handle: str, folder: Path) -> dict[str, Any]:
        """The model stays where it was trained."""
        return {}

    def end(self, handle: str) -> None:
        """There is nothing to let go of."""

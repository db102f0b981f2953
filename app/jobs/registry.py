"""Which function does which kind of job."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.jobs.context import Context

Run = Callable[["Context"], "dict[str, object] | None"]

# Modules of app.jobs that hold handlers. One line per feature.
MODULES: tuple[str, ...] = ("imports", "cleaning", "duplicates")


@dataclass(frozen=True, slots=True)
class Handler:
    """What does one kind of job, and how much it may use before its process is ended."""

    kind: str
    run: Run
    memory_mb: int = 512
    cpu_seconds: int = 3600
    stall_seconds: int = 600


_handlers: dict[str, Handler] = {}
_sweeps: dict[str, Callable[[], object]] = {}


def handler(
    kind: str, *, memory_mb: int = 512, cpu_seconds: int = 3600, stall_seconds: int = 600
) -> Callable[[Run], Run]:
    """Register the function below as what does jobs of this kind, with its limits in a worker.

    ``stall_seconds`` is how long it may go without reporting progress.
    """

    def register(run: Run) -> Run:
        _handlers[kind] = Handler(kind, run, memory_mb, cpu_seconds, stall_seconds)
        return run

    return register


def sweeper(sweep: Callable[[], object]) -> Callable[[], object]:
    """Register a function that removes what killed or outdated jobs left; called when a worker starts, then hourly."""
    _sweeps[f"{sweep.__module__}.{sweep.__qualname__}"] = sweep
    return sweep


def find(kind: str) -> Handler | None:
    """What does this kind of job, if anything."""
    _load()
    return _handlers.get(kind)


def sweeps() -> list[Callable[[], object]]:
    """All registered sweepers."""
    _load()
    return list(_sweeps.values())


def _load() -> None:
    for name in MODULES:
        import_module(f"app.jobs.{name}")

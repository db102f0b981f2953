"""Running one measured program in a process of its own: wall time, processor time and peak memory."""

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a program."""

    wall: float
    cpu: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Result:
    """The medians of several runs of one program."""

    name: str
    wall: float
    cpu: float
    peak_mb: float
    runs: int


def run(module: str, *arguments: object, environment: dict[str, str] | None = None) -> Run:
    """Run ``python -m benchmarks.MODULE ARGUMENTS`` once. Raises where it fails."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}.")
    return Run(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def medians(name: str, runs: list[Run]) -> Result:
    """The medians of several runs."""
    return Result(
        name,
        statistics.median(one.wall for one in runs),
        statistics.median(one.cpu for one in runs),
        max(one.peak_mb for one in runs),
        len(runs),
    )

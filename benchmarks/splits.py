"""Dividing a dataset beside the plainest way to do the same, each in a fresh process over a copy of one database."""

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT

STEPS = {
    "raw": "raw: read, hash the document, write with undo rows",
    "plan": "preview: all pairs read, placed, and looked through for leaks",
    "again": "preview after a change of the form",
    "split": "split with undo",
    "undo": "undo",
}


def report(filled: Path, rows: int, runs: int) -> str:
    """The section of the report: five pairs of each document kept together."""
    seconds: dict[str, list[float]] = {name: [] for name in STEPS}
    peaks: dict[str, float] = dict.fromkeys(STEPS, 0.0)
    cpu: dict[str, list[float]] = {name: [] for name in STEPS}
    source = _copy(filled, "source")
    with sqlite3.connect(source / "ltt.db") as connection:
        connection.execute("UPDATE entries SET source = 'document ' || (id / 5), tags = '[\"t' || (id % 20) || '\"]'")
    for _ in range(runs):
        raw, ours = _copy(source, "raw"), _copy(source, "ours")
        for name in STEPS:
            told, peak = _run(name, raw if name == "raw" else ours)
            seconds[name].append(told["seconds"])
            cpu[name].append(told["cpu"])
            peaks[name] = max(peaks[name], peak)
    limit = statistics.median(seconds["raw"])
    lines = [f"## splits, {rows:,} pairs, median of {runs}", "", "Seconds are those of the work itself.", ""]
    lines += ["| step | s | × raw | CPU s | peak MB |", "|---|---|---|---|---|"]
    for name, title in STEPS.items():
        spent = statistics.median(seconds[name])
        used = statistics.median(cpu[name])
        lines.append(f"| {title} | {spent:.2f} | {spent / limit:.2f} | {used:.2f} | {peaks[name]:.0f} |")
    return "\n".join(lines) + "\n"


def _copy(filled: Path, name: str) -> Path:
    target = filled.with_name(f"splits-{name}")
    shutil.rmtree(target, ignore_errors=True)
    return shutil.copytree(filled, target)


def _run(program: str, folder: Path) -> tuple[dict[str, float], float]:
    command = [sys.executable, "-m", "benchmarks.splits", program, str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}.")
    return told, usage.ru_maxrss / 1024


def _tell(began: tuple[float, float]) -> None:
    print(json.dumps({"seconds": time.monotonic() - began[0], "cpu": time.process_time() - began[1]}))


def _now() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def raw(folder: str) -> None:
    """The limit: one transaction, a hash of each document, and what it was before."""
    from hashlib import blake2b

    connection = sqlite3.connect(f"{folder}/ltt.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    began = _now()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE raw_undo (entry_id INTEGER PRIMARY KEY, before TEXT)")
    changed = []
    for entry_id, source in connection.execute("SELECT id, source FROM entries"):
        place = blake2b(source.encode(), digest_size=8).digest()[0] / 256
        changed.append(("test" if place < 0.1 else "validation" if place > 0.9 else "train", entry_id))
    connection.executemany("INSERT INTO raw_undo VALUES (?, NULL)", [(one[1],) for one in changed])
    connection.executemany("UPDATE entries SET split = ? WHERE id = ?", changed)
    connection.execute("COMMIT")
    _tell(began)


def _in_app(folder: str, work: Callable[[Any], object], warm: Callable[[Any], object] | None = None) -> None:
    from app import create_app
    from app.core.splits import SplitOptions
    from app.models import close_cleanly

    app = create_app({"LTT_DATA_DIR": folder, "LTT_LOG_LEVEL": "ERROR"})
    options = SplitOptions(group_by=("source",))
    with app.app_context():
        if warm is not None:
            warm(options)
        began = _now()
        work(options)
        _tell(began)
        close_cleanly()


def plan(folder: str) -> None:
    """What the page shows when it is opened."""
    from app.services import splits

    _in_app(folder, lambda options: splits.plan_split(1, options))


def again(folder: str) -> None:
    """What it shows after a change: the pairs are remembered."""
    from app.services import splits

    look = lambda options: splits.plan_split(1, options)  # noqa: E731
    _in_app(folder, look, look)


def split(folder: str) -> None:
    """The same as a step of the history."""
    from app.services import splits, tasks
    from app.services.splits import SplitRun

    _in_app(folder, lambda options: tasks.start(splits.SPLIT, SplitRun(1, options), here=True))


def undo(folder: str) -> None:
    """Taking it back."""
    from app.services import history

    _in_app(folder, lambda options: history.undo(1))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

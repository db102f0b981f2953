"""Snapshots of a large dataset: freezing it, comparing two that differ in a thousand pairs, and what they take."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import measure
from benchmarks.measure import ROOT

CHANGED = 1000
STEPS = {
    "freeze": "freeze all pairs",
    "again": f"freeze again after {CHANGED:,} edits",
    "compare": f"compare two that differ in {CHANGED:,} pairs",
    "now": f"compare one with now, {CHANGED:,} pairs differ",
    "read": "read a snapshot: all its rows",
    "raw": "read the dataset: all its rows",
    "back": f"go back to one, {CHANGED:,} pairs change",
}


def report(filled: Path, rows: int, runs: int) -> str:
    """The section of the report."""
    seconds: dict[str, list[float]] = {name: [] for name in STEPS}
    peaks: dict[str, float] = dict.fromkeys(STEPS, 0.0)
    cpu: dict[str, list[float]] = {name: [] for name in STEPS}
    grown: list[int] = []
    for _ in range(runs):
        folder = filled.with_name("snapshots")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(filled, folder)
        for name in STEPS:
            told, peak = _run(name, folder)
            seconds[name].append(told["seconds"])
            cpu[name].append(told["cpu"])
            peaks[name] = max(peaks[name], peak)
        grown.append(_size(folder) - _size(filled))
    written = _writes(filled, runs)
    lines = [f"## snapshots, {rows:,} pairs, median of {runs}", "", "Seconds are those of the work itself.", ""]
    lines += ["| step | s | CPU s | peak MB |", "|---|---|---|---|"]
    for name, title in STEPS.items():
        spent, used = statistics.median(seconds[name]), statistics.median(cpu[name])
        lines.append(f"| {title} | {spent:.2f} | {used:.2f} | {peaks[name]:.0f} |")
    size = _size(filled) / 1e6
    told_size = f"The database of {size:.0f} MB grew by {statistics.median(grown) / 1e6:.1f} MB, the history included."
    return "\n".join([*lines, "", told_size, "", *written]) + "\n"


def _writes(filled: Path, runs: int) -> list[str]:
    """What a snapshot adds to a bulk write: the same cleaning and its undo over a dataset without one and with one."""
    seconds: dict[tuple[str, bool], list[float]] = {}
    for _ in range(runs):
        for is_frozen in (False, True):
            folder = filled.with_name("snapshots")
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(filled, folder)
            if is_frozen:
                _run("freeze", folder)
            for name in ("apply", "undo"):
                spent = measure.run("cleaning", name, folder, "regex")
                seconds.setdefault((name, is_frozen), []).append(spent.cpu)
    lines = ["| bulk write | without a snapshot, CPU s | over one, CPU s | × |", "|---|---|---|---|"]
    for name, title in (("apply", "clean by a pattern, 16.8% of the pairs"), ("undo", "undo it")):
        bare, kept = (statistics.median(seconds[name, is_frozen]) for is_frozen in (False, True))
        lines.append(f"| {title} | {bare:.2f} | {kept:.2f} | {kept / bare:.2f} |")
    return lines


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("ltt.db*"))


def _run(program: str, folder: Path) -> tuple[dict[str, float], float]:
    command = [sys.executable, "-m", "benchmarks.snapshots", program, str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}.")
    return told, usage.ru_maxrss / 1024


def work(name: str) -> Callable[[], object]:
    """What a step does; what has to be done before is done by then."""
    from app.core.changes import Change
    from app.services import entries, history, snapshots, tasks
    from app.services.snapshots import FreezeRun, RestoreRun

    def first() -> snapshots.Snapshot:
        return snapshots.find_snapshot(1, 1)

    def read(stream: Callable[[], object]) -> int:
        return sum(len(rows) for rows in stream())  # type: ignore[attr-defined]

    def freeze() -> object:
        return tasks.start(snapshots.FREEZE, FreezeRun(1), here=True)

    if name == "again":
        ids = [row[0] for rows in entries.stream(1, columns=(entries.Entry.id,)) for row in rows]
        found = entries.by_ids(1, ids[:: max(len(ids) // CHANGED, 1)][:CHANGED])
        changes = [Change(one.id, {"answer": (one.answer, f"{one.answer} More.")}) for one in found.values()]
        history.apply(1, changes, summary="Edit", kind="edit")
    return {
        "freeze": freeze,
        "again": freeze,
        "compare": lambda: snapshots.compare(1, first(), snapshots.find_snapshot(1, 2)),
        "now": lambda: snapshots.compare(1, first(), None),
        "read": lambda: read(lambda: snapshots.stream(first())),
        "raw": lambda: read(lambda: entries.stream(1)),
        "back": lambda: tasks.start(snapshots.RESTORE, RestoreRun(1, 1), here=True),
    }[name]


def main(name: str, folder: str) -> None:
    """Do a step in this process, and print how long it took."""
    from app.factory import create_bare_app
    from app.models import close_cleanly
    from app.services import schema

    app = create_bare_app({"LTT_DATA_DIR": folder, "LTT_LOG_LEVEL": "ERROR"})
    with app.app_context():
        schema.prepare_schema()
        act = work(name)
        wall, cpu = time.monotonic(), time.process_time()
        act()
        print(json.dumps({"seconds": time.monotonic() - wall, "cpu": time.process_time() - cpu}))
        close_cleanly()


if __name__ == "__main__":
    main(*sys.argv[1:])

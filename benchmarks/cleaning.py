"""Bulk cleaning against the plainest way to do the same, each in a fresh process over a copy of one database."""

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import ROOT

LITERAL = ("within 42 minutes", "in 42 minutes")
REGEX = (r"for ([1-3]\d) days", r"for \1 whole days")
OURS = {"literal": (*LITERAL, "literal"), "regex": (*REGEX, "regex")}


@dataclass
class Step:
    """One measured step: its seconds in each run, the most memory, and what it says about itself."""

    name: str
    seconds: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    facts: dict[str, float] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The median of the seconds."""
        return statistics.median(self.seconds)


def report(filled: Path, rows: int, runs: int) -> str:
    """The section of the report: literal and regular expression, each beside its raw limit."""
    parts = [f"## clean, {rows:,} pairs, median of {runs}", "", "Seconds are those of the work itself.", ""]
    parts += ["| step | s | × raw | peak MB | pairs | log ÷ changed text |", "|---|---|---|---|---|---|"]
    for kind in OURS:
        parts += _lines(_measured(filled, kind, runs))
    return "\n".join(parts) + "\n"


def _lines(steps: dict[str, Step]) -> list[str]:
    raw = steps["raw"].median
    return [
        f"| {step.name} | {step.median:.2f} | {step.median / raw:.2f} | {step.peak_mb:.0f} | "
        f"{int(step.facts.get('pairs', 0)) or '':,} | {_ratio(step)} |".replace("| ,", "| ")
        for step in steps.values()
    ]


def _ratio(step: Step) -> str:
    return f"{step.facts['log'] / step.facts['text']:.2f}" if step.facts.get("text") else ""


def _measured(filled: Path, kind: str, runs: int) -> dict[str, Step]:
    steps = {
        "raw": Step(
            f"raw {kind}: read, replace, write with undo rows" if kind == "regex" else f"raw {kind}: UPDATE … replace()"
        ),
        "preview": Step(f"{kind}: preview of all pairs"),
        "apply": Step(f"{kind}: apply with undo"),
        "undo": Step(f"{kind}: undo"),
    }
    for _ in range(runs):
        with_raw, with_ours = _copy(filled, "raw"), _copy(filled, "ours")
        _run(steps["raw"], f"raw_{kind}", with_raw)
        for name in ("preview", "apply", "undo"):
            _run(steps[name], name, with_ours, kind)
    return steps


def _copy(filled: Path, name: str) -> Path:
    target = filled.with_name(f"clean-{name}")
    shutil.rmtree(target, ignore_errors=True)
    return shutil.copytree(filled, target)


def _run(step: Step, program: str, *arguments: object) -> None:
    command = [sys.executable, "-m", "benchmarks.cleaning", program, *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}.")
    step.seconds.append(told.pop("seconds"))
    step.peak_mb = max(step.peak_mb, usage.ru_maxrss / 1024)
    step.facts = told


def _tell(began: float, **facts: float) -> None:
    print(json.dumps({"seconds": time.monotonic() - began, **facts}))


def _connect(folder: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{folder}/ltt.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def raw_literal(folder: str) -> None:
    """The limit for a literal: one statement, no undo."""
    connection, (old, new) = _connect(folder), LITERAL
    began = time.monotonic()
    connection.execute("BEGIN IMMEDIATE")
    done = connection.execute(
        "UPDATE entries SET answer = replace(answer, ?, ?) WHERE instr(answer, ?)", (old, new, old)
    )
    connection.execute("COMMIT")
    _tell(began, pairs=done.rowcount)


def raw_regex(folder: str) -> None:
    """The limit for a pattern: read all, replace, write what changed and what it was before, in one transaction."""
    import regex

    connection, (old, new) = _connect(folder), REGEX
    pattern = regex.compile(old)
    began = time.monotonic()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE raw_undo (entry_id INTEGER PRIMARY KEY, answer TEXT)")
    changed, before = [], []
    for entry_id, answer in connection.execute("SELECT id, answer FROM entries"):
        text = pattern.sub(new, answer)
        if text != answer:
            changed.append((text, entry_id))
            before.append((entry_id, answer))
    connection.executemany("INSERT INTO raw_undo VALUES (?, ?)", before)
    connection.executemany("UPDATE entries SET answer = ? WHERE id = ?", changed)
    connection.execute("COMMIT")
    _tell(began, pairs=len(changed))


def _in_app(folder: str, work: Callable[[], dict[str, float]]) -> None:
    from app import create_app
    from app.models import close_cleanly

    app = create_app({"LTT_DATA_DIR": folder, "LTT_LOG_LEVEL": "ERROR"})
    with app.app_context():
        began = time.monotonic()
        facts = work()
        _tell(began, **facts)
        close_cleanly()


def _wish(kind: str) -> object:
    from app.core.cleaning import Step as CleaningStep
    from app.services.cleaning import CleaningOptions

    old, new, mode = OURS[kind]
    return CleaningOptions((CleaningStep("find-replace", {"find": old, "replace": new, "mode": mode}, ("answer",)),))


def preview(folder: str, kind: str) -> None:
    """The exact counts of what would change, with those that become empty or duplicates."""

    def work() -> dict[str, float]:
        from app.services import cleaning

        found = cleaning.scan_dataset(1, _wish(kind))  # type: ignore[arg-type]
        return {"pairs": found.affected}

    _in_app(folder, work)


def apply(folder: str, kind: str) -> None:
    """The same wish as a step of the history: found, staged, published."""

    def work() -> dict[str, float]:
        from app.services import cleaning
        from app.services.cleaning import CleaningOrder

        done = cleaning.run_cleaning(CleaningOrder(1, _wish(kind)))  # type: ignore[arg-type]
        return {"pairs": done.applied.changed}

    _in_app(folder, work)


def undo(folder: str, kind: str) -> None:
    """Taking it back; also measures how large the log of changes is."""
    facts = _log_size(folder)

    def work() -> dict[str, float]:
        from app.services import history

        return {"pairs": history.undo(1).changed, **facts}

    _in_app(folder, work)


def _log_size(folder: str) -> dict[str, float]:
    """Bytes of the pages of the log and its index, and of the texts that were changed."""
    connection = _connect(folder)
    try:
        names = "('changes', 'ix_changes_entry_id')"
        log = connection.execute(f"SELECT sum(pgsize) FROM dbstat WHERE name IN {names}").fetchone()[0]
    except sqlite3.OperationalError:
        log = 0
    text = connection.execute("SELECT sum(length(CAST(before AS BLOB))) FROM changes").fetchone()[0]
    connection.close()
    return {"log": log, "text": text}


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

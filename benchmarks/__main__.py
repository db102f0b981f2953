"""``python3 run.py bench [--rows N] [--only import,export,convert] [--runs K]``: measure, print and keep the figures.

Programs are run in turn, so that a machine that slows down slows all of them; the figures are medians.
"""

import argparse
import importlib.util
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    cleaning,
    corpus,
    crowd,
    downloads,
    duplicates,
    labelled,
    lists,
    meanwhile,
    measure,
    pages,
    search,
    snapshots,
    splits,
    validation,
)
from benchmarks.measure import Result, Run

RESULTS = Path(__file__).with_name("RESULTS.md")
Section = Callable[[Path, int, int], list[Result]]
Report = Callable[[Path, int], str]


def interleaved(programs: dict[str, Callable[[int], Run]], runs: int) -> list[Result]:
    """Each program once, then each again: their medians in order."""
    found: dict[str, list[Run]] = {name: [] for name in programs}
    for number in range(runs):
        for name, program in programs.items():
            found[name].append(program(number))
    return [measure.medians(name, each) for name, each in found.items()]


def program(name: str, *arguments: object) -> Run:
    """One run of a program of ``programs.py``."""
    return measure.run("programs", name, *arguments)


def import_(folder: Path, rows: int, runs: int) -> list[Result]:
    """Importing a chat file and a table."""
    source = corpus.jsonl(folder / "chat.jsonl", rows)

    def fresh(name: str, number: int) -> Path:
        target = folder / f"{name}-{number}"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        return target

    programs = {
        "raw: parse, executemany": lambda n: program("raw_import", source, fresh("raw", n) / "x.db"),
        "ltt import": lambda n: program("product_import", source, fresh("ltt", n)),
        "ORM loop": lambda n: program("orm_import", source, fresh("orm", n) / "x.db"),
    }
    if importlib.util.find_spec("sqlite_utils"):
        programs["sqlite-utils insert --nl"] = lambda n: program(
            "sqlite_utils_import", source, fresh("utils", n) / "x.db"
        )
    table = corpus.table(folder / "table.csv", rows)
    programs["raw: csv.reader, executemany"] = lambda n: program("raw_csv_import", table, fresh("raw", n) / "x.db")
    programs["ltt import of CSV"] = lambda n: program("product_import", table, fresh("ltt", n))
    return interleaved(programs, runs)


def _filled(folder: Path, rows: int) -> Path:
    data = folder / "filled"
    if not data.exists():
        data.mkdir()
        program("product_import", corpus.jsonl(folder / "chat.jsonl", rows), data)
    return data


def export(folder: Path, rows: int, runs: int) -> list[Result]:
    """Exporting a dataset as JSONL and as CSV."""
    data, out = _filled(folder, rows), folder / "out"
    return interleaved(
        {
            "raw: cursor, json.dumps": lambda n: program("raw_export", data, out),
            "ltt export jsonl:openai": lambda n: program("product_export", data, out, "jsonl:openai"),
            "raw: cursor, csv.writer": lambda n: program("raw_csv_export", data, out),
            "ltt export csv:columns": lambda n: program("product_export", data, out, "csv:columns"),
        },
        runs,
    )


def convert(folder: Path, rows: int, runs: int) -> list[Result]:
    """Converting CSV to JSONL."""
    source = corpus.table(folder / "table.csv", rows)
    return interleaved(
        {
            "raw: csv, json.dumps": lambda n: program("raw_convert", source, folder / "out.jsonl"),
            "ltt convert": lambda n: program("product_convert", source, folder / "out.jsonl"),
        },
        runs,
    )


def during_import(folder: Path, rows: int) -> str:
    """Page views and saves while a file is imported."""
    return meanwhile.during_import(folder, corpus.jsonl(folder / "chat.jsonl", rows), rows)


def during_clean(folder: Path, rows: int) -> str:
    """Page views and saves while pairs are cleaned."""
    return meanwhile.during_clean(_filled(folder, rows), rows)


def clean(folder: Path, rows: int) -> str:
    """Bulk cleaning, its preview and its undo, beside the plainest way."""
    return cleaning.report(_filled(folder, rows), rows, 3)


def split(folder: Path, rows: int) -> str:
    """Dividing a dataset, its preview and its undo, beside the plainest way."""
    return splits.report(_filled(folder, rows), rows, 3)


def list_pages(folder: Path, rows: int) -> str:
    """Pages of pairs with their counts."""
    return lists.report(_filled(folder, rows), rows)


def search_pairs(folder: Path, rows: int) -> str:
    """Searching: its index and facts, pages of answers, and what follows a write."""
    return search.report(_filled(folder, rows), rows)


def freeze(folder: Path, rows: int) -> str:
    """Snapshots: freezing, comparing, reading and going back."""
    return snapshots.report(_filled(folder, rows), rows, 3)


def download(folder: Path, rows: int) -> str:
    """Exports over HTTP and their page: seconds, the server's memory, and what clients leave behind that go away."""
    return downloads.report(_filled(folder, rows), rows, 3)


def check(folder: Path, rows: int) -> str:
    """Checking a dataset, what follows one edit, and counting tokens, beside the bare tokenizer."""
    return validation.report(_filled(folder, rows), rows, 1)


SECTIONS: dict[str, Section] = {"import": import_, "export": export, "convert": convert}
# Those that are no comparison of programs, and write their part of the report themselves.
REPORTS: dict[str, Report] = {
    "during import": during_import,
    "clean": clean,
    "during clean": during_clean,
    "splits": split,
    "snapshots": freeze,
    "lists": list_pages,
    "search": search_pairs,
    "downloads": download,
    "validation": check,
    "duplicates": duplicates.report,
    "labelled": labelled.report,
    "crowd": crowd.report,
    "pages": pages.report,
}
ALL = (*SECTIONS, *REPORTS)


def table_of(title: str, rows: int, results: list[Result]) -> str:
    """The figures as Markdown; the ratio is to the nearest raw limit above."""
    lines = [f"## {title}, {rows:,} pairs, median of {results[0].runs}", ""]
    lines += ["| program | wall s | × raw | CPU s | × raw | peak MB |", "|---|---|---|---|---|---|"]
    limit = results[0]
    for result in results:
        limit = result if result.name.startswith("raw") else limit
        wall, cpu = result.wall / limit.wall, result.cpu / limit.cpu
        lines.append(
            f"| {result.name} | {result.wall:.2f} | {wall:.2f} | {result.cpu:.2f} | {cpu:.2f} | {result.peak_mb:.0f} |"
        )
    return "\n".join(lines) + "\n"


def kept_sections() -> dict[str, str]:
    """The sections of the last report, by title."""
    if not RESULTS.exists():
        return {}
    parts = RESULTS.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.split(",", 1)[0]: "## " + part.rstrip() + "\n" for part in parts}


def main() -> None:
    """Measure the chosen sections and write the report; other sections keep their last figures."""
    parser = argparse.ArgumentParser(prog="run.py bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default=",".join(ALL), help=f"of {', '.join(ALL)}")
    chosen = parser.parse_args()
    sections = kept_sections()
    with tempfile.TemporaryDirectory(prefix="ltt-bench-") as folder:
        for name in chosen.only.split(","):
            if name in REPORTS:
                report = REPORTS[name](Path(folder), chosen.rows)
            else:
                report = table_of(name, chosen.rows, SECTIONS[name](Path(folder), chosen.rows, chosen.runs))
            print(report)
            sections[name] = report
    machine = f"{platform.machine()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    head = (
        "# Results\n\nMade by `python3 run.py bench`. Whole processes, start included, run in turn.\n"
        f"\nLast run {datetime.now(UTC):%Y-%m-%d} on {machine}.\n\n"
    )
    RESULTS.write_text(head + "\n".join(sections.values()), encoding="utf-8")


if __name__ == "__main__":
    main()

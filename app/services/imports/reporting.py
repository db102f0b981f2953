"""Imports as programs see them."""

from collections.abc import Sequence

from app.models import Import
from app.services.imports import quarantine
from app.services.imports.settings import from_dict
from app.services.imports.waiting import step_of

REPORTED = 100
_READ_AS = ("format", "layout", "encoding", "delimiter", "spreadsheet_safe", "mapping")


def of_import(row: Import, *, rows: int = REPORTED) -> dict[str, object]:
    """One import: how its file was read, what became of its rows, and the first bad ones."""
    step = step_of(row)
    return {
        "id": row.id,
        "dataset": row.dataset_id,
        "state": row.state,
        "message": row.message,
        "job": row.job_id,
        "change_set": step.number if step else None,
        **of_file(row, rows=rows),
    }


def of_file(row: Import, *, rows: int = REPORTED) -> dict[str, object]:
    """How one file was read, and its counts: ``rows_in = imported + skipped + quarantined``."""
    settings = row.settings
    listed = quarantine.list_open(row.id, size=rows) if rows and row.quarantined_now else []
    return {
        "name": row.file_name,
        "sha256": row.sha256,
        **{name: settings.get(name) for name in _READ_AS},
        "reasons": row.detected.get("reasons", {}),
        "warnings": row.detected.get("warnings", []),
        "parts": [
            {"name": one.title, "split": one.split, "format": one.format, "layout": one.layout}
            for one in from_dict(settings).parts
        ],
        "rows_in": row.rows_in,
        "imported": row.imported_now,
        "updated": row.updated,
        "skipped": row.skipped,
        "quarantined": row.quarantined_now,
        "quarantine": [{name: getattr(bad, name) for name in ("row", "line", "code", "reason")} for bad in listed],
    }


def of_command(dataset: str, rows: Sequence[Import]) -> dict[str, object]:
    """What ``ltt import --json`` prints: all files and their sums. ``change_set`` is the last step that was made."""
    numbers = [step.number for row in rows if (step := step_of(row))]
    sums = {name: sum(getattr(row, name) for row in rows) for name in ("rows_in", "imported", "skipped", "quarantined")}
    return {
        "dataset": dataset,
        "change_set": numbers[-1] if numbers else None,
        "change_sets": numbers,
        "files": [of_file(row) for row in rows],
        **sums,
    }

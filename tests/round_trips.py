"""Cleaning there and back: what was previewed is what is done, and undo gives back what was there."""

from typing import Any

from app.core.cleaning import Step
from app.services import cleaning, datasets, history
from app.services.cleaning import CleaningOptions, CleaningOrder

# Options for the operations that need some.
OPTIONS: dict[str, dict[str, Any]] = {
    "remove-text": {"text": "e", "ignore_case": True},
    "find-replace": {"find": r"(\w)\b", "replace": r"\1\1", "mode": "regex"},
    "system-prompt": {"text": "Be brief."},
    "delete-matching": {"find": r"\d{3}", "mode": "regex"},
    "truncate": {"limit": 20},
}


def clean_and_undo(dataset_id: int, operation: str) -> int:
    """Preview, apply, undo, redo and undo an operation over a dataset. Returns how many pairs it changed."""
    wish = CleaningOptions((Step(operation, OPTIONS.get(operation, {})),))
    before = datasets.compute_digest(dataset_id)
    seen = cleaning.preview_dataset(dataset_id, wish, longest_seconds=None).scan
    assert datasets.compute_digest(dataset_id) == before
    done = cleaning.run_cleaning(CleaningOrder(dataset_id, wish))
    step = done.applied.step
    assert (done.applied.skipped_count, done.emptied) == (0, seen.emptied)
    assert (step.changed, step.created) == (seen.affected, seen.created) if step else seen.affected == 0
    if step is None:
        return 0
    after = datasets.compute_digest(dataset_id)
    assert after != before
    for turn, expected in ((history.undo, before), (history.redo, after), (history.undo, before)):
        assert turn(dataset_id, step.number).skipped_count == 0
        assert datasets.compute_digest(dataset_id) == expected
    return step.changed

"""Splits of a dataset: planned, made as one step of the history, and looked through for what stands on both sides."""

from app.services.splits.dividing import (
    LISTED,
    MoveRun,
    SplitPlan,
    SplitRun,
    keeps_splits,
    plan_move,
    plan_split,
    present_leaks,
    run_move,
    run_split,
)
from app.services.splits.reading import last_options, last_split, read_rows, recall_rows
from app.services.splits.tasks import AT_ONCE, MOVE, SPLIT

__all__ = [
    "AT_ONCE",
    "LISTED",
    "MOVE",
    "SPLIT",
    "MoveRun",
    "SplitPlan",
    "SplitRun",
    "keeps_splits",
    "last_options",
    "last_split",
    "plan_move",
    "plan_split",
    "present_leaks",
    "read_rows",
    "recall_rows",
    "run_move",
    "run_split",
]

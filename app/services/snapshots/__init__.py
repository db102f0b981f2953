"""Snapshots: frozen, hashed versions of a dataset, which never change, whatever is done afterwards.

A snapshot is a point in the life of its dataset. Nothing is copied when it is made; before an entry is written to for
the first time after it, ``history`` keeps the entry as it was. ``stream`` and ``as_frozen`` read the pairs of a
snapshot as those of a dataset are read.
"""

from app.models import Snapshot
from app.services.snapshots.comparing import (
    KINDS,
    LISTED,
    MOST_AT_ONCE,
    CompareRun,
    Comparison,
    Difference,
    compare,
    count_candidates,
    difference_dict,
    filters_of,
    find_point,
    list_differences,
    recall_comparison,
)
from app.services.snapshots.freezing import FreezeRun, delete_snapshot, freeze, name_snapshot
from app.services.snapshots.frozen import as_frozen, is_whole, stream
from app.services.snapshots.listing import (
    add_use,
    as_dict,
    count_snapshots,
    find_snapshot,
    get_snapshot,
    label_of,
    list_snapshots,
    newest_of,
    newest_of_now,
    uses_of,
)
from app.services.snapshots.restoring import CopyRun, RestoreRun
from app.services.snapshots.tasks import COMPARE, COPY, FREEZE, RESTORE

__all__ = [
    "COMPARE",
    "COPY",
    "FREEZE",
    "KINDS",
    "LISTED",
    "MOST_AT_ONCE",
    "RESTORE",
    "CompareRun",
    "Comparison",
    "CopyRun",
    "Difference",
    "FreezeRun",
    "RestoreRun",
    "Snapshot",
    "add_use",
    "as_dict",
    "as_frozen",
    "compare",
    "count_candidates",
    "count_snapshots",
    "delete_snapshot",
    "difference_dict",
    "filters_of",
    "find_point",
    "find_snapshot",
    "freeze",
    "get_snapshot",
    "is_whole",
    "label_of",
    "list_differences",
    "list_snapshots",
    "name_snapshot",
    "newest_of",
    "newest_of_now",
    "recall_comparison",
    "stream",
    "uses_of",
]

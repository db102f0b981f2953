"""Snapshots: frozen, hashed versions of a dataset, which never change, whatever is done afterwards.

A snapshot is a point in the life of its dataset. Nothing is copied when it is made; before an entry is written to for
the first time after it, ``history`` keeps the entry as it was. ``stream`` and ``as_frozen`` read the pairs of a
snapshot as those of a dataset are read.
"""

from app.services.snapshots.freezing import FreezeRun, delete_snapshot, freeze
from app.services.snapshots.frozen import as_frozen, is_whole, stream
from app.services.snapshots.listing import (
    add_use,
    as_dict,
    count_snapshots,
    find_snapshot,
    get_snapshot,
    label_of,
    list_snapshots,
    newest_of_now,
    uses_of,
)
from app.services.snapshots.tasks import FREEZE

__all__ = [
    "FREEZE",
    "FreezeRun",
    "add_use",
    "as_dict",
    "as_frozen",
    "count_snapshots",
    "delete_snapshot",
    "find_snapshot",
    "freeze",
    "get_snapshot",
    "is_whole",
    "label_of",
    "list_snapshots",
    "newest_of_now",
    "stream",
    "uses_of",
]

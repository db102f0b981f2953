"""The only writer of entries. Every write is a change set, in the same transaction as the write; undo swaps its sides.

Undo and redo compare values, not versions: an entry is taken back only if each field that the set touched still holds
what the set left there. What was edited since is reported and kept, unless the caller says ``anyway``.
"""

from app.models import transaction
from app.services.history.changing import apply, delete
from app.services.history.creating import add_columns, add_rows, create, create_rows, new_row
from app.services.history.forgetting import compact, count_compactable, forget, release_kept
from app.services.history.hashes import rehash
from app.services.history.reading import (
    KINDS,
    Seen,
    applied_of,
    changes_of,
    count_later,
    count_touched_later,
    details_of,
    newest_number,
    next_redo,
    next_undo,
    step,
    steps,
)
from app.services.history.staging import StagedRow, add_changes, discard, publish, publish_changes, stage
from app.services.history.steps import (
    ACTOR,
    Applied,
    Moment,
    Skipped,
    Step,
    applied_dict,
    as_dict,
    as_step,
    moment,
    open_dataset,
)
from app.services.history.undoing import go_back, overwrite, redo, undo

__all__ = [
    "ACTOR",
    "KINDS",
    "Applied",
    "Moment",
    "Seen",
    "Skipped",
    "StagedRow",
    "Step",
    "add_changes",
    "add_columns",
    "add_rows",
    "applied_dict",
    "applied_of",
    "apply",
    "as_dict",
    "as_step",
    "changes_of",
    "compact",
    "count_compactable",
    "count_later",
    "count_touched_later",
    "create",
    "create_rows",
    "delete",
    "details_of",
    "discard",
    "forget",
    "go_back",
    "moment",
    "new_row",
    "newest_number",
    "next_redo",
    "next_undo",
    "open_dataset",
    "overwrite",
    "publish",
    "publish_changes",
    "redo",
    "rehash",
    "release_kept",
    "stage",
    "step",
    "steps",
    "transaction",
    "undo",
]

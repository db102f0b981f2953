"""Exports: which pairs go out, in which shape, what that shape cannot hold, and the proof that the file holds the rest.

By default the approved pairs once any is approved, else every answered pair that is not rejected. A pair without a
system prompt gets the dataset's here and nowhere else. Trainer layouts write only their own keys; what is left out is
counted.
"""

from app.services.export.bundles import find_written, write_bundle, write_folder
from app.services.export.leaks import SplitLeaks, find_split_leaks, require_no_leaks
from app.services.export.ledgers import (
    Counted,
    CountRun,
    find_line,
    is_small,
    last_targets,
    name_pairs,
    plan_at_hand,
    remember_target,
    view_counts,
)
from app.services.export.manifest import Tally, build_manifest, name_snapshot
from app.services.export.options import ExportOptions, file_name, find_origin
from app.services.export.planning import MOST_NAMED, ExportPlan, RecordCount, count_by_split, count_ledger, plan_export
from app.services.export.presets import (
    delete_preset,
    list_presets,
    options_of_preset,
    read_preset,
    save_preset,
)
from app.services.export.proof import Proof, RoundTrip, add_trips
from app.services.export.records import list_exports, options_of_export, record_export, record_sent
from app.services.export.rendering import Rendering
from app.services.export.tasks import COUNT, MAKE, FileRun
from app.services.export.writing import Sent, Written, prove_export, require_space_for, stream_export, write_export

__all__ = [
    "COUNT",
    "MAKE",
    "MOST_NAMED",
    "CountRun",
    "Counted",
    "ExportOptions",
    "ExportPlan",
    "FileRun",
    "Proof",
    "RecordCount",
    "Rendering",
    "RoundTrip",
    "Sent",
    "SplitLeaks",
    "Tally",
    "Written",
    "add_trips",
    "build_manifest",
    "count_by_split",
    "count_ledger",
    "delete_preset",
    "file_name",
    "find_line",
    "find_origin",
    "find_split_leaks",
    "find_written",
    "is_small",
    "last_targets",
    "list_exports",
    "list_presets",
    "name_pairs",
    "name_snapshot",
    "options_of_export",
    "options_of_preset",
    "plan_at_hand",
    "plan_export",
    "prove_export",
    "read_preset",
    "record_export",
    "record_sent",
    "remember_target",
    "require_no_leaks",
    "require_space_for",
    "save_preset",
    "stream_export",
    "view_counts",
    "write_bundle",
    "write_export",
    "write_folder",
]

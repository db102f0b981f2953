"""Exports: which pairs go out, in which shape, what that shape cannot hold, and the proof that the file holds the rest.

By default the approved pairs once any is approved, else every answered pair that is not rejected. A pair without a
system prompt gets the dataset's here and nowhere else. Trainer layouts write only their own keys; what is left out is
counted.
"""

from app.services.export.bundles import find_written, write_bundle, write_folder
from app.services.export.manifest import Tally, build_manifest, snapshot_of_now
from app.services.export.options import ExportOptions, file_name
from app.services.export.planning import ExportPlan, RecordCount, count_ledger, plan_at_hand, plan_export
from app.services.export.proof import Proof, RoundTrip
from app.services.export.rendering import Rendering
from app.services.export.writing import Written, prove_export, require_space_for, stream_export, write_export

__all__ = [
    "ExportOptions",
    "ExportPlan",
    "Proof",
    "RecordCount",
    "Rendering",
    "RoundTrip",
    "Tally",
    "Written",
    "build_manifest",
    "count_ledger",
    "file_name",
    "find_written",
    "plan_at_hand",
    "plan_export",
    "prove_export",
    "require_space_for",
    "snapshot_of_now",
    "stream_export",
    "write_bundle",
    "write_export",
    "write_folder",
]

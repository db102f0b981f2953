"""Exports: which pairs go out, in which shape, and what that shape cannot hold.

By default the approved pairs once any is approved, else every answered pair that is not rejected. A pair without a
system prompt gets the dataset's here and nowhere else. Trainer layouts write only their own keys; what is left out is
counted.
"""

from app.services.export.options import ExportOptions, file_name
from app.services.export.planning import ExportPlan, RecordCount, plan_export
from app.services.export.writing import (
    count_differences,
    preview_export,
    require_space_for,
    stream_export,
    write_export,
)

__all__ = [
    "ExportOptions",
    "ExportPlan",
    "RecordCount",
    "count_differences",
    "file_name",
    "plan_export",
    "preview_export",
    "require_space_for",
    "stream_export",
    "write_export",
]

"""Exports: which pairs go out, in which shape, and what that shape cannot hold.

By default every answered pair that is not rejected. A pair without a system prompt gets the dataset's here and nowhere
else. Trainer layouts write only their own keys; what is left out is counted.
"""

from app.services.export.options import Options, file_name
from app.services.export.planning import Count, Plan, plan
from app.services.export.writing import differences, preview, stream, write

__all__ = ["Count", "Options", "Plan", "differences", "file_name", "plan", "preview", "stream", "write"]

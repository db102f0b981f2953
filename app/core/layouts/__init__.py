"""Layouts: rows to records and back. A new layout is a new module and one line in ``registry``."""

from app.core.layouts.base import BAD_ROW_TITLES, NOTES, Layout, LayoutOptions, RowError
from app.core.layouts.losses import CARRIES, losses
from app.core.layouts.mapping import TARGETS
from app.core.layouts.recognise import recognise
from app.core.layouts.registry import LAYOUTS
from app.core.layouts.sample import Recognition

__all__ = [
    "BAD_ROW_TITLES",
    "CARRIES",
    "LAYOUTS",
    "NOTES",
    "TARGETS",
    "Layout",
    "LayoutOptions",
    "Recognition",
    "RowError",
    "losses",
    "recognise",
]

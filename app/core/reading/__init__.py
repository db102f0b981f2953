"""Reading any file: what is said about it, what is found in it, and its records. All doors that take files use it."""

from app.core.reading.detection import (
    TEXT_FORMATS,
    Detected,
    detect_file,
    find_late_columns,
    plan_reading,
    require_mapping,
    resolve_settings,
)
from app.core.reading.partial import forgiving, read_parts
from app.core.reading.records import (
    NUL_REFUSED,
    Read,
    bad_row_dict,
    holds_nul,
    layout_options,
    raw_text,
    read_options,
    read_records,
    read_rows,
    records_of,
    refuse_row,
)
from app.core.reading.settings import PartSettings, ReadSettings, settings_of_part

__all__ = [
    "NUL_REFUSED",
    "TEXT_FORMATS",
    "Detected",
    "PartSettings",
    "Read",
    "ReadSettings",
    "bad_row_dict",
    "detect_file",
    "find_late_columns",
    "forgiving",
    "holds_nul",
    "layout_options",
    "plan_reading",
    "raw_text",
    "read_options",
    "read_parts",
    "read_records",
    "read_rows",
    "records_of",
    "refuse_row",
    "require_mapping",
    "resolve_settings",
    "settings_of_part",
]

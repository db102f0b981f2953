"""How much a file may hold, as set."""

from flask import current_app

from app.core.formats import Limits

MB = 1024 * 1024


def of_files() -> Limits:
    """The limits on files that are read, from the settings."""
    config = current_app.config
    return Limits(
        field_bytes=config["LTT_MAX_FIELD_MB"] * MB,
        line_bytes=config["LTT_MAX_LINE_MB"] * MB,
        columns=config["LTT_MAX_COLUMNS"],
        rows=config["LTT_MAX_ROWS"],
        depth=config["LTT_MAX_DEPTH"],
        ratio=config["LTT_MAX_RATIO"],
        decoded_bytes=config["LTT_MAX_DECODED_MB"] * MB,
        workbook_bytes=config["LTT_MAX_WORKBOOK_MB"] * MB,
    )

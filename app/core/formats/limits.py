"""How much a file may hold, and the refusals of one that holds more."""

from dataclasses import dataclass

from app.core.errors import TooLarge

MB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """How much a file may hold. All sizes in bytes of decoded data."""

    field_bytes: int = 1 * MB
    line_bytes: int = 16 * MB
    columns: int = 1000
    rows: int = 5_000_000
    depth: int = 64
    ratio: int = 200
    decoded_bytes: int = 4096 * MB
    workbook_bytes: int = 1024 * MB


def too_large(kind: str, what: str, limit: str, setting: str) -> TooLarge:
    """The refusal of a file that passes a limit: kind, what, the limit, and how to raise it."""
    return TooLarge(f"{kind}: {what}; the limit is {limit}. Raise it with {setting}.", code="over_limit")


def too_many_rows(kind: str, limits: Limits) -> TooLarge:
    """The refusal of a file with more rows than it may hold."""
    return too_large(kind, f"it has more than {limits.rows:,} rows", f"{limits.rows:,}", "LTT_MAX_ROWS")


def too_long(kind: str, what: str, limits: Limits) -> TooLarge:
    """The refusal of a file of which a line, or a record, is longer than a line may be."""
    size = f"{limits.line_bytes // MB} MB"
    return too_large(kind, f"{what} is longer than {size}", size, "LTT_MAX_LINE_MB")

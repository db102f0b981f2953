"""What the import pages and commands are told, as settings."""

from app.core.errors import BadUsage
from app.core.layouts import TARGETS


def parse_mapping(text: str) -> dict[str, str]:
    """``question=COL,answer=COL`` as a mapping from target to column. Raises BadUsage."""
    mapping: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        target, separator, column = part.partition("=")
        target = target.strip().lower()
        if not separator or not column:
            raise BadUsage(f"{part!r} is no mapping. Write TARGET=COLUMN, as in question=Frage.")
        if target not in TARGETS:
            raise BadUsage(f"There is no target {target!r}. Use one of {', '.join(TARGETS)}.")
        mapping[target] = column
    return mapping

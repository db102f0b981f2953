"""What an import was told: how to read the file, what its rows mean, and what to do with them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from app.core.errors import BadUsage

DUPLICATES = ("keep", "skip", "update")
ALPACA_INPUT = ("newline", "blank-line", "system")
_CHOICES = {"on_duplicate": DUPLICATES, "alpaca_input": ALPACA_INPUT, "update_by": ("id",)}


@dataclass(frozen=True, slots=True)
class Settings:
    """None and empty mean: as detected. ``mapping`` goes from a target (question, answer …) to a column.

    Columns that are neither mapped nor in ``skip`` are kept beside the pair.
    """

    format: str | None = None
    layout: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    skip_lines: int | None = None
    sheet: str | None = None
    spreadsheet_safe: bool | None = None
    mapping: dict[str, str] = field(default_factory=dict)
    skip: tuple[str, ...] = ()
    alpaca_input: str = "newline"
    on_duplicate: str = "keep"
    update_by: str = "id"
    allow_unanswered: bool = False
    system: str | None = None
    tags: tuple[str, ...] = ()
    html_to_markdown: bool = False
    strict: bool = False
    remember: bool = True

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise BadUsage(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}.")

    def as_dict(self) -> dict[str, object]:
        """The settings as they are stored."""
        return {**asdict(self), "tags": list(self.tags), "skip": list(self.skip)}

    def but(self, **changes: Any) -> "Settings":
        """The same settings with some of them changed."""
        return replace(self, **changes)


NAMES = tuple(one.name for one in fields(Settings))


def from_dict(values: Mapping[str, Any]) -> Settings:
    """Settings as they were stored; unknown names are left out."""
    known = {name: value for name, value in values.items() if name in NAMES}
    lists = {name: tuple(known.get(name) or ()) for name in ("tags", "skip")}
    return Settings(**{**known, **lists})

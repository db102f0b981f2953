"""What to export and how."""

import re
from dataclasses import dataclass, field

from app.core.errors import Invalid
from app.core.formats import FORMATS
from app.core.layouts import LAYOUTS
from app.core.record import SPLITS
from app.services.entries import Filters


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export and how. ``split`` is one split, or empty for all; ``extra`` None means: as the layout does."""

    format: str = "jsonl"
    layout: str = "openai"
    filters: Filters = field(default_factory=Filters)
    split: str = ""
    extra: bool | None = None
    spreadsheet_safe: bool = False
    bom: bool = False
    dataset_system: bool = True

    def checked(self) -> "ExportOptions":
        """The options themselves. Raises Invalid for names that do not exist or do not fit together."""
        if self.format not in FORMATS:
            raise Invalid(f"There is no format {self.format!r}. Use one of {', '.join(FORMATS)}.", code="no_format")
        if self.layout not in LAYOUTS:
            raise Invalid(f"There is no layout {self.layout!r}. Use one of {', '.join(LAYOUTS)}.", code="no_layout")
        if self.split and self.split not in SPLITS:
            raise Invalid(f"There is no split {self.split!r}. Use one of {', '.join(SPLITS)}.", code="no_split")
        return self

    @property
    def keep_extra(self) -> bool:
        """Whether other columns are written: on by default for columns only."""
        return self.layout == "columns" if self.extra is None else self.extra


def file_name(name: str, options: ExportOptions) -> str:
    """A name for the download: the dataset's, its split, and the format's extension. Safe on every system."""
    plain = re.sub(r"[^\w\-]+", "-", name, flags=re.UNICODE).strip("-_")[:80] or "dataset"
    split = f".{options.split}" if options.split else ""
    safe = ".spreadsheet-safe" if options.spreadsheet_safe else ""
    return f"{plain}{split}{safe}{FORMATS[options.format].extensions[0]}"

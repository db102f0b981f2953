"""What to export and how: which pairs go out (chosen, answered and fit for the layout), and in which shape."""

import re
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, and_, func, not_, or_, select

from app.core.conversion import EXTRA
from app.core.errors import Invalid
from app.core.filters import EVERY, Filters
from app.core.formats import FORMATS
from app.core.layouts import LAYOUTS
from app.core.options import option
from app.core.record import SPLITS
from app.core.spec import Spec
from app.core.text import BLANK_CHARACTERS
from app.models import Entry, db
from app.services import datasets, entries


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export and how. ``split`` is one split, or empty for all; ``extra`` None means: as the layout does."""

    format: str = option("jsonl", "Format", flag="")
    layout: str = option("openai", "Layout", flag="")
    filters: Filters = option(EVERY, "Pairs", flag="")
    split: str = option("", "Split")
    extra: bool | None = option(None, "Other columns", "Other columns.  [default: as the layout does]", choices=EXTRA)
    spreadsheet_safe: bool = option(
        False, "Safe for spreadsheets", "Make cells safe that a spreadsheet would run; reversible."
    )
    bom: bool = option(False, "Byte-order mark", "Begin a CSV with a byte order mark, for Excel.")
    dataset_system: bool = option(
        True,
        "System prompt",
        choices={"": "From each pair, else the dataset’s", "own": "Only from each pair"},
        flag="",
        word="system",
    )

    def complete(self, target: Spec, filters: Filters) -> "ExportOptions":
        """The options with what commands and pages say in their own ways, checked."""
        kind, layout = target.format or self.format, target.layout or self.layout
        return replace(self, format=kind, layout=layout, filters=filters).checked()

    def checked(self) -> "ExportOptions":
        """The options themselves. Raises Invalid for names that do not exist or do not fit together."""
        written = [one.name for one in FORMATS.values() if one.write]
        if self.format not in written:
            said = f"The format {self.format!r} cannot be written. Use one of {', '.join(written)}."
            raise Invalid(said, code="no_format")
        known = [one.name for one in LAYOUTS.values() if one.is_written]
        if self.layout not in known:
            said = f"The layout {self.layout!r} cannot be written. Use one of {', '.join(known)}."
            raise Invalid(said, code="no_layout")
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


def count_records(dataset_id: int, options: ExportOptions) -> int:
    """How many records go out."""
    return int(db.session.execute(select(func.count()).where(goes_out(dataset_id, options))).scalar_one())


def goes_out(dataset_id: int, options: ExportOptions) -> ColumnElement[bool]:
    """The condition under which a pair is exported."""
    conditions = [is_chosen(dataset_id, options), not_(is_unanswered(options))]
    if needs_rejected(options):
        conditions.append(Entry.rejected_answer.is_not(None))
    if not options.filters.statuses:
        conditions.append(not_(is_rejected()))
        conditions.append(not_(is_passed_over(dataset_id)))
    return and_(*conditions)


def is_chosen(dataset_id: int, options: ExportOptions) -> ColumnElement[bool]:
    """Whether somebody asked for a pair, by the filters or by its split."""
    splits = (options.split,) if options.split else options.filters.splits
    filters = replace(options.filters, splits=splits)
    return and_(entries.is_live(dataset_id), *entries.filter_conditions(filters))


def needs_rejected(options: ExportOptions) -> bool:
    """Whether the layout is made of pairs of answers."""
    return "rejected answer" in LAYOUTS[options.layout].needs


def takes_rejected_alone(options: ExportOptions) -> bool:
    """Whether a pair with only a rejected answer goes out, because each answer is written with a label."""
    return LAYOUTS[options.layout].labels is not None


def is_rejected() -> ColumnElement[bool]:
    """Whether a pair was rejected."""
    return Entry.status == "rejected"


def is_passed_over(dataset_id: int) -> ColumnElement[bool]:
    """Whether a pair waits for approval while others have it."""
    return Entry.status.not_in((*entries.exported_statuses(datasets.get(dataset_id)), "rejected"))


def is_unanswered(options: ExportOptions) -> ColumnElement[bool]:
    """Whether there is nothing to learn in a pair."""
    # The first letter settles it for nearly all.
    begins = or_(Entry.answer == "", func.substr(Entry.answer, 1, 1).in_(tuple(BLANK_CHARACTERS)))
    nothing = and_(begins, func.trim(Entry.answer, BLANK_CHARACTERS) == "", Entry.trace.is_(None))
    return and_(nothing, Entry.rejected_answer.is_(None)) if takes_rejected_alone(options) else nothing

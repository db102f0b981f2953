"""What to export and how: which pairs go out (chosen, answered and fit for the layout), and in which shape."""

import re
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, not_, or_, select

from app.core.conversion import EXTRA, require_csv
from app.core.errors import Invalid
from app.core.filters import EVERY, Filters
from app.core.formats import FORMATS
from app.core.formats.compress import COMPRESSIONS
from app.core.layouts import LAYOUTS
from app.core.options import option
from app.core.spec import Spec
from app.core.stored import StoredEntry
from app.core.targets import EXPORT_TARGETS
from app.core.text import BLANK_CHARACTERS, is_blank
from app.models import Entry, Snapshot, db
from app.services import datasets, entries, snapshots


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export and how. ``extra`` None means: as the layout does.

    ``target`` is the export target that was named, or empty where it was a format and a layout.
    With ``per_tag`` the pairs are shuffled as well, by the seed 0 where none is said.
    """

    format: str = option("jsonl", "Format", flag="")
    layout: str = option("openai", "Layout", flag="")
    target: str = option("", "Target", flag="")
    filters: Filters = option(EVERY, "Pairs", flag="")
    snapshot: str = option("", "Snapshot", "Export this snapshot instead of the pairs of now.", metavar="S")
    max_tokens: int | None = option(
        None, "Longest", "Leave out pairs with more tokens than this.", metavar="N", between=(1, 100_000_000)
    )
    per_tag: int | None = option(
        None,
        "Most of each tag",
        "Take so many pairs of each tag at most, and of those without one; which ones, the seed says.",
        metavar="N",
        between=(1, 1_000_000_000),
    )
    seed: int | None = option(
        None,
        "Shuffle by seed",
        "Shuffle the pairs. The same seed always gives the same order.",
        flag="--shuffle",
        metavar="SEED",
        between=(0, 2**31 - 1),
    )
    extra: bool | None = option(None, "Other columns", "Other columns.  [default: as the layout does]", choices=EXTRA)
    spreadsheet_safe: bool = option(
        False, "Safe for spreadsheets", "Make cells safe that a spreadsheet would run; reversible."
    )
    bom: bool = option(False, "Byte-order mark", "Begin a CSV with a byte order mark, for Excel.")
    compression: str = option("", "Compressed", choices={"": "No", **COMPRESSIONS}, flag="")
    dataset_system: bool = option(
        True,
        "System prompt",
        "The prompt of the dataset is put before pairs that have none (default), or not.",
        choices={"default": "From each pair, else the dataset’s", "own": "Only from each pair"},
        flag="--system",
    )
    allow_leaks: bool = option(
        False, "Leaks between splits", "Export although pairs of one split stand in another one too, or nearly so."
    )

    def complete(self, target: Spec, filters: Filters) -> "ExportOptions":
        """The options with what commands and pages say in their own ways, checked.

        Raises BadUsage where something is asked for that only tables have.
        """
        kind, layout = target.format or self.format, target.layout or self.layout
        require_csv(kind, self.bom, self.spreadsheet_safe)
        named = EXPORT_TARGETS.get(target.target)
        return replace(
            self,
            format=kind,
            layout=layout,
            target=target.target,
            filters=filters,
            bom=self.bom or (named is not None and named.bom),
            spreadsheet_safe=self.spreadsheet_safe or (named is not None and named.spreadsheet_safe),
        ).checked()

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
        if self.target and self.target not in EXPORT_TARGETS:
            have = ", ".join(EXPORT_TARGETS)
            raise Invalid(f"There is no export target {self.target!r}. Use one of {have}.", code="no_target")
        if self.bundle and self.compression:
            raise Invalid("A .zip is compressed already. Leave the compression out.", code="no_compression")
        entries.filter_conditions(self.filters)
        return self

    @property
    def name(self) -> str:
        """What the export is called: the name of its target, of a table its format, else format and layout."""
        named = EXPORT_TARGETS.get(self.target or self.format)
        if named is not None and (self.target or named.layout == self.layout):
            return named.name
        return f"{self.format}:{self.layout}"

    @property
    def bundle(self) -> str:
        """Which files are written beside the data; empty for one file."""
        return EXPORT_TARGETS[self.target].bundle if self.target else ""

    @property
    def keep_extra(self) -> bool:
        """Whether other columns are written: on by default for columns only."""
        return self.layout == "columns" if self.extra is None else self.extra

    @property
    def picks(self) -> bool:
        """Whether only a look at the pairs tells which of them go out, or in which order."""
        return self.max_tokens is not None or self.per_tag is not None or self.seed is not None


def file_name(name: str, options: ExportOptions) -> str:
    """A name for the download: the dataset's, its splits, and the format's extension. Safe on every system."""
    plain = re.sub(r"[^\w\-]+", "-", name, flags=re.UNICODE).strip("-_")[:80] or "dataset"
    splits = "".join(f".{one}" for one in options.filters.splits)
    safe = ".spreadsheet-safe" if options.spreadsheet_safe else ""
    ending = ".zip" if options.bundle else FORMATS[options.format].extensions[0]
    return f"{plain}{splits}{safe}{ending}{'.' if options.compression else ''}{options.compression}"


@dataclass(frozen=True, slots=True)
class Origin:
    """What is exported of: a dataset as it is now, or one of its snapshots. ``statuses`` are taken by default.

    ``is_divided`` says, for targets with a file for each split, that some of the chosen pairs have one.
    """

    dataset_id: int
    title: str
    system_prompt: str | None
    statuses: tuple[str, ...]
    snapshot: Snapshot | None = None
    is_divided: bool = False

    def find(self, statement: Any) -> Any:
        """A query of entries as one of what was frozen, if that is meant."""
        return snapshots.as_frozen(statement, self.snapshot)


def find_origin(dataset_id: int, options: ExportOptions) -> Origin:
    """What an export reads. Raises NotFound for a dataset or a snapshot that there is not."""
    dataset = datasets.get(dataset_id)
    origin = Origin(dataset.id, dataset.name, dataset.system_prompt, entries.exported_statuses(dataset.counts))
    if options.snapshot:
        frozen = snapshots.find_snapshot(dataset.id, options.snapshot)
        statuses = entries.exported_statuses(frozen.statuses)
        origin = Origin(dataset.id, frozen.title, frozen.system_prompt, statuses, frozen)
    if not options.bundle:
        return origin
    divided = select(Entry.id).where(is_chosen(origin, options), Entry.split.is_not(None)).limit(1)
    return replace(origin, is_divided=db.session.execute(origin.find(divided)).first() is not None)


def goes_out(origin: Origin, options: ExportOptions, connection: Connection | None = None) -> ColumnElement[bool]:
    """The condition under which a pair is exported, as far as its columns tell."""
    return and_(is_chosen(origin, options, connection), *map(not_, reasons_against(origin, options).values()))


def is_chosen(origin: Origin, options: ExportOptions, connection: Connection | None = None) -> ColumnElement[bool]:
    """Whether somebody asked for a pair, by the filters."""
    frozen = origin.find if origin.snapshot else None
    return and_(*entries.chosen(origin.dataset_id, options.filters, connection, frozen))


def reasons_against(origin: Origin, options: ExportOptions) -> dict[str, ColumnElement[bool]]:
    """Why a chosen pair stays behind, by codes of ``REASONS``: conditions, of which the first that holds counts."""
    found: dict[str, ColumnElement[bool]] = {}
    if not options.filters.statuses:
        found["rejected"] = Entry.status == "rejected"
        found["not-approved"] = Entry.status.not_in((*origin.statuses, "rejected"))
    # The first letter settles it for nearly all.
    begins = or_(Entry.answer == "", func.substr(Entry.answer, 1, 1).in_(tuple(BLANK_CHARACTERS)))
    nothing = and_(begins, func.trim(Entry.answer, BLANK_CHARACTERS) == "", Entry.trace.is_(None))
    if LAYOUTS[options.layout].labels is not None:
        # Each answer is written with a label: a pair with only a rejected answer goes out.
        nothing = and_(nothing, Entry.rejected_answer.is_(None))
    found["unanswered"] = nothing
    if "rejected answer" in LAYOUTS[options.layout].needs:
        found["no-worse-answer"] = Entry.rejected_answer.is_(None)
    if origin.is_divided:
        found["no-split"] = Entry.split.is_(None)
    return found


def reason_against(row: StoredEntry, origin: Origin, options: ExportOptions) -> str | None:
    """The same of one stored row; what only its record tells is left to whoever renders it."""
    if not options.filters.statuses and row.status not in origin.statuses:
        return "rejected" if row.status == "rejected" else "not-approved"
    is_labelled = LAYOUTS[options.layout].labels is not None and row.rejected_answer is not None
    if row.trace is None and not is_labelled and is_blank(row.answer):
        return "unanswered"
    needs_worse = "rejected answer" in LAYOUTS[options.layout].needs
    if needs_worse and row.rejected_answer is None:
        return "no-worse-answer"
    return "no-split" if origin.is_divided and row.split is None else None


REASONS = {
    "rejected": "that are rejected",
    "not-approved": "that are not approved",
    "unanswered": "without an answer",
    "no-worse-answer": "without a rejected answer",
    "no-split": "without a split, while others have one",
    "too-long": "with more than {max_tokens:,} tokens",
    "tag-full": "beyond {per_tag:,} of a tag",
}

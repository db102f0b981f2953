"""How far a dataset is on its way from one file to another: told by what is stored, without a look at any pair."""

from dataclasses import dataclass

from app.core.targets import EXPORT_TARGETS
from app.core.text import plural
from app.models import Dataset
from app.services import entries, export, splits, validation


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the way: import, fix, review, split or export. ``said`` is how it stands, ``next_act`` the work."""

    name: str
    is_done: bool
    said: str
    next_act: str


def view_stages(dataset: Dataset) -> tuple[Stage, ...]:
    """All stages, in order."""
    if not dataset.entry_count:
        names = ("fix", "review", "split", "export")
        return (Stage("import", False, "No pairs yet", "Bring pairs in"), *(Stage(one, False, "", "") for one in names))
    counts = dataset.counts or {}
    open_pairs = counts.get("review", 0) + counts.get("draft", 0)
    gone_to = export.last_targets(dataset)
    return (
        Stage("import", True, plural(dataset.entry_count, "pair"), ""),
        _view_fixing(dataset),
        Stage(
            "review",
            not open_pairs,
            f"{open_pairs:,} to review" if open_pairs else "All reviewed",
            f"Review {plural(open_pairs, 'pair')}",
        ),
        _view_splits(dataset),
        Stage(
            "export",
            bool(gone_to),
            f"Last for {EXPORT_TARGETS[gone_to[0]].title}" if gone_to else "Not exported yet",
            "Export a file",
        ),
    )


def _view_fixing(dataset: Dataset) -> Stage:
    if validation.current_check(dataset.id) is None:
        return Stage("fix", False, "Not checked yet", "Check the pairs")
    if to_fix := validation.count_to_fix(dataset):
        return Stage("fix", False, f"{to_fix:,} to fix", f"Fix {plural(to_fix, 'pair')}")
    return Stage("fix", True, "Nothing must be fixed", "")


def _view_splits(dataset: Dataset) -> Stage:
    # Counting those of many pairs would take too long; an import may have brought splits along, so few are counted.
    if dataset.entry_count <= splits.AT_ONCE:
        is_split = bool(entries.split_counts(dataset.id))
    else:
        is_split = splits.last_split(dataset.id) is not None
    return Stage("split", is_split, "Divided" if is_split else "Not divided yet", "Divide into splits")

"""Train, validation and test: pairs that belong together in one split, the same one every time, and what leaks."""

from app.core.splits.assign import Assignment, assign_splits, join_groups
from app.core.splits.leaks import (
    WHY,
    Leaks,
    costs_much,
    find_leaks,
    leaks_of,
    move_together,
    name_empty,
    tell_documents,
)
from app.core.splits.options import GROUPS, STRATA, SplitOptions
from app.core.splits.rows import NO_LINKS, NUMBER_OF, Link, SplitRows, count_sides, named_counts
from app.core.splits.summary import KindFacts, TagShares, describe_kinds, share_by_tag

__all__ = [
    "GROUPS",
    "NO_LINKS",
    "NUMBER_OF",
    "STRATA",
    "WHY",
    "Assignment",
    "KindFacts",
    "Leaks",
    "Link",
    "SplitOptions",
    "SplitRows",
    "TagShares",
    "assign_splits",
    "costs_much",
    "count_sides",
    "describe_kinds",
    "find_leaks",
    "join_groups",
    "leaks_of",
    "move_together",
    "name_empty",
    "named_counts",
    "share_by_tag",
    "tell_documents",
]

"""Finding duplicates, conflicts, variants and families among texts: pure functions on shards, joined by ``search``.

texts ─→ normal forms ─→ tokens ─→ keys of rare tokens ─→ candidates ─→ scores ─→ pairs ─→ groups
"""

from app.core.duplicates import semantic
from app.core.duplicates.base import (
    DEFAULT_LEVEL,
    DIFFERENCES,
    EXACT,
    FLOOR,
    KINDS,
    LEVELS,
    NORMALISED,
    SAFE,
    UNKNOWN,
    WHAT,
    Difference,
    Family,
    Found,
    Group,
    Match,
    Options,
    Others,
    Pairs,
    Progress,
    Texts,
    compares_answers,
    difference_names,
    kind_of,
    text_of,
)
from app.core.duplicates.compare import compare_texts
from app.core.duplicates.groups import count_by_level, group_pairs
from app.core.duplicates.index import Index
from app.core.duplicates.normal import normalise_text
from app.core.duplicates.options import SIDES, ComparisonOptions, FileScanOptions
from app.core.duplicates.search import search_texts

__all__ = [
    "DEFAULT_LEVEL",
    "DIFFERENCES",
    "EXACT",
    "FLOOR",
    "KINDS",
    "LEVELS",
    "NORMALISED",
    "SAFE",
    "SIDES",
    "UNKNOWN",
    "WHAT",
    "ComparisonOptions",
    "Difference",
    "Family",
    "FileScanOptions",
    "Found",
    "Group",
    "Index",
    "Match",
    "Options",
    "Others",
    "Pairs",
    "Progress",
    "Texts",
    "compare_texts",
    "compares_answers",
    "count_by_level",
    "difference_names",
    "group_pairs",
    "kind_of",
    "normalise_text",
    "search_texts",
    "semantic",
    "text_of",
]

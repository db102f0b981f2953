"""Finding duplicates, conflicts, variants and families among texts: pure functions on shards, joined by ``search``.

texts ─→ normal forms ─→ tokens ─→ keys of rare tokens ─→ candidates ─→ scores ─→ pairs ─→ groups
"""

from app.core.dedup import semantic
from app.core.dedup.base import (
    DEFAULT_LEVEL,
    DIFFERENCES,
    EXACT,
    FLOOR,
    KINDS,
    LEVELS,
    NORMALISED,
    SAFE,
    SIDES,
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
    difference_names,
    kind_of,
    text_of,
)
from app.core.dedup.compare import compare
from app.core.dedup.groups import counts, groups
from app.core.dedup.index import Index
from app.core.dedup.normal import normalised
from app.core.dedup.search import search

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
    "Difference",
    "Family",
    "Found",
    "Group",
    "Index",
    "Match",
    "Options",
    "Others",
    "Pairs",
    "Progress",
    "Texts",
    "compare",
    "counts",
    "difference_names",
    "groups",
    "kind_of",
    "normalised",
    "search",
    "semantic",
    "text_of",
]

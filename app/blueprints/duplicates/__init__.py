"""Duplicates: pairs that say the same or contradict each other, in groups that are settled one by one or by a rule."""

from app.blueprints.duplicates import decide, groups, scans
from app.blueprints.duplicates.page import bp

__all__ = ["bp", "decide", "groups", "scans"]

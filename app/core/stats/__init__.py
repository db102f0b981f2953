"""Statistics of records: how many of what, how long, in which languages, and what kind of answers they teach."""

from app.core.stats.counting import Statistics, StatsOptions
from app.core.stats.kinds import KINDS, find_kind
from app.core.stats.names import name_language

__all__ = ["KINDS", "Statistics", "StatsOptions", "find_kind", "name_language"]

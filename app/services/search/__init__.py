"""Search: what is kept beside the entries for it, how that catches up, and how a query is answered exactly.

Facts and index may lag behind, and are never wrong: what they do not know yet is told by ``SearchState`` and
``StaleEntry``, and looked up in the entries themselves.
"""

from app.services.search.alike import find_alike
from app.services.search.catching_up import Lag, catch_up, find_lag
from app.services.search.finding import Found, Frozen, find, find_frozen
from app.services.search.marking import LOOKED_AT, forget_index, mark_entries, mark_step, remove_entries

__all__ = [
    "LOOKED_AT",
    "Found",
    "Frozen",
    "Lag",
    "catch_up",
    "find",
    "find_alike",
    "find_frozen",
    "find_lag",
    "forget_index",
    "mark_entries",
    "mark_step",
    "remove_entries",
]

"""Lists of pairs: which of them in which order, how many of what, and views that are kept.

All of it is told by ``Columns``: the labels and facts of a dataset's pairs as arrays, read once and then followed.
"""

from app.services.lists.columns import AT_ONCE, load_columns
from app.services.lists.counting import count_facets, find_unused, is_at_hand, matching
from app.services.lists.paging import ORDERS, Order, list_page, neighbours_of
from app.services.lists.views import delete_view, list_views, save_view

__all__ = [
    "AT_ONCE",
    "ORDERS",
    "Order",
    "count_facets",
    "delete_view",
    "find_unused",
    "is_at_hand",
    "list_page",
    "list_views",
    "load_columns",
    "matching",
    "neighbours_of",
    "save_view",
]

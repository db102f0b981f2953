"""Duplicates: scans whose groups are stored, looked at level by level, and settled as steps of the history.

Nothing is removed by looking. In bulk only copies with one normal form go; conflicts, variants and pairs that differ
in a number, a name or a “not” are decided about one by one.
"""

from app.services.duplicates.bulk import Preview, Settled, settle_all, settle_at_once, settle_preview, sweep
from app.services.duplicates.choosing import RULES
from app.services.duplicates.dismissing import Dismissed, dismiss, undismiss
from app.services.duplicates.hinting import Hint, hint
from app.services.duplicates.listing import (
    ORDERS,
    TABS,
    Filter,
    GroupPage,
    get,
    latest,
    live_sizes,
    page,
    split_total,
    stops,
    totals,
)
from app.services.duplicates.preferring import prefer
from app.services.duplicates.rechecking import Rechecked, recheck
from app.services.duplicates.scanning import result_of, scan
from app.services.duplicates.settling import keep, merge
from app.services.duplicates.showing import GroupView, MemberView, OtherView, group
from app.services.duplicates.since import changed_since
from app.services.duplicates.wishes import KIND, SCOPES, Wish, model

__all__ = [
    "KIND",
    "ORDERS",
    "RULES",
    "SCOPES",
    "TABS",
    "Dismissed",
    "Filter",
    "GroupPage",
    "GroupView",
    "Hint",
    "MemberView",
    "OtherView",
    "Preview",
    "Rechecked",
    "Settled",
    "Wish",
    "changed_since",
    "dismiss",
    "get",
    "group",
    "hint",
    "keep",
    "latest",
    "live_sizes",
    "merge",
    "model",
    "page",
    "prefer",
    "recheck",
    "result_of",
    "scan",
    "settle_all",
    "settle_at_once",
    "settle_preview",
    "split_total",
    "stops",
    "sweep",
    "totals",
    "undismiss",
]

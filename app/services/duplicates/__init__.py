"""Duplicates: scans whose groups are stored, looked at level by level, and settled as steps of the history.

Nothing is removed by looking. In bulk only copies with one normal form go; conflicts, variants and pairs that differ
in a number, a name or a “not” are decided about one by one.
"""

from app.services.duplicates.bulk import (
    Settled,
    SettlePreview,
    preview_settling,
    settle_all,
)
from app.services.duplicates.decide import keep_pair, merge_pairs, prefer_answer
from app.services.duplicates.dismissals import Dismissed, dismiss_group, undismiss_group
from app.services.duplicates.group import RULES, GroupView, MemberView, OtherView, view_group
from app.services.duplicates.groups import (
    ORDERS,
    TABS,
    Filter,
    GroupPage,
    ListSummary,
    count_between_splits,
    count_by_level,
    count_by_tab,
    count_members,
    count_safe,
    describe_groups,
    get_group,
    has_splits,
    latest_scan,
    list_groups,
    list_scans,
    summarise_list,
)
from app.services.duplicates.hint import Hint, find_hints
from app.services.duplicates.links import read_links
from app.services.duplicates.options import KIND, SCOPES, ScanOptions, model_folder
from app.services.duplicates.recheck import Rechecked, recheck_changed
from app.services.duplicates.scan import report_scan, scan_dataset
from app.services.duplicates.since import count_changed
from app.services.duplicates.store import sweep_scans
from app.services.duplicates.tasks import RECHECK, SCAN, SETTLE, RecheckRun, ScanRun, SettleRun

__all__ = [
    "KIND",
    "ORDERS",
    "RECHECK",
    "RULES",
    "SCAN",
    "SCOPES",
    "SETTLE",
    "TABS",
    "Dismissed",
    "Filter",
    "GroupPage",
    "GroupView",
    "Hint",
    "ListSummary",
    "MemberView",
    "OtherView",
    "RecheckRun",
    "Rechecked",
    "ScanOptions",
    "ScanRun",
    "SettlePreview",
    "SettleRun",
    "Settled",
    "count_between_splits",
    "count_by_level",
    "count_by_tab",
    "count_changed",
    "count_members",
    "count_safe",
    "describe_groups",
    "dismiss_group",
    "find_hints",
    "get_group",
    "has_splits",
    "keep_pair",
    "latest_scan",
    "list_groups",
    "list_scans",
    "merge_pairs",
    "model_folder",
    "prefer_answer",
    "preview_settling",
    "read_links",
    "recheck_changed",
    "report_scan",
    "scan_dataset",
    "settle_all",
    "summarise_list",
    "sweep_scans",
    "undismiss_group",
    "view_group",
]

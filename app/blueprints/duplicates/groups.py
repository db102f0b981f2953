"""The groups of one kind, and one of them in full: which pair is kept, which go, which stay, which are shown."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from app.blueprints.duplicates.page import address, bp
from app.core.duplicates import SAFE, SIDES
from app.core.errors import Gone, Invalid, NotFound
from app.forms.arguments import require_names
from app.forms.duplicates import ARGUMENTS, MEMBERS, ORDERS, SETTLED, TABS, DuplicatesView, GroupChoice
from app.models import DuplicateScan
from app.services import datasets, duplicates, jobs, runners
from app.services.duplicates import Filter, GroupView

PAGE_SIZE = 50
# The search, settling or re-check that waits or runs is shown.
KINDS = tuple(task.name for task in (duplicates.SCAN, duplicates.SETTLE, duplicates.RECHECK))
# The lists in which a group exists for some levels only.
SLIDING = ("copies", "conflicts", "variants")
# Why a kind of groups is worth a look, beside its tab.
MEANINGS = {
    "conflicts": "Same question, different answers. A model learns to guess between them.",
    "variants": "Alike but for a number, a name or a “not”. Nothing here is removed in bulk.",
    "families": "Many pairs made from one frame. They are told as one, not as duplicates.",
    "dismissed": "Remembered, also by later scans.",
    SETTLED: "What was decided so far. Each step can be undone in History.",
}


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """The groups of one kind, and one of them to decide about."""
    require_names(request.args, *ARGUMENTS)
    dataset, view = datasets.get(dataset_id), DuplicatesView(request.args)
    scans = duplicates.list_scans(dataset_id)
    scan = next((one for one in scans if one.kind == (view.scope or "own")), scans[0] if scans else None)
    active = jobs.listed(states=jobs.ACTIVE, dataset_id=dataset_id)
    has_splits = duplicates.has_splits(dataset_id)
    return render_template(
        "duplicates/index.html",
        dataset=dataset,
        view=view,
        scan=scan,
        scans=scans,
        tabs=TABS,
        orders=ORDERS,
        side_names=SIDES,
        has_model=duplicates.model_folder() is not None,
        meaning=MEANINGS.get(view.tab, ""),
        job=next((job for job in active if job.kind in KINDS), None),
        worker=runners.any_worker(),
        others=[one for one in datasets.list_datasets() if one.id != dataset_id],
        has_splits=has_splits,
        to=lambda **changes: address(dataset_id, view, **changes),
        **(_list_parts(scan, view, has_splits) if scan else {}),
    )


def _list_parts(scan: DuplicateScan, view: DuplicatesView, has_splits: bool) -> dict[str, Any]:
    """The list of a scan, and the group that is open."""
    filters = Filter(view.what, view.level, splits_only=view.tab == "splits")
    shown = duplicates.list_groups(scan, filters, cursor=view.cursor, size=PAGE_SIZE, order=view.order)
    ids = [one.id for one in shown.groups]
    opened = _open_group(scan, view, ids)
    here = ids.index(opened.group.id) if opened and opened.group.id in ids else None
    splits = duplicates.count_between_splits(scan, view.level) if has_splits else 0
    return {
        "totals": {**duplicates.count_by_tab(scan, view.level), "splits": splits},
        "safe": duplicates.count_safe(scan) if scan.kind == "own" else 0,
        "summary": duplicates.summarise_list(scan, filters),
        "descriptions": duplicates.describe_groups(scan, shown.groups),
        "stops": dict(duplicates.count_by_level(scan, view.what)) if view.tab in SLIDING else {},
        "changed": duplicates.count_changed(scan),
        "shown": shown,
        "seen": opened,
        "place": here,
        "next_group": ids[here + 1] if here is not None and here + 1 < len(ids) else None,
        "choice": GroupChoice(request.args),
        **(_decision_parts(opened, GroupChoice(request.args), view.skip) if opened else {}),
    }


def _open_group(scan: DuplicateScan, view: DuplicatesView, shown: Sequence[int]) -> GroupView | None:
    """The group that the address names, else the first that waits: where one left off."""
    if view.group is not None:
        # A link from before the last scan, or with a pair that is gone, still opens the page.
        with suppress(NotFound, Gone, Invalid):
            return duplicates.view_group(scan, view.group, keep=GroupChoice(view.values).keep or None)
        with suppress(NotFound, Gone):
            return duplicates.view_group(scan, view.group)
    return duplicates.view_group(scan, shown[0]) if shown else None


def _decision_parts(opened: GroupView, choice: GroupChoice, skip: int) -> dict[str, Any]:
    """The kept member (``base``), the pairs that go and stay, and the members of this page (``cards``)."""
    conflict = opened.group.what == "conflicts"
    # What stands on the other side as well can go here, so that is kept by default.
    theirs = None
    if not choice.keep and (choice.keep is not None or not conflict):
        theirs = next((one for one in opened.members if one.entry is None), None)
    base = theirs or next((one for one in opened.members if one.id == opened.keep), None)
    others = [one for one in opened.members if one.entry and one is not base]
    ticked = choice.ticked if not conflict else None
    if ticked is None:
        # The suggested pair, which is compared with nothing, goes where the other side differs in nothing named.
        same = theirs is not None and not theirs.differs
        ticked = frozenset(one.id for one in others if conflict or one.leaves or (same and one.match is None))
    going = [one for one in others if one.id in ticked]
    staying = [one for one in others if one.id not in ticked]
    # All of a large group that is safe goes, though not all of it is shown.
    rest = opened.size > len(opened.members) and opened.group.kind in SAFE and not staying
    cards = opened.members[skip : skip + MEMBERS]
    return {
        "base": base,
        "going": going,
        "staying": staying,
        "going_count": opened.size - 1 if rest else len(going),
        "rest": rest,
        "cards": cards if base is None or base in cards else [base, *cards],
    }

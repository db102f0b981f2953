"""One group as its page shows it: which pair is kept, which go, which stay, and which are shown side by side."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from app.core.duplicates import SAFE
from app.core.errors import Gone, Invalid, NotFound
from app.forms.duplicates import MEMBERS, Choice, View
from app.models import DuplicateScan
from app.services import duplicates
from app.services.duplicates import GroupView, MemberView


def open_group(scan: DuplicateScan, view: View, shown: Sequence[int]) -> GroupView | None:
    """The group that the address names, else the first that waits: where one left off."""
    if view.group is not None:
        # A link from before the last scan, or with a pair that is gone, still opens the page.
        with suppress(NotFound, Gone, Invalid):
            return duplicates.group(scan, view.group, keep=Choice(view.values).keep or None)
        with suppress(NotFound, Gone):
            return duplicates.group(scan, view.group)
    return duplicates.group(scan, shown[0]) if shown else None


def deciding(seen: GroupView, choice: Choice, skip: int) -> dict[str, Any]:
    """The kept member (``base``), the pairs that go and stay, and the members of this page (``cards``)."""
    theirs = _theirs(seen, choice)
    base = theirs or next((one for one in seen.members if one.id == seen.keep), None)
    others = [one for one in seen.members if one.entry and one is not base]
    ticked = choice.ticked if seen.group.what != "conflicts" else None
    goes = _leaving(seen, others, theirs) if ticked is None else ticked
    going = [one for one in others if one.id in goes]
    staying = [one for one in others if one.id not in goes]
    # All of a large group that is safe goes, though not all of it is shown.
    rest = seen.size > len(seen.members) and seen.group.kind in SAFE and not staying
    cards = seen.members[skip : skip + MEMBERS]
    return {
        "base": base,
        "going": going,
        "staying": staying,
        "going_count": seen.size - 1 if rest else len(going),
        "rest": rest,
        "cards": cards if base is None or base in cards else [base, *cards],
    }


def _theirs(seen: GroupView, choice: Choice) -> MemberView | None:
    """The member of the other side, where that is kept: by default, for what stands there as well can go here."""
    if choice.keep or (choice.keep is None and seen.group.what == "conflicts"):
        return None
    return next((one for one in seen.members if one.entry is None), None)


def _leaving(seen: GroupView, others: Sequence[MemberView], theirs: MemberView | None) -> frozenset[int]:
    """The pairs that go unless somebody unticks them."""
    if seen.group.what == "conflicts":
        return frozenset(one.id for one in others)
    return frozenset(one.id for one in others if one.leaves or (theirs and _same(one, theirs)))


def _same(one: MemberView, theirs: MemberView) -> bool:
    """Whether the suggested pair and the other side's row do not differ in anything named."""
    return one.match is None and not theirs.differs

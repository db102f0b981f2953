"""The groups of a scan as lists: one page by keyset, totals for the tabs, and the numbers at the slider's stops.

A group is settled while the change set that settled it is applied. Nothing is written when that set is undone or
redone: what is open is asked of the history each time.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from app.core.duplicates import DEFAULT_LEVEL, LEVELS, WHAT
from app.core.errors import Gone, Invalid, NotFound
from app.core.text import is_number
from app.models import ChangeSet, DuplicateGroup, DuplicateMember, DuplicateScan, Entry, db
from app.services import entries
from app.services.duplicates.wishes import KIND, SCOPES

WHATS = (*WHAT, "families")
TABS = (*WHATS, "dismissed", "settled")
ORDERS = ("size", "score")
REPLACED = "A newer scan has replaced the one that this group belongs to. Open the list again."
G = DuplicateGroup


@dataclass(frozen=True, slots=True)
class Filter:
    """Which groups: one of ``TABS`` at a level. ``splits_only`` leaves those whose pairs lie in different splits."""

    what: str = "copies"
    level: int = DEFAULT_LEVEL
    splits_only: bool = False

    def __post_init__(self) -> None:
        if self.what not in TABS:
            raise Invalid(f"There is no list {self.what!r}. Use one of {', '.join(TABS)}.", code="bad_list")
        if self.level not in LEVELS:
            raise Invalid(f"The level must lie between {LEVELS[0]} and {LEVELS[-1]}.", code="bad_level")


@dataclass(frozen=True, slots=True)
class GroupPage:
    """One page of groups with the cursors of its neighbours (None where there is none).

    ``sizes`` are the numbers of members that are still there, by group id.
    """

    groups: list[DuplicateGroup]
    sizes: dict[int, int]
    previous: str | None
    next: str | None


def latest(dataset_id: int, scope: str = "own") -> DuplicateScan | None:
    """The scan that shows for a scope (own, dataset, file, splits, or any), if there is one."""
    if scope not in (*SCOPES, "any"):
        raise Invalid(f"There is no scope {scope!r}. Use one of {', '.join(SCOPES)}.", code="bad_scope")
    query = select(DuplicateScan).where(DuplicateScan.dataset_id == dataset_id, DuplicateScan.state == "current")
    if scope != "any":
        query = query.where(DuplicateScan.kind == scope)
    newest = query.order_by(DuplicateScan.id.desc()).limit(1).execution_options(populate_existing=True)
    return db.session.execute(newest).scalar_one_or_none()


def get(dataset_id: int, group_id: int) -> tuple[DuplicateScan, DuplicateGroup]:
    """A group with its scan. Raises Gone where a newer scan replaced it, NotFound."""
    query = select(DuplicateScan, G).join(G, G.scan_id == DuplicateScan.id)
    mine = query.where(G.id == group_id, DuplicateScan.dataset_id == dataset_id)
    row = db.session.execute(mine.execution_options(populate_existing=True)).first()
    if row is None or row[0].state == "staging":
        raise NotFound(f"There is no group {group_id} in this dataset.", group_id=group_id)
    if row[0].state != "current":
        raise Gone(REPLACED, group_id=group_id)
    return row[0], row[1]


def settled(dataset_id: int) -> ColumnElement[bool]:
    """Whether the step that settled a group is applied."""
    mine = select(ChangeSet.id).where(ChangeSet.dataset_id == dataset_id, ChangeSet.kind == KIND)
    return and_(G.settled_in.is_not(None), G.settled_in.in_(mine.where(ChangeSet.state.in_(("applied", "compacted")))))


def is_settled(scan: DuplicateScan, group: DuplicateGroup) -> bool:
    """Whether a group is settled now."""
    query = select(G.id).where(G.id == group.id, settled(scan.dataset_id))
    return db.session.execute(query).first() is not None


def is_open(dataset_id: int) -> ColumnElement[bool]:
    """Whether somebody has still to decide about a group."""
    return and_(G.state.in_(("open", "changed")), ~settled(dataset_id))


def at_level(scan: DuplicateScan, level: int) -> ColumnElement[bool]:
    """The groups of a scan that exist at a level."""
    return and_(G.scan_id == scan.id, G.lowest <= level, G.highest >= level)


def totals(scan: DuplicateScan, level: int = DEFAULT_LEVEL) -> dict[str, int]:
    """How many groups each tab shows at a level: open ones by list, and what was dismissed and settled."""
    state = case((settled(scan.dataset_id), "settled"), (G.state == "dismissed", "dismissed"), else_=G.what)
    query = select(state, func.count()).where(at_level(scan, level)).group_by(state)
    found = {str(row[0]): int(row[1]) for row in db.session.execute(query)}
    return {tab: found.get(tab, 0) for tab in TABS}


def split_total(scan: DuplicateScan, level: int = DEFAULT_LEVEL) -> int:
    """How many open groups of copies hold pairs of different splits, as they are now."""
    query = select(func.count()).select_from(G).where(*_conditions(scan, Filter(level=level, splits_only=True)))
    return int(db.session.execute(query).scalar_one())


def stops(scan: DuplicateScan, what: str = "copies") -> list[tuple[int, int]]:
    """How many open groups of a list there are at each level, lowest level first."""
    if what not in WHATS:
        raise Invalid(f"There is no list {what!r}. Use one of {', '.join(WHATS)}.", code="bad_list")
    mine = select(G.lowest, G.highest, func.count()).where(G.scan_id == scan.id, G.what == what)
    change: Counter[int] = Counter()
    for lowest, highest, number in db.session.execute(
        mine.where(is_open(scan.dataset_id)).group_by(G.lowest, G.highest)
    ):
        change[lowest] += number
        change[highest + 1] -= number
    total, found = 0, []
    for level in LEVELS:
        total += change[level]
        found.append((level, total))
    return found


def _conditions(scan: DuplicateScan, chosen: Filter) -> list[ColumnElement[bool]]:
    found = [at_level(scan, chosen.level)]
    if chosen.what == "settled":
        found.append(settled(scan.dataset_id))
    elif chosen.what == "dismissed":
        found += [G.state == "dismissed", ~settled(scan.dataset_id)]
    else:
        found += [G.what == chosen.what, is_open(scan.dataset_id)]
    if chosen.splits_only:
        found.append(G.id.in_(_between_splits(scan, chosen.level)))
    return found


def _between_splits(scan: DuplicateScan, level: int) -> Select[int]:
    members = select(DuplicateMember.group_id).join(Entry, Entry.id == DuplicateMember.entry_id)
    mine = members.join(G, G.id == DuplicateMember.group_id)
    mine = mine.where(at_level(scan, level), entries.is_visible(scan.dataset_id))
    return mine.group_by(DuplicateMember.group_id).having(func.count(Entry.split.distinct()) > 1)


def _has_two(scan: DuplicateScan) -> ColumnElement[bool]:
    """Whether at least two members are still there; asked only of the groups that a page passes over."""
    shown = or_(DuplicateMember.entry_id.is_(None), entries.is_visible(scan.dataset_id))
    inner = select(DuplicateMember.position).outerjoin(Entry, Entry.id == DuplicateMember.entry_id)
    two = inner.where(DuplicateMember.group_id == G.id, shown).correlate(G).limit(2).subquery()
    return select(func.count()).select_from(two).scalar_subquery() >= 2


def page(scan: DuplicateScan, chosen: Filter, *, cursor: str = "", size: int = 50, order: str = "size") -> GroupPage:
    """One page of groups, largest (or, by ``score``, most alike) first. ``cursor`` is ``after:ID`` or ``before:ID``."""
    if order not in ORDERS:
        raise Invalid(f"There is no order {order!r}. Use size or score.", code="bad_order")
    direction, anchor = _parse(scan, cursor)
    back = direction == "before"
    query = select(G).where(*_conditions(scan, chosen))
    if chosen.what not in ("settled", "dismissed"):
        query = query.where(_has_two(scan))
    if anchor is not None:
        query = query.where(_beyond(anchor, order, back=back))
    found = list(db.session.execute(query.order_by(*_order(order, back=back)).limit(size + 1)).scalars())
    more, found = len(found) > size, found[:size]
    if back:
        found.reverse()
    previous = more if back else anchor is not None
    following = True if back else more
    return GroupPage(
        found,
        live_sizes(scan, [one.id for one in found]),
        f"before:{found[0].id}" if found and previous else None,
        f"after:{found[-1].id}" if found and following else None,
    )


def live_sizes(scan: DuplicateScan, ids: Sequence[int]) -> dict[int, int]:
    """How many members of each group are still there."""
    shown = or_(DuplicateMember.entry_id.is_(None), entries.is_visible(scan.dataset_id))
    query = select(DuplicateMember.group_id, func.count()).outerjoin(Entry, Entry.id == DuplicateMember.entry_id)
    mine = query.where(DuplicateMember.group_id.in_(ids), shown).group_by(DuplicateMember.group_id)
    found = {int(row[0]): int(row[1]) for row in db.session.execute(mine)}
    return {one: found.get(one, 0) for one in ids}


def _parse(scan: DuplicateScan, cursor: str) -> tuple[str, DuplicateGroup | None]:
    if not cursor:
        return "after", None
    direction, _, number = cursor.partition(":")
    anchor = db.session.get(G, int(number)) if is_number(number) else None
    if direction not in ("after", "before") or anchor is None or anchor.scan_id != scan.id:
        raise Invalid("This page link is outdated. Start again from the first page.", code="bad_cursor")
    return direction, anchor


def _columns(order: str) -> tuple[Any, Any]:
    return (G.size, G.score) if order == "size" else (G.score, G.size)


def _order(order: str, *, back: bool) -> list[Any]:
    first, second = _columns(order)
    return [first.asc(), second.asc(), G.id.asc()] if back else [first.desc(), second.desc(), G.id.desc()]


def _beyond(anchor: DuplicateGroup, order: str, *, back: bool) -> ColumnElement[bool]:
    """The groups after the anchor in the order of the list; with ``back`` those before it."""
    first, second = _columns(order)
    one, two = (anchor.size, anchor.score) if order == "size" else (anchor.score, anchor.size)

    def further(column: Any, value: Any) -> Any:
        return column > value if back else column < value

    tie = and_(second == two, further(G.id, anchor.id))
    return or_(further(first, one), and_(first == one, or_(further(second, two), tie)))

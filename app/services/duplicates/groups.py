"""The groups of a scan as lists: one page by keyset, totals for the tabs, and what each group is about in few words.

A group is settled while the change set that settled it is applied. Nothing is written when that set is undone or
redone: what is open is asked of the history each time.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from app.core.duplicates import DEFAULT_LEVEL, EXACT, LEVELS, NORMALISED, SAFE, WHAT, compare_texts
from app.core.errors import BadUsage, Gone, Invalid, NotFound
from app.core.filters import Filters
from app.core.record import SPLITS
from app.core.stored import StoredEntry
from app.core.text import clip, is_number
from app.models import ChangeSet, DuplicateGroup, DuplicateMember, DuplicateScan, Entry, db
from app.services import entries
from app.services.duplicates.options import KIND, SCOPES

WHATS = (*WHAT, "families")
TABS = (*WHATS, "dismissed", "settled")
ORDERS = ("size", "score")
REPLACED = "A newer scan has replaced the one that this group belongs to. Open the list again."
# To describe a group so many members are looked at, and of each so much text: a list is no place for more.
LOOKED_AT = 4
LONGEST = 4_000
# What is told first where answers differ in several ways.
WORDS, OTHER = ("yes/no", "negation"), ("word",)
FIRST = (("number",), ("date",), ("unit",), WORDS, ("name",), OTHER)
G = DuplicateGroup


@dataclass(frozen=True, slots=True)
class Filter:
    """Which groups: one of ``TABS`` at a level. ``splits_only`` leaves those whose pairs lie in different splits."""

    what: str = "copies"
    level: int = DEFAULT_LEVEL
    splits_only: bool = False

    def __post_init__(self) -> None:
        if self.what not in TABS:
            raise BadUsage(f"There is no list {self.what!r}. Use one of {', '.join(TABS)}.", code="bad_list")
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


@dataclass(frozen=True, slots=True)
class ListSummary:
    """How many groups of a list there are at a level, how many of them are done, and how many pairs wait."""

    groups: int = 0
    done: int = 0
    pairs: int = 0


def list_scans(dataset_id: int) -> list[DuplicateScan]:
    """The scans that show, one for each scope, newest first."""
    query = select(DuplicateScan).where(DuplicateScan.dataset_id == dataset_id, DuplicateScan.state == "current")
    return list(db.session.execute(query.order_by(DuplicateScan.id.desc())).scalars())


def latest_scan(dataset_id: int, scope: str = "own") -> DuplicateScan | None:
    """The scan that shows for a scope (own, dataset, file, splits, or any), if there is one."""
    if scope not in (*SCOPES, "any"):
        raise BadUsage(f"There is no scope {scope!r}. Use one of {', '.join(SCOPES)}.", code="bad_scope")
    query = select(DuplicateScan).where(DuplicateScan.dataset_id == dataset_id, DuplicateScan.state == "current")
    if scope != "any":
        query = query.where(DuplicateScan.kind == scope)
    newest = query.order_by(DuplicateScan.id.desc()).limit(1).execution_options(populate_existing=True)
    return db.session.execute(newest).scalar_one_or_none()


def get_group(dataset_id: int, group_id: int) -> tuple[DuplicateScan, DuplicateGroup]:
    """A group with its scan. Raises Gone where a newer scan replaced it, NotFound."""
    query = select(DuplicateScan, G).join(G, G.scan_id == DuplicateScan.id)
    mine = query.where(G.id == group_id, DuplicateScan.dataset_id == dataset_id)
    row = db.session.execute(mine.execution_options(populate_existing=True)).first()
    if row is None or row[0].state == "staging":
        raise NotFound(f"There is no group {group_id} in this dataset.", group_id=group_id)
    if row[0].state != "current":
        raise Gone(REPLACED, group_id=group_id)
    return row[0], row[1]


def settled_now(dataset_id: int) -> ColumnElement[bool]:
    """The groups whose settling step is applied."""
    mine = select(ChangeSet.id).where(ChangeSet.dataset_id == dataset_id, ChangeSet.kind == KIND)
    return and_(G.settled_in.is_not(None), G.settled_in.in_(mine.where(ChangeSet.state.in_(("applied", "compacted")))))


def is_settled(scan: DuplicateScan, group: DuplicateGroup) -> bool:
    """Whether a group is settled now."""
    query = select(G.id).where(G.id == group.id, settled_now(scan.dataset_id))
    return db.session.execute(query).first() is not None


def open_now(dataset_id: int) -> ColumnElement[bool]:
    """The groups about which somebody has still to decide."""
    return and_(G.state.in_(("open", "changed")), ~settled_now(dataset_id))


def at_level(scan: DuplicateScan, level: int) -> ColumnElement[bool]:
    """The groups of a scan that exist at a level."""
    return and_(G.scan_id == scan.id, G.lowest <= level, G.highest >= level)


def safe_groups(scan: DuplicateScan, level: int) -> list[ColumnElement[bool]]:
    """The open groups at a level that can be settled by a rule."""
    return [at_level(scan, level), G.what == "copies", G.kind.in_(SAFE), open_now(scan.dataset_id)]


def count_safe(scan: DuplicateScan) -> int:
    """How many groups wait that can be settled by a rule."""
    query = select(func.count()).select_from(G).where(*safe_groups(scan, NORMALISED))
    return int(db.session.execute(query).scalar_one())


def count_by_tab(scan: DuplicateScan, level: int = DEFAULT_LEVEL) -> dict[str, int]:
    """How many groups each tab shows at a level: open ones by list, and what was dismissed and settled."""
    state = case((settled_now(scan.dataset_id), "settled"), (G.state == "dismissed", "dismissed"), else_=G.what)
    query = select(state, func.count()).where(at_level(scan, level)).group_by(state)
    counts = {str(row[0]): int(row[1]) for row in db.session.execute(query)}
    return {tab: counts.get(tab, 0) for tab in TABS}


def count_between_splits(scan: DuplicateScan, level: int = DEFAULT_LEVEL) -> int:
    """How many open groups of copies hold pairs of different splits, as they are now."""
    query = select(func.count()).select_from(G).where(*_conditions(scan, Filter(level=level, splits_only=True)))
    return int(db.session.execute(query).scalar_one())


def count_by_level(scan: DuplicateScan, what: str = "copies") -> list[tuple[int, int]]:
    """How many open groups of a list there are at each level, lowest level first."""
    if what not in WHATS:
        raise BadUsage(f"There is no list {what!r}. Use one of {', '.join(WHATS)}.", code="bad_list")
    mine = select(G.lowest, G.highest, func.count()).where(G.scan_id == scan.id, G.what == what)
    change: Counter[int] = Counter()
    for lowest, highest, number in db.session.execute(
        mine.where(open_now(scan.dataset_id)).group_by(G.lowest, G.highest)
    ):
        change[lowest] += number
        change[highest + 1] -= number
    total, counts = 0, []
    for level in LEVELS:
        total += change[level]
        counts.append((level, total))
    return counts


def count_members(scan: DuplicateScan, ids: Sequence[int]) -> dict[int, int]:
    """How many members of each group are still there."""
    shown = or_(DuplicateMember.entry_id.is_(None), entries.is_visible(scan.dataset_id))
    query = select(DuplicateMember.group_id, func.count()).outerjoin(Entry, Entry.id == DuplicateMember.entry_id)
    mine = query.where(DuplicateMember.group_id.in_(ids), shown).group_by(DuplicateMember.group_id)
    counts = {int(row[0]): int(row[1]) for row in db.session.execute(mine)}
    return {one: counts.get(one, 0) for one in ids}


def summarise_list(scan: DuplicateScan, filters: Filter) -> ListSummary:
    """The numbers of one list."""
    if filters.splits_only:
        return ListSummary(count_between_splits(scan, filters.level))
    if filters.what not in WHATS:
        return ListSummary(count_by_tab(scan, filters.level)[filters.what])
    waits = open_now(scan.dataset_id)
    columns = (func.count(), func.sum(case((waits, 1), else_=0)), func.sum(case((waits, G.size), else_=0)))
    query = select(*columns).where(at_level(scan, filters.level), G.what == filters.what)
    total, left, pairs = db.session.execute(query).one()
    return ListSummary(total, total - (left or 0), pairs or 0)


def has_splits(dataset_id: int) -> bool:
    """Whether some pair of the dataset lies in a split."""
    query = entries.select_entries(dataset_id, Filters(splits=SPLITS), (Entry.id,)).limit(1)
    return db.session.execute(query).first() is not None


def _conditions(scan: DuplicateScan, filters: Filter) -> list[ColumnElement[bool]]:
    found = [at_level(scan, filters.level)]
    if filters.what == "settled":
        found.append(settled_now(scan.dataset_id))
    elif filters.what == "dismissed":
        found += [G.state == "dismissed", ~settled_now(scan.dataset_id)]
    else:
        found += [G.what == filters.what, open_now(scan.dataset_id)]
    if filters.splits_only:
        members = select(DuplicateMember.group_id).join(Entry, Entry.id == DuplicateMember.entry_id)
        mine = members.join(G, G.id == DuplicateMember.group_id)
        mine = mine.where(at_level(scan, filters.level), entries.is_visible(scan.dataset_id))
        several = mine.group_by(DuplicateMember.group_id).having(func.count(Entry.split.distinct()) > 1)
        found.append(G.id.in_(several))
    return found


def list_groups(
    scan: DuplicateScan, filters: Filter, *, cursor: str = "", size: int = 50, order: str = "size"
) -> GroupPage:
    """One page of groups, largest (or, by ``score``, most alike) first. ``cursor`` is ``after:ID`` or ``before:ID``."""
    if order not in ORDERS:
        raise BadUsage(f"There is no order {order!r}. Use size or score.", code="bad_order")
    anchor, back = None, False
    if cursor:
        direction, _, number = cursor.partition(":")
        back = direction == "before"
        anchor = db.session.get(G, int(number)) if is_number(number) else None
        if direction not in ("after", "before") or anchor is None or anchor.scan_id != scan.id:
            raise BadUsage("This page link is outdated. Start again from the first page.", code="bad_cursor")
    query = select(G).where(*_conditions(scan, filters))
    if filters.what not in ("settled", "dismissed"):
        # At least two members are still there; asked only of the groups that a page passes over.
        shown = or_(DuplicateMember.entry_id.is_(None), entries.is_visible(scan.dataset_id))
        there = select(DuplicateMember.position).outerjoin(Entry, Entry.id == DuplicateMember.entry_id)
        two = there.where(DuplicateMember.group_id == G.id, shown).correlate(G).limit(2).subquery()
        query = query.where(select(func.count()).select_from(two).scalar_subquery() >= 2)
    first, second = (G.size, G.score) if order == "size" else (G.score, G.size)
    if anchor is not None:
        query = query.where(_beyond(anchor, (first, second, G.id), back=back))
    columns = [column.asc() if back else column.desc() for column in (first, second, G.id)]
    groups = list(db.session.execute(query.order_by(*columns).limit(size + 1)).scalars())
    more, groups = len(groups) > size, groups[:size]
    if back:
        groups.reverse()
    previous = more if back else anchor is not None
    following = True if back else more
    return GroupPage(
        groups,
        count_members(scan, [one.id for one in groups]),
        f"before:{groups[0].id}" if groups and previous else None,
        f"after:{groups[-1].id}" if groups and following else None,
    )


def _beyond(anchor: DuplicateGroup, columns: Sequence[Any], *, back: bool) -> ColumnElement[bool]:
    """The groups after the anchor in the order of the list; with ``back`` those before it."""
    beyond: Any = False
    for column in reversed(columns):
        value = getattr(anchor, column.key)
        further = column > value if back else column < value
        beyond = or_(further, and_(column == value, beyond)) if beyond is not False else further
    return beyond  # type: ignore[no-any-return]


def describe_groups(scan: DuplicateScan, groups: Sequence[DuplicateGroup]) -> dict[int, str]:
    """For each group how alike its members are, or what they say differently: ``30 / 14 / 100``."""
    words, differing = {}, []
    for group in groups:
        if group.what == "copies":
            likeness = {EXACT: "identical", NORMALISED: "same text"}
            words[group.id] = likeness.get(group.highest, f"{group.score:.0f}%")
        elif group.what == "families":
            words[group.id] = ""
        else:
            differing.append(group)
    columns = (DuplicateMember.group_id, DuplicateMember.entry_id)
    mine = [DuplicateMember.group_id.in_([one.id for one in differing]), DuplicateMember.position < LOOKED_AT]
    query = select(*columns).where(*mine).order_by(DuplicateMember.group_id, DuplicateMember.position)
    rows = db.session.execute(query).all()
    known = entries.by_ids(scan.dataset_id, [row[1] for row in rows if row[1] is not None])
    for group in differing:
        members = [known[entry_id] for group_id, entry_id in rows if group_id == group.id and entry_id in known]
        field = "answer" if group.what == "conflicts" or scan.side == "answer" else "question"
        words[group.id] = _describe_differences(members, field)
    return words


def _describe_differences(members: Sequence[StoredEntry], field: str) -> str:
    texts = [str(getattr(one, field))[:LONGEST] for one in members]
    matches = [compare_texts(texts[0], text, strict=field == "answer" or None) for text in texts[1:]]
    for kinds in FIRST:
        values = [one for match in matches for one in match.differs if one.kind in kinds]
        sides = dict.fromkeys([*(one.left for one in values), *(one.right for one in values)])
        if kinds == WORDS:
            sides = dict.fromkeys(side.partition(" ")[0] for side in sides)
        shown = [clip(side, 16) for side in sides if side]
        if len(shown) > 1 and not (kinds == OTHER and any(" " in side for side in sides)):
            return " / ".join(shown[:4])
    return "other text" if field == "answer" else "other words"

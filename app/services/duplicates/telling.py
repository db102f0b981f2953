"""What the lists tell of groups in few words: how many wait and how many are done, and what each is about."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select

from app.core.duplicates import EXACT, NORMALISED, SAFE, compare
from app.core.record import SPLITS
from app.core.text import clip
from app.models import DuplicateGroup, DuplicateMember, DuplicateScan, Entry, db
from app.services import entries
from app.services.duplicates import listing
from app.services.duplicates.listing import WHATS, Filter
from app.services.entries import Filters, StoredEntry

# Of a group so many members are looked at, and of each so much text: a list is no place for more.
LOOKED_AT = 4
LONGEST = 4_000
# What is told first where answers differ in several ways.
WORDS = ("yes/no", "negation")
FIRST = (("number",), ("date",), ("unit",), WORDS, ("name",))
G = DuplicateGroup


@dataclass(frozen=True, slots=True)
class Summary:
    """How many groups of a list there are at a level, how many of them are done, and how many pairs wait."""

    groups: int = 0
    done: int = 0
    pairs: int = 0


def scans(dataset_id: int) -> list[DuplicateScan]:
    """The scans that show, one for each scope, newest first."""
    query = select(DuplicateScan).where(DuplicateScan.dataset_id == dataset_id, DuplicateScan.state == "current")
    return list(db.session.execute(query.order_by(DuplicateScan.id.desc())).scalars())


def summary(scan: DuplicateScan, chosen: Filter) -> Summary:
    """The numbers of one list."""
    if chosen.splits_only:
        return Summary(listing.split_total(scan, chosen.level))
    if chosen.what not in WHATS:
        return Summary(listing.totals(scan, chosen.level)[chosen.what])
    waits = listing.is_open(scan.dataset_id)
    columns = (func.count(), func.sum(case((waits, 1), else_=0)), func.sum(case((waits, G.size), else_=0)))
    query = select(*columns).where(listing.at_level(scan, chosen.level), G.what == chosen.what)
    total, left, pairs = db.session.execute(query).one()
    return Summary(total, total - (left or 0), pairs or 0)


def safe_total(scan: DuplicateScan) -> int:
    """How many groups wait that can be settled by a rule."""
    where = [listing.at_level(scan, NORMALISED), G.what == "copies", G.kind.in_(SAFE), listing.is_open(scan.dataset_id)]
    return int(db.session.execute(select(func.count()).select_from(G).where(*where)).scalar_one())


def has_splits(dataset_id: int) -> bool:
    """Whether some pair of the dataset lies in a split."""
    query = entries.select_entries(dataset_id, Filters(splits=SPLITS), (Entry.id,)).limit(1)
    return db.session.execute(query).first() is not None


def told(scan: DuplicateScan, groups: Sequence[DuplicateGroup]) -> dict[int, str]:
    """For each group how alike its members are, or what they say differently: ``30 / 14 / 100``."""
    found = {one.id: alike(one) for one in groups if one.what in ("copies", "families")}
    differing = [one for one in groups if one.id not in found]
    members = _members(scan, [one.id for one in differing])
    for one in differing:
        field = "answer" if one.what == "conflicts" or scan.side == "answer" else "question"
        found[one.id] = _values(members.get(one.id, ()), field)
    return found


def alike(group: DuplicateGroup) -> str:
    """How alike the members of a group of copies are."""
    if group.what != "copies":
        return ""
    return {EXACT: "identical", NORMALISED: "same text"}.get(group.highest, f"{group.score:.0f}%")


def _members(scan: DuplicateScan, ids: Sequence[int]) -> dict[int, list[StoredEntry]]:
    columns = (DuplicateMember.group_id, DuplicateMember.entry_id)
    query = select(*columns).where(DuplicateMember.group_id.in_(ids), DuplicateMember.position < LOOKED_AT)
    rows = db.session.execute(query.order_by(DuplicateMember.group_id, DuplicateMember.position)).all()
    known = entries.by_ids(scan.dataset_id, [row[1] for row in rows if row[1] is not None])
    found: dict[int, list[StoredEntry]] = {}
    for group_id, entry_id in rows:
        if entry_id in known:
            found.setdefault(group_id, []).append(known[entry_id])
    return found


def _values(members: Sequence[StoredEntry], field: str) -> str:
    texts = [str(getattr(one, field))[:LONGEST] for one in members]
    matches = [compare(texts[0], text) for text in texts[1:]]
    for kinds in FIRST:
        values = [one for match in matches for one in match.differs if one.kind in kinds]
        sides = dict.fromkeys([*(one.left for one in values), *(one.right for one in values)])
        if kinds == WORDS:
            sides = dict.fromkeys(side.partition(" ")[0] for side in sides)
        shown = [clip(side, 16) for side in sides if side]
        if len(shown) > 1:
            return " / ".join(shown[:4])
    return "other text" if field == "answer" else "other words"

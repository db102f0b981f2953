"""“Not duplicates”: remembered by the contents of the pairs, for this scan and all later ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.orm import Session

from app.core.changes import chunks_of
from app.core.duplicates import Pairs
from app.core.errors import Conflict, Invalid
from app.models import DuplicateGroup, DuplicateMember, DuplicateScan, Entry, NotDuplicate, db, transaction
from app.models.base import now
from app.services import history
from app.services.duplicates.decide import Versions, open_members
from app.services.duplicates.group import read_members
from app.services.duplicates.groups import get_group

# All pairs of a group are remembered: their number grows with the square of its members.
LARGEST = 200
G = DuplicateGroup
HASHES = (NotDuplicate.low_hash, NotDuplicate.high_hash)
# Pairs of content hashes, lower one first.
HashPairs = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Dismissed:
    """What was said: the group, and how many pairs of contents are no duplicates (or may be again)."""

    group_id: int
    pairs: int


def dismissed_hashes(dataset_id: int) -> HashPairs:
    """The pairs of contents that somebody said are no duplicates."""
    query = select(*HASHES).where(NotDuplicate.dataset_id == dataset_id)
    return frozenset((row[0], row[1]) for row in db.session.execute(query))


def split_dismissed(pairs: Pairs, hashes: Any, dismissed: HashPairs) -> tuple[Pairs, Pairs]:
    """The pairs that may be duplicates, and those that were said not to be. ``hashes`` go by position."""
    import numpy as np

    no = np.zeros(len(pairs), bool)
    if dismissed:
        known = np.array(sorted({one for pair in dismissed for one in pair}), np.int64)
        lefts, rights = hashes[pairs.left], hashes[pairs.right]
        # Few pairs have both contents among the known ones; only these are looked up.
        for place in np.flatnonzero(np.isin(lefts, known) & np.isin(rights, known)).tolist():
            one, other = int(lefts[place]), int(rights[place])
            no[place] = (min(one, other), max(one, other)) in dismissed
    return pairs.take(~no), pairs.take(no)


def dismiss_group(dataset_id: int, group_id: int, *, versions: Versions = None) -> Dismissed:
    """Say that the members of a group are no duplicates of each other. It holds while their contents stay.

    Raises Conflict where a pair was edited since it was shown (``versions``), or the group was decided about.
    """
    with transaction() as session:
        scan, group, _ = open_members(dataset_id, group_id, versions)
        pairs = _hash_pairs(session, scan, group)
        known: set[tuple[int, int]] = set()
        for part in chunks_of(pairs, 200):
            query = select(*HASHES).where(NotDuplicate.dataset_id == dataset_id, tuple_(*HASHES).in_(part))
            known.update((row[0], row[1]) for row in session.execute(query))
        rows = [
            {"dataset_id": dataset_id, "low_hash": low, "high_hash": high, "made_at": now()}
            for low, high in pairs
            if (low, high) not in known
        ]
        if rows:
            session.connection().execute(insert(NotDuplicate), rows)
        _set_state(session, scan, group, "dismissed")
        return Dismissed(group.id, len(pairs))


def undismiss_group(dataset_id: int, group_id: int) -> Dismissed:
    """Take it back: the members may be duplicates again."""
    with transaction() as session:
        scan, group = get_group(dataset_id, group_id)
        if group.state != "dismissed":
            raise Conflict("Nobody has said that these pairs are no duplicates.", code="not_dismissed")
        pairs = _hash_pairs(session, scan, group)
        for part in chunks_of(pairs, 200):
            mine = [NotDuplicate.dataset_id == dataset_id, tuple_(*HASHES).in_(part)]
            session.execute(delete(NotDuplicate).where(*mine))
        _set_state(session, scan, group, "open")
        return Dismissed(group.id, len(pairs))


def _hash_pairs(session: Session, scan: DuplicateScan, group: DuplicateGroup) -> Sequence[tuple[int, int]]:
    history.rehash(scan.dataset_id)
    own, rest = read_members(scan, group)
    if len(own) + len(rest) > LARGEST:
        raise Invalid(
            f"More than {LARGEST} pairs cannot be said to be no duplicates at once. Look at a higher level.",
            code="too_many",
        )
    hashes = [one.hash for one in rest]
    for part in chunks_of(own, 500):
        found = session.execute(select(Entry.content_hash).where(Entry.id.in_(part))).scalars()
        hashes += (one or 0 for one in found)
    return sorted({(min(pair), max(pair)) for pair in combinations(hashes, 2)})


def _set_state(session: Session, scan: DuplicateScan, group: DuplicateGroup, state: str) -> None:
    """Give a group its state, and the groups inside it, whose pairs are all among its own."""
    own = select(DuplicateMember.entry_id).where(DuplicateMember.group_id == group.id)
    columns = (DuplicateMember.group_id, DuplicateMember.entry_id, DuplicateMember.other)
    mine = select(*columns).where(DuplicateMember.group_id == group.id)
    members = {tuple(one)[1:] for one in session.execute(mine)}
    sharing = select(DuplicateMember.group_id).join(G, G.id == DuplicateMember.group_id)
    near = sharing.where(DuplicateMember.entry_id.in_(own), G.scan_id == scan.id, G.what != "families").distinct()
    inside: dict[int, set[tuple[object, ...]]] = {}
    for group_id, *member in session.execute(select(*columns).where(DuplicateMember.group_id.in_(near))):
        inside.setdefault(group_id, set()).add(tuple(member))
    ids = [group.id, *(one for one, found in inside.items() if found <= members)]
    session.execute(update(G).where(G.id.in_(ids)).values(state=state))

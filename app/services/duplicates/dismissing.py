"""“Not duplicates”: remembered by the contents of the pairs, for this scan and all later ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.orm import Session

from app.core.changes import chunks_of
from app.core.errors import Conflict, Invalid
from app.models import DuplicateGroup, DuplicateMember, DuplicateScan, Entry, NotDuplicate, transaction
from app.models.base import now
from app.services import history
from app.services.duplicates import listing, settling, showing

# All pairs of a group are remembered: their number grows with the square of its members.
LARGEST = 200
G = DuplicateGroup


@dataclass(frozen=True, slots=True)
class Dismissed:
    """What was said: the group, and how many pairs of contents are no duplicates (or may be again)."""

    group_id: int
    pairs: int


def dismiss(dataset_id: int, group_id: int) -> Dismissed:
    """Say that the members of a group are no duplicates of each other. It holds while their contents stay."""
    with transaction() as session:
        scan, row = settling.opened(dataset_id, group_id)
        found = _hash_pairs(session, scan, row)
        known = set(_known(session, dataset_id, found))
        rows = [
            {"dataset_id": dataset_id, "low_hash": low, "high_hash": high, "made_at": now()}
            for low, high in found
            if (low, high) not in known
        ]
        if rows:
            session.connection().execute(insert(NotDuplicate), rows)
        _set_state(session, scan, row, "dismissed")
        return Dismissed(row.id, len(found))


def undismiss(dataset_id: int, group_id: int) -> Dismissed:
    """Take it back: the members may be duplicates again."""
    with transaction() as session:
        scan, row = listing.get(dataset_id, group_id)
        if row.state != "dismissed":
            raise Conflict("Nobody has said that these pairs are no duplicates.", code="not_dismissed")
        found = _hash_pairs(session, scan, row)
        for part in chunks_of(found, 200):
            named = tuple_(NotDuplicate.low_hash, NotDuplicate.high_hash).in_(part)
            session.execute(delete(NotDuplicate).where(NotDuplicate.dataset_id == dataset_id, named))
        _set_state(session, scan, row, "open")
        return Dismissed(row.id, len(found))


def _hash_pairs(session: Session, scan: DuplicateScan, row: DuplicateGroup) -> list[tuple[int, int]]:
    history.rehash(scan.dataset_id)
    own, rest = showing.members(scan, row)
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


def _known(session: Session, dataset_id: int, pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    columns = (NotDuplicate.low_hash, NotDuplicate.high_hash)
    for part in chunks_of(pairs, 200):
        query = select(*columns).where(NotDuplicate.dataset_id == dataset_id, tuple_(*columns).in_(part))
        yield from ((row[0], row[1]) for row in session.execute(query))


def _set_state(session: Session, scan: DuplicateScan, row: DuplicateGroup, state: str) -> None:
    """Give a group its state, and the groups inside it, whose pairs are all among its own."""
    own = select(DuplicateMember.entry_id).where(DuplicateMember.group_id == row.id)
    columns = (DuplicateMember.group_id, DuplicateMember.entry_id, DuplicateMember.other)
    mine = select(*columns).where(DuplicateMember.group_id == row.id)
    members = {tuple(one)[1:] for one in session.execute(mine)}
    sharing = select(DuplicateMember.group_id).join(G, G.id == DuplicateMember.group_id)
    near = sharing.where(DuplicateMember.entry_id.in_(own), G.scan_id == scan.id, G.what != "families").distinct()
    inside: dict[int, set[tuple[object, ...]]] = {}
    for group_id, *member in session.execute(select(*columns).where(DuplicateMember.group_id.in_(near))):
        inside.setdefault(group_id, set()).add(tuple(member))
    ids = [row.id, *(one for one, found in inside.items() if found <= members)]
    session.execute(update(G).where(G.id.in_(ids)).values(state=state))

"""The part of a scan around some pairs: their stored pairs, and the groups that these reach."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from app.core.changes import chunks_of
from app.core.duplicates import NORMALISED, Family, Pairs
from app.models import DuplicateGroup, DuplicateMember, DuplicatePair, DuplicateScan, db

P, G = DuplicatePair, DuplicateGroup
COLUMNS = (P.left_id, P.right_id, P.level, P.score, P.differs, P.answer_level, P.answer_differs)
Edge = tuple[Any, ...]


def read_edges(
    scan: DuplicateScan, nodes: Iterable[int], *, lowest: int = 0, limit: int | None = None
) -> Iterator[Edge]:
    """The stored pairs of a level that have one of the nodes at either end. One may come twice.

    With a ``limit`` no more are read for each few hundred nodes.
    """
    for part in chunks_of(nodes, 400):
        for end in (P.left_id, P.right_id):
            query = select(*COLUMNS).where(P.scan_id == scan.id, end.in_(part), P.level >= lowest)
            yield from (tuple(row) for row in db.session.execute(query.limit(limit)))


def equal_nodes(scan: DuplicateScan, nodes: Iterable[int], *, largest: int) -> set[int]:
    """The nodes whose compared texts have the same normal form as those of some nodes, these included.

    No more are looked for once there are ``largest``.
    """
    found = set(nodes)
    wave = found
    while wave and len(found) < largest:
        edges = read_edges(scan, wave, lowest=NORMALISED, limit=largest)
        reached = {node for edge in edges for node in edge[:2]}
        wave = reached - found
        found = found | wave
    return found


def remove_edges(session: Session, scan: DuplicateScan, nodes: Iterable[int]) -> None:
    """Forget the stored pairs that have one of the nodes at either end."""
    for part in chunks_of(nodes, 400):
        either = or_(P.left_id.in_(part), P.right_id.in_(part))
        session.execute(delete(P).where(P.scan_id == scan.id, either))


@dataclass(slots=True)
class Neighbourhood:
    """Everything that hangs together with some nodes: all nodes, and all pairs among them."""

    nodes: set[int] = field(default_factory=set)
    edges: dict[tuple[int, int], Edge] = field(default_factory=dict)


def read_neighbourhood(
    scan: DuplicateScan, begin: Iterable[int], new: Sequence[Edge], without: frozenset[int], *, largest: int
) -> Neighbourhood | None:
    """What is reached from ``begin`` by stored pairs and the new ones; None where that is more than ``largest`` nodes.

    Stored pairs of the nodes in ``without`` are passed over: the new ones replace them.
    """
    found = Neighbourhood(edges={(edge[0], edge[1]): edge for edge in new})
    wave = {*begin, *(edge[0] for edge in new), *(edge[1] for edge in new)}
    while wave:
        found.nodes |= wave
        if len(found.nodes) > largest:
            return None
        reached: set[int] = set()
        for edge in read_edges(scan, wave - without):
            if edge[0] not in without and edge[1] not in without:
                found.edges[edge[0], edge[1]] = edge
                reached |= {edge[0], edge[1]}
        wave = reached - found.nodes
    return found


def pairs_of_edges(edges: Sequence[Edge], positions: dict[int, int]) -> Pairs:
    """Pairs by position, as groups are made from. Of two nodes the one with the lower id has the lower position."""
    import numpy as np

    kinds = (np.int32, np.int32, np.uint8, np.float32, np.uint8, np.uint8, np.uint8)
    columns = list(zip(*edges, strict=True)) if edges else [()] * len(kinds)
    ends = [[positions[node] for node in columns[side]] for side in (0, 1)]
    return Pairs(*(np.array(column, kind) for column, kind in zip((*ends, *columns[2:]), kinds, strict=True)))


@dataclass(frozen=True, slots=True)
class OldGroup:
    """A stored group with the ids of its pairs."""

    row: DuplicateGroup
    members: frozenset[int]


def read_groups(scan: DuplicateScan, nodes: Iterable[int]) -> list[OldGroup]:
    """The stored groups, families aside, that have one of the pairs."""
    return [OldGroup(row, members) for row, members in _read_with_members(scan, nodes, G.what != "families")]


def read_families(scan: DuplicateScan, positions: dict[int, int]) -> list[Family]:
    """The stored families that have some of the pairs, as positions of these."""
    found = _read_with_members(scan, positions, G.what == "families")
    return [
        Family(row.frame or "", tuple(positions[one] for one in members if one in positions)) for row, members in found
    ]


def _read_with_members(
    scan: DuplicateScan, nodes: Iterable[int], which: Any
) -> Iterator[tuple[DuplicateGroup, frozenset[int]]]:
    ids: set[int] = set()
    for part in chunks_of(nodes, 500):
        mine = and_(G.scan_id == scan.id, which, DuplicateMember.entry_id.in_(part))
        query = select(G.id).join(DuplicateMember, DuplicateMember.group_id == G.id).where(mine)
        ids.update(db.session.execute(query).scalars())
    members: dict[int, set[int]] = {one: set() for one in ids}
    for part in chunks_of(sorted(ids), 500):
        both = select(DuplicateMember.group_id, DuplicateMember.entry_id).where(DuplicateMember.group_id.in_(part))
        for group_id, entry_id in db.session.execute(both):
            members[group_id].add(entry_id or 0)
        for row in db.session.execute(select(G).where(G.id.in_(part))).scalars():
            yield row, frozenset(members[row.id])

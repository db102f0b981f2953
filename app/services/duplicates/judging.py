"""Which pairs of a safe group are the same, by what they hold now, and which of them is kept."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import select

from app.core.changes import Value, chunks_of
from app.core.duplicates import EXACT, NORMALISED, SAFE
from app.core.duplicates.normal import normalised_shard
from app.core.record import dump_json
from app.models import DuplicateGroup, DuplicateMember, DuplicateScan, Entry, Import, reading
from app.services import entries
from app.services.duplicates import choosing, listing, sources
from app.services.duplicates.choosing import Rank
from app.services.entries import CONTENT, StoredEntry, from_row
from app.services.history import StagedRow

SIZE = 2_000
G = DuplicateGroup


@dataclass(frozen=True, slots=True)
class Member:
    """A pair as it is chosen from: its content as a digest, and what the kept pair may take over."""

    id: int
    content: bytes
    rank: Rank
    tags: Value
    extra: Value
    source: str


@dataclass(slots=True)
class Verdict:
    """What becomes of one group: the pairs that go, and what the kept ones take over."""

    going: list[int] = field(default_factory=list)
    taken: list[StagedRow] = field(default_factory=list)
    stay: int = 0


def verdicts(scan: DuplicateScan, level: int, rule: str) -> Iterator[Verdict]:
    """What becomes of each safe group that is open, group by group."""
    order = choosing.rank(rule)
    for _, rows in groupby(_members(scan, level, order), key=lambda one: one[0]):
        yield _judge([member for _, member in rows])


def _judge(members: Sequence[Member]) -> Verdict:
    same: dict[bytes, list[Member]] = {}
    for one in members:
        same.setdefault(one.content, []).append(one)
    verdict = Verdict(stay=len(same) - 1)
    for alike in same.values():
        kept = max(alike, key=lambda one: one.rank)
        going = [one for one in alike if one is not kept]
        if not going:
            continue
        verdict.going += (one.id for one in going)
        taken = sources.united(
            kept.tags, kept.extra, [one.tags for one in going], [one.source for one in going], kept.source
        )
        verdict.taken += ((kept.id, name, before, after) for name, (before, after) in taken.items())
    return verdict


def _members(scan: DuplicateScan, level: int, order: Callable[[StoredEntry], Rank]) -> Iterator[tuple[int, Member]]:
    level = EXACT if level == EXACT else NORMALISED
    columns = (DuplicateMember.group_id, *CONTENT, Import.file_name, Entry.source_row)
    with reading() as connection:
        safe = [listing.at_level(scan, level), G.what == "copies", G.kind.in_(SAFE), listing.is_open(scan.dataset_id)]
        ids = list(connection.execute(select(G.id).where(*safe).order_by(G.id)).scalars())
        # Not by a join with the groups: a planner that begins with the dataset's pairs needs minutes.
        there = [entries.of_dataset(scan.dataset_id), entries.is_visible(scan.dataset_id, connection)]
        query: Any = select(*columns).join(Entry, Entry.id == DuplicateMember.entry_id)
        query = query.outerjoin(Import, Import.id == Entry.import_id).where(*there)
        for part in chunks_of(ids, 500):
            mine = query.where(DuplicateMember.group_id.in_(part))
            ordered = mine.order_by(DuplicateMember.group_id, DuplicateMember.position)
            for rows in entries.fetch_chunks(connection, ordered, SIZE):
                yield from _digested(rows, order, exact=level == EXACT)


def _digested(
    rows: Sequence[Sequence[Any]], order: Callable[[StoredEntry], Rank], *, exact: bool
) -> Iterator[tuple[int, Member]]:
    found = [from_row(row[1:-2]) for row in rows]
    texts = [text for one in found for text in (one.question, one.answer)]
    forms = texts if exact else normalised_shard(texts)
    for place, (row, one) in enumerate(zip(rows, found, strict=True)):
        parts = [one.system, one.turns, one.trace, one.rejected_answer, *forms[2 * place : 2 * place + 2]]
        content = hashlib.blake2b((dump_json(parts) or "").encode(), digest_size=16).digest()
        source = sources.sentence(row[-2], row[-1])
        yield row[0], Member(one.id, content, order(one), one.tags, one.extra, source)

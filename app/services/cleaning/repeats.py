"""Which pairs become exact copies: of pairs that stay as they are, or of each other."""

from array import array
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from app.core.changes import chunks_of
from app.core.sets import distinct_numbers, is_in
from app.models import Entry, db, reading
from app.services import entries
from app.services.cleaning.outcomes import DUPLICATE, KEPT

# From here on reading the whole index of hashes in order is quicker than looking them up one by one.
MANY = 60_000


class Hashes:
    """Content hashes before and after, one of each for every touched pair; 0 stands for none."""

    def __init__(self) -> None:
        self.before = array("q")
        self.after = array("q")

    def add(self, before: Iterable[int | None], after: Iterable[int | None]) -> None:
        """Note some pairs. ``after`` is None where one goes or stays as it is."""
        self.before.extend([one or 0 for one in before])
        self.after.extend([one or 0 for one in after])


def mark_duplicates(dataset_id: int, ids: "array[int]", flags: "array[int]", hashes: Hashes) -> "array[int]":
    """Flag the pairs that become exact copies. Returns for each the id of the pair it is then the same as, or 0.

    A pair that was a copy of the same pair before does not become one.
    """
    same = array("q", bytes(8 * len(ids)))
    if not ids:
        return same
    for place, other in [*_among(ids, hashes), *_of_others(dataset_id, ids, flags, hashes)]:
        flags[place] |= DUPLICATE
        same[place] = other
    return same


def _among(ids: "array[int]", hashes: Hashes) -> list[tuple[int, int]]:
    """The places of pairs that become the same as an earlier touched pair, with its id."""
    import numpy as np

    after, before = np.asarray(hashes.after), np.asarray(hashes.before)
    order = np.argsort(after, kind="stable")
    repeated = np.flatnonzero((after[order][1:] == after[order][:-1]) & (after[order][1:] != 0)) + 1
    found: list[tuple[int, int]] = []
    first = -1
    for place in repeated:
        here, previous = int(order[place]), int(order[place - 1])
        if first < 0 or after[first] != after[here]:
            first = previous
        if before[here] != before[first]:
            found.append((here, ids[first]))
    return found


def _of_others(dataset_id: int, ids: "array[int]", flags: "array[int]", hashes: Hashes) -> list[tuple[int, int]]:
    """The places of pairs that become the same as a live pair that is not touched, with its id."""
    import numpy as np

    after = np.asarray(hashes.after)
    wanted = distinct_numbers(after[after != 0])
    touched = np.asarray(ids)[(np.asarray(flags) & KEPT) == 0]
    stored, holders = _stored(dataset_id, wanted)
    free = ~is_in(holders, touched)
    stored, holders = stored[free], holders[free]
    if not len(stored):
        return []
    order = np.argsort(stored, kind="stable")
    stored, holders = stored[order], holders[order]
    at = np.searchsorted(stored, after)
    at[at == len(stored)] = 0
    hits = np.flatnonzero((stored[at] == after) & (after != 0))
    return [(int(place), int(holders[at[place]])) for place in hits]


def _stored(dataset_id: int, wanted: Any) -> tuple[Any, Any]:
    """Hashes and ids of the live pairs whose hash is one of ``wanted``."""
    import numpy as np

    hashes, holders = array("q"), array("q")
    candidates = wanted.tolist() if len(wanted) <= MANY else _present(wanted)
    shown = entries.is_visible(dataset_id)
    for part in chunks_of(candidates, 500):
        query = select(Entry.content_hash, Entry.id).where(
            Entry.content_hash.in_(part), entries.of_dataset(dataset_id), shown
        )
        for hash_, entry_id in db.session.execute(query.order_by(Entry.id)):
            hashes.append(hash_ or 0)
            holders.append(entry_id)
    return np.asarray(hashes), np.asarray(holders)


def _present(wanted: Any) -> list[int]:
    """Those of many hashes that the index holds at all."""
    import numpy as np

    found = []
    with reading() as connection:
        every = select(Entry.content_hash).where(Entry.content_hash.is_not(None)).order_by(Entry.content_hash)
        for rows in entries.fetch_chunks(connection, every, 20_000):
            part = np.array([row[0] for row in rows], dtype=np.int64)
            found.append(part[is_in(part, wanted)])
    return distinct_numbers(np.concatenate(found)).tolist() if found else []

"""Which pairs of a scan somebody said are no duplicates: by the hashes of their contents."""

from typing import Any

from sqlalchemy import select

from app.core.duplicates import Pairs
from app.models import NotDuplicate, db

Known = frozenset[tuple[int, int]]


def known(dataset_id: int) -> Known:
    """The pairs of content hashes, lower one first."""
    query = select(NotDuplicate.low_hash, NotDuplicate.high_hash).where(NotDuplicate.dataset_id == dataset_id)
    return frozenset((row[0], row[1]) for row in db.session.execute(query))


def split(pairs: Pairs, hashes: Any, refused: Known) -> tuple[Pairs, Pairs]:
    """The pairs that may be duplicates, and those that were said not to be. ``hashes`` go by position."""
    import numpy as np

    no = np.zeros(len(pairs), bool)
    if refused:
        named = np.array(sorted({one for pair in refused for one in pair}), np.int64)
        lefts, rights = hashes[pairs.left], hashes[pairs.right]
        # Few pairs have both contents among the named ones; only these are looked up.
        for place in np.flatnonzero(np.isin(lefts, named) & np.isin(rights, named)).tolist():
            one, other = int(lefts[place]), int(rights[place])
            no[place] = (min(one, other), max(one, other)) in refused
    return take(pairs, ~no), take(pairs, no)


def take(pairs: Pairs, places: Any) -> Pairs:
    """Some of the pairs, by a mask or their places."""
    columns = (pairs.left, pairs.right, pairs.level, pairs.score, pairs.differs)
    return Pairs(*(one[places] for one in (*columns, pairs.answer_level, pairs.answer_differs)))

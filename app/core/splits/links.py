"""Which of the pairs that a search for duplicates found would give an answer away in another split."""

import numpy as np
from rapidfuzz import fuzz

from app.core.duplicates.base import DEFAULT_LEVEL, DIFFERENCES, FLOOR, UNKNOWN, Others, Pairs
from app.core.splits.rows import Link

_WORD = 1 << DIFFERENCES.index("word")


def links_of(pairs: Pairs, answers: Others) -> Link:
    """The pairs whose questions are alike by the usual level and differ in no number, name, date, unit or “not”.

    One other word is enough to make a variant. Here it is not, where the answers are alike as well: nothing is removed.
    """
    kept = (pairs.level >= DEFAULT_LEVEL) & ((pairs.differs & ~np.uint8(_WORD)) == 0)
    found = pairs.take(kept)
    same = (found.answer_level == UNKNOWN) | ((found.answer_level >= FLOOR) & (found.answer_differs == 0))
    doubtful = np.flatnonzero(found.differs != 0)
    if len(doubtful):
        places = np.unique(np.concatenate((found.left[doubtful], found.right[doubtful]))).tolist()
        text = dict(zip(places, answers(places), strict=True))
        ends = zip(found.left[doubtful].tolist(), found.right[doubtful].tolist(), strict=True)
        same[doubtful] = [fuzz.ratio(text[left], text[right]) >= DEFAULT_LEVEL for left, right in ends]
    told = same | (found.differs == 0)
    return Link(found.left[told].astype(np.int64), found.right[told].astype(np.int64), found.score[told], same[told])

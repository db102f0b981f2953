"""How alike two normal forms are: RapidFuzz's ratio, as written or with the words in order, whichever is higher."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Indel

from app.core.duplicates.base import Progress
from app.core.duplicates.join import I32, share_of_tokens
from app.core.duplicates.normal import strip_politeness
from app.core.duplicates.tokens import U64

# Texts beyond this many characters are compared by words: by characters it would take seconds.
LONG = 8_000
# Below this share of common words, other orders of words are not tried.
REORDERED = 0.55
# From this share on, they are tried although the ratio is high enough.
MOVED = 0.85
BATCH = 1 << 18


def score_pairs(
    forms: Sequence[str],
    left: I32,
    right: I32,
    signatures: U64,
    *,
    lowest: float,
    threads: int,
    tell: Progress | None = None,
) -> npt.NDArray[np.float32]:
    """The score of each pair, 0 where it is below ``lowest``."""
    found = ratios_of_pairs(forms, left, right, lowest, threads, tell)
    shared = share_of_tokens(left, right, signatures)
    # Where words stand otherwise, nearly all of them are shared, or the ratio did not reach the lowest score at all.
    rest = np.flatnonzero(np.where(found < lowest, shared >= REORDERED, (shared >= MOVED) & (found < 100)))
    used, inverse = np.unique(np.concatenate((left[rest], right[rest])), return_inverse=True)
    ordered = [_in_order(forms[one]) for one in used.tolist()]
    one, other = inverse[: len(rest)].astype(np.int32), inverse[len(rest) :].astype(np.int32)
    found[rest] = np.maximum(found[rest], ratios_of_pairs(ordered, one, other, lowest, threads))
    return found


def score_forms(one: str, other: str) -> float:
    """The score of two normal forms, 0 to 100."""
    one, other = strip_politeness(one), strip_politeness(other)
    if max(len(one), len(other)) > LONG:
        return _by_words(one, other, 0)
    return max(fuzz.ratio(one, other), fuzz.ratio(_in_order(one), _in_order(other)))


def _in_order(form: str) -> str:
    return " ".join(sorted(form.split(" ")))


def ratios_of_pairs(
    forms: Sequence[str], left: I32, right: I32, lowest: float, threads: int, tell: Progress | None = None
) -> npt.NDArray[np.float32]:
    """The ratio of each pair of forms as they are written, 0 where it is below ``lowest``."""
    found = np.zeros(len(left), np.float32)
    get = forms.__getitem__
    for begin in range(0, len(left), BATCH):
        if tell is not None:
            tell(0.5 + 0.25 * begin / len(left), "scoring")
        ones = [get(place) for place in left[begin : begin + BATCH].tolist()]
        others = [get(place) for place in right[begin : begin + BATCH].tolist()]
        sizes = (len(one) + len(other) for one, other in zip(ones, others, strict=True))
        long = [place for place, size in enumerate(sizes) if size > 2 * LONG]
        by_words = [_by_words(ones[place], others[place], lowest) for place in long]
        for place in long:
            ones[place] = others[place] = ""
        part = process.cpdist(ones, others, scorer=fuzz.ratio, score_cutoff=lowest, workers=threads, dtype=np.float32)
        part[long] = by_words
        found[begin : begin + BATCH] = part
    return found


def _by_words(one: str, other: str, lowest: float) -> float:
    return 100 * Indel.normalized_similarity(one.split(" "), other.split(" "), score_cutoff=lowest / 100)

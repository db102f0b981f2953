"""Candidates: texts with an equal key that a look at lengths and signatures does not turn away."""

import numpy as np
import numpy.typing as npt

from app.core.duplicates.tokens import U64

I32 = npt.NDArray[np.int32]

WINDOW = 8
# Shares that two texts must have in common to be worth scoring: of the longer's length, of all tokens, of the fewer.
SHORTEST, JACCARD, SURE_JACCARD, CONTAINED = 0.55, 0.34, 0.42, 0.6
_BATCH = 1 << 18
# Found pairs are made unique before they take more memory than this many.
_MERGED = 1 << 21


def find_candidates(keys: U64, signatures: U64, lengths: I32, *, cap: int, bits: int) -> U64:
    """Pairs of positions that share a key, ``left << 32 | right``, each once, ascending.

    Up to ``cap`` texts of one key are all paired; among more, each with the ``WINDOW`` that follow it.
    """
    positions, limit = _neighbours(np.sort(keys), cap, bits)
    sizes = np.bitwise_count(signatures).sum(1).astype(np.int32)
    found, merged = [np.zeros(0, np.uint64)], 0
    active, distance = np.flatnonzero(limit >= 1), 1
    while len(active):
        for begin in range(0, len(active), _BATCH):
            at = active[begin : begin + _BATCH]
            left, right = positions.take(at), positions.take(at + distance)
            found.append(_keep_likely(left, right, signatures, sizes, lengths))
            if sum(map(len, found)) > 2 * merged + _MERGED:
                found = [sort_unique(np.concatenate(found))]
                merged = len(found[0])
        distance += 1
        active = active[limit.take(active) >= distance]
    return sort_unique(np.concatenate(found))


def every_pair(signatures: U64, lengths: I32) -> U64:
    """The pairs that may reach the lowest score among all there are, as ``candidates`` gives them; for few texts."""
    left, right = (side.astype(np.int32) for side in np.triu_indices(len(lengths), 1))
    sizes = np.bitwise_count(signatures).sum(1).astype(np.int32)
    return _keep_likely(left, right, signatures, sizes, lengths)


def _neighbours(keys: U64, cap: int, bits: int) -> tuple[I32, I32]:
    """Positions in the order of their keys, without lonely ones, and how many followers each is paired with."""
    shift = np.uint64(bits)
    group = keys >> shift
    same = group[1:] == group[:-1]
    shared = np.zeros(len(keys), bool)
    shared[1:] = same
    shared[:-1] |= same
    positions = (keys[shared] & np.uint64((1 << bits) - 1)).astype(np.int32)
    group = group[shared]
    border = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1]))) if len(group) else np.zeros(0, np.int64)
    size = np.diff(np.append(border, len(group)))
    following = np.repeat(border + size, size) - np.arange(len(group)) - 1
    limit = np.where(np.repeat(size, size) <= cap, following, np.minimum(following, WINDOW))
    return positions, limit.astype(np.int32)


def _keep_likely(left: I32, right: I32, signatures: U64, sizes: I32, lengths: I32) -> U64:
    """The pairs that may reach the lowest score."""
    one, other = lengths.take(left), lengths.take(right)
    fit = np.flatnonzero(np.minimum(one, other) >= SHORTEST * np.maximum(one, other))
    left, right = left[fit], right[fit]
    shared = np.bitwise_count(signatures.take(left, 0) & signatures.take(right, 0)).sum(1).astype(np.float32)
    one, other = sizes.take(left), sizes.take(right)
    every = one + other - shared
    fit = (shared >= JACCARD * every) & (
        (shared >= SURE_JACCARD * every) | (shared >= CONTAINED * np.minimum(one, other))
    )
    left, right = left[fit], right[fit]
    low, high = np.minimum(left, right).astype(np.uint64), np.maximum(left, right).astype(np.uint64)
    return sort_unique((low << np.uint64(32)) | high)


def can_reach(left: I32, right: I32, letters: npt.NDArray[np.uint8], lowest: float) -> npt.NDArray[np.bool_]:
    """Which pairs can score ``lowest`` at all: each letter that one text has more often costs an edit.

    A lower bound of the Indel distance by letter counts; texts with no counts are let through.
    """
    result = np.empty(len(left), bool)
    for begin in range(0, len(left), _BATCH):
        one = letters.take(left[begin : begin + _BATCH], 0)
        other = letters.take(right[begin : begin + _BATCH], 0)
        # NUL ends each text and was counted as well; it cancels out.
        apart = (np.maximum(one, other) - np.minimum(one, other)).sum(1, dtype=np.int32)
        ones, others = one.sum(1, dtype=np.int32), other.sum(1, dtype=np.int32)
        fits = apart <= (1 - lowest / 100) * (ones + others)
        result[begin : begin + _BATCH] = fits | (ones == 0) | (others == 0)
    return result


def sort_unique(values: U64) -> U64:
    """Each value once, ascending."""
    values = np.sort(values)
    first = np.empty(len(values), bool)
    first[:1] = True
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return values[first]


def share_of_tokens(left: I32, right: I32, signatures: U64) -> npt.NDArray[np.float32]:
    """The share of tokens that two texts have in common, by their signatures (Jaccard)."""
    found = np.empty(len(left), np.float32)
    for begin in range(0, len(left), _BATCH):
        one = signatures.take(left[begin : begin + _BATCH], 0)
        other = signatures.take(right[begin : begin + _BATCH], 0)
        every = np.bitwise_count(one | other).sum(1)
        found[begin : begin + _BATCH] = np.bitwise_count(one & other).sum(1) / np.maximum(every, 1)
    return found

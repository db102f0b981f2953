"""What may not differ between copies: numbers, dates, units, negations, yes and no, names.

Each text gets one number made of all its words of these kinds, whatever their order. Where two texts have the same
number, none of these words differs; the few others are looked at word by word in ``differences``.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from app.core.duplicates.base import DIFFERENCES
from app.core.duplicates.tokens import PAD, TOKEN_BITS, U32, U64, Tokens, find_runs, hash_ranges, mix_bits, token_hash
from app.core.duplicates.words import KINDS, STARTERS

_SALT = np.uint64(0x51ED)
# The bits of the kinds of marked words. That of numbers is 1, as of a token that holds a digit.
MARKED = tuple(1 << DIFFERENCES.index(kind) for kind in KINDS)
_LOWER = bytes(range(256)).lower()


def _token_table(words: frozenset[str]) -> npt.NDArray[np.bool_]:
    table = np.zeros(1 << TOKEN_BITS, bool)
    table[[token_hash(word) for word in words]] = True
    return table


@cache
def _marked_words() -> npt.NDArray[np.uint8]:
    """Of each token hash the bit of the kind of word that it is, 0 for most."""
    table = np.zeros(1 << TOKEN_BITS, np.uint8)
    for kind, words in KINDS.items():
        table[_token_table(words)] |= np.uint8(1 << DIFFERENCES.index(kind))
    return table


@cache
def _starting_words() -> npt.NDArray[np.bool_]:
    """Which token hashes are those of words that begin sentences. Only whole tables are kept: each takes 16 MB."""
    return _token_table(STARTERS)


def sum_marks(part: Tokens) -> U64:
    """Of each text one number for each kind of marked words, shape (texts, kinds), in the order of ``MARKED``."""
    kind = _marked_words().take(part.hashes) | part.digits
    at = np.flatnonzero(kind)
    kind, hashes = kind[at], part.hashes[at]
    doc = np.repeat(np.arange(len(part.counts)), part.counts)[at]
    found = np.zeros((len(part.counts), len(MARKED)), np.uint64)
    for column, bit in enumerate(MARKED):
        mine = kind & bit > 0
        found[:, column] = _sum_hashes(doc[mine], hashes[mine], len(part.counts))
    return found


def sum_names(texts: Sequence[str]) -> U64:
    """One number for each text as written over its words with a capital that begin no sentence, or are rare there."""
    joined = "\0".join(texts).encode("utf-8", "replace") + b"\0"
    data = np.frombuffer(joined, np.uint8)
    starts, ends = find_runs((((data | 32) >= 97) & ((data | 32) <= 122)) | (data > 127))
    capital = (data[starts] >= 65) & (data[starts] <= 90)
    starts, ends = starts[capital], ends[capital]
    hashes = hash_ranges(joined.translate(_LOWER) + PAD, starts, ends)
    known = ~_starting_words().take(hashes)
    borders = np.flatnonzero(data == 0)
    doc = np.searchsorted(borders, starts)
    return _sum_hashes(doc[known], hashes[known], len(texts))


def _sum_hashes(doc: npt.NDArray[np.int64], hashes: U32, number: int) -> U64:
    found = np.zeros(number, np.uint64)
    np.add.at(found, doc, mix_bits(hashes.astype(np.uint64) + _SALT))
    return found

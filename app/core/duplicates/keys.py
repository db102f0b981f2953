"""What makes two texts candidates: keys of their rarest tokens, two at a time, and signatures to turn most away.

A text keeps its ``rarest`` tokens by corpus frequency and gets one key for each two of them, and one for the whole
set of its tokens (copies and reorderings). Two texts that differ by d edits of tokens share a key where ``rarest`` is
at least 2d + 2 (prefix filtering of set-similarity joins, here on pairs of tokens, so that common words make no keys).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.duplicates.tokens import TOKEN_BITS, U32, U64, Tokens, mix_bits

# Frequencies above this are all alike: such tokens are common.
_COMMON = (1 << 20) - 1
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_TOKEN_MASK = np.uint64((1 << 44) - 1)
SIGNATURE_WORDS = 4


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one shard, each with its text's position in the low bits, and the signatures of its texts.

    ``signatures`` are ``SIGNATURE_WORDS`` words of bits for each text, ``rarest`` its rarest tokens (0 where it has
    fewer), rarest first.
    """

    keys: U64
    signatures: U64
    rarest: U32


def count_tokens(parts: list[Tokens]) -> U32:
    """How often each token occurs, by its hash."""
    total = np.zeros(1 << TOKEN_BITS, np.uint32)
    for part in parts:
        for begin in range(0, len(part.hashes), 1 << 20):
            np.add.at(total, part.hashes[begin : begin + (1 << 20)], np.uint32(1))
    return np.minimum(total, np.uint32(_COMMON))


def make_keys(part: Tokens, frequency: U32, first: int, *, rarest: int, bits: int) -> Keys:
    """The keys of a shard whose texts begin at position ``first``; ``bits`` hold a position."""
    number = len(part.counts)
    doc, token = _sorted_tokens(part, frequency)
    kept = np.bincount(doc, minlength=number)
    start = np.cumsum(kept) - kept
    positions = np.arange(first, first + number, dtype=np.uint64)
    low = np.uint64((1 << bits) - 1)
    # One number for each text's set of tokens, whatever their order.
    having = np.flatnonzero(kept)
    sums = mix_bits(token * np.uint64(0xD1B54A32D192ED03) + np.uint64(7))
    sums = np.add.reduceat(sums, start[having]) if len(having) else sums[:0]
    found = [(mix_bits(sums + np.uint64(99)) & ~low) | positions[having]]
    for left in range(rarest - 1):
        for right in range(left + 1, rarest):
            having = np.flatnonzero(kept > right)
            if not len(having):
                break
            one, other = token[start[having] + left], token[start[having] + right]
            key = mix_bits((one * _GOLDEN) ^ ((other + np.uint64(0x1234567)) * np.uint64(0xC2B2AE3D27D4EB4F)))
            found.append((key & ~low) | positions[having])
    tokens = np.zeros((number, rarest), np.uint32)
    for place in range(rarest):
        having = np.flatnonzero(kept > place)
        tokens[having, place] = token[start[having] + place].astype(np.uint32) & np.uint32((1 << TOKEN_BITS) - 1)
    return Keys(np.concatenate(found), _make_signatures(doc, token, start, kept), tokens)


def _sorted_tokens(part: Tokens, frequency: U32) -> tuple[npt.NDArray[np.int64], U64]:
    """Each text's tokens once, the rarest first, as (frequency, hash) in one number, with the text's place."""
    doc = np.repeat(np.arange(len(part.counts), dtype=np.uint64), part.counts)
    key = (doc << np.uint64(44)) | (frequency.take(part.hashes).astype(np.uint64) << np.uint64(24)) | part.hashes
    key.sort()
    first = np.empty(len(key), bool)
    first[:1] = True
    np.not_equal(key[1:], key[:-1], out=first[1:])
    key = key[first]
    return (key >> np.uint64(44)).astype(np.int64), key & _TOKEN_MASK


def _make_signatures(
    doc: npt.NDArray[np.int64], token: U64, start: npt.NDArray[np.int64], kept: npt.NDArray[np.int64]
) -> U64:
    """A bit for each token, of 64 for each word of the signature (a Bloom filter with one hash)."""
    place = (token * _GOLDEN) >> np.uint64(56)
    bit = np.uint64(1) << (place & np.uint64(63))
    word = place >> np.uint64(6)
    signature = np.zeros((len(kept), SIGNATURE_WORDS), np.uint64)
    having = np.flatnonzero(kept)
    if len(having):
        for number in range(SIGNATURE_WORDS):
            only = np.where(word == np.uint64(number), bit, np.uint64(0))
            signature[having, number] = np.bitwise_or.reduceat(only, start[having])
    return signature

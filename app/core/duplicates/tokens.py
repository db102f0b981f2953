"""Tokens of many normal forms at once: words, and pairs of characters where a script writes no spaces.

Texts come joined as bytes, and numpy finds the borders (tokenising on the byte buffer; a word at a time in Python
costs twenty times as much). A token is known by 24 bits of its hash, so that frequencies fit into one table.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

TOKEN_BITS = 24
BINS = 32
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
PAD = b"\0" + b" " * 24
# The low bytes of a little-endian word that belong to a token of so many bytes.
_MASKS = np.array([0, *((1 << (8 * size)) - 1 for size in range(1, 9))], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of many texts one after the other, and of each text how many, its length and its letters.

    ``digits`` tells the tokens that hold a digit. ``lengths`` are bytes. ``letters`` counts the bytes in ``BINS`` bins,
    up to 255 each, where all are ASCII; other texts have none.
    """

    hashes: U32
    digits: npt.NDArray[np.bool_]
    counts: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int32]
    letters: npt.NDArray[np.uint8]


def mix_bits(value: U64) -> U64:
    """Spread all bits over all bits (the finaliser of MurmurHash3, other constants)."""
    value = value ^ (value >> np.uint64(32))
    value *= np.uint64(0xD6E8FEB86659FD93)
    value ^= value >> np.uint64(29)
    value *= np.uint64(0xBF58476D1CE4E5B9)
    value ^= value >> np.uint64(32)
    return value


def tokenise_texts(joined: bytes) -> Tokens:
    """The tokens of normal forms that are joined by NUL."""
    buffer = joined + PAD
    size = len(joined) + 1
    data = np.frombuffer(buffer, np.uint8)
    starts, ends = find_runs(data[:size] > 32)
    if data[:size].max(initial=0) >= 0xE0:
        starts, ends = _with_character_pairs(data, starts, ends)
    hashes = hash_ranges(buffer, starts, ends)
    borders = np.flatnonzero(data[:size] == 0)
    counts = np.diff(np.searchsorted(starts, borders), prepend=0).astype(np.int32)
    lengths = (np.diff(borders, prepend=-1) - 1).astype(np.int32)
    digits = np.flatnonzero((data >= 48) & (data <= 57))
    with_digit = np.searchsorted(digits, starts) < np.searchsorted(digits, ends)
    return Tokens(hashes, with_digit, counts, lengths, _count_letters(data[:size], borders))


def token_hash(word: str) -> int:
    """The hash of one token, as in ``Tokens.hashes``."""
    encoded = word.encode()
    return int(hash_ranges(encoded + PAD, np.zeros(1, np.int64), np.full(1, len(encoded), np.int64))[0])


def _count_letters(data: npt.NDArray[np.uint8], borders: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """How often each bin of bytes occurs in each text."""
    text = np.repeat(np.arange(len(borders), dtype=np.int32) * BINS, np.diff(borders, prepend=-1))
    text += data & (BINS - 1)
    found = np.minimum(np.bincount(text, minlength=len(borders) * BINS), 255).astype(np.uint8).reshape(-1, BINS)
    found[np.searchsorted(borders, np.flatnonzero(data > 127))] = 0
    return found


def hash_ranges(buffer: bytes, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> U32:
    """Hashes of byte ranges: the first, the second and the last eight bytes, and the length."""
    window = np.ndarray(shape=(len(buffer) - 8,), dtype="<u8", buffer=buffer, strides=(1,))
    size = ends - starts
    value = window[starts] & _MASKS[np.minimum(size, 8)]
    long = np.flatnonzero(size > 8)
    if len(long):
        value[long] = value[long] * _GOLDEN + window[ends[long] - 8]
        longer = long[size[long] > 16]
        value[longer] = value[longer] * _GOLDEN + window[starts[longer] + 8]
    value = mix_bits(value + size.astype(np.uint64) * _GOLDEN)
    return (value >> np.uint64(64 - TOKEN_BITS)).astype(np.uint32)


def _find_wide(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where a three-byte character begins that belongs to a script without spaces, or to Korean.

    Thai and Lao (E0 B8 to BB), Myanmar and Khmer (E1 80 to 82, 9E, 9F), kana and ideographs (E3 to E9, EF A4 to AB),
    Yi and Hangul (EA to ED).
    """
    following = np.append(data[1:], 0)
    thai = (data == 0xE0) & (following >= 0xB8) & (following <= 0xBB)
    khmer = (data == 0xE1) & (np.isin(following, (0x80, 0x81, 0x82, 0x9E, 0x9F)))
    compatible = (data == 0xEF) & (following >= 0xA4) & (following <= 0xAB)
    found: npt.NDArray[np.bool_] = ((data >= 0xE3) & (data <= 0xED)) | thai | khmer | compatible
    return found


def _with_character_pairs(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Words cut where wide characters stand: pairs of neighbours among them, and what is left between."""
    wide = _find_wide(data)
    first = np.flatnonzero(wide)
    if not len(first):
        return starts, ends
    has_next = wide[first + 3]
    has_previous = wide[np.maximum(first - 3, 0)] & (first >= 3)
    alone = first[~has_next & ~has_previous]
    doubled = first[has_next]
    # Whatever is not wide stays a word of its own.
    narrow = data > 32
    for offset in range(3):
        narrow[first + offset] = False
    narrow[-1] = False
    other_starts, other_ends = find_runs(narrow)
    begin = np.concatenate((other_starts, doubled, alone))
    end = np.concatenate((other_ends, doubled + 6, alone + 3))
    order = np.argsort(begin, kind="stable")
    return begin[order], end[order]


def find_runs(inside: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where runs of True start and end. The last value is False."""
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    if inside[0]:
        edges = np.concatenate(([0], edges))
    return edges[0::2], edges[1::2]

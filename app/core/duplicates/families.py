"""Families: texts made from one frame, such as ``what is the weather in …``.

Two like texts of which all words agree but for one slot share a frame: the words before it and the words after it.
A frame that many texts fill in different ways is a template, and its texts are no copies of one another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.duplicates.join import I32
from app.core.duplicates.tokens import U32, U64, mix_bits

# A slot holds so many words at most, and the frame so many words and so large a share of the text at least.
SLOT, FRAME, SHARE = 5, 3, 0.5
_SALT = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Frames:
    """Of each pair the frame (0 where the texts have none in common) and how many words it has before its slot."""

    frame: U64
    before: I32
    after: I32


def find_frames(left: I32, right: I32, hashes: U32, counts: I32) -> Frames:
    """The frames of pairs of texts, given all texts' tokens one after the other."""
    begin = (np.cumsum(counts, dtype=np.int64) - counts).astype(np.int64)
    fewer = np.minimum(counts[left], counts[right])
    before, ahead = _count_common(hashes, begin[left], begin[right], fewer, 1)
    ends = begin + counts - 1
    after, behind = _count_common(hashes, ends[left], ends[right], fewer - before, -1)
    words = before + after
    longer = np.maximum(counts[left], counts[right])
    fits = (fewer > words) & (longer - words <= SLOT) & (words >= FRAME) & (words >= SHARE * longer)
    frame = mix_bits(ahead + mix_bits(behind + before.astype(np.uint64) * _SALT + after.astype(np.uint64)))
    return Frames(np.where(fits, frame | np.uint64(1), np.uint64(0)), before, after)


def _count_common(
    hashes: U32, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], most: I32, step: int
) -> tuple[I32, U64]:
    """How many tokens agree from two places on, going by ``step``, and one number for them in their order."""
    length, value = np.zeros(len(one), np.int32), np.zeros(len(one), np.uint64)
    active = np.flatnonzero(most > 0)
    at = 0
    while len(active):
        token = hashes.take(one[active] + step * at)
        active = active[same] if not (same := token == hashes.take(other[active] + step * at)).all() else active
        value[active] = mix_bits(value[active] * _SALT + token[same].astype(np.uint64) + np.uint64(1))
        at += 1
        length[active] = at
        active = active[most[active] > at]
    return length, value


def find_members(found: Frames, left: I32, right: I32, *, smallest: int) -> list[tuple[int, npt.NDArray[np.int64]]]:
    """The families, largest first, as (a pair of it, its texts). A text is in the largest of its families only."""
    having = np.flatnonzero(found.frame)
    frame = np.concatenate((found.frame[having], found.frame[having]))
    text = np.concatenate((left[having], right[having])).astype(np.int64)
    pair = np.concatenate((having, having))
    order = np.lexsort((text, frame))
    frame, text, pair = frame[order], text[order], pair[order]
    once = np.ones(len(frame), bool)
    once[1:] = (frame[1:] != frame[:-1]) | (text[1:] != text[:-1])
    frame, text, pair = frame[once], text[once], pair[once]
    border = np.flatnonzero(np.concatenate(([True], frame[1:] != frame[:-1]))) if len(frame) else np.zeros(0, np.int64)
    size = np.diff(np.append(border, len(frame)))
    taken = np.zeros(int(text.max(initial=-1)) + 1, bool)
    families = []
    large = np.flatnonzero(size >= smallest)
    for place in large[np.argsort(-size[large], kind="stable")].tolist():
        begin = int(border[place])
        mine = text[begin : begin + int(size[place])]
        mine = mine[~taken[mine]]
        if len(mine) >= smallest:
            taken[mine] = True
            families.append((int(pair[begin]), mine))
    return families


def words_of(form: str, before: int, after: int) -> str:
    """The frame as people read it, from one of its texts."""
    words: Sequence[str] = form.split(" ")
    return " ".join([*words[:before], "…", *(words[len(words) - after :] if after else ())])

"""Word differences between two texts.

By RapidFuzz's Indel opcodes on words and blanks; a deletion next to an insertion is shown as one replacement.
"""

import re
from collections.abc import Iterable
from itertools import groupby

from rapidfuzz.distance import Indel, Postfix, Prefix

_WORDS = re.compile(r"\w+|\s+|[^\w\s]", re.UNICODE)
_BLANK = re.compile(r"\s+")
MAX_WORDS = 20_000
MARKED_AT_MOST = 0.6
_AROUND = 200
# Over so many words, what a single change does to the distance is made up for.
_STRIDE = 16

Piece = tuple[str, str]


def compare_words(before: str | None, after: str | None) -> list[Piece]:
    """The pieces of both texts in order: ``("equal" | "delete" | "insert", text)``.

    Where more differs than can be compared word by word, it is compared by lines first; so large a line is replaced.
    """
    old, new = before or "", after or ""
    if old == new:
        return [("equal", old)] if old else []
    first, second = _WORDS.findall(old), _WORDS.findall(new)
    # In a long text that was edited, nearly all is the same before and behind.
    same = Prefix.similarity(first, second)
    tail = min(Postfix.similarity(first, second), min(len(first), len(second)) - same)
    head, foot = "".join(first[:same]), "".join(first[len(first) - tail :])
    first, second = first[same : len(first) - tail], second[same : len(second) - tail]
    pieces: list[Piece] = [("equal", head)] if head else []
    if len(first) + len(second) > MAX_WORDS:
        pieces += _compare_lines("".join(first), "".join(second))
        first = second = []
    for step in Indel.opcodes(first, second):
        if step.tag == "equal":
            pieces.append(("equal", "".join(first[step.src_start : step.src_end])))
        elif step.tag == "delete":
            pieces.append(("delete", "".join(first[step.src_start : step.src_end])))
        else:
            pieces.append(("insert", "".join(second[step.dest_start : step.dest_end])))
    return _joined([*pieces, ("equal", foot)] if foot else pieces)


def _compare_lines(old: str, new: str) -> list[Piece]:
    """The pieces of long texts: the words of those lines alone that are not the same."""
    first, second = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if len(first) + len(second) > MAX_WORDS:
        return _one_change(old, new)
    pieces: list[Piece] = []
    for is_equal, steps in groupby(Indel.opcodes(first, second), key=lambda step: step.tag == "equal"):
        parts = list(steps)
        before = "".join("".join(first[one.src_start : one.src_end]) for one in parts)
        after = "".join("".join(second[one.dest_start : one.dest_end]) for one in parts)
        if is_equal:
            pieces.append(("equal", before))
        elif (before, after) == (old, new):
            pieces += _one_change(old, new)
        else:
            pieces += compare_words(before, after)
    return pieces


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Changes that only a blank parts are one change: all deletions, then all insertions."""
    out: list[Piece] = []
    deleted, inserted = "", ""
    for place, (kind, text) in enumerate(pieces):
        between = kind == "equal" and not text.strip() and (deleted or inserted) and place + 1 < len(pieces)
        if kind == "delete" or between:
            deleted += text
        if kind == "insert" or between:
            inserted += text
        if kind == "equal" and not between:
            out += _one_change(deleted, inserted)
            deleted = inserted = ""
            out.append((kind, text))
    return out + _one_change(deleted, inserted)


def _one_change(deleted: str, inserted: str) -> list[Piece]:
    return [(kind, text) for kind, text in (("delete", deleted), ("insert", inserted)) if text]


def excerpt_changes(pieces: list[Piece], around: int = 60) -> list[Piece]:
    """The pieces with long equal stretches cut down to the whole words that stand around the changes."""
    out: list[Piece] = []
    last = len(pieces) - 1
    for place, (kind, text) in enumerate(pieces):
        if kind != "equal" or len(text) <= 2 * around:
            out.append((kind, text))
        elif place == 0:
            out.append((kind, "… " + _last_words(text, around)))
        elif place == last:
            out.append((kind, _first_words(text, around) + " …"))
        else:
            out.append((kind, f"{_first_words(text, around)} … {_last_words(text, around)}"))
    return out


def cut_to_change(before: str | None, after: str | None, longest: int) -> tuple[str | None, str | None]:
    """Both texts as they are, or, where one has more than ``longest`` characters, what changes first and stands around.

    Each has then about as many characters at most, with … where something is left out.
    """
    old, new = before or "", after or ""
    if max(len(old), len(new)) <= longest:
        return before, after
    same = Prefix.similarity(old, new)
    tail = min(Postfix.similarity(old, new), min(len(old), len(new)) - same)
    start = max(same - min(_AROUND, longest // 4), 0)
    end = max(len(old), len(new)) - tail
    behind = min(tail, _AROUND, longest // 4) if end - start <= longest else 0
    parts = [text[start : min(len(text) - tail + behind, start + longest)] for text in (old, new)]
    if min(len(old), len(new)) - tail - start > longest:
        # Both are cut at the same length, so one says more than the other: its end would look like a change.
        # The last word of each may be half of one.
        first, second = (_WORDS.findall(part)[:-1] for part in parts)
        short, far = _best_prefix(second, first), _best_prefix(first, second)
        if Indel.distance(first[:short], second) < Indel.distance(first, second[:far]):
            first = first[:short]
        else:
            second = second[:far]
        if first != second:  # else what differs stands in the last word alone
            parts = ["".join(first), "".join(second)]
    head, foot = "… " if start else "", " …" if behind < tail or end - start > longest else ""
    return f"{head}{parts[0]}{foot}" if before else before, f"{head}{parts[1]}{foot}" if after else after


def _best_prefix(words: list[str], longer: list[str]) -> int:
    """How many words of the second list differ least from all of the first: they come nearer, then go away again."""
    low, high = 0, len(longer)
    while low < high:
        middle = (low + high) // 2
        if Indel.distance(words, longer[: middle + _STRIDE]) < Indel.distance(words, longer[:middle]):
            low = middle + 1
        else:
            high = middle
    near = range(max(low - _STRIDE, 0), min(low + _STRIDE, len(longer)) + 1)
    return min(near, key=lambda count: Indel.distance(words, longer[:count]))


def _first_words(text: str, longest: int) -> str:
    """The first whole words; a word that is longer itself, as in writing without blanks, is cut."""
    cut = text[:longest]
    return cut[: _last_blank(cut) if text[longest].isalnum() else longest].rstrip()


def _last_words(text: str, longest: int) -> str:
    cut = text[-longest:]
    blank = _BLANK.search(cut) if text[-longest - 1].isalnum() else None
    return cut[blank.end() :] if blank and blank.end() < longest else cut.lstrip()


def _last_blank(text: str) -> int:
    found = [blank.start() for blank in _BLANK.finditer(text)]
    return found[-1] if found and found[-1] else len(text)


def mark_differences(text: str, others: Iterable[str]) -> list[Piece]:
    """The text in pieces, where ``insert`` marks what any of the others says otherwise.

    Nothing is marked where nearly everything differs: a mark on all of it would help nobody.
    """
    flags = bytearray(len(text))
    for other in others:
        place = 0
        for kind, piece in compare_words(other, text):
            if kind == "delete":
                continue
            if kind == "insert":
                flags[place : place + len(piece)] = b"\1" * len(piece)
            place += len(piece)
    if sum(flags) > len(text) * MARKED_AT_MOST:
        return [("equal", text)] if text else []
    runs = groupby(range(len(text)), flags.__getitem__)
    return [("insert" if flag else "equal", "".join(text[place] for place in places)) for flag, places in runs]


def mark_words(text: str, wanted: Iterable[str]) -> list[Piece]:
    """The text in pieces, where ``insert`` is one of the wanted words, whatever its case."""
    patterns = [rf"(?<!\w){re.escape(word)}(?!\w)" if word.isascii() else re.escape(word) for word in wanted]
    parts = re.split(f"({'|'.join(sorted(patterns))})", text, flags=re.IGNORECASE) if patterns else [text]
    return [("insert" if place % 2 else "equal", part) for place, part in enumerate(parts) if part]

"""What two like texts differ in, word by word: the words that only one of them has, sorted by what they mean."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from rapidfuzz import fuzz

from app.core.duplicates.base import DIFFERENCES, Difference
from app.core.duplicates.words import KINDS, NUMBERS, POLITE, STARTERS, WIDE_NEGATIONS

_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_KINDS = {word: kind for kind, words in KINDS.items() for word in words}
_BITS = {name: 1 << place for place, name in enumerate(DIFFERENCES)}
# Names from this score on are one name, misspelt.
MISSPELT = 70


def differences(left: str, right: str, left_form: str, right_form: str) -> list[Difference]:
    """What matters of what two texts differ in; ``left_form`` and ``right_form`` are their normal forms."""
    lefts, rights = left_form.split(" "), right_form.split(" ")
    in_left, in_right = set(lefts), set(rights)
    only_left = [word for word in lefts if word not in in_right]
    only_right = [word for word in rights if word not in in_left]
    mine, theirs = _by_kind(left, only_left), _by_kind(right, only_right)
    if not left_form.isascii() and not right_form.isascii():
        _take_wide_negations(left_form, right_form, mine, theirs)
    if not mine and not theirs:
        return []
    _forget_misspelt(mine, theirs, in_left, in_right)
    _forget_equal_numbers(mine, theirs)
    return [
        Difference(kind, " ".join(dict.fromkeys(mine.get(kind, ()))), " ".join(dict.fromkeys(theirs.get(kind, ()))))
        for kind in DIFFERENCES
        if mine.get(kind) or theirs.get(kind)
    ]


def is_misspelt(left_form: str, right_form: str) -> bool:
    """Whether the words that only one of two texts has are the other's, misspelt, or mere politeness."""
    lefts, rights = left_form.split(" "), right_form.split(" ")
    mine = " ".join(word for word in lefts if word not in rights and word not in POLITE)
    theirs = " ".join(word for word in rights if word not in lefts and word not in POLITE)
    return mine == theirs or fuzz.ratio(mine, theirs) >= MISSPELT


def bits(found: Iterable[Difference]) -> int:
    """The differences as bits of ``Pairs.differs``."""
    result = 0
    for one in found:
        result |= _BITS[one.kind]
    return result


def _by_kind(text: str, words: Sequence[str]) -> dict[str, list[str]]:
    """The words that mean something, by what they mean."""
    found: dict[str, list[str]] = {}
    for word in words:
        kind = _KINDS.get(word)
        if kind is not None:
            found.setdefault(kind, []).append(NUMBERS.get(word, word))
        elif not word.isalpha() and (numbers := _NUMBER.findall(word)):
            found.setdefault("number", []).extend(map(_plain, numbers))
        elif len(word) > 1 and word not in STARTERS and word.capitalize() in text and word[0].islower():
            found.setdefault("name", []).append(word)
    if "name" in found and _shouting(text):
        del found["name"]
    return found


def _plain(number: str) -> str:
    """A number without thousands separators, leading zeros and an empty fraction."""
    number = re.sub(r",(?=\d{3}(?!\d))", "", number)
    if number.count(".") == 1:
        number = number.rstrip("0").rstrip(".")
    return number.lstrip("0") or "0"


def _shouting(text: str) -> bool:
    """Whether most words begin with a capital, so that capitals name nothing."""
    words = text[:2000].split()
    return len(words) > 3 and sum(word[0].isupper() for word in words) > 0.75 * len(words)


def _take_wide_negations(left: str, right: str, mine: dict[str, list[str]], theirs: dict[str, list[str]]) -> None:
    for word in WIDE_NEGATIONS:
        surplus = left.count(word) - right.count(word)
        if surplus:
            (mine if surplus > 0 else theirs).setdefault("negation", []).append(word)


def _forget_misspelt(
    mine: dict[str, list[str]], theirs: dict[str, list[str]], lefts: Iterable[str], rights: Iterable[str]
) -> None:
    """Names, units and dates that the other text misspells are no difference."""
    for kind in ("name", "unit", "date"):
        for words, others in ((mine.get(kind), rights), (theirs.get(kind), lefts)):
            if words:
                words[:] = [word for word in words if not _has_like(word, others)]


def _has_like(word: str, others: Iterable[str]) -> bool:
    return any(fuzz.ratio(word, other, score_cutoff=MISSPELT) for other in others)


def _forget_equal_numbers(mine: dict[str, list[str]], theirs: dict[str, list[str]]) -> None:
    """Numbers that both have, written otherwise, are no difference."""
    if "number" in mine and "number" in theirs:
        left, right = Counter(mine["number"]), Counter(theirs["number"])
        mine["number"], theirs["number"] = list((left - right).elements()), list((right - left).elements())

"""Whether a word is another one misspelt, or its opposite, judged by letters alone and a table of opposites.

People swap two letters, double one or forget to, and drop, add or miss one inside a long word. What differs at the
beginning of a word makes another word (import, export), and so do other endings (charged, charging).
"""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz.distance import OSA, Postfix, Prefix

from app.core.duplicates.functionwords import FUNCTION_WORDS, KOREAN_PARTICLES
from app.core.duplicates.opposites import BEGINNINGS, CONFUSED, ENDINGS, FORMS, OPPOSITES

# From so many letters on, one that is wrong, missing or doubled inside a word makes no other word; and two of these.
REPLACED, MISSING, DOUBLED, TWO = 7, 6, 5, 9
# Beginnings and endings make an opposite of stems of so many letters.
STEM = 3
# Marks that are often left out: accents, Hebrew and Arabic vowels, hamza.
_LEFT_OUT = (("\u0300", "\u036f"), ("\u0591", "\u05c7"), ("\u064b", "\u0655"), ("\u0670", "\u0670"))
_SAME_LETTERS = str.maketrans({"ى": "ي", "ة": "ه", "ß": "ss", "帐": "账", "帳": "賬"})


def is_opposite(one: str, other: str) -> bool:
    """Whether two words say the opposite, such as *opens* and *closed*, or differ in what makes an opposite."""
    if other in OPPOSITES.get(one, ()):
        return True
    if min(len(one), len(other)) < STEM:
        return False
    against = _opposites_of_stems(one)
    if against and not against.isdisjoint(_stems_of(other)):
        return True
    end = Postfix.similarity(one, other)
    if end >= STEM and (one[:-end], other[:-end]) in BEGINNINGS:
        return True
    begin = Prefix.similarity(one, other)
    return begin >= STEM and (one[begin:], other[begin:]) in ENDINGS


@lru_cache(1 << 14)
def _opposites_of_stems(word: str) -> frozenset[str]:
    return frozenset().union(*(OPPOSITES.get(stem, ()) for stem in _stems_of(word)))


@lru_cache(1 << 14)
def _stems_of(word: str) -> frozenset[str]:
    """The word without each ending that it may have, with a silent e or a doubled letter put right."""
    found = {word}
    for ending in FORMS:
        if word.endswith(ending) and len(word) >= len(ending) + STEM - 1:
            stem = word[: -len(ending)]
            found |= {stem, stem + "e", stem + "en"}
            if stem[-1:] == stem[-2:-1]:
                found.add(stem[:-1])
    return frozenset(found)


def is_misspelt(word: str, others: Iterable[str]) -> bool:
    """Whether a word is one of others, misspelt."""
    if not word.isascii():
        return any(_is_misspelling(word, one) for one in others)
    # Looked at by their first letters and their length, nearly all are turned away.
    first, size = word[0], len(word)
    return any(
        # In one order, so that what one text asks of the other is known when the other asks.
        _is_misspelling(word, one) if word < one else _is_misspelling(one, word)
        for one in others
        if (one[:1] == first or one[1:2] == first or not one.isascii()) and -3 < len(one) - size < 3
    )


@lru_cache(1 << 14)
def _is_misspelling(one: str, other: str) -> bool:
    """Whether two words are one, spelt in two ways or misspelt. A word that holds a digit is not."""
    if one == other:
        return True
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if not one.isascii() or not other.isascii():
        short, long = sorted((_without_marks(one), _without_marks(other)), key=len)
    distance = OSA.distance(short, long, score_cutoff=2)
    if distance > 2 or (not (one + other).isalpha() and any(map(str.isdigit, one + other))):
        return False
    begin, end = Prefix.similarity(short, long), Postfix.similarity(short, long)
    if not distance or (long in (short + "s", short + "es") and len(short) >= STEM):
        same = True
    elif distance == 1 and len(short) == len(long) and sorted(short) == sorted(long):
        # Two letters swapped. Of three letters that makes another word more often than not, unless it is grammar.
        same = len(short) > 3 or (len(short) == 3 and begin > 0) or one in FUNCTION_WORDS or other in FUNCTION_WORDS
    elif not begin:
        same = False
    elif len(short) >= DOUBLED and _undoubled(short) == _undoubled(long):
        same = True
    elif distance == 2:
        same = len(short) >= TWO and begin > 1 and end > 0
    elif len(short) == len(long):
        same = len(short) >= REPLACED and end > 0
    else:
        # An r more makes another word of many (manage, manager).
        same = len(long) >= (MISSING if end else REPLACED) and (end > 0 or long[-1] != "r")
    return same and other not in CONFUSED.get(one, ()) and not is_opposite(one, other)


def _without_marks(word: str) -> str:
    """A word without the marks that are often left out, and without Korean particles."""
    if "가" <= word[-1:] <= "힣":
        particle = next((one for one in KOREAN_PARTICLES if word.endswith(one) and len(word) > len(one) + 1), "")
        return word.removesuffix(particle)
    split = unicodedata.normalize("NFKD", word)
    kept = "".join(char for char in split if not any(low <= char <= high for low, high in _LEFT_OUT))
    return unicodedata.normalize("NFC", kept).translate(_SAME_LETTERS)


def _undoubled(word: str) -> str:
    """A word with doubled letters written once."""
    return "".join(char for at, char in enumerate(word) if not at or char != word[at - 1])

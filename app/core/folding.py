"""How a search passes over case: letter by letter, and the same in every database.

Letters are alike whose simple case folding by Unicode is the same (ä Ä, σ ς Σ, ß ẞ). A letter is never alike to
several, so that ß does not find ss, nor İ an i; and none of the alphabet a to z is alike to one outside it.
Databases fold on their own by locale, or a to z only; so they are asked for sets of letters.
"""

import re
import sys
from functools import cache

_RUN = re.compile(r"[ -~]{3,}")


@cache
def _letters() -> dict[str, str]:
    """Each letter beyond ASCII that has others alike, with all of them."""
    groups: dict[str, set[str]] = {}
    for char in map(chr, range(0x80, sys.maxunicode + 1)):
        folded = char.casefold()
        if len(folded) > 1:
            folded = char.lower()
        if folded != char and len(folded) == 1 and not folded.isascii():
            groups.setdefault(folded, {folded}).add(char)
    return {char: "".join(sorted(group)) for group in groups.values() for char in group}


def letters_like(char: str) -> str:
    """The character with all that are alike to it."""
    if char.isascii():
        return char.lower() + char.upper() if char.isalpha() else char
    return _letters().get(char, char)


def glob_patterns(text: str) -> list[str]:
    """SQLite's GLOB patterns, of which one fits whatever holds the text. A first letter that is told is quick."""
    rest = "".join(_glob_set(char) for char in text[1:])
    return [f"*{_glob_set(first, alone=True)}{rest}*" for first in letters_like(text[0])]


def _glob_set(char: str, *, alone: bool = False) -> str:
    alike = char if alone else letters_like(char)
    return f"[{alike}]" if len(alike) > 1 or char in "*?[" else char


def regex_pattern(text: str) -> str:
    """PostgreSQL's regular expression for whatever holds the text."""
    sets = ((char, letters_like(char)) for char in text)
    return "".join(f"[{alike}]" if len(alike) > 1 else re.escape(char) for char, alike in sets)


def longest_ascii(text: str) -> str:
    """The longest run of three or more plain characters, which any database finds by itself; empty without one."""
    return max(_RUN.findall(text), key=len, default="")

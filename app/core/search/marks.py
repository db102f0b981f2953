"""Which parts of a text a query found, to be shown: places in the text as it stands, found in its folded form."""

import re
import unicodedata
from collections.abc import Iterator

from app.core.cleaning.base import CleaningStopped
from app.core.cleaning.patterns import Pattern, limit_time
from app.core.search.query import Expression, Query, Words
from app.core.search.words import fold, words_of

# What belongs to the character before it: marks, joined vowels and consonants of Hangul, voicing of narrow kana.
_JOINED = re.compile("[\u1160-\u11ff\ud7b0-\ud7fb\uff9e\uff9f]")
# Patterns may take so long in one text, and a page passes on what is left of its own time.
SECONDS = 0.2
_MOST = 200


def find_marks(text: str, query: Query, field: str = "", seconds: float = SECONDS) -> list[tuple[int, int]]:
    """The places that the query found in a text of a field, in order and apart from one another.

    Patterns that take more than ``seconds`` find nothing.
    """
    folded, places = "", []
    if query.has_wanted_words and text.isascii():
        folded, places = text.lower(), [(place, place + 1) for place in range(len(text))]
    elif query.has_wanted_words:
        parts = list(_parts(text))
        folded = "".join(part for part, _, _ in parts)
        places = [(start, end) for part, start, end in parts for _ in part]
    spans: list[tuple[int, int]] = []
    for term in query.terms:
        if term.negated or not isinstance(term, (Words, Expression)) or term.field not in ("", field):
            continue
        if isinstance(term, Words):
            spans += [(places[start][0], places[end - 1][1]) for start, end in _find_words(folded, term)]
        else:
            spans += _find_expression(text, term, seconds)
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined[:_MOST]


def _parts(text: str) -> Iterator[tuple[str, int, int]]:
    """The characters of a text with what belongs to each: folded, and where they stand."""
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or not (unicodedata.category(text[place])[0] == "M" or _JOINED.match(text[place])):
            yield fold(text[start:place]), start, place
            start = place


def _find_words(folded: str, term: Words) -> Iterator[tuple[int, int]]:
    if term.literal:
        at = folded.find(term.literal)
        while at >= 0:
            yield at, at + len(term.literal)
            at = folded.find(term.literal, at + len(term.literal))
        return
    spans: list[tuple[int, int]] = []
    words = words_of(folded)
    at = 0
    for word in words:
        at = folded.index(word, at)
        spans.append((at, at + len(word)))
        at += len(word)
    count = len(term.words)
    for place in range(len(words) - count + 1):
        found = words[place : place + count]
        same = tuple(found[:-1]) == term.words[:-1]
        if same and (found[-1].startswith(term.words[-1]) if term.begins else found[-1] == term.words[-1]):
            yield spans[place][0], spans[place + count - 1][1]


def _find_expression(text: str, term: Expression, seconds: float) -> list[tuple[int, int]]:
    if seconds <= 0:
        return []
    try:
        with limit_time(seconds):
            found = Pattern(term.source, ignore_case=term.ignore_case).find_all(text)
    except CleaningStopped:
        return []
    return [one.span() for one in found if one.end() > one.start()]

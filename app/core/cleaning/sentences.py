"""Where sentences end, well enough to cut or remove whole ones in most languages."""

import re
from collections.abc import Iterator

_END = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s|$)|[؟۔।॥]+[\"'”’»)\]]*(?=\s|$)|[。！？｡]+[」』”’）]*")
_SHORT = """
dr mr mrs ms prof st jr sr vs e.g i.e cf no fig approx inc ltd z.b d.h u.a bzw ca nr bspw p.ej mme sra
"""
_ABBREVIATIONS = frozenset(_SHORT.split())
_LAST_WORD = re.compile(r"[^\s(\[\"“„'‘]+\Z")


def sentence_ends(text: str) -> Iterator[int]:
    """The places right after each sentence, with its closing quotes; abbreviations and list numbers end none."""
    for match in _END.finditer(text):
        if match[0][0] != "." or len(match[0]) > 1 or not _abbreviated(text, match.start(), match.end()):
            yield match.end()


def _abbreviated(text: str, dot: int, end: int) -> bool:
    line = text[max(text.rfind("\n", 0, dot) + 1, dot - 40) : dot]
    word = _LAST_WORD.search(line)
    if word is None or end == len(text):
        return False
    if word[0].isdecimal() or len(word[0]) == 1:
        # "1." and "a." begin items of a list; "J." is an initial.
        return word[0].isupper() or not line[: word.start()].strip()
    return word[0].lower() in _ABBREVIATIONS

"""The normal form: what stays of a text when case, spaces, punctuation, width and invisible characters do not count.

Two texts with one normal form may be settled without a look, so whatever can change the meaning stays: the decimal
point, the sign of a number, operators and brackets, quotes in code, superscripts. Whole shards go through at once:
their texts are joined, folded as one string, and the rest is done on the bytes by numpy (bulk normalising over one
joined buffer; a text at a time costs several times as much).
"""

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from app.core.duplicates.words import LEADS, TAILS, WIDE_LEADS

Bytes = npt.NDArray[np.uint8]

SEPARATOR = "\0"
_SPACE, _DROPPED = 32, 1

_QUOTES = dict.fromkeys("‘’‚‛′`´ʼ＇", "'") | dict.fromkeys("“”„‟«»″「」『』〝〞〟", '"')
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d", "-")
# Fillers and joiners that print nothing although Unicode does not class them as format characters.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u3164")
_WRAPPED = re.compile(r"\A\s*<(p|div|span)>(.*)</\1>\s*\Z", re.DOTALL | re.IGNORECASE)
_BREAKS = re.compile(r"</p>\s*<p>|<br\s*/?>", re.IGNORECASE)


@cache
def _replace_number(char: str) -> str | None:
    """What a number beyond the digits becomes: ``3²`` is not ``32``, nor ``1½`` ``11/2``. None for any other."""
    if unicodedata.category(char) != "No":
        return None
    mark = {"<sup": "^", "<sub": "_"}.get(unicodedata.decomposition(char)[:4], " ")
    return mark + unicodedata.normalize("NFKC", char)


@cache
def _replace_mark(char: str) -> str | None:
    """What punctuation and invisible characters beyond ASCII become. None for any other."""
    if char in _QUOTES or char in _DASHES:
        return _QUOTES.get(char) or _DASHES[char]
    category = unicodedata.category(char)
    if (
        category in ("Cf", "Cc")
        or char in _INVISIBLE
        or "\ufe00" <= char <= "\ufe0f"
        or "\U000e0000" <= char <= "\U000e01ef"
    ):
        return ""
    return " " if category[0] == "P" else None


def _replace_wide(joined: str, meaning: Callable[[str], str | None]) -> str:
    """The text with each character beyond ASCII replaced by what it means, where it means something."""
    table = {ord(char): new for char in set(joined) if char > "\x7f" and (new := meaning(char)) is not None}
    return joined.translate(table) if table else joined


def _without_markup(text: str) -> str:
    wrapped = _WRAPPED.match(text)
    return _BREAKS.sub(" ", wrapped[2] if wrapped else text)


def _fold_characters(joined: str) -> str:
    """Entities, width, case, quotes, dashes and invisible characters of many joined texts, folded."""
    if "&" in joined:
        joined = html.unescape(joined)
    if joined.isascii():
        return joined
    joined = unicodedata.normalize("NFKC", _replace_wide(joined, _replace_number)).casefold()
    return _replace_wide(joined, _replace_mark)


def _byte_table(chars: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, dtype=bool)
    table[list(chars)] = True
    return table


_LOWER = bytes(
    _SPACE if byte in b"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f" else _DROPPED if 0 < byte < 32 or byte == 127 else byte
    for byte in bytes(range(256)).lower()
)
_DIGIT = _byte_table(b"0123456789")
_LETTER = _byte_table(b"abcdefghijklmnopqrstuvwxyz0123456789" + bytes(range(128, 256)))
_BLANK = _byte_table(b"\0 ")
_CODE = _byte_table(b"()[]{}=<>\\/")
_SOFT = _byte_table(b".,:;!?'\"`-")


def _settle_marks(data: Bytes) -> None:
    """Turn punctuation that carries no meaning where it stands into spaces, in place."""
    at = np.flatnonzero(_SOFT[data])
    if not len(at):
        return
    mark = data[at]
    before = data[np.maximum(at - 1, 0)]
    after = data[np.minimum(at + 1, len(data) - 1)]
    before[at == 0] = 0
    after[at == len(data) - 1] = 0
    digit_after, letter_after = _DIGIT[after], _LETTER[after]
    digit_before, blank_before = _DIGIT[before], _BLANK[before]
    inside = digit_before & digit_after & np.isin(mark, list(b".,:"))
    point = (mark == ord(".")) & ~_LETTER[before] & digit_after
    sign = (mark == ord("-")) & (
        ((digit_after & ~_LETTER[before]) | (digit_after & digit_before))
        | (blank_before & letter_after)
        | (blank_before & (after == ord("-")))
    )
    bang = (mark == ord("!")) & (digit_before | (after == ord("=")))
    quote = np.isin(mark, list(b"'\"`"))
    code = quote & (_CODE[before] | _CODE[after])
    apostrophe = quote & ~code & (mark == ord("'")) & _LETTER[before] & letter_after
    settled = np.where(inside | point | sign | bang | code, mark, np.where(apostrophe, _DROPPED, _SPACE))
    data[at] = settled


def _collapse_spaces(data: Bytes) -> Bytes:
    """Without dropped bytes, and with single spaces between words alone."""
    data = data[data != _DROPPED]
    space = data == _SPACE
    edge = np.empty_like(space)
    edge[:1] = True
    edge[1:] = _BLANK[data[:-1]]
    data = data[~(space & edge)]
    last = np.append(np.flatnonzero(data == 0) - 1, len(data) - 1)
    last = last[last >= 0]
    last = last[data[last] == _SPACE]
    return np.delete(data, last) if len(last) else data


def normalise_texts(texts: Sequence[str]) -> list[str]:
    """The normal forms of many texts."""
    texts = [text.replace(SEPARATOR, "") if SEPARATOR in text else text for text in texts]
    slow = [at for at, text in enumerate(texts) if not text.isascii() or "&" in text or "<" in text]
    if slow:
        folded = _fold_characters(
            SEPARATOR.join([_without_markup(texts[at]) if "<" in texts[at] else texts[at] for at in slow])
        )
        for at, text in zip(slow, folded.split(SEPARATOR), strict=True):
            texts[at] = _without_markup(text) if "<" in text else text
    joined = SEPARATOR.join(texts).encode("utf-8", "replace")
    data = np.frombuffer(bytearray(joined.translate(_LOWER)), dtype=np.uint8)
    _settle_marks(data)
    return _collapse_spaces(data).tobytes().decode("utf-8").split(SEPARATOR) if texts else []


def normalise_text(text: str) -> str:
    """The normal form of one text."""
    return normalise_texts([text])[0]


def _by_word(phrases: Sequence[str], place: int) -> dict[str, list[str]]:
    """The phrases by their first or last word, the longest first."""
    found: dict[str, list[str]] = {}
    for phrase in sorted(phrases, key=len, reverse=True):
        found.setdefault(phrase.split()[place], []).append(phrase)
    return found


# So many phrases of politeness are taken off at either end.
MOST_POLITE = 8
_LEADS = {word: [f"{lead} " for lead in leads] for word, leads in _by_word(LEADS, 0).items()}
_TAILS = {word: [f" {tail}" for tail in tails] for word, tails in _by_word(TAILS, -1).items()}
_WIDE_LEADS = re.compile(f"(?:(?:{'|'.join(sorted(WIDE_LEADS, key=len, reverse=True))}) ?(?=.))+")
_FIRST_WIDE = min(WIDE_LEADS)[0]


def strip_politeness(form: str) -> str:
    """A normal form without politeness and labels around it, unless it is nothing else."""
    rounds = MOST_POLITE
    while rounds and (leads := _LEADS.get(form.partition(" ")[0])):
        lead = next(filter(form.startswith, leads), "")
        form, rounds = form[len(lead) :], rounds - 1 if lead else 0
    if form >= _FIRST_WIDE and (match := _WIDE_LEADS.match(form)):
        form = form[match.end() :]
    rounds = MOST_POLITE
    while rounds and (tails := _TAILS.get(form.rpartition(" ")[2])):
        tail = next(filter(form.endswith, tails), "")
        form, rounds = form.removesuffix(tail), rounds - 1 if tail else 0
    return form

"""How texts are folded and taken apart for search, the same on every database.

Compatibility forms and case are alike (NFKC, casefold), and diacritics are dropped: those of Latin, Greek and Cyrillic,
points of Hebrew and Arabic, and what prints nothing. Vowel signs of other scripts stay, for there they tell words
apart. A word is a run of letters, marks and digits; in scripts without spaces, and in Hangul, each character is one.
"""

import re
import unicodedata

# Stands between two texts of one field, so that no phrase reaches from one into the next. Texts never keep it.
BORDER = "\ue000"
# Thai, Lao, Myanmar, Khmer; kana and Bopomofo; Han with its extensions; Hangul.
_ALONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7ff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U000323af"
)
_IS_ALONE = re.compile(f"[{_ALONE}]")
# Combining marks that are diacritics or points; those not named here belong to the letters of their script.
_DIACRITIC = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f"
    "\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f"
    "\ufe20-\ufe2f\U000e0100-\U000e01ef]"
)
_KEPT_WHOLE = re.compile("[\u3040-\u30ff\uac00-\ud7af]")
# Quotes and dashes as they are typed, each with the typographic ones that are the same.
TYPED = {"'": "‘’‚‛ʼ′", '"': "“”„‟″«»", "-": "‐‑‒–—―−"}
_TYPED = {ord(char): typed for typed, chars in TYPED.items() for char in chars}
_NEARLY = {**_TYPED, **{code: chr(code + 32) for code in range(ord("A"), ord("Z") + 1)}}


class _Folded(dict[int, str]):
    """What each character beyond ASCII becomes, after NFKC and casefold."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if code in _TYPED:
            folded = _TYPED[code]
        elif char == "\u200b":
            folded = " "
        elif unicodedata.category(char) in ("Cf", "Cs"):
            folded = ""
        elif code < 128 or _KEPT_WHOLE.match(char):
            folded = char
        else:
            parts = unicodedata.normalize("NFKD", char)
            folded = parts.casefold() if _DIACRITIC.search(parts) else char
            folded = _DIACRITIC.sub("", folded)
        return self.setdefault(code, folded)


class _Apart(dict[int, str]):
    """What each character of a folded text becomes in its words: itself, a word of its own, or a blank."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char.isalnum() or unicodedata.category(char)[0] == "M":
            return self.setdefault(code, f" {char} " if _IS_ALONE.match(char) else char)
        return self.setdefault(code, " ")


_FOLDED, _APART = _Folded(), _Apart()


def fold(text: str) -> str:
    """The text as it is compared: without case, diacritics and what prints nothing. Blanks and marks stay."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).casefold().translate(_FOLDED)


def is_nearly_folded(text: str) -> bool:
    """Whether folding changes nothing but A to Z, and typographic quotes and dashes: what a database can search."""
    return text.isascii() or text.translate(_NEARLY) == fold(text)


def words_of(folded: str) -> list[str]:
    """The words of a folded text, in order."""
    return folded.translate(_APART).split()


def index_text(text: str) -> str:
    """The text for SQLite's tokenizer ``ascii``, which finds in it just what ``words_of`` does."""
    # It takes A to Z for a to z, parts at whatever else is no letter or digit of ASCII, and leaves all beyond as it is.
    return text if text.isascii() else fold(text).translate(_APART)

"""Small pure functions on text."""

import unicodedata
from collections.abc import Collection
from string import ascii_letters, digits

# A text that begins with one of these is not blank; nearly all do.
PLAIN_STARTS = frozenset(ascii_letters + digits)
# Characters that print nothing although Unicode does not class them as space, control or format.
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Cs"})
# All of these but U+0000 and half characters, for who cannot ask Python: a database trims them away.
_BLANK_RANGES = (
    "1-20 7f-a0 ad 34f 600-605 61c 6dd 70f 890-891 8e2 115f-1160 1680 17b4-17b5 180e 2000-200f 2028-202f "
    "205f-2064 2066-206f 2800 3000 3164 fe00-fe0f feff ffa0 fff9-fffb 110bd 110cd 13430-13438 1bca0-1bca3 "
    "1d173-1d17a e0001 e0020-e007f"
)
BLANK_CHARACTERS = "".join(
    chr(code)
    for first, _, last in (part.partition("-") for part in _BLANK_RANGES.split())
    for code in range(int(first, 16), int(last or first, 16) + 1)
)


def is_blank(text: str | None) -> bool:
    """Whether nothing in the text is visible: empty, spaces, control or format characters only."""
    if not text:
        return True
    if text[0].isalnum() and text[0] not in _BLANK_LETTERS:
        return False
    return all(
        c.isspace() or c in _BLANK_LETTERS or "\ufe00" <= c <= "\ufe0f" or unicodedata.category(c) in _INVISIBLE
        for c in text
    )


def squeeze_blanks(text: str) -> str:
    """The text without blanks at its ends, and with one blank between words."""
    # Of all blanks only U+0020 is printable.
    if text.isprintable() and "  " not in text and text[:1] != " " and text[-1:] != " ":
        return text
    return " ".join(text.split())


def all_visible(texts: Collection[str]) -> bool:
    """Whether none of the texts is blank."""
    return {text[:1] for text in texts} <= PLAIN_STARTS or not any(map(is_blank, texts))


def is_storable(text: str) -> bool:
    """Whether a database keeps the text: without U+0000 and without half a surrogate pair."""
    return "\x00" not in text and is_whole(text)


def is_whole(text: str) -> bool:
    """Whether the text can be sent and kept: no half of a surrogate pair is in it."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def fold_newlines(text: str) -> str:
    """CRLF and CR become LF, as a browser's text area compares them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def restore_newlines(submitted: str, stored: str | None) -> str:
    """What a submitted text area means for the stored text.

    Browsers send CRLF for every line end. If nothing but line ends differs, the stored text is returned byte for
    byte. Otherwise LF is used, or CRLF where the stored text used nothing else.
    """
    folded = fold_newlines(submitted)
    if stored is None:
        return folded
    if folded == fold_newlines(stored):
        return stored
    only_crlf = "\r\n" in stored and "\r" not in stored.replace("\r\n", "") and "\n" not in stored.replace("\r\n", "")
    return folded.replace("\n", "\r\n") if only_crlf else folded


def is_number(text: str) -> bool:
    """Whether the text is a number that a table can hold: plain digits, not ``²`` nor a hundred of them."""
    return text.isascii() and text.isdigit() and len(text) <= 18


def plural(count: int, noun: str, many: str | None = None) -> str:
    """``1 pair``, ``2 pairs``, ``12,480 pairs``."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def clip(text: str, limit: int = 80) -> str:
    """The text in one line, at most ``limit`` characters, with an ellipsis where it was cut."""
    # Half of a surrogate pair can neither be sent nor kept.
    line = " ".join(text[: limit * 4].split()).encode(errors="replace").decode()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"

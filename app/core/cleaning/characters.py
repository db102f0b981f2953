"""Characters: broken encodings, Unicode forms, what nobody sees, and quotes."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import regex

from app.core.cleaning.base import Operation, TextFunction
from app.core.options import option

# Scripts whose letters change their shape at a joiner. Elsewhere a joiner does nothing.
_JOINING = "".join(
    rf"\p{{{script}}}"
    for script in (
        *("Arabic", "Syriac", "Nko", "Mongolian", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya"),
        *("Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Myanmar", "Khmer", "Tibetan"),
    )
)
# The tags that make the flags of England, Scotland and Wales; any others only hide text.
_FLAG = r"\U0001F3F4[\U000E0030-\U000E007A]{2,6}\U000E007F"
_ZERO_WIDTH = regex.compile(
    rf"{_FLAG}(*SKIP)(*FAIL)"
    r"|[\u200B\u2060-\u2064\uFEFF\u00AD\u180E\uFFF9-\uFFFB]"
    rf"|(?<![{_JOINING}\p{{M}}])\u200C"
    rf"|(?<![{_JOINING}\p{{M}}\p{{Extended_Pictographic}}\p{{Emoji_Modifier}}\uFE0F])\u200D"
    rf"|(?<=[\p{{Extended_Pictographic}}\p{{Emoji_Modifier}}\uFE0F])\u200D(?!\p{{Extended_Pictographic}})"
    r"|[\U000E0000-\U000E007F]"
)
# What joins or colours an emoji and no longer has one: joiners, variation selectors, keycaps, tags of a flag.
_EMOJI_ENDS = r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F]"
_HAS_LOOSE = re.compile("[\u200d\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f]")
_LOOSE = regex.compile(
    rf"(?<![{_JOINING}\p{{M}}\p{{Extended_Pictographic}}\p{{Emoji_Modifier}}\uFE0F])\u200D"
    rf"|(?<={_EMOJI_ENDS})\u200D(?!\p{{Extended_Pictographic}})"
    rf"|(?<=(?<!\p{{Extended_Pictographic}}\uFE0F?)\p{{Emoji_Modifier}})\u200D"
    r"|(?<!\p{Emoji})[\uFE0E\uFE0F]+\u200D?"
    r"|(?<![0-9#*]\uFE0F?)\u20E3"
    r"|(?<!\U0001F3F4[\U000E0020-\U000E007F]*)[\U000E0020-\U000E007F]+"
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_OLD_LINE_ENDS = re.compile(r"[\x0b\x0c\x85]")
_ANY_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ANY_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_EMBEDDINGS = re.compile("[\u202a-\u202e]")
_MARKS = re.compile("[\u200e\u200f\u061c\u2066-\u2069]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_LOST_QUOTE = re.compile(r"â€(?=[\s.,;:!?)]|\Z)")
_CURLY = {ord(c): '"' for c in "“”„‟"} | {ord(c): "'" for c in "‘’‚‛"}
_CURLED = re.compile("[“”„‟‘’‚‛]")
_STRAIGHT = re.compile(r"""<[A-Za-z/][^<>]*>|"{2,}|'{2,}|["']""")
_OPENS_AFTER = frozenset("([{<>—–-/“‘«¿¡")
QUOTES = {"straight": "Straight: \" '", "curly": "Curly: “ ” ‘ ’"}


@dataclass(frozen=True)
class Invisible:
    """Options of remove-invisible."""

    zero_width: bool = option(True, "Zero-width characters", "Joiners stay where a script or an emoji needs them.")
    control: bool = option(True, "Control characters", "Tabs and line ends stay; old page breaks become line ends.")
    bidi: bool = option(True, "Direction characters", "In right-to-left text only overrides and embeddings go.")


@dataclass(frozen=True)
class Quotes:
    """Options of quotes."""

    to: str = option("straight", "Quotes become", choices=QUOTES)


def mend_emoji(before: str, after: str) -> str:
    """The text after something was taken out of it, without the joiners of an emoji that lost a part.

    Joiners of scripts stay, and so does what stood loose before.
    """
    if after == before or not _HAS_LOOSE.search(after) or _LOOSE.search(before):
        return after
    return str(_LOOSE.sub("", after))


@cache
def _load_ftfy() -> tuple[Callable[[str], Any], Callable[[str], str]]:
    """A quick look whether any two characters could be UTF-8 read wrongly, and the repair of one line."""
    from ftfy import TextFixerConfig, fix_encoding
    from ftfy.chardata import CHARMAP_ENCODINGS

    first = re.escape(_decode_bytes(range(0xC2, 0xF5), CHARMAP_ENCODINGS))
    second = re.escape(_decode_bytes(range(0x80, 0xC0), CHARMAP_ENCODINGS))
    # A blank, a question mark or a lost character in place of the second one is not mended in MacRoman, in which the
    # first ones are dashes and quotes.
    others = re.escape(_decode_bytes(range(0xC2, 0xF5), [one for one in CHARMAP_ENCODINGS if one != "macroman"]))
    # One set of characters to begin with: then all others are passed over quickly.
    suspect = re.compile(rf"[{first}\x80-\x9f](?:(?<=[\x80-\x9f])|[{second}]|(?<=[{others}])[ ?\ufffd])")
    config = TextFixerConfig(unescape_html=False, fix_latin_ligatures=False, uncurl_quotes=False, normalization=None)

    def repair_line(line: str) -> str:
        # The last byte of a closing quote has no character in Windows-1252 and is often lost on the way.
        quoted = _LOST_QUOTE.sub("â€\x9d", line) if "â€œ" in line else line
        return fix_encoding(quoted, config)

    return suspect.search, repair_line


def may_hold_mojibake(text: str) -> bool:
    """Whether a text may hold UTF-8 that was read wrongly: a quick look that passes over none."""
    return not text.isascii() and bool(_load_ftfy()[0](text))


def _decode_bytes(numbers: range, encodings: Sequence[str]) -> str:
    found = {bytes([number]).decode(encoding, "ignore") for number in numbers for encoding in encodings}
    return "".join(sorted(found))


@Operation(
    name="fix-mojibake",
    title="Fix broken encoding",
    help="Repairs texts whose UTF-8 was read as Windows-1252 or the like, and only those.",
    group="Characters",
    examples=(("schÃ¶n, itâ€™s fine", "schön, it’s fine"), ("schön, it’s fine", "schön, it’s fine")),
)
def fix_mojibake(text: str) -> str:
    """UTF-8 that was read as another encoding, read as UTF-8; only where ftfy is sure, line by line."""
    if not may_hold_mojibake(text):
        return text
    _, fix = _load_ftfy()
    return "\n".join(line if line.isascii() else fix(line) for line in text.split("\n"))


@Operation(
    name="normalise-unicode",
    title="Normalise Unicode (NFC)",
    help="Writes letters with accents as one character instead of two; nothing looks different.",
    group="Characters",
    examples=(("cafe\u0301", "caf\u00e9"),),
)
def normalise_unicode(text: str) -> str:
    """The text in Unicode's composed form (NFC)."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text
    return unicodedata.normalize("NFC", text)


@Operation(
    name="remove-invisible",
    title="Remove invisible characters",
    help="Removes zero-width, control and direction characters that nobody sees but a model reads.",
    group="Characters",
    Options=Invisible,
    examples=(
        ("in\u200bvisi\u00adble\x07", "invisible"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
    ),
)
def prepare_invisible(options: Invisible) -> TextFunction:
    """What removes the kinds of invisible characters that the options name."""

    def remove_invisible(text: str) -> str:
        if text.isascii():
            if text.isprintable() or not options.control or not _ANY_CONTROL.search(text):
                return text
        elif not _ANY_INVISIBLE.search(text):
            return text
        if options.control:
            text = _OLD_LINE_ENDS.sub("\n", _CONTROL.sub("", text))
        if options.bidi:
            text = _EMBEDDINGS.sub("", text)
            text = text if _RIGHT_TO_LEFT.search(text) else _MARKS.sub("", text)
        # Until nothing more goes: a joiner may only have been held by another.
        while options.zero_width and (changed := _ZERO_WIDTH.sub("", text)) != text:
            text = changed
        return text

    return remove_invisible


@Operation(
    name="quotes",
    title="Straighten or curl quotes",
    help="Makes all quotes and apostrophes straight, or all curly as in English.",
    group="Characters",
    Options=Quotes,
    examples=(("“It’s”", '"It\'s"'),),
)
def prepare_quotes(options: Quotes) -> TextFunction:
    """What makes quotes straight or curly."""
    if options.to == "curly":
        return _curl_quotes
    return lambda text: text if text.isascii() or not _CURLED.search(text) else text.translate(_CURLY)


def _curl_quotes(text: str) -> str:
    """By the neighbours of each quote; tags, measures (5'10") and several in a row stay."""
    if '"' not in text and "'" not in text:
        return text
    opened = False

    def curl(match: Any) -> str:
        nonlocal opened
        mark: str = match[0]
        if len(mark) > 1:
            return mark
        before = text[match.start() - 1 : match.start()]
        after = text[match.end() : match.end() + 1]
        if before == "=" or (before.isdecimal() and not (mark == '"' and opened) and not after.isalpha()):
            return mark
        opens = (not before or before.isspace() or before in _OPENS_AFTER) and bool(after) and not after.isspace()
        if mark == '"':
            opened = opens
            return "“" if opens else "”"
        return "‘" if opens and not after.isdecimal() else "’"

    return _STRAIGHT.sub(curl, text)

"""Remove web addresses, e-mail addresses and emoji."""

from dataclasses import dataclass
from typing import Any

import regex

from app.core.cleaning.base import Operation, TextFunction
from app.core.options import option

# Letters of an address. Scripts written without spaces follow an address directly and are no part of it.
LETTER = r"(?:(?![\p{Han}\p{Hangul}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}])[\p{L}\p{M}\p{N}])"
EMAIL = regex.compile(
    rf"(?<!{LETTER}|[._%+-]){LETTER}(?:{LETTER}|[._%+'-]){{0,63}}@(?:{LETTER}(?:{LETTER}|-){{0,62}}\.)+{LETTER}{{2,24}}+(?!@)"
)
_URL = rf"(?:(?:https?|ftp)://|(?<![\w@.])www\.(?=[A-Za-z0-9]))(?:{LETTER}|[-._~:/?#\[\]@!$&'()*+,;=%])+"
_MARKDOWN_LINK = rf"!?\[(?P<label>[^\[\]\n]*)\]\([ ]*<?(?:{_URL})(?:[ ]+\"[^\"\n]*\")?[ ]*\)"
URL = regex.compile(_URL, regex.IGNORECASE)
_HTML_LINK = r"<a\s[^<>]*href[^<>]*>(?P<label>[^<]*)</a>"
_LINKED = regex.compile(rf"{_MARKDOWN_LINK}|{_HTML_LINK}|<(?:{_URL})>|{_URL}", regex.IGNORECASE)
_MAIL_LINKED = regex.compile(
    rf"\[(?P<label>[^\[\]\n]*)\]\(mailto:[^()\s]+\)|<a\s[^<>]*href[^<>]*@[^<>]*>(?P<label>[^<]*)</a>|<(?:mailto:)?(?:{EMAIL.pattern})>|(?:mailto:)?(?:{EMAIL.pattern})"
)
_TAGS = r"[\U000E0020-\U000E007F]*"
_TAIL = rf"(?:\p{{Emoji_Modifier}}|\uFE0F)?\u20E3?{_TAGS}"
# Unicode Technical Standard 51, emoji sequences; text symbols such as © or ♥ count only with U+FE0F behind them.
EMOJI = regex.compile(
    r"(?:[\U0001F1E6-\U0001F1FF]{2}|[0-9#*]\uFE0F?\u20E3"
    r"|(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}(?=\uFE0F|\p{Emoji_Modifier}|\u200D\p{Extended_Pictographic}))"
    rf"{_TAIL}(?:\u200D\p{{Extended_Pictographic}}{_TAIL})*)+"
)
LINKS = {"text": "Keep the text of Markdown links", "all": "Remove the links with their text"}


@dataclass(frozen=True)
class Urls:
    """Options of remove-urls."""

    links: str = option("text", "Markdown links", "[text](address) becomes text.", choices=LINKS)


def remove_matches(pattern: Any, text: str, *, keep_label: bool = True) -> str:
    """The text without the matches, or with only their labels; the gap that a match leaves is closed."""
    pieces: list[str] = []
    place = 0
    for match in pattern.finditer(text):
        label = match.groupdict().get("label")
        start, end = match.start(), match.end() if label is not None else _address_end(match)
        if label and keep_label:
            pieces += (text[place:start], remove_matches(pattern, label))
        else:
            last = text[start - 1] if start > place else "".join(pieces[-1:])[-1:]
            start, end = _close_gap(text, start, end, place, last)
            pieces.append(text[place:start])
        place = end
    return "".join([*pieces, text[place:]]) if pieces else text


def _address_end(match: Any) -> int:
    """Where an address ends: not with the full stop of its sentence, nor with a bracket that it does not open."""
    found: str = match[0]
    if "://" not in found and not found.lower().startswith("www."):
        return int(match.end())
    while found and (found[-1] in ".,;:!?'*_]" or (found[-1] == ")" and found.count("(") < found.count(")"))):
        found = found[:-1]
    return int(match.start() + len(found))


def _close_gap(text: str, start: int, end: int, place: int, last: str) -> tuple[int, int]:
    """What goes with a match: brackets around nothing else, and one of the spaces on both sides.

    ``last`` is the character that stays before it, ``place`` where the text begins that is not yet written.
    """
    if start > place and text[start - 1] == "(" and text[end : end + 1] == ")":
        start, end = start - 1, end + 1
    after = text[end : end + 1]
    if start > place and text[start - 1] == " " and (not after or after in " \n\r.,;:!?)"):
        return place + len(text[place:start].rstrip(" ")), end
    if after == " " and last in ("", "\n", "("):
        return start, end + 1
    return start, end


@Operation(
    name="remove-urls",
    title="Remove web addresses",
    help="Removes http, https, ftp and www addresses and closes the gap.",
    group="Text",
    Options=Urls,
    examples=(("See https://example.org/a?b=1 for [more](https://example.org).", "See for more."),),
)
def prepare_urls(options: Urls) -> TextFunction:
    """What removes web addresses, with or without the texts of their links."""

    def remove_urls(text: str) -> str:
        if "://" not in text and "www." not in text and (text.islower() or "www." not in text.lower()):
            return text
        return remove_matches(_LINKED, text, keep_label=options.links == "text")

    return remove_urls


@Operation(
    name="remove-emails",
    title="Remove e-mail addresses",
    help="Removes e-mail addresses and closes the gap; to keep a sign of them, mask them instead.",
    group="Text",
    examples=(("Write to ann@example.org today.", "Write to today."),),
)
def remove_emails(text: str) -> str:
    """The text without e-mail addresses."""
    return remove_matches(_MAIL_LINKED, text) if "@" in text else text


@Operation(
    name="remove-emoji",
    title="Remove emoji",
    help="Removes emoji with all their parts; signs such as © and → stay.",
    group="Text",
    examples=(("Well done! 👍🏽 © 2024", "Well done! © 2024"), ("Family 👨‍👩‍👧 here", "Family here")),
)
def remove_emoji(text: str) -> str:
    """The text without emoji."""
    return text if text.isascii() else remove_matches(EMOJI, text)

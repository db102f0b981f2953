"""HTML and its entities. What only looks like a tag, such as ``Map<int>``, is never touched."""

import html
import re
import unicodedata
from dataclasses import dataclass
from html.entities import html5
from typing import Any

from app.core.cleaning.base import Operation, TextFunction
from app.core.html import to_markdown
from app.core.options import option

_BLOCK_NAMES = """
address article aside blockquote center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6
header hr li main nav ol p pre section table tbody tfoot thead tr ul
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_INLINE_NAMES = """
a abbr acronym b bdi bdo big body br button caption cite code col colgroup del dfn em font head html i iframe img input
ins kbd label link mark meta noscript q s samp script small span strike strong style sub sup svg td template th title tt
u var wbr
"""
_INLINE = frozenset(_INLINE_NAMES.split())
# Tags that need no end; any other counts only when its end is there, so that a placeholder such as <title> stays.
_SINGLE = frozenset({"br", "hr", "img", "input", "link", "meta", "col", "wbr", "p", "li", "td", "tr", "th", "dt", "dd"})
_NAMES = "|".join(sorted(_BLOCKS | _INLINE, key=len, reverse=True))
_ATTRIBUTES = r"(?:\s+[a-zA-Z_:@][\w:.-]*(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))?)*\s*"
_TAG = re.compile(rf"<(?P<end>/?)(?P<name>{_NAMES})(?P<attributes>{_ATTRIBUTES})/?>", re.IGNORECASE)
_SILENT = re.compile(r"<(?:!--|!DOCTYPE[^<>]*>|(?P<name>script|style|template|head|title)\b[^<>]*>)", re.IGNORECASE)
_SILENT_ENDS = {
    name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("script", "style", "template", "head", "title")
}
_COMMENT_END = re.compile("-->")
_MARKUP = re.compile(r"<(?:[a-zA-Z/]|!--|!DOCTYPE)", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_DOCUMENT = re.compile(r"<(?:p|div|ul|ol|table|h[1-6]|body)[\s>]", re.IGNORECASE)
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")
_CODE = re.compile("[\U000f0000-\U000ffffd]")
# Private characters that stand for what a parser must not see.
_LESS, _LINE_END, _AND = "\ue0f0", "\ue0f1", "\ue0f2"
_LESS_OR_AND = re.compile("[<&]")
_MANY_LINE_ENDS = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
# What a block leaves behind: a line end that counts only once, however many blocks meet there.
_BREAK = "\ue0f3"
_BREAKS = re.compile(rf"[ \t]*(?:[ \t\r\n]*{_BREAK}[ \t\r\n]*)+")


@dataclass(frozen=True)
class Strip:
    """Options of strip-html."""

    entities: bool = option(True, "Decode entities too", "&lt; becomes < in a text that holds tags.")


def find_tags(text: str) -> list[Any]:
    """The matches of tags that are HTML for sure, in order."""
    if "<" not in text or ">" not in text:
        return []
    matches = list(_TAG.finditer(text))
    starts = {m["name"].lower() for m in matches if not m["end"]}
    ends = {m["name"].lower() for m in matches if m["end"]}
    found = []
    for match in matches:
        name = match["name"].lower()
        if name in _SINGLE:
            # std::vector<P> has neither attributes nor an end.
            sure = bool(match["attributes"].strip() or name in ends or name != "p" or match["name"] == "p")
        else:
            sure = (name in starts and name in ends) or (not match["end"] and "=" in match["attributes"])
        if sure:
            found.append(match)
    return found


def find_silent(text: str) -> list[tuple[int, int]]:
    """Where comments and elements stand that show nothing, with what is in them; unclosed ones do not count."""
    if "<" not in text:
        return []
    found: list[tuple[int, int]] = []
    missing: set[re.Pattern[str]] = set()
    for match in _SILENT.finditer(text):
        if found and match.start() < found[-1][1]:
            continue
        if match[0][:2] == "<!" and match[0] != "<!--":
            found.append(match.span())
            continue
        closing = _SILENT_ENDS[match["name"].lower()] if match["name"] else _COMMENT_END
        end = None if closing in missing else closing.search(text, match.end())
        if end is None:
            missing.add(closing)
        else:
            found.append((match.start(), end.end()))
    return found


def holds_html(text: str) -> bool:
    """Whether the text holds tags or comments of HTML."""
    return _MARKUP.search(text) is not None and bool(find_tags(text) or find_silent(text))


@Operation(
    name="strip-html",
    title="Strip HTML",
    help="Removes the tags of HTML and keeps their text; what is no tag, such as Map<int>, stays.",
    group="Markup",
    Options=Strip,
    examples=(
        ("<p>Use <b>water</b> &amp; soap.</p><p>Daily.</p>", "Use water & soap.\nDaily."),
        ("Map<int> and a < b > c", "Map<int> and a < b > c"),
    ),
)
def prepare_strip(options: Strip) -> TextFunction:
    """What takes the tags of HTML out of a text."""

    def strip_html(text: str) -> str:
        if "<" not in text or not holds_html(text):
            return text
        kept = [0, *(place for span in find_silent(text) for place in span), len(text)]
        text = "".join(text[start:end] for start, end in zip(kept[::2], kept[1::2], strict=True))
        pieces: list[str] = []
        place = 0
        for match in find_tags(text):
            name = match["name"].lower()
            instead = {"br": "\n", "td": " ", "th": " "}.get(name, _BREAK if name in _BLOCKS else "")
            pieces += (text[place : match.start()], "" if name in ("td", "th") and not match["end"] else instead)
            place = match.end()
        plain = "".join([*pieces, text[place:]])
        if _BREAK in plain:
            plain = _MANY_LINE_ENDS.sub("\n\n", _BREAKS.sub("\n", plain))
        return decode_entities(plain.strip()) if options.entities else plain.strip()

    return strip_html


@Operation(
    name="html-to-markdown",
    title="HTML to Markdown",
    help="Turns bold, links, lists, headings and code of HTML into Markdown; what is no tag stays.",
    group="Markup",
    examples=(
        ("<p>Use <b>water</b>.</p><ul><li>one</li><li>two</li></ul>", "Use **water**.\n\n- one\n- two"),
        ("List<String> names", "List<String> names"),
    ),
)
def html_to_markdown(text: str) -> str:
    """HTML as Markdown; in text that only holds some tags, line ends stay where they are."""
    if "<" not in text or not holds_html(text):
        return text
    sure = {match.start() for match in find_tags(text)} | {i for a, b in find_silent(text) for i in range(a, b)}

    def hide_unsure(match: Any) -> str:
        if match[0] == "<":
            return "<" if match.start() in sure else _LESS
        return "&" if _ENTITY.match(match.string, match.start()) else _AND

    hidden = _LESS_OR_AND.sub(hide_unsure, text)
    plain = _DOCUMENT.search(text) is None or _CODE.search(text) is not None or _PARAGRAPH_END.search(text) is not None
    if plain:
        hidden = hidden.replace("\r\n", "\n").replace("\n", _LINE_END)
    written = to_markdown(hidden).replace(_LESS, "<").replace(_AND, "&")
    if plain:
        written = _MANY_LINE_ENDS.sub("\n\n", written.replace(_LINE_END, "\n"))
    return written


@Operation(
    name="decode-entities",
    title="Decode entities",
    help="Turns &amp; into &, &eacute; into é and so on, one level in each run.",
    group="Markup",
    examples=(("Fish &amp; chips &ndash; 3&nbsp;&euro;", "Fish & chips – 3 €"), ("AT&T; R&D", "AT&T; R&D")),
)
def decode_entities(text: str) -> str:
    """One level of entities decoded; a no-break space becomes a space, what stands for no character stays."""
    if "&" not in text or ";" not in text:
        return text
    return _ENTITY.sub(_decode_entity, text)


def _decode_entity(match: Any) -> str:
    entity: str = match[0]
    if entity[1] != "#" and entity[1:] not in html5:
        return entity
    text = html.unescape(entity).replace("\xa0", " ")
    if text == "\ufffd" and entity[1:].lower() not in ("#xfffd;", "#65533;"):
        return entity
    return text if text and all(c in "\t\n\r" or unicodedata.category(c)[0] != "C" for c in text) else entity

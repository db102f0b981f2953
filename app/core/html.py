"""HTML as Markdown: what rich-text editors leave in answers, in the form that a model should learn."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "del": "~~", "s": "~~", "strike": "~~"}
_LINES = frozenset({"div", "tr"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS = _LINES | _HEADINGS | {"p", "section", "article", "blockquote", "ul", "ol", "table", "pre", "hr"}
_NAMES = """
a abbr b big body br center code dd del dl dt em font html i img ins label li main mark nav s small span strike
strong sub sup tbody td tfoot th thead tt u
"""
_PLAIN = frozenset(_NAMES.split())
_SILENT = frozenset({"script", "style", "head", "title", "template"})
_KNOWN = _BLOCKS | _PLAIN | _SILENT
_TAG = re.compile(rf"</?({'|'.join(sorted(_KNOWN))})(\s[^<>]*)?/?>|&(amp|lt|gt|quot|nbsp|#\d{{1,7}});", re.IGNORECASE)


def looks_like_html(text: str) -> bool:
    """Whether the text holds tags of HTML or its entities; ``List<String>`` does not."""
    return _TAG.search(text) is not None


def to_markdown(text: str) -> str:
    """The text with its HTML as Markdown; text without HTML byte for byte."""
    if not looks_like_html(text):
        return text
    writer = _Writer()
    writer.feed(text)
    writer.close()
    return writer.result()


class _Writer(HTMLParser):
    """Writes Markdown while it reads tags. What is no tag of HTML stays as it is."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._lists: list[int | None] = []
        self._links: list[str] = []
        self._silent = 0
        self._pre = 0

    def _break(self, lines: int) -> None:
        """End the line; ``lines`` of 2 leaves a blank one. Several in a row are one."""
        written = "".join(self._out[-3:])
        self._out.append("\n" * (lines - (len(written) - len(written.rstrip("\n")))))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "br":
            self._out.append("\n")
        elif tag in _MARKS:
            self._out.append("" if self._pre else _MARKS[tag])
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")
            self._out.append("[" if self._links[-1] else "")
        elif tag == "img":
            self._out.append(dict(attrs).get("alt") or "")
        elif tag == "li":
            self._item()
        elif tag in ("td", "th"):
            self._out.append(" ")
        elif tag in _BLOCKS:
            self._begin(tag)
        elif tag not in _KNOWN:
            self._out.append(self.get_starttag_text() or "")

    def _begin(self, tag: str) -> None:
        is_list = tag in ("ul", "ol")
        self._break(1 if tag in _LINES or (is_list and self._lists) else 2)
        if is_list:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "pre":
            self._pre += 1
            self._out.append("```\n")
        elif tag in _HEADINGS:
            self._out.append("#" * int(tag[1]) + " ")
        else:
            self._out.append({"blockquote": "> ", "hr": "---\n\n"}.get(tag, ""))

    def _item(self) -> None:
        mark = "-"
        if self._lists and self._lists[-1] is not None:
            number = self._lists[-1] + 1
            self._lists[-1], mark = number, f"{number}."
        self._break(1)
        self._out.append(f"{'  ' * (len(self._lists) - 1)}{mark} ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(self._silent - 1, 0)
        elif tag in _MARKS:
            self._out.append("" if self._pre else _MARKS[tag])
        elif tag == "a" and self._links:
            address = self._links.pop()
            self._out.append(f"]({address})" if address else "")
        elif tag in _BLOCKS:
            self._end(tag)
        elif tag not in _KNOWN:
            self._out.append(f"</{tag}>")

    def _end(self, tag: str) -> None:
        if tag == "pre":
            self._pre = max(self._pre - 1, 0)
            self._break(1)
            self._out.append("```")
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        self._break(1 if tag in _LINES or self._lists else 2)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._out.append(data if self._pre else re.sub(r"[ \t\r\n]+", " ", data))

    def result(self) -> str:
        """The Markdown, with at most one blank line between blocks."""
        return "".join(_tidied("".join(self._out).replace("\xa0", " "))).strip()


def _tidied(text: str) -> Iterator[str]:
    fenced, blank = False, True
    for line in text.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        shown = line.rstrip() if fenced else re.sub(r"^ (?=\S)", "", line).rstrip()
        if shown or fenced or not blank:
            yield shown + "\n"
        blank = not shown

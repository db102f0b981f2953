"""Markdown shown as it would look: rendered, then cleaned. Nothing in it runs, and nothing is loaded from elsewhere."""

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

_markdown = MarkdownIt("js-default", {"html": False, "linkify": False})
_NAMES = "p br hr h1 h2 h3 h4 h5 h6 em strong s code pre blockquote ul ol li table thead tbody tr th td a"
_TAGS = set(_NAMES.split())
# What stands in a text can make rendering it take the square of its length: a minute for 100,000 brackets.
MOST_RENDERED = 20_000


def render_markdown(text: str) -> Markup:
    """Safe HTML of a Markdown text; pictures become nothing, links keep http, https and mailto only.

    Of a long text the beginning is rendered, and the rest stands behind it as it is written.
    """
    cut = (text.rfind("\n", 0, MOST_RENDERED) + 1 or MOST_RENDERED) if len(text) > MOST_RENDERED else len(text)
    html = nh3.clean(
        _markdown.render(text[:cut]),
        tags=_TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    rest = Markup('<p class="asis">{}</p>').format(text[cut:]) if text[cut:] else Markup("")
    return Markup(html) + rest  # cleaned by nh3 just above: the one place where text becomes HTML

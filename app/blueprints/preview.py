"""Markdown shown as it would look: rendered, then cleaned. Nothing in it runs, and nothing is loaded from elsewhere."""

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

_markdown = MarkdownIt("js-default", {"html": False, "linkify": False})
_NAMES = "p br hr h1 h2 h3 h4 h5 h6 em strong s code pre blockquote ul ol li table thead tbody tr th td a"
_TAGS = set(_NAMES.split())


def render_markdown(text: str) -> Markup:
    """Safe HTML of a Markdown text; pictures become nothing, links keep http, https and mailto only."""
    html = nh3.clean(
        _markdown.render(text),
        tags=_TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(html)  # cleaned by nh3 just above: the one place where text becomes HTML

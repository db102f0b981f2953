"""HTML as Markdown."""

import pytest

from app.core.html import looks_like_html, to_markdown


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<b>bold</b> and <em>not</em>", "**bold** and *not*"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("<ol><li>a</li><li>b<ul><li>c</li></ul></li></ol>", "1. a\n2. b\n  - c"),
        ('<a href="https://x.example/?a=1&amp;b">here</a>', "[here](https://x.example/?a=1&b)"),
        ("<a>no address</a>", "no address"),
        ("<h2>Title</h2><p>Text</p>", "## Title\n\nText"),
        ("<pre><code>if a &lt; b:\n    c  d</code></pre>", "```\nif a < b:\n    c  d\n```"),
        ("Tom &amp; Jerry &lt;3&nbsp;x", "Tom & Jerry <3 x"),
        ("<script>alert(1)</script>safe<style>p{}</style>", "safe"),
        ('<img src=x onerror="alert(1)" alt="A cat">', "A cat"),
        ("<p>open <b>bold", "open **bold"),
        ("<p>List<String> x</p>", "List<String> x"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
    ],
)
def test_html_becomes_markdown(html, markdown):
    assert to_markdown(html) == markdown


@pytest.mark.parametrize(
    "text",
    ["", "plain", "1 < 2 and 3 > 2", "a\r\n  b\t", "AT&T", "<3", "x <= y", "List<String>", "<user_id>", "- a\n- b"],
)
def test_text_without_html_stays_byte_for_byte(text):
    assert not looks_like_html(text)
    assert to_markdown(text) == text

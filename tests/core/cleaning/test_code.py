"""Code inside texts: where it is, and how it is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.cleaning import code

MARKED = st.lists(st.sampled_from(["a", " ", "\n", "\n\n", "`", "``", "```", "~~~", "````", "py", "> ", "\r\n"])).map(
    "".join
)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("no code", []),
        ("a `b` c ``d ` e`` f", ["`b`", "``d ` e``"]),
        ("lone ` tick", []),
        ("not across ` a\n\nparagraph `", []),
        ("```py\nx\n```\ny", ["```py\nx\n```"]),
        ("~~~\nx `y`\n~~~", ["~~~\nx `y`\n~~~"]),
        ("````\n```\nx\n```\n````\n`y`", ["````\n```\nx\n```\n````", "`y`"]),
        ("a\n```\nopen `x`", ["```\nopen `x`"]),
        ("- item\n  ```\n  x\n  ```", ["  ```\n  x\n  ```"]),
        ("```\r\nx\r\n```\r\ny", ["```\r\nx\r\n```\r"]),
        ("say ```inline``` here", ["```inline```"]),
    ],
)
def test_where_code_stands(text: str, pieces: list[str]) -> None:
    assert [text[a:b] for a, b in code.code_spans(text)] == pieces


@given(MARKED)
def test_spans_are_in_order_and_apart(text: str) -> None:
    places = [place for span in code.code_spans(text) for place in span]
    assert places == sorted(places)


@given(MARKED)
def test_code_survives_any_function(text: str) -> None:
    """Even one that removes, doubles or reverses all that it sees."""
    pieces = [text[a:b] for a, b in code.code_spans(text)]
    for function in (lambda t: "", lambda t: t + t, lambda t: t[::-1], lambda t: t.replace("a", "b")):
        changed = code.skip_code(function)(text)
        assert all(piece in changed for piece in pieces) or changed == text or function(text) == text


def test_a_function_sees_the_text_around_code_as_one() -> None:
    assert code.skip_code(str.strip)("  a `b`  ") == "a `b`"


def test_private_characters_in_the_text_do_no_harm() -> None:
    assert code.skip_code(lambda t: t.replace("a", "b"))("\U000f0000 a `a` a") == "\U000f0000 b `a` b"

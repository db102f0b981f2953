"""Texts that try to be markup are shown as text on every page, and nothing in them runs."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page

from app.frontdoor.routes import list_routes
from tests import factories


@pytest.fixture
def addresses(app: Flask) -> list[str]:
    """The address of every page over a dataset whose every text tries to be markup."""
    with app.app_context():
        factories.hostile_dataset(factories.ESCAPES)
    paths = [route.path for route in list_routes(app) if route.method == "GET" and route.endpoint != "static"]
    return [re.sub(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>", lambda m: "1" if m[1] == "int" else "x", path) for path in paths]


def test_nothing_in_a_text_runs(page: Page, addresses: list[str]) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    seen = 0
    for path in addresses:
        answer = page.request.get(path)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        page.goto(path)
        assert page.evaluate("window.broken") is None, path
        seen += 1
    assert seen > 5


def test_the_texts_are_on_the_page_as_they_are(page: Page, addresses: list[str]) -> None:
    page.goto("/datasets/1/pairs")
    shown = page.inner_text("body")
    assert sum(text in shown for text in factories.ESCAPES) >= 40
    assert page.evaluate("window.broken") is None

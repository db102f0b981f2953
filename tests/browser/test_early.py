"""What is done before the scripts of a page have come is not lost."""

import pytest
from flask import Flask
from playwright.sync_api import Page, Route, expect

from tests import factories

CHAT = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'


class Gate:
    """Opens pages whose scripts stay away until they are let in."""

    def __init__(self, page: Page) -> None:
        self._page, self._waiting, self._shut = page, list[Route](), False
        page.route("**/*.js*", self._come)

    def _come(self, route: Route) -> None:
        if self._shut:
            self._waiting.append(route)
        else:
            route.continue_()

    def visit(self, path: str) -> None:
        """Open a page without its scripts."""
        self._shut = True
        self._page.goto(path, wait_until="commit")

    def let_in(self) -> None:
        """Let the scripts come."""
        self._shut = False
        while self._waiting:
            self._waiting.pop().continue_()


@pytest.fixture
def gate(page: Page) -> Gate:
    """The gate of the page."""
    return Gate(page)


def choose(page: Page) -> None:
    """Choose a file in whatever page is open."""
    page.locator("input[type=file]").set_input_files({"name": "chat.jsonl", "mimeType": "text/plain", "buffer": CHAT})


def test_a_file_chosen_too_early_is_sent(page: Page, gate: Gate) -> None:
    gate.visit("/convert")
    choose(page)
    gate.let_in()
    expect(page.get_by_label("Target format")).to_be_visible()


def test_a_target_chosen_too_early_is_shown(page: Page, gate: Gate) -> None:
    page.goto("/convert")
    choose(page)
    page.wait_for_url("**/convert/*")
    gate.visit(page.url)
    page.get_by_label("Target format").select_option("csv:columns")
    gate.let_in()
    expect(page.locator("pre", has_text="ltt convert")).to_contain_text("--to csv:columns")
    assert "to=csv%3Acolumns" in page.url


def test_words_typed_too_early_are_searched(app: Flask, page: Page, gate: Gate) -> None:
    with app.app_context():
        dataset_id = factories.dataset()
    gate.visit(f"/datasets/{dataset_id}/pairs")
    page.get_by_role("searchbox", name="Search all texts of the pairs").fill("Question 2")
    gate.let_in()
    expect(page.locator("tr[data-row]")).to_have_count(1)


def test_a_step_back_does_not_choose_again(app: Flask, page: Page) -> None:
    with app.app_context():
        dataset_id = factories.dataset()
    page.goto(f"/datasets/{dataset_id}/pairs")
    page.get_by_label("Needs review").first.check()
    page.wait_for_url("**status=review**")
    page.go_back()
    page.wait_for_load_state("networkidle")
    assert "status=" not in page.url

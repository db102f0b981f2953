"""Tabs that were open while a backup was put back: nothing they send is written, and nothing typed is lost."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.services import backups, datasets, entries, history, pairs
from tests.browser.test_hands import NAMES, answer, listed, row, statuses
from tests.browser.test_journey import press

__all__ = ["listed"]


@pytest.fixture
def restore(app: Flask, listed: str):
    """Puts back a backup of the list, to which a pair was added since; somebody then adds another one."""
    with app.app_context():
        path = backups.make_backup()
        pairs.add_pair(1, "Added since?", "Yes.")

    def run() -> None:
        with app.app_context():
            backups.restore_backup(path)
            pairs.add_pair(1, "Somebody else's?", "Yes.")

    return run


def refused(page: Page) -> None:
    expect(page.get_by_text("restored from a backup since").first).to_be_visible()


def test_a_save_is_refused_shows_both_texts_and_can_be_repeated(app: Flask, page: Page, listed: str, restore) -> None:
    page.goto(f"{listed}?pair=8")
    answer(page).fill("My own words")
    restore()
    press(page, "Control+s")
    refused(page)
    expect(page.get_by_label("What to save")).to_have_value("My own words")
    page.get_by_role("button", name="Save this text").click()
    expect(page.locator(".toast")).to_contain_text("Edit")
    with app.app_context():
        assert entries.get(1, 8).answer == "My own words"


def test_a_pair_that_is_not_there_any_more_keeps_its_text(page: Page, listed: str, restore) -> None:
    page.goto(f"{listed}?pair=9")
    answer(page).fill("My own words")
    restore()
    press(page, "Control+s")
    refused(page)
    expect(page.get_by_label("Answer", exact=True)).to_have_value("My own words")


def test_a_draft_of_before_is_compared_before_it_is_saved(app: Flask, page: Page, listed: str, restore) -> None:
    page.goto(f"{listed}?pair=8")
    answer(page).fill("My own words")
    press(page, "Escape", "Escape")
    restore()
    page.goto(f"{listed}?pair=8")
    expect(answer(page)).to_have_value("My own words")
    press(page, "Control+s")
    expect(page.get_by_label("What to save")).to_have_value("My own words")
    with app.app_context():
        assert entries.get(1, 8).answer == f"Answer to {NAMES[0]}"


def test_undo_is_refused(app: Flask, page: Page, listed: str, restore) -> None:
    page.goto(listed)
    restore()
    press(page, "Control+z")
    refused(page)
    page.get_by_role("link", name="Load the page again").click()
    expect(row(page, "Somebody else's?")).to_be_visible()
    with app.app_context():
        assert [step.state for step in history.steps(1)] == ["applied", "applied"]


def test_deleting_the_dataset_is_refused(app: Flask, page: Page, listed: str, restore) -> None:
    page.goto("/datasets/1/settings")
    restore()
    page.get_by_role("button", name="Delete the dataset").click()
    refused(page)
    with app.app_context():
        assert datasets.get(1).entry_count == 9


def test_a_label_is_refused_also_where_another_page_sends_it(app: Flask, page: Page, listed: str, restore) -> None:
    page.route("**/pairs/actions", lambda route: route.abort())
    page.goto(listed)
    press(page, "j", "j", "a")
    restore()
    page.goto(listed)
    page.unroute("**/pairs/actions")
    expect(page.locator(".toast")).to_contain_text("restored from a backup since", timeout=20_000)
    assert statuses(app) == ["review"] * 9

"""The shell in a browser: switching datasets and the menu of a dataset, by keyboard, by mouse and without scripts."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.services import datasets
from tests import factories
from tests.browser.looking import find_faults
from tests.browser.test_journey import press, wait_for_scripts


@pytest.fixture
def two(app: Flask) -> None:
    """Two datasets: Harbor and Versand."""
    with app.app_context():
        for name in ("Harbor", "Versand"):
            factories.dataset(name)


def test_the_keyboard_alone_switches_to_the_same_page(page: Page, two: None) -> None:
    page.goto("/datasets/1/history")
    wait_for_scripts(page)
    press(page, "g", "w")
    expect(page.get_by_label("Find a dataset")).to_be_focused()
    page.keyboard.type("vers")
    expect(page.locator("#switch-list a")).to_have_count(1)
    press(page, "Enter")
    page.wait_for_url("**/datasets/2/history")
    expect(page.get_by_role("heading", name="History")).to_be_visible()


def test_arrow_keys_walk_through_the_switch_and_escape_leaves_it(page: Page, two: None) -> None:
    page.goto("/datasets/1/")
    wait_for_scripts(page)
    page.locator(".switcher").click()
    press(page, "ArrowDown", "ArrowDown")
    expect(page.locator("#switch-list a").nth(1)).to_be_focused()
    assert find_faults(page) == []
    press(page, "Escape")
    expect(page.locator("#switch")).to_be_hidden()
    expect(page.locator(".switcher")).to_be_focused()


@pytest.mark.parametrize("width", [1280, 390])
def test_datasets_are_switched_without_scripts(open_page: Callable[..., Page], two: None, width: int) -> None:
    page = open_page(scripts=False, width=width)
    page.goto("/datasets/1/splits")
    if width < 900:
        page.get_by_label("Open navigation").click()
    page.locator(".switcher").click()
    page.locator("#switch-list").get_by_role("link", name="Versand").click()
    page.wait_for_url("**/datasets/2/splits")
    if width < 900:
        page.get_by_label("Open navigation").click()
    page.locator(".switcher").click()
    page.get_by_label("Find a dataset").fill("harb")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Harbor").last).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_the_menu_of_a_dataset_renames_and_deletes_it_with_a_way_back(
    open_page: Callable[..., Page], app: Flask, two: None, scripts: bool
) -> None:
    page = open_page(scripts=scripts)
    page.goto("/")
    page.get_by_role("button", name="Actions for Harbor").click()
    menu = page.get_by_role("dialog", name="Actions for Harbor")
    menu.get_by_label("Name of the dataset").fill("Port")
    menu.get_by_role("button", name="Rename").click()
    page.get_by_role("button", name="Actions for Port").click()
    page.get_by_role("button", name="Delete with 3 pairs").locator("visible=true").click()
    expect(page.locator(".toast")).to_contain_text("Deleted “Port”.")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast")).to_contain_text("“Port” is back.")
    with app.app_context():
        assert {one.name for one in datasets.list_datasets()} == {"Versand", "Port"}

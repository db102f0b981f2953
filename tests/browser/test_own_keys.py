"""Own keys in a browser: set by pressing them, honoured and printed on every page, and told in the overlay of the keys."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.services import datasets, pairs
from tests.browser.looking import find_faults
from tests.browser.test_journey import press, row, wait_for_scripts
from tests.browser.test_keys import LAMP, listed  # noqa: F401


def test_keys_are_set_by_pressing_them_and_act_everywhere(page: Page, listed: str) -> None:  # noqa: F811
    page.goto("/settings")
    wait_for_scripts(page)
    for label, key, shown in (("Approve", "y", "Y"), ("Search pairs", "=", "="), ("History", "z", "Z")):
        field = page.locator(".keyfield").filter(has_text=label).first.get_by_role("textbox")
        field.focus()
        page.keyboard.press(key)
        expect(field).to_have_value(shown)
    save = page.locator(".keyfield").filter(has=page.locator("#key-save")).get_by_role("textbox")
    save.focus()
    page.keyboard.press("Control+Shift+d")
    expect(save).to_have_value("Ctrl ⇧ D")
    page.get_by_role("button", name="Save keys").click()
    expect(page.locator(".toast")).to_contain_text("Keys saved.")

    page.goto(listed)
    wait_for_scripts(page)
    expect(page.locator(".sidebar .find kbd")).to_have_text("=")
    press(page, "j", "a")
    expect(row(page, LAMP).locator("[data-status-of]")).to_have_text("Needs review")
    press(page, "y")
    expect(row(page, LAMP).locator("[data-status-of]")).to_have_text("Approved")
    press(page, "=")
    expect(page.locator("[data-key='/']").first).to_be_focused()
    press(page, "Escape", "?")
    told = page.get_by_role("dialog", name="Keys")
    expect(told.locator("dt", has_text="Approve").first.locator("+ dd")).to_have_text("Y")
    expect(told).to_contain_text("Send to review")
    expect(told).not_to_contain_text("Merge")
    assert find_faults(page) == []
    press(page, "Escape", "g", "z")
    page.wait_for_url("**/history")


def test_review_honours_and_prints_own_keys(page: Page, listed: str) -> None:  # noqa: F811
    page.goto("/settings")
    page.locator("#key-approve").focus()
    press(page, "y")
    page.get_by_role("button", name="Save keys").click()
    page.goto(listed.replace("pairs", "review"))
    wait_for_scripts(page)
    approve = page.locator("[data-card]:not([hidden]) [name=act][value=approved]")
    expect(approve.locator("kbd")).to_have_text("Y")
    press(page, "a")
    expect(page.locator("[data-verdict]")).to_have_count(0)
    press(page, "y")
    expect(page.locator("[data-verdict=approved]")).to_have_count(1)


def test_single_keys_that_are_off_are_printed_nowhere(page: Page, listed: str) -> None:  # noqa: F811
    page.goto("/settings")
    page.get_by_role("group", name="Single keys").get_by_role("button", name="Off").click()
    page.goto(listed)
    wait_for_scripts(page)
    expect(page.locator(".head kbd")).to_be_hidden()
    press(page, "n")
    assert "pair=new" not in page.url


def test_keys_are_set_and_told_without_scripts(open_page, listed: str) -> None:  # noqa: F811
    page = open_page(scripts=False)
    page.goto("/settings")
    page.locator("#key-approve").fill("y")
    page.get_by_role("button", name="Save keys").click()
    page.locator(".side-foot").get_by_role("link", name="Keys").click()
    page.get_by_role("link", name="All keys").click()
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    expect(page.locator("dt", has_text="Approve").first.locator("+ dd")).to_have_text("Y")


@pytest.mark.parametrize(
    ("path", "there", "missing"),
    [
        ("/", ("New pair, or new dataset", "All datasets"), ("Overview", "Undo the last step", "Search pairs")),
        ("pairs", ("Select the pair", "Next pair or group", "Overview", "Undo the last step"), ("Next page", "Save")),
        ("pairs?pair=1", ("Save", "Select the pair"), ("Next page",)),
        ("pairs/1", ("Save",), ("Select the pair", "Send to review")),
        ("review", ("Rate", "Skip: it comes again at the end"), ("Send to review",)),
        ("review?view=cards", ("Review", "Skip: it comes again at the end"), ("Rate", "Send to review")),
    ],
)
def test_the_keys_over_a_page_are_those_that_act_on_it(
    app: Flask, page: Page, path: str, there: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    with app.app_context():
        pairs.add_pair(datasets.create_dataset("Keys").id, "Q?", "A.", status="review")
    page.goto(path if path == "/" else f"/datasets/1/{path}")
    wait_for_scripts(page)
    page.keyboard.press("?")
    labels = page.locator("dialog dt")
    expect(labels.first).to_be_visible()
    told = labels.all_inner_texts()
    assert set(there) <= set(told) and not set(missing) & set(told), told
    assert page.locator("dialog section:not(:has(dt))").count() == 0

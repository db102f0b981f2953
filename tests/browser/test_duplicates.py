"""Duplicates in a browser: found and settled by keyboard, undone, turned into preference pairs, and once without scripts."""

import csv
import io
import re

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from app.core.record import Record
from app.services import datasets, history
from tests.browser.looking import what_the_toast_covers
from tests.browser.test_journey import export_openai, make_dataset, press, wait_for_scripts

TABLE = """\
question,answer,topic
How do I return a lamp?,Print the label and bring the parcel to a shop.,returns
How do I return a lamp?,Print the label and bring the parcel to a shop.,lamps
how do i return a lamp,"Print the label, and bring the parcel to a shop",returns
What is the return period?,You can return items within 30 days.,returns
What is the return period?,You can return items within 14 days.,returns
Where is my order?,Open Orders in your account.,orders
Where are my orders?,Open Orders in the account.,orders
"""


def import_table(page: Page) -> None:
    """A new dataset with seven pairs, by the import page."""
    make_dataset(page)
    wait_for_scripts(page)
    file = {"name": "faq.csv", "mimeType": "text/csv", "buffer": TABLE.encode()}
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Import 7 pairs").click()
    expect(page.get_by_role("heading", name="7 pairs imported.")).to_be_visible()


@pytest.fixture
def filled(app: Flask) -> int:
    """The id of a dataset with the same pairs."""
    with app.app_context():
        dataset_id = datasets.create_dataset("Harbor").id
        rows = csv.DictReader(io.StringIO(TABLE))
        records = [Record(row["question"], row["answer"], tags=(row["topic"],)) for row in rows]
        history.create(dataset_id, records, summary="Add pairs")
        return dataset_id


def scan(page: Page, dataset_id: int) -> None:
    """From the page without a scan to the first group."""
    page.goto(f"/datasets/{dataset_id}/duplicates")
    page.get_by_role("button", name="Scan 7 pairs").click()
    expect(page.get_by_role("heading", name="Which pair do you want to keep?")).to_be_visible()


def main_button(page: Page) -> Locator:
    """The button that Enter presses."""
    return page.locator("#group .primary")


def test_by_keyboard(page: Page) -> None:
    import_table(page)
    press(page, "g", "d")
    page.get_by_role("button", name="Scan 7 pairs").click()
    expect(main_button(page)).to_contain_text("Keep 3, remove 2 pairs")
    keep_the_second(page)
    undo_and_keep_again(page)
    make_a_preference_pair(page)
    assert len(export_openai(page, 4)) == 4


def keep_the_second(page: Page) -> None:
    """The differences and the result follow the choice; Enter does what the button says."""
    press(page, "2")
    expect(main_button(page)).to_contain_text("Keep 2, remove 2 pairs")
    expect(page.locator("#keep-2")).to_be_focused()
    expect(page.get_by_role("article", name="Pair 1")).to_contain_text("Identical")
    expect(page.locator(".result")).to_contain_text("1, 3 are removed")
    page.get_by_role("article", name="Pair 3").get_by_label("Remove").uncheck()
    expect(main_button(page)).to_contain_text("Keep 2, remove 1 pair")
    expect(page.locator(".result")).to_contain_text("3 stays")
    press(page, "Enter")
    expect(page.locator(".toast")).to_contain_text("Keep pair 2, remove 1 duplicate.")


def undo_and_keep_again(page: Page) -> None:
    """Undo opens the group where it was."""
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(main_button(page)).to_contain_text("Keep 3, remove 2 pairs")
    press(page, "Enter")
    expect(page.locator(".toast")).to_contain_text("Keep pair 3, remove 2 duplicates.")
    expect(page.locator("#group")).to_contain_text("All 1 group is decided")


def make_a_preference_pair(page: Page) -> None:
    """The worse answer of a conflict stays with the better one."""
    page.locator("#group").get_by_role("link", name="Conflicts").click()
    expect(page.locator("mark")).to_have_text(["30", "14"])
    press(page, "1")
    expect(main_button(page)).to_contain_text("Keep 4, remove 1 pair")
    page.get_by_label("Keep as rejected answer").check()
    expect(main_button(page)).to_contain_text("Make 1 preference pair")
    press(page, "Enter")
    expect(page.locator(".toast")).to_contain_text("1 preference pair")
    page.goto("/datasets/1/pairs?pair=4")
    expect(page.get_by_label("Rejected answer")).to_have_value("You can return items within 14 days.")


def test_merge_and_not_duplicates_by_key(page: Page, filled: int) -> None:
    scan(page, filled)
    press(page, "x")
    expect(page.locator(".toast")).to_contain_text("these pairs are different")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    press(page, "m")
    expect(page.get_by_role("heading", name="Merge 3 pairs into one")).to_be_visible()
    page.wait_for_load_state()
    page.get_by_role("group", name="Question from").get_by_text("How do I return a lamp?").click()
    expect(page.get_by_role("textbox", name="What to save").first).to_have_value("How do I return a lamp?")
    page.get_by_role("textbox", name="What to save").nth(1).fill("Bring it to a shop.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_contain_text("Merge 3 pairs into 3.")
    page.goto("/datasets/1/pairs?pair=3")
    expect(page.get_by_label("Question", exact=True)).to_have_value("How do I return a lamp?")
    expect(page.get_by_label("Answer", exact=True)).to_have_value("Bring it to a shop.")


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [1440, 390])
def test_a_toast_covers_no_button_of_a_group(open_page, filled: int, width: int, scripts: bool) -> None:
    page = open_page(width=width, scripts=scripts)
    scan(page, filled)
    page.get_by_role("button", name="Not duplicates").click()
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(main_button(page)).to_be_visible()
    expect(page.locator(".toast")).to_be_visible()
    if scripts:
        wait_for_scripts(page)
    assert what_the_toast_covers(page) == []


def test_the_slider_tells_the_groups_before_it_is_let_go(page: Page, filled: int) -> None:
    scan(page, filled)
    slider = page.get_by_role("slider")
    slider.focus()
    press(page, "End")
    expect(page.locator(".levels output")).to_have_text("Identical 1 group")
    expect(main_button(page)).to_contain_text("Keep 2, remove 1 pair")
    expect(page).to_have_url(re.compile("level=102"))
    expect(slider).to_be_focused()


def test_a_hint_comes_while_a_question_is_typed(page: Page, filled: int) -> None:
    page.goto(f"/datasets/{filled}/pairs")
    press(page, "n")
    page.get_by_label("Question", exact=True).press_sequentially("what is the return period")
    hint = page.locator(".hint-line")
    expect(hint).to_contain_text("Asked already")
    page.get_by_label("Question", exact=True).fill("Something else altogether?")
    expect(hint).to_be_hidden()


def test_without_scripts(open_page, filled: int) -> None:
    page = open_page(scripts=False)
    scan(page, filled)
    page.locator("#keep-1").check()
    page.get_by_role("button", name="Compare with the chosen pair").click()
    expect(page.locator("#keep-1")).to_be_checked()
    page.get_by_role("button", name="Keep the chosen pair, remove the ticked ones").click()
    expect(page.locator(".toast")).to_contain_text("Keep pair 1, remove 2 duplicates.")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    page.get_by_role("link", name="Settle 1 exact group…").click()
    page.get_by_text("The longest answer").click()
    page.get_by_role("button", name="Count again").click()
    page.get_by_role("button", name="Settle 1 group, remove 2 pairs").click()
    expect(page.locator(".toast")).to_contain_text("Settle 1 group of copies, remove 2 pairs.")
    page.get_by_role("link", name=re.compile("^Conflicts")).first.click()
    page.locator("#keep-4").check()
    page.get_by_role("button", name="Settle with the chosen answer").click()
    expect(page.locator(".toast")).to_contain_text("Keep pair 4, remove 1 conflicting pair.")


def test_the_list_of_groups_is_there_again_on_a_wide_screen(open_page, filled: int) -> None:
    page = open_page(width=390)
    scan(page, filled)
    group = page.locator(".grouplist a").first
    expect(group).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(group).to_be_visible()

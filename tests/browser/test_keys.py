"""Keys and focus in a browser: what a key does depends on where the focus is, and the focus goes where the work is."""

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.core.record import Record
from app.services import datasets, history
from tests.browser.looking import what_the_toast_covers
from tests.browser.test_journey import press, row, wait_for_scripts

LAMP, PARCEL = "How do I return a lamp?", "Where is my parcel?"


@pytest.fixture
def listed(app: Flask) -> str:
    """The address of a list of two pairs."""
    with app.app_context():
        dataset_id = datasets.create_dataset("Harbor").id
        history.create(dataset_id, [Record(PARCEL, "Under orders."), Record(LAMP, "In a shop.")], summary="Add pairs")
        return f"/datasets/{dataset_id}/pairs"


def focused(page: Page) -> str:
    """The name or text of what has the focus."""
    return str(page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()"))


def test_tab_leads_from_the_question_into_the_answer(page: Page, listed: str) -> None:
    page.goto(f"{listed}?pair=2")
    wait_for_scripts(page)
    page.get_by_label("Question", exact=True).focus()
    press(page, "Tab")
    assert focused(page) == "answer"
    press(page, "Tab")
    assert focused(page) == "Preview Markdown"
    press(page, "Enter")
    expect(page.locator("#markdown")).to_have_text("In a shop.")
    expect(page.get_by_role("button", name="Back to writing")).to_be_focused()


def test_tab_leads_through_a_new_pair_to_the_button_that_saves_it(page: Page, listed: str) -> None:
    page.goto(listed)
    press(page, "n")
    expect(page.get_by_label("Question", exact=True)).to_be_focused()
    page.keyboard.type("Is it open?")
    expect(page.locator(".hint-line")).to_be_empty()
    press(page, "Tab")
    page.keyboard.type("Yes.")
    press(page, "Tab")
    page.keyboard.type("hours")
    press(page, "Tab")
    expect(page.get_by_role("button", name="Save and next")).to_be_focused()
    page.get_by_label("Keep the tags for the next").check()
    for question in ("Until when?", "And on Sundays?"):
        press(page, "Control+Enter")
        expect(page.locator(".toast")).to_contain_text("Add")
        expect(page.get_by_label("Question", exact=True)).to_be_focused()
        expect(page.locator("#drawer").get_by_label("Tags", exact=True)).to_have_value("hours")
        page.keyboard.type(question)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(row(page, "Is it open?").locator(".tag")).to_have_text("hours")
    expect(row(page, "And on Sundays?").locator(".tag")).to_have_text("hours")


def test_several_pairs_are_pasted_by_the_keyboard(page: Page, listed: str) -> None:
    page.goto(f"{listed}?pair=new")
    wait_for_scripts(page)
    page.get_by_role("complementary").get_by_role("link", name="Paste several…").click()
    text = page.get_by_label("Questions and answers, as they are")
    expect(text).to_be_focused()
    wait_for_scripts(page)
    page.keyboard.insert_text("Q: Is it open?\nA: Yes.\n\nQ: Until when?\n")
    expect(page.get_by_role("button", name="Add 1 pair")).to_be_enabled()
    expect(page.locator("#seen")).to_contain_text("1 refused")
    page.keyboard.insert_text("A: Until six.\n")
    expect(page.get_by_role("button", name="Add 2 pairs")).to_be_enabled()
    press(page, "Control+Enter")
    expect(page.locator(".toast")).to_contain_text("2 pairs added.")
    expect(page.locator("tr[data-row]")).to_have_count(4)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator("tr[data-row]")).to_have_count(2)


def test_who_writes_before_the_scripts_have_come_is_not_interrupted(page: Page, listed: str) -> None:
    page.goto(listed)
    wait_for_scripts(page)
    # Modules run only after the document has become interactive.
    early = "document.readyState === 'interactive' && document.querySelector('[name=answer]')?.focus()"
    page.add_init_script(f"document.addEventListener('readystatechange', () => {{ {early} }})")
    row(page, LAMP).get_by_role("link").click()
    wait_for_scripts(page)
    assert focused(page) == "answer"


def test_the_preview_button_stands_beside_the_label(page: Page, listed: str) -> None:
    page.goto(f"{listed}?pair=2")
    button, text = (page.locator(one).bounding_box() for one in ("[data-markdown]", "#answer"))
    label = page.locator("label[for=answer]").bounding_box()
    assert button["y"] < label["y"] + label["height"] and button["y"] + button["height"] <= text["y"] + 1
    assert abs(button["x"] + button["width"] - text["x"] - text["width"]) < 2


@pytest.mark.parametrize("place", ["[data-markdown]", "#pair-form summary", ".drawer > footer .primary"])
def test_letters_do_nothing_in_the_editor(page: Page, listed: str, place: str) -> None:
    page.goto(f"{listed}?pair=2")
    wait_for_scripts(page)
    page.locator(place).first.focus()
    press(page, *"jkxarvtng/?")
    page.wait_for_timeout(200)
    assert page.url.endswith("?pair=2")
    expect(page.locator("tr[data-row] input:checked")).to_have_count(0)
    expect(page.locator(place).first).to_be_focused()
    press(page, "Control+s")
    expect(page.locator(".drawer h2")).to_have_text("Pair 2")
    wait_for_scripts(page)
    page.locator(place).first.focus()
    press(page, "Escape")
    expect(page.locator(".drawer")).to_have_count(0)
    expect(row(page, LAMP)).to_contain_text("Needs review")


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [1440, 1000, 390])
def test_a_toast_covers_no_button_of_the_editor(open_page, listed: str, width: int, scripts: bool) -> None:
    page = open_page(width=width, scripts=scripts)
    page.goto(f"{listed}?pair=2")
    page.get_by_label("Answer", exact=True).fill("In any shop.")
    page.locator("#drawer").get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Edit")
    if scripts:
        wait_for_scripts(page)
    assert what_the_toast_covers(page) == []


def test_a_toast_covers_no_button_for_the_selected_pairs(open_page, listed: str) -> None:
    page = open_page(width=1440)
    page.goto(listed)
    press(page, "j", "a")
    expect(page.locator(".toast")).to_be_visible()
    press(page, "x")
    expect(page.locator(".bulk")).to_be_visible()
    assert what_the_toast_covers(page) == []


def test_the_focus_goes_into_the_editor_and_back_to_the_row(page: Page, listed: str) -> None:
    page.goto(listed)
    press(page, "j", "j", "Enter")
    question = page.get_by_label("Question", exact=True)
    expect(question).to_have_value(PARCEL)
    expect(question).to_be_focused()
    page.keyboard.type(" Now")
    expect(question).to_have_value(f"{PARCEL} Now")
    press(page, "Escape", "k")
    expect(question).to_have_value(LAMP)
    expect(question).not_to_be_focused()
    press(page, "j")
    expect(question).to_have_value(f"{PARCEL} Now")
    press(page, "Enter")
    expect(question).to_be_focused()
    press(page, "Escape", "Escape")
    expect(page.locator(".drawer")).to_have_count(0)
    expect(row(page, PARCEL).get_by_role("link")).to_be_focused()
    press(page, "k")
    expect(row(page, LAMP).get_by_role("link")).to_be_focused()
    press(page, "Enter")
    expect(question).to_have_value(LAMP)
    expect(question).to_be_focused()


def test_a_click_on_a_row_goes_into_the_editor_but_an_address_does_not(page: Page, listed: str) -> None:
    page.goto(listed)
    wait_for_scripts(page)
    row(page, LAMP).get_by_role("link").click()
    expect(page.get_by_label("Question", exact=True)).to_be_focused()
    page.reload()
    wait_for_scripts(page)
    expect(page.get_by_label("Question", exact=True)).not_to_be_focused()

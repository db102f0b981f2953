"""How pages look in a browser: what gets the room, what fits narrow windows, what opens over the page."""

import io

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.services import datasets, imports, pairs, uploads
from app.services.cleaning import suggesting
from app.services.imports import Settings
from tests import factories
from tests.browser.looking import find_faults, overflow
from tests.browser.test_journey import press, wait_for_scripts

LONG = "A rather long answer that needs more room than a tag or a number ever will. " * 2
TABLE = f"id,question,answer,topic,score\n1,How do I return a lamp?,{LONG},returns,4\n2,Why?,{LONG},orders,5\n"


@pytest.fixture
def dataset_id(app: Flask) -> int:
    """A dataset of three pairs."""
    with app.app_context():
        return factories.dataset()


@pytest.fixture
def mapping(app: Flask, dataset_id: int) -> str:
    """The page of a table that waits for its mapping."""
    with app.app_context():
        upload = uploads.save(io.BytesIO(TABLE.encode()).read, "table.csv")
        return f"/datasets/{dataset_id}/imports/{imports.add(dataset_id, upload, Settings()).id}"


def test_a_check_leads_to_the_pairs_meant_and_back(app: Flask, open_page) -> None:
    with app.app_context():
        dataset_id = datasets.create_dataset("Shops").id
        for number, answer in enumerate(("<p>It is <b>open</b>.</p>", "It is closed.")):
            pairs.add_pair(dataset_id, f"Is shop {number} open?", answer)
    page = open_page(width=390, height=844)
    page.goto(f"/datasets/{dataset_id}/")
    page.get_by_role("button", name="Check 2 pairs").click()
    expect(page.get_by_role("heading", name="Too few records: fix that before you train.")).to_be_visible()
    assert find_faults(page) == [] and overflow(page) == 0
    page.get_by_role("link", name="Show: Remains of HTML").click()
    expect(page.locator("#matching")).to_contain_text("1 matching pair")
    page.goto(f"/datasets/{dataset_id}/")
    page.get_by_role("link", name="Convert 1 pair…: Remains of HTML").click()
    expect(page.get_by_role("heading", name="Clean", exact=True)).to_be_visible()


def widths(page: Page) -> dict[str, float]:
    """The width of each column of the preview, by its name."""
    heads = page.locator("table.mapper th").all()
    return {(one.locator("b").all_inner_texts() or ["line"])[0]: one.bounding_box()["width"] for one in heads}


def test_question_and_answer_get_the_room_of_the_preview(open_page, mapping: str) -> None:
    page = open_page(width=1440, height=900)
    page.goto(mapping)
    wide = widths(page)
    others = [width for name, width in wide.items() if name not in ("question", "answer")]
    assert min(wide["question"], wide["answer"]) > 1.5 * max(others)


def test_a_column_is_wide_enough_for_what_it_becomes(app: Flask, open_page, dataset_id: int) -> None:
    with app.app_context():
        upload = uploads.save(io.BytesIO(b"question,answer,topic\nWho?,I.,lamps\n").read, "few.csv")
        address = f"/datasets/{dataset_id}/imports/{imports.add(dataset_id, upload, Settings()).id}"
    page = open_page(width=1440, height=900)
    page.goto(address)
    wide = widths(page)
    assert wide["topic"] > 140 and min(wide["question"], wide["answer"]) > 1.5 * wide["topic"]


def test_columns_share_the_room_while_none_is_the_answer(app: Flask, open_page, dataset_id: int) -> None:
    with app.app_context():
        upload = uploads.save(io.BytesIO(b"utterance,intent,note\nopen the shop,open,x\n").read, "unclear.csv")
        address = f"/datasets/{dataset_id}/imports/{imports.add(dataset_id, upload, Settings()).id}"
    page = open_page(width=1440, height=900)
    page.goto(address)
    wide = widths(page)
    assert wide.pop("line") < 100 and max(wide.values()) - min(wide.values()) < 2


def test_the_preview_is_cards_on_a_narrow_window(open_page, mapping: str) -> None:
    page = open_page(width=390, height=844)
    page.goto(mapping)
    cell = page.locator("table.mapper tbody td", has_text="How do I return a lamp?").first
    box = cell.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["width"] > 300
    answer = page.locator("table.mapper tbody td", has_text="rather long").first.bounding_box()
    assert answer["y"] >= box["y"] + box["height"] - 1
    assert overflow(page) <= 0
    expect(page.get_by_label("What column answer becomes")).to_be_visible()


@pytest.mark.parametrize("drawer", ["", "?pair=1"], ids=["list", "editor"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_button_for_the_selected_pairs_is_in_the_window(
    open_page, dataset_id: int, width: int, drawer: str
) -> None:
    if drawer and width == 390:
        pytest.skip("the editor covers the list")
    page = open_page(width=width, height=844)
    page.goto(f"/datasets/{dataset_id}/pairs{drawer}")
    wait_for_scripts(page)
    page.locator("tbody input[name=id]").first.check()
    bar = page.locator(".bulk").bounding_box()
    for one in page.locator(".bulk :is(button, input):visible").all():
        box = one.bounding_box()
        assert box["x"] >= bar["x"] and box["x"] + box["width"] <= bar["x"] + bar["width"] + 1, one.inner_text()
    assert overflow(page) <= 0


def test_the_keys_open_over_the_page(page: Page, dataset_id: int) -> None:
    page.goto(f"/datasets/{dataset_id}/pairs?pair=1")
    wait_for_scripts(page)
    page.get_by_label("Answer", exact=True).fill("Half a")
    press(page, "Escape", "?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Send to review")
    assert find_faults(page) == []
    press(page, "a")
    press(page, "Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_label("Answer", exact=True)).to_have_value("Half a")
    assert page.url.endswith("?pair=1")


def test_what_cannot_act_looks_so(page: Page, app: Flask) -> None:
    with app.app_context():
        empty = datasets.create_dataset("Empty").id
    page.goto(f"/datasets/{empty}/pairs")
    button = page.get_by_role("button", name="Nothing to undo")
    expect(button).to_be_disabled()
    assert float(button.evaluate("(one) => getComputedStyle(one).opacity")) < 0.6


def test_counts_of_an_earlier_state_are_taken_again(page: Page, app: Flask, dataset_id: int) -> None:
    with app.app_context():
        suggesting.suggest_for_dataset(dataset_id)
        pairs.add_pair(dataset_id, "Bold?", "<p>Yes, <b>bold</b>.</p>")
    page.goto(f"/datasets/{dataset_id}/clean")
    expect(page.locator(".oplist")).not_to_contain_text("before the last step")
    expect(page.get_by_role("link", name="HTML to Markdown 1")).to_be_visible()


def test_a_step_back_ticks_the_target_that_it_shows(page: Page, dataset_id: int) -> None:
    page.goto(f"/datasets/{dataset_id}/export")
    wait_for_scripts(page)
    ticked, command = page.locator("input[name=to]:checked"), page.locator("pre.wraps")
    chosen = ("azure", "together", "gemini")
    for name in chosen:
        page.locator(f"input[name=to][value={name}]").check()
        expect(command).to_contain_text(f"--to {name}")
    for step, name in ((page.go_back, "together"), (page.go_back, "azure"), (page.go_forward, "together")):
        step()
        expect(command).to_contain_text(f"--to {name}")
        expect(ticked).to_have_value(name)
        expect(page.get_by_role("heading", name="Export")).to_be_visible()
    page.reload()
    expect(command).to_contain_text("--to together")
    expect(ticked).to_have_value("together")


def test_what_is_folded_on_a_phone_is_there_again_on_a_wide_screen(app: Flask, open_page) -> None:
    with app.app_context():
        dataset_id = datasets.create_dataset("Shops").id
        for _ in range(2):
            pairs.add_pair(dataset_id, "Is the shop open?", "It is open.")
    page = open_page(width=390, height=844)
    page.goto(f"/datasets/{dataset_id}/clean?op=mask")
    box = page.locator("select[name='o.style']").bounding_box()
    assert box["x"] + box["width"] <= 390 and overflow(page) == 0
    operations = page.locator(".ops a").first
    expect(operations).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(operations).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(operations).to_be_hidden()


def test_the_table_of_models_can_be_moved_sideways_on_a_phone(app: Flask, open_page) -> None:
    with app.app_context():
        dataset_id = datasets.create_dataset("Shops").id
        pairs.add_pair(dataset_id, "Is the shop open?", "It is open.")
    page = open_page(width=390, height=844)
    page.goto(f"/datasets/{dataset_id}/")
    page.get_by_role("button", name="Check 1 pair").click()
    expect(page.get_by_role("heading", name="Too few records: fix that before you train.")).to_be_visible()
    page.goto(f"/datasets/{dataset_id}/advice")
    assert find_faults(page) == [] and overflow(page) == 0
    last = page.get_by_role("columnheader", name="LoRA needs", exact=True)
    page.locator(".sideways").evaluate("(box) => box.scrollTo(box.scrollWidth, 0)")
    assert last.bounding_box()["x"] + last.bounding_box()["width"] <= 390

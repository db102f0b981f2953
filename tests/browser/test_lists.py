"""Lists in a browser: values left out, ranges drawn, pages by keys, and bars that hold large numbers."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.looking import find_faults, overflow
from tests.browser.test_journey import wait_for_scripts

# Of so many pairs all buttons tell.
_MANY = "document.querySelector('[data-all]').dataset.all = '1234567'"
_TOO_WIDE = """[...document.querySelectorAll(".bulk, .bulk-more, .head, .toolbar")]
  .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.className)"""


@pytest.fixture
def listed(sixty: str) -> str:
    """The page of sixty pairs whose answers differ in length."""
    return f"{sixty}/pairs"


def test_a_value_is_left_out_or_chosen_and_never_both(listed: str, open_page) -> None:
    page = open_page()
    page.goto(listed)
    wait_for_scripts(page)
    value = page.locator("#facets li").filter(has=page.locator('[name=tag][value="odd"]'))
    value.hover()
    value.locator(".not").click()
    expect(page).to_have_url(re.compile(r"\?not_tag=odd$"))
    expect(page.locator("#matching")).to_contain_text("30 matching pairs")
    wait_for_scripts(page)
    page.locator('#facets [name=tag][value="odd"]').click()
    expect(page).to_have_url(re.compile(r"\?tag=odd$"))


def test_a_range_is_drawn_by_its_handles(listed: str, open_page) -> None:
    page = open_page()
    page.goto(listed)
    wait_for_scripts(page)
    page.get_by_role("slider", name="Fewest characters").press("ArrowRight")
    expect(page).to_have_url(re.compile(r"\?length_from=\d+$"))
    expect(page.locator("#matching")).to_contain_text("matching pairs")
    assert find_faults(page) == []


def test_pages_are_turned_by_keys(listed: str, open_page) -> None:
    page = open_page()
    page.goto(f"{listed}?size=25&order=longest")
    wait_for_scripts(page)
    expect(page.locator("tr[data-row]").first).to_contain_text("Question 60?")
    page.keyboard.press(".")
    expect(page.locator("tr[data-row]").first).to_contain_text("Question 35?")
    wait_for_scripts(page)
    page.keyboard.press(",")
    expect(page.locator("tr[data-row]").first).to_contain_text("Question 60?")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_no_bar_is_too_narrow_for_a_million_pairs(listed: str, open_page, width: int, height: int) -> None:
    page = open_page(width=width, height=height)
    page.goto(listed)
    wait_for_scripts(page)
    page.evaluate(_MANY)
    page.locator("tbody [name=id]").first.check()
    page.locator("[data-all]").check()
    page.get_by_role("button", name="More…").click()
    expect(page.get_by_role("button", name="Export 1,234,567…")).to_be_visible()
    assert page.evaluate(_TOO_WIDE) == [] and overflow(page) == 0
    assert find_faults(page) == []


def test_the_room_of_the_handles_is_kept_until_the_scripts_come(listed: str, open_page) -> None:
    page = open_page()
    page.route("**/js/all.js*", lambda route: route.abort())
    page.goto(listed)
    before = page.locator("[data-range]").last.bounding_box()
    page.unroute("**/js/all.js*")
    page.goto(listed)
    wait_for_scripts(page)
    assert page.locator("[data-range]").last.bounding_box() == before

"""Who works by the keyboard alone goes on where they were, and a screen reader hears what became of a press."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.test_journey import press, wait_for_scripts


def use(page: Page, control: Locator, key: str, then: str) -> None:
    """Press a key on a control, and wait for the page that comes."""
    wait_for_scripts(page)
    control.focus()
    page.keyboard.press(key)
    expect(page).to_have_url(re.compile(then))
    wait_for_scripts(page)


def test_filters_order_and_pages_keep_the_focus(sixty: str, page: Page) -> None:
    page.goto(f"{sixty}/pairs?size=25")
    tick = page.locator("#facets [name=tag][value=odd]")
    for then in ("tag=odd", r"pairs\?size=25$"):
        use(page, tick, "Space", then)
        expect(tick).to_be_focused()
    use(page, page.get_by_label("Order"), "ArrowDown", "order=oldest")
    expect(page.get_by_label("Order")).to_be_focused()
    following = page.get_by_role("link", name="Next page")
    use(page, following, "Enter", "cursor=")
    expect(following).to_be_focused()
    page.goto(f"{sixty}/pairs")
    use(page, page.get_by_role("button", name="Full"), "Enter", "pairs")
    expect(page.locator("tbody.one-line")).to_have_count(0)
    expect(page.get_by_role("button", name="Full")).to_be_focused()


def test_a_handle_is_moved_by_several_keys_and_stays_at_hand(sixty: str, page: Page) -> None:
    sent = []
    page.on("request", lambda one: sent.append(one.url) if one.is_navigation_request() else None)
    page.goto(f"{sixty}/pairs")
    wait_for_scripts(page)
    handle = page.get_by_role("slider", name="Fewest characters")
    step = int(page.locator("[data-thumbs]").last.get_attribute("data-step") or 0)
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(rf"\?length_from={3 * step}$"))
    wait_for_scripts(page)
    assert len(sent) == 2
    expect(handle).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(rf"\?length_from={2 * step}$"))


def test_both_ends_of_a_range_are_typed_one_after_the_other(sixty: str, page: Page) -> None:
    page.goto(f"{sixty}/pairs")
    wait_for_scripts(page)
    page.locator("[name=length_from]").focus()
    for key in ("4", "0", "Tab", "9", "0", "Tab"):
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile(r"\?length_from=40&length_to=90$"))


def test_after_an_action_the_focus_is_in_the_list_and_what_it_did_is_read_out(sixty: str, page: Page) -> None:
    page.goto(f"{sixty}/pairs")
    wait_for_scripts(page)
    press(page, "j", "j", "x")
    page.locator("[data-bulk] button[value=delete]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-told]")).to_have_text("Delete 1 pair.")
    expect(page.locator("tr[data-row] a").nth(1)).to_be_focused()
    page.locator(".toast").get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-told]")).to_have_text("Undone: Delete 1 pair.")
    assert page.evaluate("document.activeElement.matches('tr a')")


def test_who_clicks_has_no_focus_put_anywhere(sixty: str, page: Page) -> None:
    page.goto(f"{sixty}/pairs")
    wait_for_scripts(page)
    page.locator("#facets [name=tag][value=odd]").click()
    expect(page).to_have_url(re.compile("tag=odd"))
    wait_for_scripts(page)
    assert page.evaluate("document.activeElement.tagName") == "BODY"


def test_the_buttons_of_the_review_keep_the_focus(sixty: str, page: Page) -> None:
    page.goto(f"{sixty}/review")
    wait_for_scripts(page)
    shown = page.locator("[data-card]:visible")
    shown.locator("[value=approved]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-card='2'] [value=approved]")).to_be_focused()
    expect(page.locator("[data-told]")).to_have_text("Approved. Pair 2: Question 2?")
    shown.get_by_role("button", name="Next").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-card='3']").get_by_role("button", name="Next")).to_be_focused()
    expect(page.locator("[data-told]")).to_have_text("Pair 3: Question 3?")
    press(page, "u")
    expect(page.locator("[data-card='1']").get_by_role("button", name="Next")).to_be_focused()
    expect(page.locator("[data-told]")).to_have_text("Taken back. Pair 1: Question 1?")


def test_a_tag_leaves_the_focus_on_the_pair(sixty: str, page: Page) -> None:
    page.goto(f"{sixty}/review")
    wait_for_scripts(page)
    press(page, "t", "j", "a", "r", "Enter")
    expect(page.locator("[data-card='1'] .scroll").first).to_be_focused()
    expect(page.locator("[data-told]")).to_have_text("Tagged jar.")
    press(page, "a")
    expect(page.locator("[data-card='2']")).to_be_visible()

"""Quick hands in a browser: nothing typed is lost, no key lands in a text by accident, and every label is given."""

import re
from contextlib import suppress

import pytest
from flask import Flask
from playwright.sync_api import Error, Page, Route, expect

from app.core.record import Record
from app.services import datasets, entries, history, pairs
from app.services.pairs import Selection
from tests.browser.test_journey import press, row, wait_for_scripts

# Several answers one after the other, on a machine that does other things as well.
PATIENCE = 20_000
# A browser whose storage for this address is full.
FULL = """(() => { const set = Storage.prototype.setItem; Storage.prototype.setItem = function (...said) {
  if (this === localStorage) throw new DOMException("full", "QuotaExceededError"); return set.apply(this, said); }; })()"""
NAMES = [f"Question {number}?" for number in range(8, 0, -1)]


@pytest.fixture
def listed(app: Flask) -> str:
    """The address of a list of eight pairs, the newest first."""
    with app.app_context():
        dataset_id = datasets.create_dataset("Harbor").id
        records = [Record(name, f"Answer to {name}") for name in reversed(NAMES)]
        history.create(dataset_id, records, summary="Add pairs", status="review")
        return f"/datasets/{dataset_id}/pairs"


def statuses(app: Flask) -> list[str]:
    """The status of each pair, in the order of the list."""
    with app.app_context():
        return [entry.status for entry in entries.stream_entries(1)][::-1]


def question(page: Page):
    """The field with the question of the open pair."""
    return page.get_by_label("Question", exact=True)


def answer(page: Page):
    """The field with the answer of the open pair."""
    return page.get_by_label("Answer", exact=True)


def leave_a_draft(page: Page, listed: str) -> None:
    """Write into the first pair and go back to the list without saving."""
    page.goto(listed)
    press(page, "j", "Enter")
    expect(question(page)).to_be_focused()
    answer(page).fill("My own words")
    press(page, "Escape", "Escape")
    expect(page.locator(".drawer")).to_have_count(0)


def test_a_draft_is_what_one_sees_when_the_pair_is_opened_again(page: Page, listed: str) -> None:
    leave_a_draft(page, listed)
    row(page, NAMES[0]).get_by_role("link").click()
    expect(answer(page)).to_have_value("My own words")
    expect(page.locator(".draft-note")).to_contain_text("Not saved yet.")
    page.locator(".draft-note").get_by_role("button", name="Discard").click()
    expect(answer(page)).to_have_value(f"Answer to {NAMES[0]}")
    page.reload()
    expect(answer(page)).to_have_value(f"Answer to {NAMES[0]}")
    expect(page.locator(".draft-note")).to_have_count(0)


def test_the_row_of_a_draft_says_so_and_saves_it(app: Flask, page: Page, listed: str) -> None:
    leave_a_draft(page, listed)
    mine = row(page, NAMES[0])
    expect(mine.locator(".draft-line")).to_contain_text("Not saved")
    expect(row(page, NAMES[1]).locator(".draft-line")).to_have_count(0)
    mine.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("Edit")
    expect(row(page, NAMES[0])).to_contain_text("My own words")
    expect(page.locator(".draft-line, .drawer")).to_have_count(0)
    with app.app_context():
        assert entries.get(1, 8).answer == "My own words"


def test_the_row_of_a_draft_discards_it(page: Page, listed: str) -> None:
    leave_a_draft(page, listed)
    row(page, NAMES[0]).get_by_role("button", name="Discard").click()
    expect(page.locator(".draft-line")).to_have_count(0)
    page.reload()
    wait_for_scripts(page)
    expect(page.locator(".draft-line")).to_have_count(0)


def test_a_draft_of_a_pair_that_was_saved_meanwhile_asks(app: Flask, page: Page, listed: str) -> None:
    leave_a_draft(page, listed)
    with app.app_context():
        pairs.save_pair(1, 8, {"answer": "Theirs"}, version=entries.get(1, 8).version)
    page.goto(f"{listed}?pair=8")
    expect(answer(page)).to_have_value("My own words")
    page.locator(".draft-note").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Two versions of pair 8")).to_be_visible()
    page.get_by_role("link", name="Take theirs").click()
    expect(answer(page)).to_have_value("Theirs")


def test_theirs_is_taken_also_by_a_click_before_the_scripts(app: Flask, page: Page, listed: str) -> None:
    leave_a_draft(page, listed)
    with app.app_context():
        pairs.save_pair(1, 8, {"answer": "Theirs"}, version=entries.get(1, 8).version)
    page.goto(f"{listed}?pair=8")
    page.route("**/js/all.js*", lambda route: route.abort())
    page.locator(".draft-note").get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Take theirs").click()
    page.unroute_all()
    page.reload()
    expect(answer(page)).to_have_value("Theirs")
    wait_for_scripts(page)
    expect(page.locator(".draft-note")).to_have_count(0)
    expect(answer(page)).to_have_value("Theirs")


def test_a_save_that_never_arrived_keeps_the_draft(page: Page, listed: str) -> None:
    page.goto(f"{listed}?pair=8")
    wait_for_scripts(page)
    answer(page).fill("My own words")
    page.route("**/pairs/8", lambda route: route.abort())
    press(page, "Control+s")
    page.wait_for_timeout(200)
    page.unroute("**/pairs/8")
    page.goto(f"{listed}?pair=8")
    expect(answer(page)).to_have_value("My own words")


def test_a_new_pair_whose_answer_never_came_is_stored_once(app: Flask, page: Page, listed: str) -> None:
    def lose_answer(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    page.goto(f"{listed}?pair=new")
    wait_for_scripts(page)
    question(page).fill("Which gate?")
    page.route(f"**{listed}", lose_answer, times=1)
    page.get_by_role("button", name="Save", exact=True).click()
    # Playwright tells of the page that cannot come now as an address, now as an error.
    with suppress(Error):
        page.wait_for_url("chrome-error://**")
    page.goto(f"{listed}?pair=new")
    expect(page.locator(".draft-note")).to_contain_text("Not saved yet.")
    page.locator(".draft-note").get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("Add “Which gate?”.")
    expect(page.locator("[data-unsaved]")).to_be_hidden()
    # What is written next is another pair, also in the same words.
    page.goto(f"{listed}?pair=new")
    question(page).fill("Which gate?")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(row(page, "Which gate?")).to_have_count(2)
    with app.app_context():
        assert datasets.get(1).entry_count == len(NAMES) + 2


def test_who_goes_back_behind_a_save_does_not_save_it_again(app: Flask, page: Page, listed: str) -> None:
    page.goto(f"{listed}?pair=new")
    wait_for_scripts(page)
    question(page).press_sequentially("Which gate?")
    press(page, "Control+s")
    expect(row(page, "Which gate?")).to_have_count(1)
    page.go_back()
    wait_for_scripts(page)
    page.wait_for_timeout(300)
    expect(question(page)).to_have_value("")
    page.goto(f"{listed}?pair=8")
    wait_for_scripts(page)
    answer(page).fill("My own words")
    press(page, "Control+s")
    expect(page.locator(".toast")).to_contain_text("Edit")
    page.goto("/keys")
    with app.app_context():
        pairs.save_pair(1, 8, {"answer": "Theirs"}, version=entries.get(1, 8).version)
    page.go_back()
    wait_for_scripts(page)
    page.wait_for_timeout(300)
    expect(answer(page)).to_have_value("Theirs")


def test_what_is_begun_where_another_tab_saved_is_another_pair(app: Flask, page: Page, listed: str) -> None:
    other = page.context.new_page()
    other.goto(f"{listed}?pair=new")
    wait_for_scripts(other)
    question(other).fill("Which gate?")
    page.goto(listed)
    wait_for_scripts(page)
    unsaved(page).click()
    page.get_by_role("button", name="Save new pair").click()
    expect(row(page, "Which gate?")).to_have_count(1)
    expect(question(other)).to_have_value("")
    wait_for_scripts(other)
    question(other).fill("Which gate?")
    press(other, "Control+s")
    expect(row(other, "Which gate?")).to_have_count(2)


def test_each_dataset_has_a_new_pair_of_its_own(app: Flask, page: Page, listed: str) -> None:
    with app.app_context():
        datasets.create_dataset("Other")
    for address, text in ((listed, "Which gate?"), ("/datasets/2/pairs", "Which door?")):
        page.goto(f"{address}?pair=new")
        wait_for_scripts(page)
        question(page).fill(text)
    press(page, "Control+s")
    expect(row(page, "Which door?")).to_have_count(1)
    page.goto(f"{listed}?pair=new")
    expect(question(page)).to_have_value("Which gate?")


def test_saving_leaves_the_focus_and_what_is_typed_meanwhile(app: Flask, page: Page, listed: str) -> None:
    page.goto(f"{listed}?pair=8")
    wait_for_scripts(page)
    answer(page).fill("My words")
    press(page, "Control+s")
    expect(page.locator(".toast")).to_contain_text("Edit")
    expect(answer(page)).to_be_focused()
    expect(page.locator(".draft-note")).to_have_count(0)
    page.keyboard.type(" go on")
    expect(answer(page)).to_have_value("My words go on")


@pytest.mark.parametrize("keys", [["Escape"], ["Escape", "x"], ["j"]], ids="+".join)
def test_no_key_after_the_opening_is_typed_into_the_text(page: Page, listed: str, keys: list[str]) -> None:
    page.goto(listed)
    press(page, "j")
    held: list[Route] = []
    # The pair is kept from opening until all keys are pressed: what comes later is meant for its text.
    page.route(re.compile("pair="), lambda route: held.append(route))
    page.keyboard.press("Enter")
    for key in [*keys, "x", "x", "x"]:
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    for route in held:
        route.continue_()
    page.unroute_all()
    page.wait_for_timeout(500)
    wait_for_scripts(page)
    page.keyboard.type("xx")
    for name in ("question", "answer", "q", "tags"):
        for field in page.locator(f"main [name={name}]").all():
            assert "x" not in field.input_value()


def test_no_key_after_a_step_back_is_typed_into_a_text(page: Page, listed: str) -> None:
    page.goto(listed)
    press(page, "j", "Enter")
    expect(question(page)).to_be_focused()
    page.goto("/keys")
    page.go_back()
    wait_for_scripts(page)
    page.keyboard.type("xx")
    expect(question(page)).to_have_value(NAMES[0])


def test_a_key_before_the_scripts_have_come_counts(page: Page, listed: str) -> None:
    held: list[Route] = []
    page.route("**/js/all.js*", lambda route: held.append(route))
    page.goto(listed, wait_until="commit")
    expect(page.locator("tr[data-row]")).to_have_count(8)
    while not page.evaluate("'waitingKeys' in window"):
        page.wait_for_timeout(20)
    page.keyboard.press("j")
    held.pop().continue_()
    wait_for_scripts(page)
    expect(row(page, NAMES[0])).to_have_attribute("aria-current", "true")


def test_six_quick_presses_approve_six_pairs(app: Flask, page: Page, listed: str) -> None:
    page.goto(listed)
    press(page, "j", *"aaaaaa")
    expect(page.locator("tr[data-row] [data-now=approved]")).to_have_count(6)
    expect(page.locator(".toast")).to_contain_text("6 pairs in all", timeout=PATIENCE)
    assert statuses(app) == ["approved"] * 6 + ["review"] * 2
    with app.app_context():
        steps = [step.summary for step in history.steps(1)][:6]
    assert steps == ["Approve 1 pair"] * 6
    expect(page.locator("#facets")).to_contain_text("Approved 6")
    expect(page.get_by_role("button", name="Undo: Approve 1 pair")).to_be_enabled()


def test_they_are_sent_in_order_and_again_when_the_server_does_not_answer(app: Flask, page: Page, listed: str) -> None:
    sent: list[str] = []

    def sometimes(route: Route) -> None:
        sent.append(route.request.post_data or "")
        if len(sent) in (2, 3):
            route.abort()
        elif len(sent) == 5:
            route.fulfill(status=503, json={"error": {"message": "Busy."}})
        else:
            route.continue_()

    page.route("**/pairs/actions", sometimes)
    page.goto(listed)
    press(page, "j", *"aaaaaa")
    expect(page.locator(".toast")).to_contain_text("6 pairs in all", timeout=PATIENCE)
    assert statuses(app) == ["approved"] * 6 + ["review"] * 2
    ids = [dict(part.split("=") for part in one.split("&"))["id"] for one in sent]
    assert ids == ["8", "7", "7", "7", "6", "6", "5", "4", "3"]


def test_labels_that_wait_go_along_to_the_next_page(app: Flask, page: Page, listed: str) -> None:
    page.route("**/pairs/actions", lambda route: route.abort())
    page.goto(listed)
    press(page, "j", *"aaaaaa")
    page.unroute("**/pairs/actions")
    page.goto("/keys")
    expect(page.locator(".toast")).to_contain_text("6 pairs in all", timeout=PATIENCE)
    assert statuses(app) == ["approved"] * 6 + ["review"] * 2


def test_the_review_does_not_offer_a_pair_whose_label_is_still_to_be_sent(app: Flask, page: Page, listed: str) -> None:
    page.route("**/pairs/actions", lambda route: route.abort())
    page.goto(listed)
    press(page, "j", "r")
    page.goto(f"{listed.removesuffix('/pairs')}/review?ids=7,8")
    wait_for_scripts(page)
    expect(page.locator("[data-card]:visible")).to_have_attribute("data-card", "7")
    expect(page.locator("[data-card='8']")).to_have_count(0)
    page.unroute("**/pairs/actions")


def test_a_refused_label_comes_back_with_its_reason(app: Flask, page: Page, listed: str) -> None:
    with app.app_context():
        pairs.save_pair(1, 7, {"answer": ""}, version=entries.get(1, 7).version)
    page.goto(listed)
    with app.app_context():
        pairs.delete_pairs(1, Selection((5,)))
    press(page, "j", *"aaaa")
    expect(row(page, NAMES[1]).locator(".refused")).to_contain_text("The pair has no answer yet.", timeout=PATIENCE)
    expect(row(page, NAMES[1])).to_contain_text("Draft")
    expect(row(page, NAMES[3]).locator(".refused")).to_have_text("It was deleted meanwhile.", timeout=PATIENCE)
    assert statuses(app)[:3] == ["approved", "draft", "approved"]


def test_the_open_pair_is_saved_after_its_label(app: Flask, page: Page, listed: str) -> None:
    page.goto(f"{listed}?pair=8")
    press(page, "a")
    expect(page.locator(".toast")).to_contain_text("Approve 1 pair")
    expect(page.locator("#drawer").get_by_label("Status", exact=True)).to_have_value("approved")
    answer(page).fill("Better")
    press(page, "Control+s")
    expect(page.locator(".toast")).to_contain_text("Edit")
    assert statuses(app)[0] == "approved"


def unsaved(page: Page):
    """The button in the head that counts what is not saved."""
    return page.locator("[data-unsaved]")


def test_the_head_counts_what_is_not_saved_and_leads_to_it(app: Flask, page: Page, listed: str) -> None:
    leave_a_draft(page, listed)
    expect(unsaved(page)).to_have_text("1 not saved")
    page.goto(f"{listed}?pair=new")
    wait_for_scripts(page)
    question(page).fill("A new one?\nmore")
    # Also drafts of pairs that this page of the list does not show.
    page.goto(f"{listed}?q=nothing+like+it")
    expect(unsaved(page)).to_have_text("2 not saved")
    unsaved(page).click()
    page.get_by_role("link", name="A new one?").click()
    expect(question(page)).to_have_value("A new one?\nmore")
    expect(page.locator(".draft-note")).to_contain_text("Not saved yet.")
    unsaved(page).click()
    page.get_by_role("button", name="Save pair 8").click()
    expect(page.locator(".toast")).to_contain_text("Edit")
    expect(unsaved(page)).to_have_text("1 not saved")
    unsaved(page).click()
    page.get_by_role("button", name="Save new pair").click()
    expect(page.locator(".toast")).to_contain_text("Add")
    expect(unsaved(page)).to_be_hidden()
    with app.app_context():
        assert entries.get(1, 8).answer == "My own words" and entries.get(1, 9).question == "A new one?\nmore"


def test_drafts_of_new_pairs_in_two_tabs_are_both_kept(page: Page, listed: str) -> None:
    other = page.context.new_page()
    for tab, text in ((page, "First?"), (other, "Second?")):
        tab.goto(f"{listed}?pair=new")
        wait_for_scripts(tab)
        question(tab).fill(text)
    page.reload()
    expect(question(page)).to_have_value("First?")
    expect(unsaved(page)).to_have_text("2 not saved")


def test_two_tabs_of_one_pair_show_the_same_draft(page: Page, listed: str) -> None:
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(f"{listed}?pair=8")
        wait_for_scripts(tab)
    answer(page).fill("My own words")
    expect(answer(other)).to_have_value("My own words")
    press(page, "Control+s")
    expect(page.locator(".toast")).to_contain_text("Edit")
    # Loaded anew with what was saved, so that the other tab goes on from there.
    expect(other.locator("[name=version][value='2']").first).to_be_attached()
    expect(other.locator(".draft-note")).to_have_count(0)


def test_leaving_asks_only_where_a_draft_cannot_be_kept(page: Page, listed: str) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(f"{listed}?pair=8")
    wait_for_scripts(page)
    answer(page).click()
    page.keyboard.type("kept")
    page.goto(f"{listed}?pair=7")
    assert asked == []
    page.evaluate(FULL)
    answer(page).click()
    page.keyboard.type("lost?")
    expect(page.locator(".unkept-note")).to_contain_text("Save before you leave this page.")
    page.goto(f"{listed}?pair=6")
    assert asked == ["beforeunload"]


def test_saving_where_no_draft_can_be_kept_does_not_ask(app: Flask, page: Page, listed: str) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.add_init_script(FULL)
    page.goto(f"{listed}?pair=8")
    wait_for_scripts(page)
    answer(page).fill("Saved all the same")
    press(page, "Control+s")
    expect(page.locator(".toast")).to_contain_text("Edit")
    assert asked == []
    with app.app_context():
        assert entries.get(1, 8).answer == "Saved all the same"


def test_what_was_typed_after_a_refusal_is_kept_whatever_is_taken_back(page: Page, listed: str) -> None:
    page.goto(f"{listed}?pair=8")
    wait_for_scripts(page)
    question(page).fill(" ")
    answer(page).fill("Long work")
    press(page, "Control+s")
    expect(page.get_by_role("alert")).to_contain_text("The question is empty")
    answer(page).press_sequentially("x")
    answer(page).press("Backspace")
    page.goto(f"{listed}?pair=8")
    expect(answer(page)).to_have_value("Long work")


def test_undo_by_key_takes_back_a_label_that_is_still_being_sent(app: Flask, page: Page, listed: str) -> None:
    held: list[Route] = []
    page.goto(listed)
    page.route("**/pairs/actions", lambda route: held.append(route))
    press(page, "j", "a", "Control+z")
    # It waits for the label, and says so.
    expect(page.locator(".toast")).to_contain_text("as soon as the server has what you decided before it")
    assert statuses(app) == ["review"] * 8
    held.pop().continue_()
    expect(page.locator(".toast")).to_contain_text("Undone", timeout=PATIENCE)
    assert statuses(app) == ["review"] * 8
    expect(page.get_by_role("button", name="Redo: Approve 1 pair")).to_be_enabled()


def test_undo_of_a_toast_takes_back_its_label_while_the_next_is_sent(app: Flask, page: Page, listed: str) -> None:
    held: list[Route] = []
    page.goto(listed)
    press(page, "j", "a")
    undo = page.locator(".toast").get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    page.route("**/pairs/actions", lambda route: held.append(route))
    press(page, "j", "r")
    undo.click()
    expect(page.locator(".toast")).to_contain_text("as soon as the server has what you decided before it")
    held.pop().continue_()
    expect(page.locator(".toast")).to_contain_text("Undone", timeout=PATIENCE)
    assert statuses(app) == ["review", "rejected", *["review"] * 6]


def test_a_save_that_waits_for_decisions_says_so_and_is_one(app: Flask, page: Page, listed: str) -> None:
    held: list[Route] = []
    page.goto(listed.replace("/pairs", "/review"))
    wait_for_scripts(page)
    page.route(re.compile(r"/review/\d+$"), lambda route: held.append(route))
    press(page, "a")
    page.goto(f"{listed}?pair=new")
    wait_for_scripts(page)
    question(page).fill("And the last?")
    answer(page).fill("It is here.")
    press(page, "Control+s", "Control+s")
    expect(page.locator(".toast")).to_contain_text("as soon as the server has what you decided before it")
    press(page, "Control+s")
    assert len(statuses(app)) == 8
    held.pop().continue_()
    expect(page.locator(".toast")).to_contain_text("Add “And the last?”.", timeout=PATIENCE)
    assert len(statuses(app)) == 9 and statuses(app).count("approved") == 1


def test_leaving_asks_while_an_action_waits_for_a_decision(app: Flask, page: Page, listed: str) -> None:
    held: list[Route] = []
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.goto(listed)
    wait_for_scripts(page)
    page.route("**/pairs/actions", lambda route: held.append(route), times=1)
    press(page, "j", "a", "j", "x")
    page.get_by_role("button", name="Reject 1").click()
    page.get_by_role("link", name="History").click()
    expect(page.locator(".toast")).to_contain_text("as soon as the server has what you decided before it")
    assert asked == ["beforeunload"]
    held.pop().continue_()
    expect(page.locator(".toast")).to_contain_text("Reject 1 pair", timeout=PATIENCE)
    assert statuses(app)[:2] == ["approved", "rejected"]
    page.get_by_role("link", name="History").click()
    expect(page).to_have_url(re.compile("history"))
    assert len(asked) == 1

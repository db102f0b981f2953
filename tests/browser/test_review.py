"""Reviewing by keys in a browser: every press counts once, at any speed, whatever the server does meanwhile."""

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from flask import Flask
from playwright.sync_api import APIResponse, Page, Route, expect

from app.core.record import Record
from app.models import Verdict, db
from app.services import datasets, entries, history, pairs, review
from app.services.pairs import Selection
from app.services.review import Queue, Reviewer
from tests.browser.looking import find_faults, overflow
from tests.browser.test_journey import press, wait_for_scripts

PAIRS = 30
_CUT_OFF = """[...document.querySelectorAll("[data-card]:not([hidden]) .decide :is(button, a)")]
  .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent.trim())"""
Found = TypeVar("Found")
TELL_WHAT_IS_REMOVED = """
const remove = Storage.prototype.removeItem;
Storage.prototype.removeItem = function (name) {
  remove.call(this, name);
  console.info(`removed ${name}`);
};
"""


@pytest.fixture
def queue(app: Flask) -> str:
    """The address of a queue of thirty pairs."""
    with app.app_context():
        dataset_id = datasets.create_dataset("Harbor").id
        records = [Record(f"Question {number}?", f"Answer {number}.") for number in range(1, PAIRS + 1)]
        history.create(dataset_id, records, summary="Add pairs")
        return f"/datasets/{dataset_id}/review"


def card(page: Page) -> int:
    """The pair that is shown."""
    return int(page.locator("[data-card]:visible").get_attribute("data-card") or 0)


def sent(page: Page) -> None:
    """Wait until everything that was decided has been answered."""
    page.wait_for_function("() => Object.keys(localStorage).every((name) => !name.startsWith('ltt-review/'))")


def when_there(page: Page, found: list[Found]) -> list[Found]:
    """What a route of the page is given, as soon as there is something."""
    while not found:
        page.wait_for_timeout(10)
    return found


def statuses(app: Flask) -> dict[int, str]:
    with app.app_context():
        return {one.id: one.status for one in entries.stream_entries(1)}


def test_every_press_is_one_decision(app: Flask, page: Page, queue: str) -> None:
    page.goto(queue)
    wait_for_scripts(page)
    for key in "aarasa":
        press(page, key)
        expect(page.locator("[data-card]:visible")).to_have_count(1)
    sent(page)
    assert [statuses(app)[one] for one in range(1, 8)] == [
        "approved", "approved", "rejected", "approved", "review", "approved", "review",
    ]  # fmt: skip
    expect(page.locator("[data-card]:visible [data-today]")).to_contain_text("4 approved, 1 rejected, 1 skipped")
    expect(page.locator("[data-left]")).to_have_text("24")
    expect(page.locator('.nav [data-key="g r"] .n')).to_have_text("25")


def test_the_next_pair_is_there_before_the_server_has_answered(app: Flask, page: Page, queue: str) -> None:
    held: list[Route] = []
    page.goto(queue)
    wait_for_scripts(page)
    page.route("**/review/1", lambda route: held.append(route))
    first = card(page)
    press(page, "a")
    assert card(page) == first + 1 and statuses(app)[first] == "review"
    when_there(page, held)[0].continue_()
    sent(page)
    assert statuses(app)[first] == "approved"


@pytest.mark.parametrize(("before", "after", "tags"), [("1", "2", '["rating:2"]'), ("t", "3", '["jar","rating:3"]')])
def test_what_was_answered_while_the_next_page_was_made_is_known_to_it(
    app: Flask, page: Page, queue: str, before: str, after: str, tags: str
) -> None:
    asked: list[Route] = []
    page.add_init_script(TELL_WHAT_IS_REMOVED)
    page.goto(queue)
    wait_for_scripts(page)
    decisions = re.compile(r"/(review/1|pairs/actions)\b")
    page.route(decisions, lambda route: asked.append(route))
    press(page, before, *(("j", "a", "r", "Enter") if before == "t" else ()))
    [decision] = when_there(page, asked)
    made: list[tuple[Route, APIResponse]] = []
    page.route(lambda address: address.endswith("/review"), lambda route: made.append((route, route.fetch())))
    page.evaluate("setTimeout(() => location.reload())")
    [(route, response)] = when_there(page, made)
    # The page is made, and only then the last one hears what became of the decision.
    # While a page is awaited, the last one can be asked nothing: it tells by itself.
    with page.expect_console_message(lambda said: said.text.startswith("removed ltt-")):
        decision.continue_()
    page.unroute(decisions)
    with page.expect_navigation():
        route.fulfill(response=response)
    wait_for_scripts(page)
    assert card(page) == 1
    press(page, after)
    sent(page)
    with app.app_context():
        assert entries.get(1, 1).tags == tags
    expect(page.locator(".toast")).to_have_count(0)


def test_nothing_is_lost_by_a_reload_while_the_server_is_away(app: Flask, page: Page, queue: str) -> None:
    page.goto(queue)
    wait_for_scripts(page)
    page.route("**/review/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    press(page, *"ara")
    page.reload()
    wait_for_scripts(page)
    assert card(page) == 4
    page.unroute("**/review/*")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    sent(page)
    assert [statuses(app)[one] for one in (1, 2, 3, 4)] == ["approved", "rejected", "approved", "review"]


def test_what_a_closed_tab_had_not_sent_is_sent_once_by_another_page(app: Flask, page: Page, queue: str) -> None:
    page.goto(queue)
    wait_for_scripts(page)
    with app.app_context():
        pairs.save_pair(1, 2, {"answer": "By somebody else."}, version=1)
    page.route("**/review/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    press(page, *"ara")
    other = page.context.new_page()
    other.goto(queue.replace("review", "history"))
    wait_for_scripts(other)
    assert statuses(app)[1] == "review"
    page.close()
    sent(other)
    assert [statuses(app)[one] for one in (1, 2, 3, 4)] == ["approved", "review", "approved", "review"]
    # What was not taken is told, wherever one is.
    expect(other.locator(".toast")).to_contain_text("Pair 2: Pair 2 was changed since you opened it")
    with app.app_context():
        assert [one.entry_id for one in db.session.query(Verdict)] == [1, 3]


def test_a_refused_decision_brings_its_pair_back_with_the_reason(app: Flask, page: Page, queue: str) -> None:
    page.goto(queue)
    wait_for_scripts(page)
    with app.app_context():
        pairs.save_pair(1, 1, {"answer": "By somebody else."}, version=1)
    press(page, "a")
    expect(page.locator(".toast")).to_contain_text("Pair 1: Pair 1 was changed since you opened it")
    # It comes behind the pair that is being looked at, which stays.
    expect(page.locator("[data-card='1'] .refused")).to_have_count(1)
    assert card(page) == 2
    press(page, "a")
    expect(page.locator("[data-card]:visible")).to_have_attribute("data-card", "1")
    expect(page.locator("[data-card]:visible article")).to_contain_text("By somebody else.")
    press(page, "a")
    sent(page)
    assert statuses(app)[1] == "approved"


def test_u_takes_back_and_the_pair_is_shown_again(app: Flask, page: Page, queue: str) -> None:
    page.goto(queue)
    wait_for_scripts(page)
    press(page, *"aau")
    assert card(page) == 2
    sent(page)
    assert (statuses(app)[1], statuses(app)[2]) == ("approved", "review")
    press(page, "r")
    sent(page)
    assert statuses(app)[2] == "rejected"


@pytest.mark.parametrize("view", ["", "?view=cards"])
def test_ctrl_z_takes_back_the_last_decision(app: Flask, page: Page, queue: str, view: str) -> None:
    page.goto(queue + view)
    wait_for_scripts(page)
    press(page, *"aa")
    sent(page)
    expect(page.get_by_role("button", name="Undo: Approve 1 pair")).to_be_visible()
    # Also right behind a decision, which is still on its way, and from the button itself.
    page.get_by_role("button", name="Undo: Approve 1 pair").focus()
    press(page, "r", "Control+z")
    expect(page.locator(".toast")).to_contain_text("Undone: Reject 1 pair")
    assert page.url.endswith(queue + view)
    assert [statuses(app).get(one) for one in (1, 2, 3, PAIRS)] == ["approved", "approved", "review", "review"]


def test_ctrl_z_takes_back_a_tag_of_the_review(app: Flask, page: Page, queue: str) -> None:
    page.goto(queue)
    wait_for_scripts(page)
    press(page, "t")
    page.keyboard.type("jar")
    press(page, "Enter")
    page.wait_for_function("() => !Object.keys(localStorage).length")
    press(page, "Control+z")
    expect(page.locator(".toast")).to_contain_text("Undone: Tag")
    assert len(statuses(app)) == PAIRS


def test_rating_tag_and_note_go_with_a_decision(app: Flask, page: Page, queue: str) -> None:
    page.goto(queue)
    wait_for_scripts(page)
    press(page, "4", "t")
    page.keyboard.type("refunds")
    press(page, "Enter", "c")
    page.keyboard.type("True since May, ask again.")
    press(page, "Escape", "a")
    sent(page)
    page.wait_for_timeout(100)
    with app.app_context():
        entry = entries.get(1, 1)
        assert entry.status == "approved" and set(entry.tag_list) == {"rating:4", "refunds"}
    page.goto(f"{queue}?pair=1")
    expect(page.locator("[data-card]:visible [data-comments]")).to_contain_text("True since May, ask again.")


def test_two_reviewers_at_once_share_the_queue(app: Flask, queue: str, open_page: Callable[..., Page]) -> None:
    pages = [open_page(), open_page()]
    for one in pages:
        one.goto(queue)
        wait_for_scripts(one)
    # So few that both still have pairs ready, however many of the rest the other holds.
    for _ in range(8):
        for one in pages:
            expect(one.locator("[data-card]:visible")).to_have_count(1)
            press(one, "a")
    for one in pages:
        sent(one)
        expect(one.locator(".toast")).to_have_count(0)
    with app.app_context():
        decided = [one.entry_id for one in db.session.query(Verdict)]
    assert len(decided) == len(set(decided)) == 16


@pytest.mark.parametrize("seed", range(4))
def test_random_keys_and_reloads_leave_what_was_pressed(app: Flask, page: Page, queue: str, seed: int) -> None:
    chance = random.Random(seed)
    expected: dict[int, str] = dict.fromkeys(range(1, PAIRS + 1), "review")
    page.goto(queue)
    wait_for_scripts(page)
    last: list[tuple[int, str]] = []
    for _ in range(24):
        key = chance.choice("aaarrskju!")
        if key == "!":
            page.reload()
            wait_for_scripts(page)
            last = []
            continue
        page.wait_for_function("() => document.querySelector('[data-card]:not([hidden])')")
        here = card(page)
        if key == "u" and last:
            pair, before = last.pop()
            expected[pair] = before
        if key in "ars":
            last.append((here, expected[here]))
            expected[here] = {"a": "approved", "r": "rejected", "s": expected[here]}[key]
        press(page, key)
    sent(page)
    assert statuses(app) == expected


def test_on_a_phone_one_goes_back_and_undoes_by_buttons(app: Flask, open_page: Callable[..., Page], queue: str) -> None:
    page = open_page(width=390, height=844)
    page.goto(queue)
    wait_for_scripts(page)
    shown = page.locator("[data-card]:visible")
    shown.get_by_role("button", name="Approve").click()
    expect(page.locator("[data-card='2']")).to_be_visible()
    shown.get_by_role("button", name="Undo my last decision").click()
    expect(page.locator("[data-card='1']")).to_be_visible()
    shown.get_by_role("button", name="Next").click()
    shown.get_by_role("button", name="Back").click()
    expect(page.locator("[data-card='1']")).to_be_visible()
    sent(page)
    assert statuses(app)[1] == "review" and overflow(page) == 0
    assert page.evaluate(_CUT_OFF) == []


@pytest.fixture
def grid(queue: str) -> str:
    """The address of the same queue as cards."""
    return f"{queue}?view=cards"


def test_cards_are_decided_by_keys_and_the_next_dozen_comes(app: Flask, page: Page, grid: str) -> None:
    page.goto(grid)
    wait_for_scripts(page)
    here = page.locator("[data-card][aria-current]")
    press(page, *"aajr")
    expect(here).to_have_attribute("data-card", "5")
    expect(page.locator("[data-card='4'] [data-said]")).to_have_text("Rejected")
    assert find_faults(page) == []
    press(page, "k", "s", "u")
    expect(here).to_have_attribute("data-card", "4")
    sent(page)
    assert list(statuses(app).values())[:5] == ["approved", "approved", "review", "rejected", "review"]
    expect(page.locator("[data-left]").first).to_have_text("27")
    # Those that are still open are decided together, in one step.
    page.get_by_role("button", name="Approve 9 pairs").click()
    expect(page.locator(".toast")).to_contain_text("Approve 9 pairs.")
    expect(page.locator("[data-card]")).to_have_count(12)
    expect(here).to_have_attribute("data-card", "13")
    press(page, *"a" * 12)
    expect(here).to_have_attribute("data-card", "25")
    assert [*statuses(app).values()].count("approved") == 23


def test_cards_that_are_decided_at_once_keep_none_of_the_presses(app: Flask, page: Page, grid: str) -> None:
    held: list[Route] = []
    page.goto(grid)
    wait_for_scripts(page)
    page.route(re.compile(r"/review/\d+\b"), lambda route: held.append(route))
    press(page, *"arar")
    expect(page.locator("[data-verdict]")).to_have_count(4)
    page.reload()
    wait_for_scripts(page)
    page.unroute_all()
    page.reload()
    wait_for_scripts(page)
    sent(page)
    assert list(statuses(app).values())[:5] == ["approved", "rejected", "approved", "rejected", "review"]


def test_a_refused_card_is_open_again_as_it_is_now(app: Flask, page: Page, grid: str) -> None:
    page.goto(grid)
    wait_for_scripts(page)
    with app.app_context():
        pairs.save_pair(1, 2, {"answer": "By somebody else."}, version=1)
    press(page, *"aa")
    expect(page.locator("[data-card='2'] .refused")).to_contain_text("Pair 2 was changed since you opened it")
    expect(page.locator("[data-card='2']")).to_contain_text("By somebody else.")
    assert find_faults(page) == []
    # The next key is for the card that was looked at.
    expect(page.locator("[data-card][aria-current]")).to_have_attribute("data-card", "3")
    press(page, "k", "a")
    sent(page)
    assert statuses(app)[2] == "approved"


def test_keys_are_for_the_card_whose_button_has_the_focus(app: Flask, page: Page, grid: str) -> None:
    page.goto(grid)
    wait_for_scripts(page)
    press(page, "Tab")
    page.locator("[data-card='5'] [value=rejected]").focus()
    expect(page.locator("[data-card][aria-current]")).to_have_attribute("data-card", "5")
    press(page, "a", "Enter")
    sent(page)
    assert [*statuses(app).values()][:7] == ["review"] * 4 + ["approved", "rejected", "review"]


def test_two_reviewers_have_different_cards(grid: str, open_page: Callable[..., Page]) -> None:
    pages = [open_page(), open_page()]
    for one in pages:
        with one.expect_response("**/review/claim*"):
            one.goto(grid)
        wait_for_scripts(one)
    shown = [one.locator("[data-card]").evaluate_all("all => all.map((one) => one.dataset.card)") for one in pages]
    assert len(shown[0]) == 12 and shown[1] and not set(shown[0]) & set(shown[1])


def test_cards_fit_on_a_phone(app: Flask, open_page: Callable[..., Page], grid: str) -> None:
    page = open_page(width=390)
    page.goto(grid)
    wait_for_scripts(page)
    page.locator("[data-card='1']").get_by_role("button", name="Approve").click()
    page.locator("[data-card='2']").get_by_role("button", name="Reject").click()
    page.get_by_role("button", name="Undo my last decision").click()
    expect(page.get_by_role("button", name="Reject 11 pairs")).to_be_in_viewport(ratio=1)
    assert overflow(page) == 0 and find_faults(page) == []
    sent(page)
    assert list(statuses(app).values())[:2] == ["approved", "review"]


def verdicts(app: Flask) -> list[int]:
    """The pairs of all decisions that are stored."""
    with app.app_context():
        return [one.entry_id for one in db.session.query(Verdict).order_by(Verdict.id)]


def test_a_key_behind_the_last_card_decides_nothing(app: Flask, page: Page, grid: str) -> None:
    page.goto(grid)
    wait_for_scripts(page)
    page.route(re.compile(r"/review/12\b"), lambda route: None)
    press(page, "a", "k", "a", *"a" * 11, "r")
    expect(page.locator("[data-card][aria-current]")).to_have_count(0)
    page.unroute_all()
    expect(page.locator("[data-card][aria-current]")).to_have_attribute("data-card", "13")
    assert verdicts(app) == [*range(1, 13)] and list(statuses(app).values())[11] == "approved"


def test_what_was_refused_last_is_read_before_the_next_dozen_comes(app: Flask, page: Page, grid: str) -> None:
    page.goto(grid)
    wait_for_scripts(page)
    with app.app_context():
        pairs.delete_pairs(1, Selection((2,)))
        pairs.save_pair(1, 12, {"answer": "By somebody else."}, version=1)
    press(page, *"a" * 12)
    expect(page.locator("[data-card='12'] .refused")).to_contain_text("Pair 12 was changed since you opened it")
    expect(page.locator("[data-card='2']")).to_have_count(0)
    expect(page.locator("[data-card][aria-current]")).to_have_attribute("data-card", "12")
    with app.app_context():
        pairs.delete_pairs(1, Selection((12,)))
    press(page, "a")
    expect(page.locator("[data-card][aria-current]")).to_have_attribute("data-card", "13")
    expect(page.locator(".toast")).to_contain_text("Pair 12: Pair 12 was deleted.")


def test_what_is_decided_together_is_what_the_button_said(app: Flask, page: Page, grid: str) -> None:
    page.goto(grid)
    wait_for_scripts(page)
    page.route(re.compile(r"/review/1\b"), lambda route: None)
    with app.app_context():
        pairs.save_pair(1, 1, {"answer": "By somebody else."}, version=1)
    press(page, "r")
    page.get_by_role("button", name="Approve 11 pairs").click()
    expect(page.locator(".toast")).to_contain_text("This is sent as soon as")
    page.unroute_all()
    expect(page.locator(".toast")).to_contain_text("Approve 11 pairs.")
    expect(page.locator("[data-card='1'] .refused")).to_contain_text("Pair 1 was changed since you opened it")
    assert list(statuses(app).values())[:3] == ["review", "approved", "approved"]


def test_a_step_is_undone_behind_the_last_card_without_a_question(app: Flask, page: Page, grid: str) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(grid)
    wait_for_scripts(page)
    page.route(re.compile(r"/review/12\b"), lambda route: None)
    press(page, *"a" * 12, "Control+z")
    expect(page.locator(".toast")).to_contain_text("This is sent as soon as")
    page.unroute_all()
    expect(page.locator(".toast")).to_contain_text("Undone: Approve 1 pair.")
    assert asked == [] and list(statuses(app).values())[10:13] == ["approved", "review", "review"]


def test_cards_that_somebody_else_holds_are_not_asked_for_without_end(app: Flask, page: Page, grid: str) -> None:
    with app.app_context():
        review.claim_cards(Queue(1), Reviewer("a", "Ann"), 12)
    shown: list[str] = []
    page.on("framenavigated", lambda frame: shown.append(frame.url))
    page.goto(f"{grid}&pair=3")
    wait_for_scripts(page)
    page.wait_for_load_state("networkidle")
    expect(page.locator("[data-card]").first).to_have_attribute("data-card", "13")
    assert len(shown) == 1


def test_a_tab_whose_cards_another_one_decides_goes_on_with_the_next(app: Flask, page: Page, grid: str) -> None:
    page.goto(grid)
    wait_for_scripts(page)
    page.context.route(re.compile(r"/review/\d+\b"), lambda route: None)
    press(page, *"a" * 12)
    other = page.context.new_page()
    other.goto(grid)
    wait_for_scripts(other)
    expect(other.locator("[data-card]")).to_have_count(0)
    page.context.unroute_all()
    expect(other.locator("[data-card]")).to_have_count(12)
    expect(other.locator("[data-shown]")).to_have_text("12")


# Each key and click on a button of all tells what was to be seen as it came, also where its page goes at once.
_SEEN = """
const tell = (kind) => {
  const cards = [...document.querySelectorAll("[data-card]")];
  const now = document.documentElement.classList.contains("js") ? cards.find((one) => one.ariaCurrent) : cards[0];
  const open = cards.filter((one) => !one.dataset.verdict).map((one) => Number(one.dataset.card));
  const { card, verdict } = now?.dataset ?? {};
  console.info("seen " + JSON.stringify({ kind, page: performance.timeOrigin, card: Number(card), verdict, open }));
};
addEventListener("keydown", ({ key }) => tell(key), { capture: true });
addEventListener("click", ({ target }) => target.closest(".together [name=act]") && tell("click"), { capture: true });
"""
_VERDICTS = {"a": "approved", "r": "rejected", "s": "skipped"}


@dataclass
class Step:
    """What was done to some pairs, and how they were before."""

    before: dict[int, str]
    undone: bool = False


class CardHands:
    """Decides on cards, and knows by what was to be seen what has to come of it."""

    def __init__(self, app: Flask, page: Page, seed: int) -> None:
        self.app, self.page, self.chance, self.is_quick = app, page, random.Random(seed), seed % 2 == 0
        self.expected = dict.fromkeys(range(1, PAIRS + 1), "review")
        self.steps: list[Step] = []
        self.said: list[tuple[int, Step | None]] = []
        self.stale: set[int] = set()
        self.origin = 0.0
        self.faults = 0
        self.log: list[str] = []
        page.add_init_script(_SEEN)
        page.route(re.compile(r"/review/\d+\b"), self.disturb)

    def disturb(self, route: Route) -> None:
        """Now and then the server is away, or its answer is lost."""
        kind = self.chance.random() if self.faults < 5 else 1
        self.faults += kind < 0.16
        if kind < 0.08:
            route.abort()
        elif kind < 0.16:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    def settle(self) -> None:
        """Wait until all is sent, and the page is one that listens."""
        sent(self.page)
        wait_for_scripts(self.page)
        self.page.wait_for_load_state("networkidle")
        self.page.wait_for_function("() => document.querySelector('[data-card]:not([data-verdict]), [data-done]')")

    def act(self) -> None:
        """Press a key, or do something else."""
        wait_for_scripts(self.page)
        if not self.page.locator("[data-grid]").count():
            return
        kind = self.chance.choices("arsjkurzbe", [30, 20, 8, 8, 8, 10, 6, 4, 4, 5])[0]
        self.log.append(kind)
        if kind == "b":
            self.together()
        elif kind == "z":
            self.undo()
        elif kind == "e":
            self.edit_elsewhere()
        elif kind == "!":
            self.page.reload()
        else:
            self.press(kind)
        if not self.is_quick:
            self.settle()

    def see(self, act: Callable[[], object]) -> dict[str, Any]:
        """Do it, and return what was to be seen."""
        with self.page.expect_console_message(lambda said: said.text.startswith("seen ")) as told:
            act()
        seen: dict[str, Any] = json.loads(told.value.text.removeprefix("seen "))
        self.log.append(f"[{seen['card']} {seen.get('verdict')}]")
        if seen["page"] != self.origin:
            self.origin, self.said = seen["page"], []
            self.stale.clear()
        return seen

    def press(self, key: str) -> None:
        """Press a key: it is for the card that was to be seen as chosen, and for none where none was."""
        seen = self.see(lambda: self.page.keyboard.press(key))
        card, verdict = seen["card"], _VERDICTS.get(key)
        if key == "u" and self.said:
            card, step = self.said.pop()
            if step:
                self.expected.update(step.before)
                step.undone = True
        if not card or not verdict or seen.get("verdict") == verdict:
            return
        if card in self.stale:
            # It was changed elsewhere: the decision is refused, and the card shows how it is now.
            self.said = [one for one in self.said if one[0] != card]
            self.settle()
            with self.app.app_context():
                version = entries.get(1, card).version
            expect(self.page.locator(f"[data-card='{card}'][data-version='{version}'] .refused")).to_have_count(1)
            self.stale.discard(card)
            return
        self.said.append((card, self.change([card], verdict) if verdict != "skipped" else None))

    def change(self, cards: list[int], verdict: str) -> Step | None:
        """Remember what a decision makes."""
        before = {one: self.expected[one] for one in cards if self.expected[one] != verdict}
        self.expected.update(dict.fromkeys(before, verdict))
        if not before:
            return None
        self.steps.append(Step(before))
        return self.steps[-1]

    def together(self) -> None:
        """Decide on all that are open, which may still wait to be sent."""
        act = self.chance.choice(["Approve", "Reject"])
        button = self.page.locator(f".together [value={'approved' if act == 'Approve' else 'rejected'}]")
        if not self.page.locator("[data-card]:not([data-verdict])").count():
            return
        with self.page.expect_navigation():
            seen = self.see(lambda: button.click())
        self.change(
            [one for one in seen["open"] if one not in self.stale], "approved" if act == "Approve" else "rejected"
        )
        self.said = []

    def undo(self) -> None:
        """Ctrl+Z takes back what was done last."""
        self.settle()
        left = [one for one in self.steps if not one.undone]
        if not left:
            return
        if not left[-1].before:
            # Of what somebody else did, the button knows by the next page.
            self.page.reload()
            wait_for_scripts(self.page)
        with self.page.expect_navigation():
            self.see(lambda: self.page.keyboard.press("Control+z"))
        self.expected.update(left[-1].before)
        left[-1].undone = True

    def edit_elsewhere(self) -> None:
        """Somebody else edits a pair that is shown open."""
        self.settle()
        shown = self.page.locator("[data-card]:not([data-verdict])").evaluate_all(
            "all => all.map((one) => one.dataset.card)"
        )
        if not shown:
            return
        pair = int(self.chance.choice(shown))
        with self.app.app_context():
            now = entries.get(1, pair)
            pairs.save_pair(1, pair, {"answer": f"{now.answer} More."}, version=now.version)
        self.stale.add(pair)
        self.steps.append(Step({}))


@pytest.mark.parametrize("seed", range(4))
def test_random_keys_on_cards_leave_what_was_pressed(app: Flask, page: Page, grid: str, seed: int) -> None:
    hands = CardHands(app, page, seed)
    page.goto(grid)
    try:
        for _ in range(60):
            hands.act()
        hands.faults = 99
        hands.settle()
        assert statuses(app) == hands.expected
        open_cards = page.locator("[data-card]:not([data-verdict])").count()
        counts = [page.locator("[data-left]").first.inner_text(), page.locator("[data-shown]").all_inner_texts()]
        assert counts[1] in ([], [str(open_cards)])
        page.reload()
        assert page.locator("[data-left]").first.inner_text() == counts[0]
    except BaseException as error:
        error.add_note(f"Seed {seed}: {' '.join(hands.log)}")
        raise

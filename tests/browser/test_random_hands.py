"""Random hands in a browser, at human and at machine speed, against a model of what should come of them.

Each run reviews, labels, rates, tags, notes, writes, saves, leaves and loads pages again, with answers of the server
that are lost, refused for a moment or late. In the end the server and the browser hold what was meant: no press is
lost, no letter stands where it was not written. A run that fails names its seed, its speed and its steps.
"""

import json
import random
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Response, Route, expect
from waitress.server import create_server

from app import create_app
from app.core.filters import Filters
from app.core.record import Record
from app.models import close_cleanly
from app.services import datasets, entries, history, review
from tests.browser.test_journey import wait_for_scripts

KEYS, PAIRS = 200, 24
PATIENCE = 60_000
# The seeds of every run: two at each speed.
USUAL = range(4)
WORDS = ("jar", "ark", "sea", "vat", "xray", "net", "cart")
# What was to be seen when a key went down: the card of the queue, and the rows of the list. Keys that lead to another page
# are asked for nothing.
WATCH = """
window.addEventListener('keydown', () => {
  const status = (row) => row.querySelector('[data-status-of]').dataset.now;
  const rows = [...document.querySelectorAll('tr[data-row]')];
  window.atKey = {
    card: Number(document.querySelector('.review > [data-card]:not([hidden])')?.dataset.card ?? 0),
    rows: rows.map((row) => [Number(row.dataset.id), status(row)]),
    here: rows.findIndex((row) => row.hasAttribute('aria-current')),
  };
}, { capture: true });
"""
SETTLED = r"() => Object.keys(localStorage).every((name) => !/^ltt-(review|labels)\//.test(name))"
# Lines of a page that come by themselves give its address anew: a page that was left is known by its mark.
LEFT = "() => !window.isLeft && document.readyState !== 'loading'"
SHOWN = "() => document.querySelector('.review > [data-card]:not([hidden]), .review > [data-done]:not([hidden])')"


@pytest.fixture(scope="module")
def server(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, str]]:
    """One server for all runs: each has a dataset and a browser context of its own."""
    folder = shutil.copytree(migrated_folder, tmp_path_factory.mktemp("hands") / "data")
    app = create_app({"LTT_DATA_DIR": str(folder), "TESTING": True, "LTT_LOG_LEVEL": "WARNING"})
    running = create_server(app, host="127.0.0.1", port=0, threads=8, ident=None, map={})
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    yield app, f"http://127.0.0.1:{running.effective_port}"
    running.close()
    running.task_dispatcher.shutdown()
    with app.app_context():
        close_cleanly()


class Hands:
    """One person at one browser, and what should come of what they do."""

    def __init__(self, app: Flask, page: Page, seed: int, *, quick: bool) -> None:
        self.app, self.page, self.chance, self.quick = app, page, random.Random(seed), quick
        # Faults come when they come; what the hands do depends on the seed alone.
        self.luck = random.Random(seed)
        self.steps: list[str] = []
        self.pressed = 0
        self.faults = 0
        with app.app_context():
            self.dataset_id = datasets.create_dataset(f"Seed {seed} {'quick' if quick else 'slow'}").id
            records = [Record(f"Question {number}?", f"Answer {number}.") for number in range(PAIRS)]
            history.create(self.dataset_id, records, summary="Add pairs")
            stored = list(entries.stream_entries(self.dataset_id))
        self.home = f"/datasets/{self.dataset_id}"
        self.status = {one.id: "review" for one in stored}
        self.question = {one.id: one.question for one in stored}
        self.answer = {one.id: one.answer for one in stored}
        self.tags: dict[int, set[str]] = {one.id: set() for one in stored}
        self.said: dict[int, list[str]] = {one.id: [] for one in stored}
        self.notes: dict[int, str] = {}
        self.drafts: dict[int, str] = {}
        self.decided: list[tuple[int, str]] = []
        page.add_init_script(WATCH)
        page.on("response", self.hear)
        page.route(re.compile(r"/(review/\d+|pairs/actions)\b"), self.disturb)

    def disturb(self, route: Route) -> None:
        """Now and then the server is away, busy, or does what it was asked and its answer is lost."""
        asks = route.request.headers.get("accept") == "application/json"
        kind = self.luck.random() if asks and self.faults < 8 else 1
        self.faults += kind < 0.12
        if kind < 0.04:
            route.abort()
        elif kind < 0.08:
            route.fulfill(status=503, json={"error": {"message": "Busy."}})
        elif kind < 0.12:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    def hear(self, response: Response) -> None:
        """Among the steps stands what the server refused, and which page it could not give."""
        asked = response.request
        if response.status >= (400 if asked.method == "POST" else 500):
            self.steps.append(f"[{response.status} {asked.method} {asked.url} {asked.post_data}]")

    # Hands

    def press(self, key: str) -> dict[str, Any]:
        """Press a key, and tell what was to be seen when it went down."""
        self.note(key)
        self.page.keyboard.press(key)
        seen: dict[str, Any] = self.page.evaluate("window.atKey")
        if not self.quick:
            self.settle()
        return seen

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.note(repr(text), len(text))
        self.page.keyboard.type(text)

    def note(self, step: str, keys: int = 1) -> None:
        """Remember a step."""
        self.steps.append(step)
        self.pressed += keys

    def settle(self) -> None:
        """Wait until the server has answered all that was decided."""
        self.page.wait_for_function(SETTLED, timeout=PATIENCE)

    def arrive(self) -> None:
        """Wait for a page that listens. What was decided on the last one is taken back by its step, not by U."""
        wait_for_scripts(self.page)
        self.decided.clear()

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """Do what leads to another page, perhaps once all that was decided is sent, and wait for that page."""
        self.page.evaluate("window.isLeft = true")
        yield
        self.page.wait_for_function(LEFT, timeout=PATIENCE)
        self.arrive()

    def follow(self, key: str) -> None:
        """Press a key that leads to another page."""
        self.note(key)
        with self.leaving():
            self.page.keyboard.press(key)

    def go(self, path: str) -> None:
        """Leave for another page, whatever is still to be sent."""
        self.note(f"to {path}")
        self.page.goto(f"{self.home}{path}")
        self.arrive()

    def reload(self) -> None:
        """Load the page again."""
        self.note("reload")
        self.page.reload()
        self.arrive()

    def act(self) -> None:
        """Do something that people do where they are."""
        if self.page.locator(".drawer").count():
            self.in_editor()
        elif self.page.locator("[data-review]").count():
            self.in_queue()
        elif self.page.locator("tr[data-row]").count():
            self.in_list()
        else:
            self.go(self.chance.choice(["/review", "/pairs"]))

    def pick(self, **weights: int) -> str:
        """One of several, by their weights."""
        return self.chance.choices([*weights], [*weights.values()])[0]

    # The queue

    def in_queue(self) -> None:
        """Decide on the pair that is shown, or do something else with it."""
        if not self.quick or self.chance.random() < 0.3:
            self.page.wait_for_function(SHOWN, timeout=PATIENCE)
        kind = self.pick(decide=60, back=8, undo=8, rate=6, tag=5, note=8, edit=8, away=3, reload=4, leave=4)
        if kind == "decide":
            for _ in range(self.chance.randint(1, 4)):
                self.decide(self.chance.choice("aaars"))
        elif kind == "back":
            self.press(self.chance.choice("kj"))
        elif kind == "undo":
            self.press("u")
            if self.decided:
                pair, before = self.decided.pop()
                self.status[pair] = before
        elif kind == "rate":
            points = self.chance.choice("12345")
            if card := self.press(points)["card"]:
                others = {one for one in self.tags[card] if not one.startswith("rating:")}
                self.tags[card] = {*others, f"rating:{points}"}
        elif kind in ("tag", "note"):
            self.remark(kind)
        elif kind == "edit":
            self.open_from_queue()
        elif kind == "away":
            self.go_offline()
        elif kind == "reload":
            self.reload()
        else:
            self.go(self.chance.choice(["/pairs", "/history", "/pairs?pair=new"]))

    def decide(self, key: str) -> None:
        """Press a key of a verdict: it counts for the pair that is to be seen, and for none where there is none."""
        card = self.press(key)["card"]
        if not card:
            return
        self.decided.append((card, self.status[card]))
        self.status[card] = {"a": "approved", "r": "rejected"}.get(key, self.status[card])
        if text := self.notes.pop(card, ""):
            self.said[card].append(text)

    def remark(self, kind: str) -> None:
        """Type a tag and Enter, or a note and Escape, beside the pair that is shown."""
        word = self.chance.choice(WORDS)
        card = self.press("t" if kind == "tag" else "c")["card"]
        if not card:
            return
        self.type(word)
        if kind == "tag":
            self.press("Enter")
            self.tags[card].add(word)
        else:
            self.notes[card] = self.notes.get(card, "") + word
            self.press("Escape")

    def open_from_queue(self) -> None:
        """Press E: the pair opens in the editor."""
        self.page.wait_for_function(SHOWN, timeout=PATIENCE)
        if not self.page.locator(".review > [data-card]:visible").count():
            return
        self.follow("e")

    def go_offline(self) -> None:
        """Decide while there is no network."""
        self.note("offline")
        self.page.context.set_offline(True)
        quick, self.quick = self.quick, True
        for _ in range(3):
            self.decide(self.chance.choice("ar"))
        self.quick = quick
        self.note("online")
        self.page.context.set_offline(False)

    # The list

    def in_list(self) -> None:
        """Label pairs, or open one."""
        kind = self.pick(label=50, move=20, open=20, click=8, new=8, reload=6, leave=8, tab=4)
        if kind == "label":
            for _ in range(self.chance.randint(1, 4)):
                self.label(self.chance.choice("aarv"))
        elif kind == "move":
            self.press(self.chance.choice("jjk"))
        elif kind == "open":
            if self.press("j")["rows"]:
                self.follow("Enter")
        elif kind == "click":
            self.note("click a row")
            row = self.page.locator("tr[data-row] [data-open]").nth(self.chance.randrange(8))
            with self.leaving():
                row.click()
        elif kind == "new":
            self.follow("n")
        elif kind == "reload":
            self.reload()
        elif kind == "tab":
            self.write_in_other_tab()
        else:
            self.go(self.chance.choice(["/review", "/review", "/pairs?order=oldest", "/history"]))

    def label(self, key: str) -> None:
        """Press A, R or V: the row gets it, and one that has it already passes it on."""
        status = {"a": "approved", "r": "rejected", "v": "review"}[key]
        seen = self.press(key)
        open_rows = [pair for pair, has in seen["rows"][max(seen["here"], 0) :] if has != status]
        if open_rows:
            self.status[open_rows[0]] = status

    def write_in_other_tab(self) -> None:
        """Write into a pair in another tab, and close it."""
        pair = self.chance.choice([*self.status])
        self.note(f"another tab writes into {pair}")
        other = self.page.context.new_page()
        other.goto(f"{self.home}/pairs?pair={pair}")
        wait_for_scripts(other)
        text = self.drafts.get(pair, self.answer[pair]) + " tab"
        other.get_by_label("Answer", exact=True).fill(text)
        self.drafts[pair] = text
        other.close()

    # The editor

    def in_editor(self) -> None:
        """Write into the pair that is open, save it or leave it."""
        if self.page.get_by_role("heading", name="New pair").count():
            self.write_new()
            return
        name = self.page.get_by_role("heading", name=re.compile(r"^Pair \d+$")).inner_text()
        pair = int(name.removeprefix("Pair "))
        answer = self.page.get_by_label("Answer", exact=True)
        expect(answer).to_have_value(self.drafts.get(pair, self.answer[pair]), timeout=PATIENCE)
        if self.chance.random() < 0.7:
            answer.focus()
            self.page.keyboard.press("Control+End")
            word = f" {self.chance.choice(WORDS)}"
            self.type(word)
            self.drafts[pair] = self.drafts.get(pair, self.answer[pair]) + word
        kind = self.pick(save=30, next=20, close=20, reload=8, leave=12, back=6, keys=12)
        if kind == "save":
            self.save(pair, "Control+s")
        elif kind == "next":
            self.save(pair, "Control+Enter")
        elif kind == "close":
            answer.focus()
            self.press("Escape")
            self.follow("Escape")
        elif kind == "reload":
            self.reload()
        elif kind == "leave":
            self.go(self.chance.choice(["/review", "/pairs", "/history"]))
        elif kind == "back":
            self.note("back")
            self.page.go_back()
            self.arrive()
        else:
            # Out of the text, keys are no letters of it; those of the list lead to other pairs.
            answer.focus()
            self.press("Escape")
            if self.page.locator(".drawer [data-key=j]").count():
                self.follow("j")

    def save(self, pair: int, keys: str) -> None:
        """Save by keys. Who labelled the pair since they began to write is shown both, and says what to save."""
        self.follow(keys)
        if self.page.get_by_role("heading", name=f"Two versions of pair {pair}").count():
            assert pair in self.drafts, "A conflict without a draft"
            self.note("mine")
            status = self.page.locator("select[name=status]")
            self.status[pair] = status.input_value() if status.count() else self.status[pair]
            tags = self.page.locator("input[name=tags]:visible")
            if tags.count():
                self.tags[pair] = {one.strip() for one in tags.input_value().split(",") if one.strip()}
            with self.leaving():
                self.page.get_by_role("button", name="Save this text").click()
        assert not self.page.locator("main [role=alert]").count(), "It was not saved"
        self.answer[pair] = self.drafts.pop(pair, self.answer[pair])

    def write_new(self) -> None:
        """Write a new pair with keys alone, and save it."""
        question = f"New {len(self.status)}?"
        self.page.get_by_label("Question", exact=True).focus()
        self.type(question)
        self.press("Tab")
        self.type("yes")
        self.follow("Control+s")
        assert not self.page.locator("main [role=alert]").count(), "It was not saved"
        with self.app.app_context():
            pair = entries.list_page(self.dataset_id, Filters(), size=1).entries[0].id
        assert pair not in self.status
        self.status[pair], self.question[pair], self.answer[pair] = "review", question, "yes"
        self.tags[pair], self.said[pair] = set(), []

    # The end

    def compare(self) -> None:
        """What the server and the browser hold is what was meant."""
        self.faults = 99
        self.settle()
        kept = self.page.evaluate(
            "Object.fromEntries(Object.keys(localStorage).map((key) => [key, localStorage.getItem(key)]))"
        )
        drafts, notes = {}, {}
        for key, text in kept.items():
            kind, _, pair, *_ = key.split("/")
            if kind == "ltt-draft":
                drafts[int(pair)] = dict(json.loads(text)["values"])["answer"]
            elif kind == "ltt-text":
                notes[int(pair)] = json.loads(text)["text"]
        with self.app.app_context():
            stored = {one.id: one for one in entries.stream_entries(self.dataset_id)}
            comments = review.comments_of([*stored])
        assert {pair: one.status for pair, one in stored.items()} == self.status
        assert {pair: one.question for pair, one in stored.items()} == self.question
        assert {pair: one.answer for pair, one in stored.items()} == self.answer
        assert {pair: set(one.tag_list) for pair, one in stored.items()} == self.tags
        assert {pair: [said.text for said in comments.get(pair, ())] for pair in stored} == self.said
        assert drafts == self.drafts
        assert notes == self.notes


# All seeds take minutes, and run with the tests of faults: `python3 run.py test --faults`.
@pytest.mark.faults
@pytest.mark.parametrize("seed", range(20))
def test_random_hands_lose_and_mistype_nothing(
    request: pytest.FixtureRequest, browser: Browser, server: tuple[Flask, str], seed: int
) -> None:
    if seed not in USUAL and not request.config.getoption("--faults"):
        pytest.skip("The other seeds run with --faults.")
    app, address = server
    context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(error.message))
    hands = Hands(app, page, seed, quick=seed % 2 == 0)
    try:
        hands.go("/review")
        while hands.pressed < KEYS:
            hands.act()
            assert problems == []
        hands.compare()
    except BaseException as error:
        error.add_note(f"Seed {seed}, {'machine' if hands.quick else 'human'} speed: {', '.join(hands.steps)}")
        raise
    finally:
        context.close()

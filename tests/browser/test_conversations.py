"""Conversations in a browser: messages are added, moved and removed in place, kept as drafts, and saved as one step."""

import re

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from app.core.record import Message, Record, dump_messages
from app.services import datasets, entries, history, pairs
from tests.browser.looking import find_faults, overflow
from tests.browser.test_journey import press, wait_for_scripts

CALL = {"id": "c1", "type": "function", "function": {"name": "weigh", "arguments": '{"box": 7}'}}


@pytest.fixture
def chat(app: Flask) -> str:
    """The address of the page of a pair with a conversation."""
    with app.app_context():
        dataset_id = datasets.create_dataset("Harbor", system_prompt="Be brief.").id
        turns = (Message("user", "Hi"), Message("assistant", "Hello.", extra={"k": [1]}))
        trace = (Message("assistant", None, tool_calls=[CALL]), Message("tool", "12 kg", tool_call_id="c1"))
        record = Record("How heavy?", "12 kg.", turns=turns, trace=trace, tags=("old",))
        history.create(dataset_id, [Record("Plain?", "Yes."), record], summary="Add pairs", status="review")
        return f"/datasets/{dataset_id}/pairs/2"


def stored(app: Flask) -> Record:
    """The pair as it is stored."""
    with app.app_context():
        return entries.get(1, 2).record()


def text(page: Page, number: int):
    """The text of a message by its number."""
    return page.get_by_label(f"Text of message {number}", exact=True)


def test_messages_are_added_moved_and_removed_without_a_new_page(app: Flask, page: Page, chat: str) -> None:
    page.goto(chat)
    wait_for_scripts(page)
    page.get_by_role("button", name="Earlier turn").click()
    expect(text(page, 3)).to_be_focused()
    page.keyboard.type("Are you there?")
    page.get_by_role("button", name="Move message 3 up").press("Enter")
    page.get_by_role("button", name="Move message 2 up").press("Enter")
    expect(page.get_by_role("button", name="Move message 1 up")).to_be_focused()
    expect(text(page, 1)).to_have_value("Are you there?")
    page.get_by_role("button", name="Remove message 2").click()
    expect(text(page, 2)).to_have_value("Hello.")
    page.get_by_role("checkbox", name="Trained").first.uncheck()
    press(page, "Control+s")
    expect(page.locator(".toast")).to_contain_text("Edit")
    assert page.url.endswith(chat)
    record = stored(app)
    assert record.turns == (
        Message("user", "Are you there?"),
        Message("assistant", "Hello.", weight=0, extra={"k": [1]}),
    )
    assert len(record.trace) == 2
    with app.app_context():
        assert len(history.steps(1)) == 2


def test_a_draft_of_a_conversation_is_seen_again_and_discarded(app: Flask, page: Page, chat: str) -> None:
    page.goto(chat)
    wait_for_scripts(page)
    page.get_by_role("button", name="Remove message 1").click()
    page.get_by_role("button", name="Message before the answer").click()
    page.keyboard.type("Let me see.")
    page.get_by_label("Arguments of the tool call").fill('{"box": 8}')
    page.goto("/datasets/1/pairs?pair=2")
    expect(page.locator(".draft-note")).to_contain_text("Not saved yet.")
    expect(text(page, 1)).to_have_value("Hello.")
    expect(text(page, 5)).to_have_value("Let me see.")
    expect(page.get_by_label("Arguments of the tool call")).to_have_value('{"box": 8}')
    page.locator(".draft-note").get_by_role("button", name="Discard").click()
    expect(text(page, 1)).to_have_value("Hi")
    expect(page.locator("form [data-message]")).to_have_count(4)
    page.goto(chat)
    expect(page.locator(".draft-note")).to_have_count(0)
    press(page, "Control+s")
    expect(page.locator(".toast")).to_contain_text("Nothing was changed")
    assert len(stored(app).turns) == 2


def test_a_draft_of_a_conversation_is_saved_from_the_list(app: Flask, page: Page, chat: str) -> None:
    page.goto(chat)
    wait_for_scripts(page)
    page.get_by_role("button", name="Move message 1 down").click()
    page.goto("/datasets/1/pairs")
    page.locator(".draft-line").get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("Edit")
    assert [one.text for one in stored(app).turns] == ["Hello.", "Hi"] and len(stored(app).trace) == 2


def test_json_is_checked_while_it_is_written(app: Flask, page: Page, chat: str) -> None:
    page.goto(chat)
    wait_for_scripts(page)
    arguments = page.get_by_label("Arguments of the tool call")
    arguments.fill('{"box": ')
    expect(page.locator(".call .err")).to_contain_text("No JSON yet")
    arguments.fill("[7]")
    expect(page.locator(".call .err")).to_contain_text("must be a JSON object")
    press(page, "Control+s")
    expect(page.get_by_role("alert")).to_contain_text("Tool call 1 of message 4: the arguments must be a JSON object")
    arguments.fill('{"box": 9}')
    expect(arguments).not_to_have_attribute("aria-invalid", "true")
    press(page, "Control+s")
    expect(page.locator(".toast")).to_contain_text("Edit")
    assert stored(app).trace[0].tool_calls[0]["function"]["arguments"] == '{"box": 9}'


def test_a_conversation_is_written_by_plain_buttons_without_scripts(app: Flask, open_page, chat: str) -> None:
    page = open_page(scripts=False)
    page.goto(chat)
    page.get_by_role("button", name="Earlier turn").click()
    text(page, 3).fill("More?")
    page.get_by_role("button", name="Move message 3 up").click()
    page.get_by_role("button", name="Remove message 1").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Edit")
    assert [one.text for one in stored(app).turns] == ["More?", "Hello."]


def test_known_tags_are_offered_after_each_comma(page: Page, chat: str) -> None:
    page.goto("/datasets/1/pairs?pair=1")
    wait_for_scripts(page)
    page.locator("#drawer").get_by_label("Tags", exact=True).fill("new, o")
    expect(page.locator("#known-tags option[value='new, old']")).to_be_attached()


def test_tokens_follow_what_is_typed(page: Page, chat: str) -> None:
    page.goto("/datasets/1/pairs?pair=1")
    wait_for_scripts(page)
    expect(page.locator("[data-tokens=answer]")).to_have_text("2 tokens")
    page.get_by_label("Answer", exact=True).fill("Yes, it is.")
    expect(page.locator("[data-tokens=answer]")).to_have_text("5 tokens")


def test_a_version_is_restored_and_undone(app: Flask, page: Page, chat: str) -> None:
    page.goto(chat)
    wait_for_scripts(page)
    page.get_by_label("Answer", exact=True).fill("13 kg.")
    press(page, "Control+s")
    page.get_by_role("button", name="Restore this version").click()
    expect(page.get_by_label("Answer", exact=True)).to_have_value("12 kg.")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Answer", exact=True)).to_have_value("13 kg.")
    assert stored(app).answer == "13 kg."


def test_theirs_is_taken_field_by_field(app: Flask, page: Page, chat: str) -> None:
    page.goto(chat)
    wait_for_scripts(page)
    page.get_by_label("Answer", exact=True).fill("Mine")
    page.get_by_label("Question", exact=True).fill("Mine?")
    with app.app_context():
        pairs.save_pair(1, 2, {"answer": "Theirs", "question": "Theirs?", "turns": None}, version=1)
    press(page, "Control+s")
    expect(page.get_by_role("heading", name="Two versions of pair 2")).to_be_visible()
    assert find_faults(page) == [] and overflow(page) == 0
    page.get_by_role("button", name="Use theirs: Answer").click()
    page.get_by_role("button", name="Save this text").click()
    expect(page.locator(".toast")).to_contain_text("Edit")
    record = stored(app)
    assert (record.question, record.answer, record.turns) == ("Mine?", "Theirs", ())


@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_of_a_pair_is_accessible(open_page, chat: str, width: int) -> None:
    page = open_page(width=width)
    for address in (chat, "/datasets/1/pairs/new", "/datasets/1/pairs?pair=2"):
        page.goto(address)
        wait_for_scripts(page)
        for fold in page.locator("details:not([open]) > summary").all():
            if fold.is_visible():
                fold.click()
        assert find_faults(page) == [] and overflow(page) == 0


@pytest.fixture
def long_chat(app: Flask, chat: str) -> str:
    """The address of a pair with 2,000 messages."""
    turns = tuple(Message("user" if at % 2 == 0 else "assistant", f"said {at}") for at in range(2000))
    with app.app_context():
        history.create(1, [Record("Enough?", "Yes.", turns=turns)], summary="Add a long one", status="review")
    return "/datasets/1/pairs/3"


def changed(app: Flask) -> list[tuple[int, str | None]]:
    """The places and texts of the messages of the long conversation that are other than they were."""
    with app.app_context():
        turns = entries.get(1, 3).record().turns
    assert len(turns) == 2000
    return [(at, one.text) for at, one in enumerate(turns) if one.text != f"said {at}"]


def test_a_long_conversation_is_saved_and_kept_as_a_draft(app: Flask, page: Page, long_chat: str) -> None:
    page.goto(long_chat)
    wait_for_scripts(page)
    expect(page.locator("form [data-message]")).to_have_count(30)
    expect(page.locator("[data-folded]")).to_contain_text("1,970 more")
    text(page, 2000).fill("The last")
    for _ in range(5):
        page.get_by_role("button", name="Show the first ones").click()
    # What is far away is folded again with what was typed, so that no page grows slow.
    expect(page.locator("form [data-message]")).to_have_count(150)
    expect(page.locator("[data-folded]")).to_contain_text("1,850 more")
    page.get_by_role("button", name="Move message 150 down").click()
    text(page, 7).fill("seven")
    assert page.evaluate(MOST_MS) < 150
    page.reload()
    expect(page.locator(".draft-note")).to_be_visible()
    expect(text(page, 7)).to_have_value("seven")
    assert find_faults(page) == []
    press(page, "Control+s")
    expect(page.locator(".toast")).to_contain_text("Edit")
    assert changed(app) == [(6, "seven"), (149, "said 150"), (150, "said 149"), (1999, "The last")]
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('ltt-draft'))") == []


def click_again(page: Page, name: str, times: int) -> None:
    """Click a button, and then the same place again and again, as a hand does that looks at nothing else."""
    button = page.get_by_role("button", name=name)
    button.scroll_into_view_if_needed()
    place = button.bounding_box()
    assert place
    for _ in range(times):
        page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2, delay=100)


def test_quick_clicks_at_one_place_all_count(app: Flask, page: Page, long_chat: str) -> None:
    page.goto(long_chat)
    wait_for_scripts(page)
    click_again(page, "Show the first ones", 4)
    expect(page.locator("form [data-message]")).to_have_count(150)
    expect(text(page, 120)).to_have_value("said 119")
    click_again(page, "Move message 119 up", 3)
    expect(page.get_by_role("button", name="Move message 116 up")).to_be_focused()
    click_again(page, "Move message 50 down", 3)
    press(page, "Control+s")
    expect(page.locator(".toast")).to_contain_text("Edit")
    up = [(115, "said 118"), (116, "said 115"), (117, "said 116"), (118, "said 117")]
    assert changed(app) == [(49, "said 50"), (50, "said 51"), (51, "said 52"), (52, "said 49"), *up]


def test_messages_are_shown_further_by_one_key(page: Page, long_chat: str) -> None:
    page.goto(long_chat)
    wait_for_scripts(page)
    button = page.get_by_role("button", name="Show the first ones")
    button.focus()
    for shown in range(30, 151, 30):
        press(page, "Enter")
        expect(text(page, shown)).to_have_value(f"said {shown - 1}")
        expect(button).to_be_focused()
        expect(button).to_be_in_viewport()


# How long the scripts are busy with one keystroke.
MOST_MS = """() => { const field = document.querySelector("[name=question]"), began = performance.now();
  for (let at = 0; at < 10; at++) field.dispatchEvent(new Event("input", { bubbles: true }));
  return (performance.now() - began) / 10; }"""


def test_a_long_conversation_is_written_without_scripts(app: Flask, open_page, long_chat: str) -> None:
    page = open_page(scripts=False, width=390)
    page.goto(long_chat)
    page.get_by_role("button", name="Show the first ones").click()
    text(page, 3).fill("three")
    page.get_by_role("button", name="Show the last ones").click()
    expect(page.locator("form [data-message]")).to_have_count(90)
    text(page, 1945).fill("more")
    assert overflow(page) == 0
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Edit")
    assert changed(app) == [(2, "three"), (1944, "more")]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_refusal_leads_by_key_to_its_field(app: Flask, open_page, chat: str, scripts: bool) -> None:
    page = open_page(scripts=scripts)
    page.goto(chat)
    text(page, 2).fill("kept")
    page.get_by_label("Arguments of the tool call").fill('{"box": ')
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Go to it")).to_be_focused()
    page.keyboard.press("Enter")
    wrong = page.get_by_label("Arguments of the tool call")
    expect(wrong).to_be_focused()
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_accessible_description(re.compile("Tool call 1 of message 4"))
    expect(text(page, 2)).to_have_value("kept")
    if scripts:
        assert find_faults(page) == []
        wrong.fill('{"box": 1}')
        expect(wrong).not_to_have_attribute("aria-invalid", "true")


def test_who_saves_while_they_write_goes_on_writing_there(page: Page, chat: str) -> None:
    page.goto(chat)
    wait_for_scripts(page)
    page.get_by_role("button", name="Earlier turn").click()
    page.keyboard.type("One")
    page.get_by_role("button", name="Move message 3 up").click()
    text(page, 2).focus()
    press(page, "End", "Control+s")
    expect(page.locator(".toast")).to_contain_text("Edit")
    expect(text(page, 2)).to_be_focused()
    page.keyboard.type(" more")
    expect(text(page, 2)).to_have_value("One more")
    # The page that refuses something leaves them there too.
    text(page, 1).fill(" ")
    text(page, 2).focus()
    press(page, "Control+s")
    expect(page.get_by_role("alert")).to_contain_text("Message 1 is empty")
    expect(text(page, 2)).to_be_focused()


def test_their_messages_are_taken_in_place_of_mine(app: Flask, page: Page, long_chat: str) -> None:
    page.goto(long_chat)
    wait_for_scripts(page)
    text(page, 2000).fill("Mine")
    page.get_by_label("Answer", exact=True).fill("Mine as well")
    with app.app_context():
        turns = list(entries.get(1, 3).record().turns)
        turns[1999] = Message("assistant", "Theirs")
        pairs.save_pair(1, 3, {"turns": dump_messages(tuple(turns))}, version=1)
    press(page, "Control+s")
    expect(page.get_by_role("heading", name="Two versions of pair 3")).to_be_visible()
    wait_for_scripts(page)
    expect(text(page, 2000)).to_have_value("Mine")
    page.get_by_role("button", name="Use theirs: Earlier turns").click()
    expect(text(page, 2000)).to_have_value("Theirs")
    assert find_faults(page) == [] and overflow(page) == 0
    page.get_by_role("button", name="Save this text").click()
    expect(page.locator(".toast")).to_contain_text("Edit")
    assert changed(app) == [(1999, "Theirs")]

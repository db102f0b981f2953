"""The main job from end to end in a real browser, by keyboard and mouse, and once more without scripts."""

import csv
import io
import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

TABLE = """\
question,answer,topic
How do I return a lamp?,Print the label and bring the parcel to a shop.,returns
Wo ist mein Paket?,"Unter „Bestellungen“, ganz oben.",orders
"Two lines,
one cell?","Yes,
both stay.",returns
Is there a gift card?,,gifts
"""
LAMP, PARCEL, LINES = "How do I return a lamp?", "Wo ist mein Paket?", "Two lines,\none cell?"


def row(page: Page, question: str) -> Locator:
    """The row of a pair in the list."""
    return page.locator("tr[data-row]").filter(has_text=question.split("\n")[0])


def rows_are(page: Page, *questions: str) -> None:
    """Wait until the list shows these pairs, in this order."""
    expect(page.locator("tr[data-row] .qa b")).to_have_text(
        [re.compile(re.escape(q.split("\n")[0])) for q in questions]
    )


def wait_for_scripts(page: Page) -> None:
    """Wait until the page listens: a link that was followed has loaded only when its scripts have run."""
    expect(page.locator("html.js")).to_be_attached()


def press(page: Page, *keys: str) -> None:
    """Press keys one after the other, once the page listens to them."""
    wait_for_scripts(page)
    for key in keys:
        page.keyboard.press(key)


def make_dataset(page: Page) -> None:
    """From the first visit to the page of an empty dataset."""
    page.goto("/")
    page.get_by_role("link", name="New dataset").click()
    page.get_by_label("Name").fill("Harbor")
    page.get_by_role("button", name="Make the dataset").click()
    expect(page.get_by_role("heading", name="No pairs yet")).to_be_visible()
    page.get_by_role("link", name="Import a file…").click()


def drop_file(page: Page) -> None:
    """Drop the table from outside onto the page."""
    wait_for_scripts(page)
    make = "([name, text]) => { const it = new DataTransfer(); it.items.add(new File([text], name)); return it; }"
    page.dispatch_event("body", "drop", {"dataTransfer": page.evaluate_handle(make, ["faq.csv", TABLE])})


def choose_file(page: Page) -> None:
    """Choose the table in the file dialog."""
    page.locator("input[type=file]").set_input_files(
        {"name": "faq.csv", "mimeType": "text/csv", "buffer": TABLE.encode()}
    )


def import_pairs(page: Page) -> None:
    """From the preview to the list of the imported pairs."""
    expect(page.locator("body")).to_contain_text("Unter „Bestellungen“, ganz oben.")
    expect(page.locator("body")).to_contain_text("The answer is empty")
    page.get_by_role("button", name="Import 3 pairs").click()
    expect(page.get_by_role("heading", name="3 pairs imported.")).to_be_visible()
    page.get_by_role("link", name="Show the pairs").click()
    rows_are(page, LINES, PARCEL, LAMP)


def edit_answer(page: Page) -> None:
    """Change one answer in the editor and save."""
    row(page, LAMP).get_by_role("link").click()
    expect(page.get_by_label("Question", exact=True)).to_have_value(LAMP)
    page.get_by_label("Answer", exact=True).fill("Bring it to any shop.")
    page.locator("#drawer").get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Edit “How do I return a lamp?”")
    expect(page.get_by_label("Answer", exact=True)).to_have_value("Bring it to any shop.")
    page.get_by_role("link", name="Close editor").click()
    expect(row(page, LAMP)).to_contain_text("Bring it to any shop.")


def take_file(page: Page, name: str) -> bytes:
    """Press a button that downloads, and read what came."""
    with page.expect_download() as coming:
        page.get_by_role("button", name=name).click()
    return coming.value.path().read_bytes()


def export_openai(page: Page, count: int) -> list[tuple[str, str]]:
    """Download the dataset for OpenAI: its questions and answers."""
    page.get_by_role("link", name="Export", exact=True).click()
    for status in ("Approved", "Needs review"):
        page.get_by_role("checkbox", name=status).check()
    choose = page.get_by_role("button", name="Show what this gives")
    if choose.is_visible():
        choose.click()
    lines = take_file(page, f"Download {count} pairs").decode().splitlines()
    messages = [{one["role"]: one["content"] for one in json.loads(line)["messages"]} for line in lines]
    return [(one["user"], one["assistant"]) for one in messages]


def convert_file(page: Page) -> list[dict[str, str]]:
    """Turn a JSONL file into CSV without a dataset."""
    content = json.dumps({"messages": [{"role": "user", "content": "a,\n“b”"}, {"role": "assistant", "content": "c"}]})
    page.get_by_role("link", name="Convert a file").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "chat.jsonl", "mimeType": "text/plain", "buffer": content.encode()}
    )
    if page.get_by_role("button", name="Look at the file…").is_visible():
        page.get_by_role("button", name="Look at the file…").click()
    page.get_by_label("Target format").select_option("csv:columns")
    if page.get_by_role("button", name="Show what this gives").is_visible():
        page.get_by_role("button", name="Show what this gives").click()
    expect(page.locator("pre", has_text="ltt convert")).to_contain_text("--to csv:columns")
    text = take_file(page, "Convert and download").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def undo_and_redo(page: Page, before: str, after: str) -> None:
    """Take the last step back on the history page and do it again."""
    step = page.get_by_role("button", name=re.compile(r"Undo step \d+"))
    page.get_by_role("link", name=re.compile("^History")).click()
    label = step.inner_text()
    step.click()
    expect(page.locator(".sidebar")).to_contain_text(before)
    page.get_by_role("button", name=re.compile(r"Redo step \d+")).click()
    expect(page.locator(".sidebar")).to_contain_text(after)
    expect(step).to_have_text(label)


def test_by_keyboard_and_mouse(page: Page) -> None:
    make_dataset(page)
    drop_file(page)
    import_pairs(page)
    edit_answer(page)

    press(page, "g", "p")
    search_while_typing(page)
    label_by_keys(page)
    write_by_keyboard(page)
    delete_and_bring_back(page)

    assert export_openai(page, 5) == [
        (LAMP, "Bring it to any shop."),
        (PARCEL, "Unter „Bestellungen“, ganz oben."),
        (LINES, "Yes,\nboth stay."),
        ("First by hand?", "Yes."),
        ("Second by hand?", "Too."),
    ]
    undo_and_redo(page, before="4 pairs", after="5 pairs")
    assert convert_file(page) == [{"question": "a,\n“b”", "answer": "c"}]


def search_while_typing(page: Page) -> None:
    """The list follows what is typed, and so does the address; the field keeps the focus."""
    press(page, "/")
    field = page.get_by_role("searchbox", name="Search all texts of the pairs")
    field.press_sequentially("bestell")
    rows_are(page, PARCEL)
    expect(page.get_by_role("status").first).to_contain_text("1 matching pair")
    expect(page.locator("mark")).to_have_text("Bestellungen")
    expect(field).to_be_focused()
    assert "q=bestell" in page.url
    page.reload()
    rows_are(page, PARCEL)
    page.get_by_role("link", name="Clear 1").click()
    rows_are(page, LINES, PARCEL, LAMP)


def label_by_keys(page: Page) -> None:
    """Approve and tag the second pair without opening it."""
    press(page, "j", "j")
    expect(row(page, PARCEL)).to_have_attribute("aria-current", "true")
    press(page, "a")
    expect(row(page, PARCEL)).to_contain_text("Approved")
    expect(row(page, PARCEL)).to_have_attribute("aria-current", "true")
    press(page, "t")
    page.keyboard.type("german")
    press(page, "Enter")
    expect(row(page, PARCEL)).to_contain_text("german")
    expect(row(page, LINES)).to_contain_text("Needs review")


def write_by_keyboard(page: Page) -> None:
    """Two pairs from N to Ctrl+Enter, no mouse."""
    press(page, "n")
    for question, answer in (("First by hand?", "Yes."), ("Second by hand?", "Too.")):
        field = page.get_by_label("Question", exact=True)
        expect(field).to_be_focused()
        expect(field).to_have_value("")
        page.keyboard.type(question)
        press(page, "Tab")
        page.get_by_label("Answer", exact=True).focus()
        page.keyboard.type(answer)
        press(page, "Control+Enter")
        expect(page.locator(".toast")).to_contain_text(question)
    press(page, "Escape", "Escape")
    expect(page.locator(".drawer")).to_have_count(0)
    rows_are(page, "Second by hand?", "First by hand?", LINES, PARCEL, LAMP)


def delete_and_bring_back(page: Page) -> None:
    """Delete a pair, then take that back by the toast."""
    row(page, LAMP).get_by_role("checkbox").check()
    page.get_by_role("button", name="Delete 1").click()
    rows_are(page, "Second by hand?", "First by hand?", LINES, PARCEL)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    rows_are(page, "Second by hand?", "First by hand?", LINES, PARCEL, LAMP)


def test_without_scripts(open_page) -> None:
    page = open_page(scripts=False)
    make_dataset(page)
    choose_file(page)
    page.get_by_role("button", name="Look at the files…").click()
    import_pairs(page)
    edit_answer(page)

    search_and_label(page)
    page.get_by_role("link", name="Add pair").click()
    page.get_by_label("Question", exact=True).fill("By hand?")
    page.get_by_label("Answer", exact=True).fill("Yes.")
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_label("Question", exact=True)).to_have_value("")
    page.get_by_role("link", name="Close editor").click()
    rows_are(page, "By hand?", LINES, PARCEL, LAMP)

    row(page, LAMP).get_by_role("checkbox").check()
    page.get_by_role("button", name="Delete").click()
    rows_are(page, "By hand?", LINES, PARCEL)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    rows_are(page, "By hand?", LINES, PARCEL, LAMP)

    assert [answer for _, answer in export_openai(page, 4)][0] == "Bring it to any shop."
    undo_and_redo(page, before="3 pairs", after="4 pairs")
    assert convert_file(page) == [{"question": "a,\n“b”", "answer": "c"}]


def search_and_label(page: Page) -> None:
    """The same by buttons: search with Enter, tick, approve, tag."""
    field = page.get_by_role("searchbox", name="Search all texts of the pairs")
    field.fill("bestell")
    field.press("Enter")
    rows_are(page, PARCEL)
    row(page, PARCEL).get_by_role("checkbox").check()
    page.get_by_role("button", name="Approve").click()
    expect(row(page, PARCEL)).to_contain_text("Approved")
    row(page, PARCEL).get_by_role("checkbox").check()
    page.get_by_label("Tag for the selected pairs").fill("german")
    page.get_by_role("button", name="Tag", exact=True).click()
    expect(row(page, PARCEL)).to_contain_text("german")
    page.get_by_role("link", name=re.compile(r"Clear \d")).click()
    rows_are(page, LINES, PARCEL, LAMP)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_status_of_one_row_is_two_clicks_away(open_page, width: int) -> None:
    page = open_page(width=width)
    make_dataset(page)
    wait_for_scripts(page)
    choose_file(page)
    import_pairs(page)
    if width == 390:
        row(page, LAMP).get_by_role("link").click()
        expect(page.locator(".drawer")).to_be_in_viewport(ratio=1)
        page.get_by_label("Status", exact=True).select_option("Rejected")
        page.locator("#drawer").get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("link", name="Close editor").click()
    else:
        row(page, LAMP).get_by_role("button", name="Needs review").click()
        page.get_by_role("button", name="Rejected").click()
    expect(row(page, LAMP)).to_contain_text("Rejected")
    expect(row(page, PARCEL)).to_contain_text("Needs review")


def test_by_the_keyboard_alone_from_writing_to_undoing(page: Page) -> None:
    """Create, edit, review, undo: no mouse, and nothing that only a script could reach."""
    page.goto("/")
    wait_for_scripts(page)
    tab_to(page, "New dataset")
    press(page, "Enter")
    expect(page.get_by_label("Name")).to_be_visible()
    wait_for_scripts(page)
    tab_to(page, "Name")
    page.keyboard.type("Harbor")
    press(page, "Enter")
    expect(page.get_by_role("heading", name="No pairs yet")).to_be_visible()
    press(page, "n")
    for question in ("Is it open?", "Where is it?"):
        expect(page.get_by_label("Question", exact=True)).to_be_focused()
        page.keyboard.type(question)
        press(page, "Tab")
        page.keyboard.type("Yes.")
        press(page, "Control+Enter")
        expect(page.locator(".toast")).to_contain_text(question)
    press(page, "Escape", "Escape")
    expect(page.locator(".drawer")).to_have_count(0)
    rows_are(page, "Where is it?", "Is it open?")
    press(page, "j", "j", "Enter")
    expect(page.get_by_label("Question", exact=True)).to_be_focused()
    press(page, "Tab", "Control+End")
    page.keyboard.type(" Until six.")
    press(page, "Control+s")
    expect(page.locator(".toast")).to_contain_text("Edit")
    press(page, "Escape", "Escape")
    expect(page.locator(".drawer")).to_have_count(0)
    expect(row(page, "Is it open?")).to_contain_text("Yes. Until six.")
    press(page, "g", "r")
    expect(page.locator("[data-card]:visible article h2")).to_have_text("Is it open?")
    press(page, "a")
    expect(page.locator("[data-card]:visible article h2")).to_have_text("Where is it?")
    press(page, "c")
    page.keyboard.type("The place is missing.")
    press(page, "Escape", "r")
    expect(page.get_by_role("heading", name="Nothing is left to review")).to_be_visible()
    page.wait_for_function("() => Object.keys(localStorage).every((name) => !name.startsWith('ltt-review/'))")
    press(page, "g", "p")
    expect(row(page, "Where is it?")).to_contain_text("Rejected")
    press(page, "Control+z")
    expect(row(page, "Where is it?")).to_contain_text("Needs review")
    for step, left in (("Approve 1 pair", "Needs review"), ("Edit “Is it open?”", "Yes.")):
        expect(page.get_by_role("button", name=f"Undo: {step}")).to_be_enabled()
        press(page, "Control+z")
        expect(row(page, "Is it open?")).to_contain_text(left)
    expect(row(page, "Is it open?")).not_to_contain_text("Until six.")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus."""
    said = "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"
    for _ in range(80):
        page.keyboard.press("Tab")
        if str(page.evaluate(said)).startswith(name):
            return
    raise AssertionError(f"Tab does not lead to {name}")

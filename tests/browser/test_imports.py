"""The import wizard in a real browser: drop, look, change the mapping, import, repair, undo."""

import pytest
from playwright.sync_api import Page, expect

from app.jobs.worker import Worker
from app.services import backups, datasets, entries, imports
from app.services.imports import quarantine
from tests.browser.looking import find_faults, overflow
from tests.browser.test_journey import wait_for_scripts

TABLE = (
    "Macro title;Reply;Category\nCan I return a rug?;Ja, natürlich.;returns\nWhere is it?;In Orders.;orders\nGift?;;x\n"
)


@pytest.fixture
def dataset_id(app):
    """The id of a new, empty dataset."""
    with app.app_context():
        return datasets.create_dataset("Harbor").id


def choose(page: Page, dataset_id, *files):
    """Open the import page and choose files on it."""
    page.goto(f"/datasets/{dataset_id}/import")
    page.locator("input[type=file]").set_input_files(
        [{"name": name, "mimeType": "text/plain", "buffer": content} for name, content in files]
    )
    page.wait_for_url("**/imports/*")


def questions(app, dataset_id):
    with app.app_context():
        return [entry.question for entry in entries.stream_entries(dataset_id)]


def test_the_journey_of_an_excel_file_with_umlauts(app, dataset_id, open_page):
    page = open_page()
    choose(page, dataset_id, ("macros.csv", TABLE.encode("cp1252")))
    expect(page.locator("body")).to_contain_text("natürlich")
    expect(page.get_by_role("button", name="Import")).to_be_disabled()
    page.get_by_label("What column Macro title becomes").select_option("question")
    expect(page.get_by_role("button", name="Import 2 pairs")).to_be_enabled()
    page.get_by_label("What column Category becomes").select_option("tags")
    expect(page.locator("td .tag").first).to_have_text("returns")
    assert "col.2=tags" in page.url and "csrf" not in page.url
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="2 pairs imported.")).to_be_visible()
    assert questions(app, dataset_id) == ["Can I return a rug?", "Where is it?"]


def test_bad_rows_are_repaired_in_fields_one_after_the_other(app, dataset_id, open_page):
    page = open_page(width=390)
    choose(page, dataset_id, ("faq.csv", b"question,answer\nHow?,So.\nOpen?,\nWhen?,At one, or two.\n"))
    page.get_by_role("button", name="Import 1 pair").click()
    page.get_by_role("link", name="Repair line 3 in fields").click()
    expect(page.get_by_label("Question", exact=True)).to_have_value("Open?")
    expect(page.locator("pre")).to_have_text("Open?,")
    assert find_faults(page) == [] and overflow(page) == 0
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("The answer is empty")
    page.get_by_label("Answer", exact=True).fill("Yes.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Repair line 4")).to_be_visible()
    expect(page.get_by_label("Answer", exact=True)).to_have_value("At one, or two.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="3 pairs imported.")).to_be_visible()
    assert questions(app, dataset_id) == ["How?", "Open?", "When?"]


def test_a_bad_row_is_repaired_in_place(app, dataset_id, open_page):
    page = open_page()
    choose(page, dataset_id, ("faq.csv", b"question,answer\nHow?,So.\nOpen?,\n"))
    page.get_by_role("button", name="Import 1 pair").click()
    expect(page.get_by_role("button", name="Retry 0 repaired rows")).to_be_disabled()
    page.get_by_label("Raw text of line 3").fill("Open?,Yes.")
    page.get_by_role("button", name="Retry 1 repaired row").click()
    expect(page.locator(".toast")).to_contain_text("1 repaired row imported")
    assert questions(app, dataset_id) == ["How?", "Open?"]


def test_undo_and_import_again(app, dataset_id, open_page):
    page = open_page()
    choose(page, dataset_id, ("faq.csv", b"question,answer\nHow?,So.\n"))
    page.get_by_role("button", name="Import 1 pair").click()
    page.get_by_role("button", name="Undo import of 1 pair").click()
    expect(page.get_by_role("heading", name="This import was undone.")).to_be_visible()
    assert questions(app, dataset_id) == []
    page.get_by_role("button", name="Import again…").click()
    page.get_by_role("button", name="Import 1 pair").click()
    expect(page.get_by_role("heading", name="1 pair imported.")).to_be_visible()


def test_a_large_import_shows_progress_and_leads_to_its_result(app, data_dir, dataset_id, open_page):
    app.config["LTT_INLINE_MB"] = 0
    page = open_page()
    choose(page, dataset_id, ("faq.csv", b"question,answer\nHow?,So.\n"))
    page.get_by_role("button", name="Import 1 pair").click()
    expect(page.locator(".job")).to_contain_text("none is running")
    with app.app_context():
        Worker(app, {"LTT_DATA_DIR": str(data_dir), "TESTING": True}).turn()
    expect(page.get_by_role("heading", name="1 pair imported.")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_it_works_without_script(app, dataset_id, open_page, scripts):
    page = open_page(scripts=scripts)
    page.goto(f"/datasets/{dataset_id}/import")
    page.get_by_label("Rows from a spreadsheet, CSV or JSON lines").fill("question\tanswer\nHow?\tSo.\n")
    page.get_by_role("button", name="Look at the text…").click()
    page.get_by_role("button", name="Import 1 pair").click()
    expect(page.get_by_role("heading", name="1 pair imported.")).to_be_visible()


def test_markup_in_a_file_is_text(app, dataset_id, open_page):
    evil = "<img src=x onerror='window.broken=1'>"
    page = open_page()
    choose(
        page,
        dataset_id,
        (f"{evil}.csv", f'question,answer,"{evil}"\n"{evil}","{evil}","{evil}"\n"{evil}",,\n'.encode()),
    )
    page.get_by_role("button", name="Import 1 pair").click()
    expect(page.get_by_role("heading", name="1 pair imported.")).to_be_visible()
    assert page.evaluate("window.broken") is None


def test_the_pages_have_no_accessibility_findings(app, dataset_id, page):
    page.goto(f"/datasets/{dataset_id}/import")
    assert find_faults(page) == []
    choose(page, dataset_id, ("macros.csv", TABLE.encode()))
    assert find_faults(page) == []
    page.get_by_label("What column Macro title becomes").select_option("question")
    page.get_by_role("button", name="Import 2 pairs").click()
    expect(page.get_by_role("heading", name="2 pairs imported.")).to_be_visible()
    assert find_faults(page) == []
    page.goto("/jobs/")
    assert find_faults(page) == []
    with app.app_context():
        assert len(imports.list_imports(dataset_id)) == 1


@pytest.mark.parametrize("width", [1440, 390])
def test_every_column_of_a_wide_table_can_be_read_and_mapped(dataset_id, open_page, width):
    names = ["id", "created", "author", "product", "lang", "title", "question", "answer", "category", "rating", "url"]
    lines = [",".join(names), *(",".join(f"{name} {n} of many" for name in names) for n in range(1, 120))]
    page = open_page(width=width)
    choose(page, dataset_id, ("faq.csv", "\n".join(lines).encode()))
    selects = page.locator(".mapper th select")
    assert min(selects.evaluate_all("all => all.map((one) => one.offsetWidth)")) >= 90
    wrapping = page.locator(".mapper td.ln").evaluate_all("cells => cells.map((c) => getComputedStyle(c).whiteSpace)")
    assert set(wrapping) == {"nowrap"}
    assert overflow(page) == 0


def test_what_is_typed_into_a_bad_row_is_kept_until_it_is_saved(app, dataset_id, open_page):
    page, asked = open_page(), []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    choose(page, dataset_id, ("faq.csv", b"question,answer\nHow?,So.\nOpen?,\nWhen?,\n"))
    page.get_by_role("button", name="Import 1 pair").click()
    page.get_by_role("link", name="Repair line 3 in fields").click()
    wait_for_scripts(page)
    repaired, answer, note = page.url, page.get_by_label("Answer", exact=True), page.locator(".draft-note")
    answer.press_sequentially("Yes")
    page.reload()
    expect(answer).to_have_value("Yes")
    note.get_by_role("button", name="Discard").click()
    expect(answer).to_have_value("")
    # What was refused is not stored either.
    page.get_by_label("Question", exact=True).press_sequentially("Really? ")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("The answer is empty")
    page.goto(f"/datasets/{dataset_id}/pairs")
    page.get_by_role("button", name="1 not saved").click()
    page.get_by_role("link", name="Open?").click()
    expect(page.get_by_label("Question", exact=True)).to_have_value("Really? Open?")
    # Messages are added by the page too.
    wait_for_scripts(page)
    page.get_by_role("button", name="Earlier turn").click()
    page.get_by_label("Text of message 1").fill("Hello")
    answer.fill("Yes.")
    page.reload()
    expect(page.get_by_label("Text of message 1")).to_have_value("Hello")
    note.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("repaired")
    expect(page.locator("[data-unsaved]")).to_have_count(0)
    page.goto(f"/datasets/{dataset_id}/pairs")
    wait_for_scripts(page)
    expect(page.locator("[data-unsaved]")).to_be_hidden()
    assert page.goto(repaired).status == 404
    assert asked == []
    assert questions(app, dataset_id) == ["How?", "Really? Open?"]


def test_a_line_that_is_being_mended_is_kept_until_its_parts_are_saved(app, dataset_id, open_page):
    page = open_page()
    choose(
        page, dataset_id, ("faq.jsonl", b'{"question": "How?", "answer": "So."}\n{"question": "Open?", "answer": \n')
    )
    page.get_by_role("button", name="Import 1 pair").click()
    page.get_by_role("link", name="Repair line 2 in fields").click()
    raw, answer = page.get_by_role("textbox", name="Text to repair"), page.get_by_label("Answer", exact=True)
    wait_for_scripts(page)
    raw.fill('{"question": "Open?", "answer": "Yes."}')
    page.reload()
    expect(raw).to_have_value('{"question": "Open?", "answer": "Yes."}')
    page.get_by_role("button", name="Read it again").click()
    wait_for_scripts(page)
    answer.fill("Yes, always.")
    page.goto(f"/datasets/{dataset_id}/pairs")
    page.get_by_role("button", name="1 not saved").click()
    page.get_by_role("link", name="Open?").click()
    wait_for_scripts(page)
    page.get_by_role("button", name="Read it again").click()
    expect(answer).to_have_value("Yes, always.")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator(".toast")).to_contain_text("1 row dismissed.")
    page.goto(f"/datasets/{dataset_id}/pairs")
    wait_for_scripts(page)
    expect(page.locator("[data-unsaved]")).to_be_hidden()


def begin_repair(page: Page, dataset_id: int) -> None:
    """Import a row without an answer, and begin to write one."""
    choose(page, dataset_id, ("faq.csv", b"question,answer\nHow?,So.\nOpen?,\n"))
    page.get_by_role("button", name="Import 1 pair").click()
    page.get_by_role("link", name="Repair line 3 in fields").click()
    wait_for_scripts(page)
    page.get_by_label("Answer", exact=True).fill("Yes.")


def test_what_was_typed_before_a_restore_is_saved_when_it_is_said_twice(app, dataset_id, open_page):
    page = open_page()
    begin_repair(page, dataset_id)
    with app.app_context():
        backups.restore_backup(backups.make_backup())
    page.reload()
    page.locator(".draft-note").get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Save again to keep yours.")
    expect(page.get_by_label("Answer", exact=True)).to_have_value("Yes.")
    wait_for_scripts(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast")).to_contain_text("repaired")
    assert questions(app, dataset_id) == ["How?", "Open?"]
    page.goto(f"/datasets/{dataset_id}/pairs")
    wait_for_scripts(page)
    expect(page.locator("[data-unsaved]")).to_be_hidden()


def test_what_was_typed_into_a_row_that_somebody_else_dismissed_is_still_read(app, dataset_id, open_page):
    page = open_page()
    begin_repair(page, dataset_id)
    with app.app_context():
        quarantine.dismiss_rows(1)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("not in quarantine any more")).to_be_visible()
    page.goto(f"/datasets/{dataset_id}/pairs")
    page.get_by_role("button", name="1 not saved").click()
    page.get_by_role("link", name="Open?").click()
    expect(page.get_by_text("This row was repaired or dismissed meanwhile.")).to_be_visible()
    expect(page.get_by_label("Answer", exact=True)).to_have_value("Yes.")
    page.locator(".draft-note").get_by_role("button", name="Discard").click()
    expect(page.locator("[data-unsaved]")).to_be_hidden()
    assert find_faults(page) == []


def test_leaving_lines_that_are_being_mended_asks(dataset_id, open_page):
    page, asked = open_page(), []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    choose(page, dataset_id, ("faq.csv", b"question,answer\nHow?,So.\nOpen?,\n"))
    page.get_by_role("button", name="Import 1 pair").click()
    wait_for_scripts(page)
    page.get_by_label("Raw text of line 3").press_sequentially("Yes")
    with page.expect_download():
        page.get_by_role("link", name="CSV").click()
    assert asked == []
    page.reload()
    assert asked == ["beforeunload"]

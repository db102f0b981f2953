"""The import pages: choose, look, import, repair, undo. All of it without script."""

import io
import json
import re
from html import unescape

import pytest

from app.core.errors import NotFound
from app.core.record import Record
from app.models import Dataset, Import, db
from app.services import datasets, entries, history, imports, pairs
from app.services.imports import quarantine, waiting
from tests.pages import as_shown

CSV = "question,answer,team\nHow?,So.,a\nWhy?,Because.,b\nOpen?,,c\n"


@pytest.fixture
def dataset_id(app):
    """The id of a new, empty dataset."""
    with app.app_context():
        yield datasets.create_dataset("Tests").id


def send(client, dataset_id, *contents, names=("faq.csv", "two.csv"), **fields):
    files = [(io.BytesIO(c if isinstance(c, bytes) else c.encode()), n) for c, n in zip(contents, names, strict=False)]
    return client.post(f"/datasets/{dataset_id}/import", data={"file": files, **fields})


def look(client, dataset_id, content=CSV, name="faq.csv"):
    """Send a file; returns the address of its page."""
    response = send(client, dataset_id, content, names=(name,))
    assert response.status_code == 303, response.text
    return response.headers["Location"]


def bring(client, dataset_id, content=CSV, name="faq.csv", **choices):
    address = look(client, dataset_id, content, name)
    response = client.post(address, data=choices)
    assert response.status_code == 303, response.text
    return response.headers["Location"]


def stored(dataset_id):
    db.session.rollback()
    return [(e.question, e.answer) for e in entries.stream_entries(dataset_id)]


def test_a_file_is_looked_at_and_nothing_is_imported_yet(client, dataset_id):
    page = client.get(look(client, dataset_id)).text
    assert "Import 2 pairs" in page and "1 row cannot be read" in page
    assert "The answer is empty" in page and "line 4" in page
    assert stored(dataset_id) == []


def test_bad_rows_that_nobody_reads_leave_no_file_open(client, dataset_id, monkeypatch):
    address, made = bring(client, dataset_id), []
    monkeypatch.setattr(quarantine.tempfile, "TemporaryFile", lambda: made.append(io.BytesIO()) or made[-1])
    for method in (client.head, client.get):
        method(f"{address}/quarantine.csv").close()
    assert [one.closed for one in made] == [True, True]


def test_a_file_that_was_discarded_meanwhile_is_not_there(client, dataset_id, monkeypatch):
    address = look(client, dataset_id)
    monkeypatch.setattr("app.blueprints.imports.waiting.move_import", lambda number, _: waiting.discard(number))
    assert client.post(address).status_code == 404
    assert stored(dataset_id) == []


def test_the_choices_travel_in_the_address(client, dataset_id):
    address = look(client, dataset_id, "a,b,c\nx,y,z\n")
    assert "disabled" in client.get(address).text
    chosen = {"asked": "1", "columns_shown": "3", "was_format": "csv", "was_layout": "columns", "format": "csv"}
    chosen |= {"layout": "columns", "col.0": "question", "col.2": "answer", "col.1": "-"}
    page = client.get(address, query_string=chosen).text
    assert "Import 1 pair " in page and re.search(r'<option value="-" selected>', page)


def test_columns_that_only_look_like_others_are_asked_for_and_three_pairs_show_what_was_chosen(client, dataset_id):
    rows = "".join(f"Box {n} is on shelf {n}.,Where is box {n}?,shelf {n}\n" for n in range(1, 6))
    address = look(client, dataset_id, "context,text,label\n" + rows)
    page = client.get(address).text
    assert "disabled" in page and "It is not clear which column holds the question" in page
    chosen = {"asked": "1", "columns_shown": "3", "was_format": "csv", "was_layout": "columns", "format": "csv"}
    chosen |= {"layout": "columns", "col.0": "-", "col.1": "question", "col.2": "answer"}
    page = as_shown(client.get(address, query_string=chosen).text)
    preview = page[page.index('aria-label="Preview"') :]
    for number in (1, 2, 3):
        assert f"Where is box {number}?" in preview and f"shelf {number}" in preview
    assert stored(dataset_id) == []


def test_import_and_result(client, dataset_id):
    page = as_shown(client.get(bring(client, dataset_id)).text)
    assert "2 pairs imported." in page and "2 + 0 + 1, nothing lost" in page and "Undo import of 2 pairs" in page
    [address] = re.findall(r'href="([^"]*/review\?[^"]*import=[^"]*)"', page)
    assert '<span class="num" data-left>2</span> left' in client.get(address.replace("&amp;", "&")).text
    assert stored(dataset_id) == [("How?", "So."), ("Why?", "Because.")]


def test_a_chosen_mapping_is_used(client, dataset_id):
    choices = {"asked": "1", "columns_shown": "2", "format": "csv", "was_format": "csv", "layout": "columns"}
    choices |= {"was_layout": "columns", "col.0": "answer", "col.1": "question", "tag": "a, b"}
    bring(client, dataset_id, "question,answer\nHow?,So.\n", **choices)
    assert stored(dataset_id) == [("So.", "How?")]
    assert next(iter(entries.stream_entries(dataset_id))).tag_list == ["a", "b"]


def test_the_mapping_is_forgotten_when_another_format_is_chosen(client, dataset_id):
    address = look(client, dataset_id, "question;answer\nHow, then?;So.\n")
    chosen = {
        "asked": "1",
        "columns_shown": "2",
        "was_format": "csv",
        "format": "csv",
        "delimiter": ",",
        "col.0": "tags",
    }
    page = client.get(address, query_string=chosen).text
    assert "None of the first" in page or "The only row cannot be read" in page
    assert "Comma ," in page and "disabled" in page


def test_duplicates_of_the_dataset_are_skipped_unless_chosen_otherwise(client, dataset_id):
    history.create(dataset_id, [Record("How?", "So.")], summary="Add")
    page = as_shown(client.get(look(client, dataset_id)).text)
    assert "1 row is already in this dataset" in page and "same as pair 1" in page
    assert re.search(r'value="skip" checked', page) and "Import 1 pair " in page


def test_several_files_come_one_after_the_other(client, dataset_id):
    first = send(client, dataset_id, CSV, CSV).headers["Location"]
    page = client.get(first).text
    assert "Import the other file with the same columns too" in page
    page = client.get(client.post(first, data={}).headers["Location"]).text
    assert "Next file" in page and "two.csv" in page


def test_files_with_the_same_columns_can_be_imported_together(client, dataset_id):
    first = send(client, dataset_id, CSV, CSV).headers["Location"]
    client.post(first, data={"all_alike": "1"})
    assert len(stored(dataset_id)) == 4


def test_pasted_text_is_imported(client, dataset_id):
    response = client.post(f"/datasets/{dataset_id}/import", data={"text": "question,answer\r\nHow?,So.\r\n"})
    assert "pasted text" in client.get(response.headers["Location"]).text
    client.post(response.headers["Location"], data={})
    assert stored(dataset_id) == [("How?", "So.")]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\x89PNG\r\n\x1a\n123", "a PNG picture"), (b"", "empty"), (b"question,answer\n", "no rows")],
)
def test_what_cannot_be_imported_is_said_in_one_sentence(client, dataset_id, content, words):
    response = send(client, dataset_id, content)
    assert response.status_code == 422 and words in response.text and "Nothing was imported" in response.text
    assert db.session.query(Import).count() == 0


def test_nothing_sent_is_said(client, dataset_id):
    response = client.post(f"/datasets/{dataset_id}/import", data={"text": "  "})
    assert response.status_code == 422 and "Choose a file" in response.text


@pytest.mark.parametrize(
    "name", ["../../x.csv", "C:\\x.csv", "con.csv", "x" * 300 + ".csv", "'><img src=x>.csv", "数据.csv"]
)
def test_hostile_names_are_shown_as_text(client, dataset_id, name):
    page = client.get(look(client, dataset_id, name=name)).text
    assert "<img src=x" not in page and "Import 2 pairs" in page


def test_markup_in_headers_and_cells_is_text(client, dataset_id):
    evil = "<script>x</script>"
    table = f'question,answer,"{evil}"\n"{evil}","{evil}","{evil}"\n"{evil}",,\n'
    address = look(client, dataset_id, table)
    pages = [client.get(address).text, client.get(client.post(address, data={}).headers["Location"]).text]
    for page in pages:
        assert evil not in page
    assert "&lt;script&gt;x" in pages[0]


def test_all_or_nothing_refuses_and_shows_the_bad_rows(client, dataset_id):
    page = client.get(bring(client, dataset_id, asked="1", columns_shown="3", strict="1")).text
    assert "Nothing was imported" in page and "1 of 3 rows" in page and "Open?" in page
    assert stored(dataset_id) == []


def test_bad_rows_are_repaired_downloaded_and_dismissed(client, dataset_id):
    address = bring(client, dataset_id, CSV + "Also?,,d\n")
    row = db.session.query(Import).one()
    first, second = quarantine.list_open(row.id)
    assert "Open?,,c" in client.get(f"{address}/quarantine.csv").text
    assert json.loads(client.get(f"{address}/quarantine.jsonl").text.splitlines()[0])["line"] == 4
    client.post(f"{address}/quarantine", data={f"raw.{first.id}": "Open?,Yes.,c\r\n", f"raw.{second.id}": second.raw})
    assert ("Open?", "Yes.") in stored(dataset_id) and quarantine.count_open(row.id) == 1
    client.post(f"{address}/quarantine/dismiss")
    assert quarantine.count_open(row.id) == 0
    assert "3 + 0 + 1, nothing lost" in client.get(address).text


def test_what_was_typed_into_a_row_that_is_not_open_any_more_is_refused(client, dataset_id):
    address = bring(client, dataset_id)
    [bad] = quarantine.list_open(db.session.query(Import).one().id)
    sent = {f"raw.{bad.id}": "Open?,Yes.,c\r\n", f"was.{bad.id}": quarantine.fingerprint(bad.raw)}
    assert client.post(f"{address}/quarantine", data=sent).status_code == 303
    assert client.post(f"{address}/quarantine", data=sent).status_code == 404
    assert stored(dataset_id).count(("Open?", "Yes.")) == 1


def test_untouched_rows_are_not_tried_again(client, dataset_id):
    address = bring(client, dataset_id)
    [bad] = quarantine.list_open(db.session.query(Import).one().id)
    page = client.post(f"{address}/quarantine", data={f"raw.{bad.id}": "Open?,,c\r\n"}, follow_redirects=True).text
    assert "No row was repaired yet" in page


def test_undo_from_the_result_and_again_with_the_same_file(client, dataset_id):
    address = bring(client, dataset_id)
    client.post(f"/datasets/{dataset_id}/history/undo", data={"number": "1", "back": address})
    assert stored(dataset_id) == [] and "This import was undone." in client.get(address).text
    again = client.post(f"{address}/again").headers["Location"]
    assert again != address and "Import 2 pairs" in client.get(again).text


def test_repaired_pairs_that_stay_after_undo_are_named(client, dataset_id):
    address = bring(client, dataset_id)
    [bad] = quarantine.list_open(db.session.query(Import).one().id)
    client.post(f"{address}/quarantine", data={f"raw.{bad.id}": "Open?,Yes.,c\r\n"})
    client.post(f"/datasets/{dataset_id}/history/undo", data={"number": "1", "back": address})
    assert stored(dataset_id) == [("Open?", "Yes.")]
    assert "1 pair repaired later stays." in as_shown(client.get(address).text)
    client.post(f"/datasets/{dataset_id}/history/redo", data={"number": "1", "back": address})
    one = next(one for one in entries.stream_entries(dataset_id) if one.question != "Open?")
    pairs.save_pair(dataset_id, one.id, {"answer": "Edited."}, version=one.version)
    client.post(f"/datasets/{dataset_id}/history/undo", data={"number": "1", "back": address})
    assert "1 pair edited since and 1 pair repaired later stay." in as_shown(client.get(address).text)
    client.post(f"/datasets/{dataset_id}/history/undo", data={"number": "2", "back": address})
    assert "repaired later" not in client.get(address).text


def test_a_waiting_file_can_be_forgotten(client, dataset_id):
    address = look(client, dataset_id)
    assert "Waiting for your choices" in client.get(f"/datasets/{dataset_id}/import").text
    client.post(f"{address}/discard")
    assert client.get(address).status_code == 404


def test_a_file_dropped_on_the_home_page_begins_a_dataset_that_is_made_on_confirm(client, app):
    response = client.post("/imports", data={"file": (io.BytesIO(CSV.encode()), "bank_faqs.csv")})
    page = as_shown(client.get(response.headers["Location"]).text)
    assert " selected>New: bank faqs</option>" in page
    assert "Make a dataset to fine-tune a chat model" in client.get("/").text
    with app.app_context():
        assert datasets.list_datasets() == []
        with pytest.raises(NotFound):
            datasets.find_dataset("bank faqs")
    client.post(response.headers["Location"], data={})
    with app.app_context():
        [made] = datasets.list_datasets()
        assert made.name == "bank faqs" and made.entry_count == 2


def test_a_file_that_cannot_be_taken_is_told_about_on_the_page_it_was_sent_from(client, app):
    page = client.post("/imports", data={"file": (io.BytesIO(b"\x89PNG\r\n"), "faq.png")})
    assert page.status_code == 422 and "faq.png" in page.text and "Drop a CSV or JSONL file here" in page.text
    page = client.post("/imports", data={})
    assert page.status_code == 400 and "No file was chosen" in page.text and "Drop a CSV" in page.text
    page = client.post("/convert", data={"text": ""})
    assert page.status_code == 422 and "No file was chosen" in page.text and "Drop a file here" in page.text


def test_a_file_over_the_limit_is_told_about_on_the_page_it_was_sent_from(client, app, dataset_id):
    app.config["LTT_MAX_UPLOAD_MB"] = 0
    page = send(client, dataset_id, CSV, names=("faq.csv",))
    assert page.status_code == 413 and "Drop files here" in page.text and "LTT_MAX_UPLOAD_MB" in page.text


def test_warnings_stand_above_the_preview(client, dataset_id):
    page = client.get(look(client, dataset_id, "question,answer\n" + "Warum?,FÃ¼r drÃ¼ben.\n" * 5)).text
    note, table = page.index('data-tone="warn"'), page.index('aria-label="Preview"')
    assert note < table and "wrongly decoded" in page[note:table]


def test_every_kind_of_bad_row_has_a_title_of_its_own(client, dataset_id):
    rows = [{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}]
    rows += [
        {"messages": [{"role": "robot", "content": "a"}]},
        {"messages": [{"role": "user", "content": "a"}]},
        {"x": 1},
    ]
    rows += [{"messages": [{"role": "user", "content": " "}, {"role": "assistant", "content": "b"}]}]
    page = client.get(look(client, dataset_id, "\n".join(map(json.dumps, rows)) + "\nnonsense\n", "chat.jsonl")).text
    titles = re.findall(r"<span>([^<]+)<small>", as_shown(page.split('<ul class="bad">')[1].split("</ul>")[0]))
    assert len(set(titles)) == len(titles) == 5
    assert "A message has an unknown role" in titles and "It is not valid JSON" in titles
    assert not [title for title in titles if "Row" in title or "bad_" in title or "no_" in title]


def test_a_dataset_that_was_begun_in_vain_is_forgotten(client, app):
    response = client.post("/imports", data={"file": (io.BytesIO(CSV.encode()), "faq.csv")})
    assert client.post(response.headers["Location"] + "/discard").headers["Location"] == "/"
    refused = client.post("/imports", data={"file": (io.BytesIO(b"\x89PNG\r\n"), "faq.png")})
    assert refused.status_code == 422
    with app.app_context():
        assert db.session.query(Dataset).count() == 0


def test_the_dataset_can_be_chosen_in_the_wizard(client, dataset_id):
    begun = client.post("/imports", data={"file": (io.BytesIO(CSV.encode()), "faq.csv")}).headers["Location"]
    client.post(begun, data={"dataset": str(dataset_id)})
    assert len(stored(dataset_id)) == 2
    assert [one.name for one in datasets.list_datasets()] == ["Tests"]


def test_a_large_file_becomes_a_job_with_progress(client, dataset_id, app):
    app.config["LTT_INLINE_MB"] = 0
    page = client.get(bring(client, dataset_id)).text
    assert "The pairs appear all at once" in page and 'hx-trigger="every 1s"' in page
    assert stored(dataset_id) == []


def test_an_import_of_another_dataset_is_not_found(client, dataset_id):
    address = look(client, dataset_id)
    other = datasets.create_dataset("Other").id
    assert client.get(address.replace(f"datasets/{dataset_id}/", f"datasets/{other}/")).status_code == 404


def test_a_chat_file_shows_questions_and_answers(client, dataset_id):
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    page = client.get(look(client, dataset_id, json.dumps({"messages": messages}) + "\n", "chat.jsonl")).text
    assert "Hello" in page and "OpenAI" in page and "Import 1 pair " in page


def test_a_chat_export_asks_who_answers(client, dataset_id):
    lines = "01.06.24, 09:02 - Jo: Rye?\n01.06.24, 09:03 - Mill: Yes.\n01.06.24, 19:00 - Jo: Still?\n01.06.24, 19:01 - Mill: No.\n"
    address = look(client, dataset_id, lines, "chat.txt")
    page = client.get(address).text
    assert "“Mill” is taken as the one who answers" in page and "Import 2 pairs" in page
    chosen = {"asked": "1", "who_answers": "Mill", "pause_hours": "24"}
    page = client.get(address, query_string=chosen).text
    assert 'value="Mill"' in page and "Import 1 pair " in page and "is taken as" not in page
    client.post(address, data=chosen)
    assert stored(dataset_id) == [("Still?", "No.")]


def test_an_update_shows_what_changes(client, dataset_id):
    history.create(dataset_id, [Record("Q", "A")], summary="Add")
    address = look(client, dataset_id, "id,question,answer\n1,Q,Better\n")
    chosen = {"asked": "1", "columns_shown": "3", "on_duplicate": "update"}
    page = client.get(address, query_string=chosen).text
    assert "changes pair 1" in page and "was: A" in page
    client.post(address, data=chosen)
    assert stored(dataset_id) == [("Q", "Better")] and len(imports.list_imports(dataset_id)) == 1


def test_spreadsheet_safe_quoting_is_undone_unless_unticked(client, dataset_id):
    address = look(client, dataset_id, "question,answer\nHow?,'=1\n", "x.spreadsheet-safe.csv")
    page = client.get(address).text
    assert re.search(r'name="spreadsheet_safe" value="1" checked', page) and "On because the file" in page
    kept = {"asked": "1", "spreadsheet_safe_asked": "1"}
    assert "apostrophe" in client.get(address, query_string=kept).text
    client.post(address, data={})
    client.post(look(client, dataset_id, "question,answer\nWhy?,'=1\n", "x.spreadsheet-safe.csv"), data=kept)
    assert stored(dataset_id) == [("How?", "=1"), ("Why?", "'=1")]


def test_pasted_text_with_a_mistake_stays_in_the_box(client, dataset_id):
    page = client.post(f"/datasets/{dataset_id}/import", data={"text": '{"question": <b>\r\n'})
    assert page.status_code == 422 and "{&#34;question&#34;: &lt;b&gt;\r\n</textarea>" in page.text


def test_the_paths_of_a_tree_and_empty_prompts_are_choices_of_the_page(client, dataset_id):
    replies = [
        {"text": text, "role": "assistant", "rank": n, "replies": []} for n, text in enumerate(("best", "other"))
    ]
    tree = json.dumps({"message_tree_id": "t", "prompt": {"text": "q", "role": "prompter", "replies": replies}})
    assert 'name="oasst_paths"' in client.get(look(client, dataset_id, tree, "tree.jsonl")).text
    bring(client, dataset_id, tree, "tree.jsonl", oasst_paths="all")
    assert stored(dataset_id) == [("q", "best"), ("q", "other")]
    bring(client, dataset_id, '{"prompt": "", "completion": "We sell rope."}\n', "x.jsonl", allow_empty_prompt="1")
    assert stored(dataset_id)[2:] == [("", "We sell rope.")]


def test_messages_in_rows_of_their_own_become_conversations(client, dataset_id):
    table = "thread,who,body\n1,user,q\n2,user,p\n1,bot,a\n"
    page = client.get(look(client, dataset_id, table)).text
    assert "Import 1" in page and "no assistant message" in page
    bring(client, dataset_id, table)
    assert stored(dataset_id) == [("q", "a")]


NESTED = "\n".join(
    json.dumps({"id": at, "data": {"ask": f"How {at}?", "say": [{"text": f"So {at}."}]}, "note": "n"}) for at in (1, 2)
)


def test_fields_inside_a_column_can_be_chosen_as_columns_are(client, dataset_id):
    address = look(client, dataset_id, NESTED, "nested.jsonl")
    page = client.get(address).text
    assert "data.ask" in page and "data.say[0].text" in page and "How 1?" in page
    names = ["id", "data", "note", "data.ask", "data.say[0].text"]
    fields = {"data.ask": "question", "data.say[0].text": "answer", "note": "-"}
    chosen = {f"col.{at}": fields.get(name, "") for at, name in enumerate(names)}
    sent = {"asked": "1", "columns_shown": "5", "was_format": "jsonl", "was_layout": "columns", "format": "jsonl"}
    client.post(address, data={**sent, "layout": "columns", "was_sheet": "", **chosen})
    assert stored(dataset_id) == [("How 1?", "So 1."), ("How 2?", "So 2.")]
    assert all("note" not in (entry.extra or "") for entry in entries.stream_entries(dataset_id))


def test_objects_are_taken_as_json_text_by_a_tick_where_there_are_some(client, dataset_id):
    assert 'name="objects"' not in client.get(look(client, dataset_id)).text
    content = '{"question": "How?", "answer": {"text": "So."}}\n'
    address = look(client, dataset_id, content, "objects.jsonl")
    assert 'name="objects"' in client.get(address).text
    client.post(address, data={"asked": "1", "objects": "1", "format": "jsonl", "was_format": "jsonl"})
    assert stored(dataset_id) == [("How?", '{"text":"So."}')]


PAIR = '{"question":"%s","answer":"a"}\n'


def test_files_that_are_called_by_their_splits_are_one_import(client, dataset_id):
    sent = send(client, dataset_id, PAIR % "q1", PAIR % "q2", names=("train.jsonl", "dev.jsonl"))
    page = client.get(sent.headers["Location"]).text
    assert "2 files, read as one" in page and "As each file says" in page
    client.post(sent.headers["Location"], data={"asked": "1", "split": "files"})
    assert [(one.question, one.split) for one in entries.stream_entries(dataset_id)] == [
        ("q1", "train"),
        ("q2", "validation"),
    ]


def test_the_splits_of_files_can_be_left_out(client, dataset_id):
    sent = send(client, dataset_id, PAIR % "q1", PAIR % "q2", names=("train.jsonl", "dev.jsonl"))
    page = client.get(sent.headers["Location"], query_string={"asked": "1", "split": "none"}).text
    assert '<option value="none" selected>' in page
    client.post(sent.headers["Location"], data={"asked": "1", "split": "none"})
    assert [one.split for one in entries.stream_entries(dataset_id)] == [None, None]


def test_a_single_file_is_offered_the_split_that_its_name_tells(client, dataset_id):
    address = look(client, dataset_id, PAIR % "q1", "test.jsonl")
    assert "The name of the file says test." in client.get(address).text
    client.post(address, data={"asked": "1", "split": "test"})
    assert [one.split for one in entries.stream_entries(dataset_id)] == ["test"]


def repair_address(client, dataset_id, content, name="faq.csv"):
    """Import a file; the address of the page on which its first bad row is repaired."""
    shown = bring(client, dataset_id, content, name)
    [first, *_] = re.findall(r'href="([^"]+/quarantine/\d+)"', client.get(shown).text)
    return first


def filled(page, **changes):
    """What the browser would send of the repair page, with changes."""
    fields = dict(re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', page.split('id="repair-form"')[1]))
    fields |= dict(re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\n(.*?)</textarea>', page, re.DOTALL))
    fields |= dict(re.findall(r'<select[^>]* name="([^"]+)".*?<option selected value="([^"]*)"', page, re.DOTALL))
    return {name: unescape(value) for name, value in fields.items()} | changes


def test_a_bad_row_opens_in_fields_with_its_reason_and_raw_text_beside_them(client, dataset_id):
    page = client.get(repair_address(client, dataset_id, CSV)).text
    assert "Repair line 4" in page and "The answer is empty" in page
    assert re.search(r'name="question"[^>]*>\nOpen\?</textarea>', page)
    assert re.search(r"<pre[^>]*>Open\?,,c\n</pre>", page)


def test_a_pair_that_is_whole_comes_in_and_the_next_row_opens(client, dataset_id):
    address = repair_address(client, dataset_id, CSV + "When?,,d\n")
    page = client.get(address).text
    assert "2 rows left" in page and "Save and next" in page
    sent = client.post(address, data=filled(page, answer="Yes.\r\nNow.", tags="a, b", then="next"))
    assert sent.status_code == 303 and sent.headers["Location"].endswith(f"/{int(address.rpartition('/')[2]) + 1}")
    page = client.get(sent.headers["Location"]).text
    assert "1 row left" in page and "Import 1 repaired row of faq.csv." in page and ">Undo" in page
    last = client.post(sent.headers["Location"], data=filled(page, answer="At one.", then="next"))
    assert last.headers["Location"] == address.rpartition("/quarantine")[0]
    assert stored(dataset_id)[2:] == [("Open?", "Yes.\nNow."), ("When?", "At one.")]
    first, _ = list(entries.stream_entries(dataset_id))[2:]
    assert (first.tag_list, first.extra, first.source_row) == (["a", "b"], '{"team":"c"}', 3)
    assert client.get(address).status_code == 404


def test_a_pair_that_is_not_whole_is_refused_with_what_was_typed(client, dataset_id):
    address = repair_address(client, dataset_id, CSV)
    sent = client.post(address, data=filled(client.get(address).text, question="Is it <open>?", tags="x"))
    assert sent.status_code == 422 and "The answer is empty. Write one" in sent.text
    assert "Is it &lt;open&gt;?</textarea>" in sent.text and 'value="x"' in sent.text
    assert len(stored(dataset_id)) == 2


CHAT = '{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]}\n'


def test_earlier_turns_of_a_bad_conversation_are_fields_that_buttons_move(client, dataset_id):
    said = [("user", "a"), ("assistant", "b"), ("user", "q"), ("assistant", "")]
    bad = json.dumps({"messages": [{"role": role, "content": text} for role, text in said]})
    address = repair_address(client, dataset_id, CHAT + bad + "\n", "chat.jsonl")
    page = client.get(address).text
    # One more is the blank one, from which a script makes others.
    assert page.count("data-message ") == 2 + 1 and re.search(r'name="question"[^>]*>\nq</textarea>', page)
    page = client.post(address, data=filled(page, answer="typed", do="turn"))
    assert page.status_code == 200 and page.text.count("data-message ") == 3 + 1 and "typed</textarea>" in page.text
    roles = {"m0.role": "user", "m1.role": "assistant", "m2.role": "system"}
    client.post(address, data=filled(page.text, **roles, **{"m2.text": "Be brief."}))
    assert stored(dataset_id)[-1] == ("q", "typed")
    turns = list(entries.stream_entries(dataset_id))[-1].record().turns
    assert [(one.role, one.text) for one in turns] == [("user", "a"), ("assistant", "b"), ("system", "Be brief.")]


def test_a_line_without_parts_is_repaired_as_text_until_it_has_some(client, dataset_id):
    address = repair_address(client, dataset_id, PAIR % "q1" + '{"question": "q2", "answer": \n', "x.jsonl")
    page = client.get(address).text
    assert 'id="question"' not in page and "No parts can be read in it" in page
    refused = client.post(address, data=filled(page, raw='{"question": "q2", typed'))
    assert refused.status_code == 422 and "q2&#34;, typed</textarea>" in refused.text
    page = client.post(address, data=filled(refused.text, raw='{"question": "q2", "answer": "a2", "n": 1}')).text
    assert "The line can be read now" in page and re.search(r'name="answer"[^>]*>\na2</textarea>', page)
    assert stored(dataset_id) == [("q1", "a")]
    assert client.post(address, data=filled(page, answer="a3")).status_code == 303
    assert stored(dataset_id) == [("q1", "a"), ("q2", "a3")]


def test_a_row_that_is_dismissed_leads_to_the_next(client, dataset_id):
    address = repair_address(client, dataset_id, CSV + "When?,,d\n")
    following = f"{address.rpartition('/')[0]}/{int(address.rpartition('/')[2]) + 1}"
    data = {"only": address.rpartition("/")[2], "back": following}
    sent = client.post(f"{address.rpartition('/')[0]}/dismiss", data=data)
    assert sent.headers["Location"] == following and "1 row left" in client.get(following).text


def test_the_rows_of_a_refused_import_are_not_repaired(client, dataset_id):
    shown = bring(client, dataset_id, "question,answer\nOpen?,\n")
    with client.application.app_context():
        [bad] = quarantine.list_open(int(shown.rpartition("/")[2]))
    page = client.get(f"{shown}/quarantine/{bad.id}")
    assert page.status_code == 409 and "Import the file again" in page.text
    assert "/quarantine/" + str(bad.id) not in client.get(shown).text


def test_a_row_of_another_import_is_not_found(client, dataset_id):
    address = repair_address(client, dataset_id, CSV)
    other = bring(client, dataset_id, CSV, "other.csv")
    assert client.get(other + "/quarantine/" + address.rpartition("/")[2]).status_code == 404

"""The export page, the converter page and the backup page."""

import gzip
import hashlib
import html
import io
import json
import re
import shlex
from pathlib import Path

import pytest
from sqlalchemy import update

from app.core.changes import Change
from app.core.formats import FORMATS
from app.core.record import Record
from app.core.targets import EXPORT_TARGETS
from app.models import Export, ExportPreset, transaction
from app.services import backups, datasets, entries, export, history, hub, jobs, snapshots, tasks
from tests import factories


@pytest.fixture
def dataset_id(app):
    with app.app_context():
        return factories.dataset('a\r\nX: y";.csv')


def test_the_page_shows_the_file_before_it_is_made(client, dataset_id):
    text = client.get(f"/datasets/{dataset_id}/export?to=jsonl:openai").text
    assert "Download 3 pairs" in text and "Question 1?" in text and "ltt export" in text


@pytest.mark.parametrize("to", ["jsonl:openai", "csv:columns", "csv-excel", "json:alpaca", "json:sharegpt"])
def test_files_are_streamed_under_a_clean_name(client, dataset_id, to):
    page = client.get(f"/datasets/{dataset_id}/export/file?to={to}")
    header = page.headers["Content-Disposition"]
    assert page.status_code == 200 and b"Question 1?" in page.data
    assert header.startswith('attachment; filename="a-X-y-csv.') and "\n" not in header and "X" not in page.headers


@pytest.mark.parametrize("to", ["xlsx", "parquet", "sqlite"])
def test_files_that_take_work_are_made_by_post_only(client, dataset_id, to):
    address = f"/datasets/{dataset_id}/export/file?to={to}:columns"
    assert client.get(address).status_code == 303
    assert FORMATS[to].name == to and len(client.post(address).data) > 500


def test_csv_for_excel_reads_back_exactly(client, app, dataset_id):
    with app.app_context():
        history.create(dataset_id, [Record("=1+1", "- a list\n- of two")], summary="Add")
    data = client.get(f"/datasets/{dataset_id}/export/file?to=csv-excel").data
    assert data.startswith(b"\xef\xbb\xbf") and b"'=1+1" in data


@pytest.mark.parametrize("query", ["to=pdf:openai", "to=jsonl:nope", "split=dev"])
def test_unknown_choices_are_refused_in_words(client, dataset_id, query):
    page = client.get(f"/datasets/{dataset_id}/export?{query}")
    assert page.status_code in (400, 422) and "There is no" in page.text


def test_an_empty_dataset_has_nothing_to_export(client, app):
    with app.app_context():
        empty = datasets.create_dataset("Empty").id
    assert "Nothing to export yet" in client.get(f"/datasets/{empty}/export").text


TABLE = b"Question,Answer,Class\r\nWhat?,This.,x\r\nEmpty?,,z\r\n"


def converted(client, data=TABLE, name="faq.csv", query=""):
    kept = client.post("/convert", data={"file": (io.BytesIO(data), name)})
    return kept.location, client.post(f"{kept.location}/file?{query}")


def test_a_file_is_converted_without_a_dataset(client, app):
    address, page = converted(client)
    assert json.loads(page.data)["messages"][1]["content"] == "This."
    assert page.headers["X-Records"] == "2 in, 1 written" and "faq.jsonl" in page.headers["Content-Disposition"]
    shown = client.get(address).text
    assert "Columns found" in shown and "What?,This.,x" in shown
    report = client.get(f"{address}/report").text
    assert "No place for: other columns" in report and "The answer is empty." in report
    with app.app_context():
        assert datasets.list_datasets() == []


def test_the_shown_command_has_every_choice(client):
    address, _ = converted(client, name="my faq.csv")
    assert "ltt convert &#39;my faq.csv&#39; OUT --to jsonl:openai</pre>" in client.get(address).text
    chosen = {
        "to": "csv:columns",
        "layout": "columns",
        "encoding": "cp1252",
        "map_question": "Question",
        "extra": "keep",
    }
    page = client.get(address, query_string={**chosen, "map_answer": "Class", "unanswered": "1", "safe": "1"}).text
    assert (
        "OUT --from :columns --to csv:columns --map question=Question,answer=Class --encoding cp1252"
        " --allow-unanswered --spreadsheet-safe --extra keep</pre>"
    ) in page


def test_left_out_rows_can_be_downloaded(client):
    address, _ = converted(client)
    assert json.loads(client.get(f"{address}/rejects").data)["raw"] == "Empty?,,z\r\n"


def test_pasted_text_is_converted(client):
    kept = client.post("/convert", data={"text": "question,answer\r\nA?,B.\r\nC?,D.\r\n"})
    assert client.post(f"{kept.location}/file?to=csv:columns").data == b"question,answer\r\nA?,B.\r\nC?,D.\r\n"


@pytest.mark.parametrize(("data", "status", "said"), [(b"\x89PNG....", 415, "PNG"), (b"", 422, "empty")])
def test_other_files_are_refused_in_words(client, data, status, said):
    kept = client.post("/convert", data={"file": (io.BytesIO(data), "x.csv")}, follow_redirects=True)
    assert kept.status_code == status and said in kept.text


def test_no_file_is_said(client):
    assert "No file was chosen" in client.post("/convert", data={}).text


def test_an_upload_cannot_be_guessed(client):
    assert client.get("/convert/" + "A" * 32).status_code == 410


def test_a_backup_is_made_listed_fetched_and_restored(client, app, dataset_id):
    client.post("/backup")
    with app.app_context():
        [backup] = backups.list_backups()
        before = datasets.compute_digest()
        history.delete(dataset_id, [1])
    assert backup.name in client.get("/backup").text
    with client.get(f"/backup/{backup.name}") as sent:
        assert sent.data.startswith(b"SQLite format 3")
    asked = client.get(f"/backup/restore/{backup.name}").text
    assert "Replace everything with this backup?" in asked and backup.name in asked
    page = client.post("/backup/restore", data={"name": backup.name}, follow_redirects=True)
    assert "Restored." in page.text and re.search(r"before-restore-\w+\.db", page.text)
    with app.app_context():
        assert datasets.compute_digest() == before


def test_an_uploaded_file_that_is_no_backup_changes_nothing(client, app, dataset_id):
    with app.app_context():
        before = datasets.compute_digest()
    page = client.post("/backup/restore", data={"file": (io.BytesIO(b"no database"), "x.db")})
    assert "x.db is not a SQLite database" in page.text
    assert page.status_code == 422 and "not a SQLite database" in page.text
    with app.app_context():
        assert datasets.compute_digest() == before


def test_the_converter_offers_what_the_file_gives_reason_for(client):
    def page(data, name="x.jsonl", query=""):
        address, _ = converted(client, data, name)
        return client.get(f"{address}?{query}").text

    plain = page(TABLE, "faq.csv")
    assert 'name="objects"' not in plain and 'name="lift_thinking"' not in plain
    objects = b'{"question": "How?", "answer": {"text": "So."}}\n'
    assert 'name="objects"' in page(objects)
    assert "--objects" in page(objects, query="objects=1") and "So." in page(objects, query="objects=1")
    thinking = b'{"question": "How?", "answer": "<think>hm</think>\\n\\nSo."}\n'
    assert 'name="lift_thinking"' in page(thinking)
    lifted = page(thinking, query="lift_thinking=1&to=jsonl:columns")
    assert "reasoning" in lifted and "--lift-thinking" in lifted


def test_few_downloads_are_made_at_a_time_and_each_gives_its_place_back(client, app, dataset_id):
    address = f"/api/v1/datasets/{dataset_id}/export"
    for _ in range(10):
        with client.get(address) as whole, client.head(address) as head:
            assert (whole.status_code, head.status_code) == (200, 200)
            assert whole.data
    begun = [client.get(address) for _ in range(3)]
    refused = client.get(address)
    assert (refused.status_code, refused.json["error"]["code"]) == (503, "downloads")
    for one in begun:
        one.close()
    assert client.get(address).status_code == 200
    assert client.get("/api/v1/datasets/999/export").status_code == 404


def test_the_choices_are_followed_without_loading_the_page_again(client, dataset_id):
    page = client.get(f"/datasets/{dataset_id}/export?to=alpaca&tag=&split=&view=read", headers={"HX-Request": "true"})
    assert page.status_code == 200 and "<html" not in page.text and page.text.count("hx-swap-oob") == 4
    assert "3 out, 3 back, 0 differences" in page.text and "Question 1?" in page.text
    assert "<b>Tags</b> of" in page.text and "Download 3 pairs" in page.text


@pytest.mark.parametrize(
    "query",
    [
        "to=openai",
        "to=csv-excel&status=review&status=draft",
        "to=jsonl:alpaca&q=Question 2&extra=keep",
        "to=csv&ids=1-2,3&shuffle=5",
        "to=sharegpt&tag=made&max_tokens=9&system=own",
        "to=tsv&per_tag=2&shuffle=0&safe=1",
        "to=azure&split=train&split=test",
    ],
)
def test_the_shown_command_writes_the_file_that_is_downloaded(client, app, dataset_id, query, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from app.cli import cli

    with app.app_context():
        datasets.update_dataset(dataset_id, system_prompt="Be kind.")
    page = client.get(f"/datasets/{dataset_id}/export?{query}").text
    command = html.unescape(re.search(r'<pre class="wraps"[^>]*>(.*?)</pre>', page, re.S)[1])
    words = shlex.split(command.replace("\\\n", " "))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LTT_DATA_DIR", app.config["LTT_DATA_DIR"])
    assert words[0] == "ltt" and CliRunner().invoke(cli, words[1:]).exit_code == 0
    sent = client.get(f"/datasets/{dataset_id}/export/file?{query}").data
    assert (tmp_path / words[3]).read_bytes() == sent


def test_a_line_of_the_count_leads_to_its_pairs(client, app, dataset_id):
    with app.app_context():
        history.create(dataset_id, [Record("Empty?", "")], summary="Add")
    page = client.post(f"/datasets/{dataset_id}/export/show?to=openai", data={"code": "unanswered"})
    assert page.status_code == 303 and "left_out=" in page.location
    listed = client.get(page.location).text
    assert "Empty?" in listed and "Question 1?" not in listed and "Only pairs that a count" in listed


def test_safety_for_spreadsheets_is_refused_of_what_is_no_table(client, dataset_id):
    answer = client.get(f"/api/v1/datasets/{dataset_id}/export?to=openai&spreadsheet_safe=1")
    assert answer.status_code == 400 and "Only CSV and TSV" in answer.json["error"]["message"]


def test_where_more_pairs_lose_something_than_are_named_their_number_is_said(client, app, dataset_id, monkeypatch):
    from app.services.export import planning

    monkeypatch.setattr(planning, "MOST_NAMED", 1)
    monkeypatch.setattr(export, "MOST_NAMED", 1)
    with app.app_context():
        history.create(dataset_id, [Record(f"q{n}", "a", tags=("t",)) for n in range(3)], summary="Add")
    page = client.post(f"/datasets/{dataset_id}/export/show?to=openai", data={"code": "lost-tags"})
    listed = " ".join(client.get(page.location).text.split())
    assert "the first 1 of" in listed and "pairs whose tags the file cannot hold" in listed


def test_a_file_is_made_proved_and_fetched_and_its_target_stands_first(client, dataset_id):
    made = client.post(f"/datasets/{dataset_id}/export/make?to=csv")
    page = client.get(made.location).text
    assert "3 out, 3 back, 0 differences" in page and "SHA-256" in page
    with client.get(f"{made.location}/file") as file:
        assert file.data == client.get(f"/datasets/{dataset_id}/export/file?to=csv").data
    assert "Used last" in client.get(f"/datasets/{dataset_id}/export").text


def test_a_large_dataset_is_counted_by_a_task_and_not_by_the_page(client, app, dataset_id, monkeypatch):
    from app.services.export import ledgers

    monkeypatch.setattr(ledgers, "AT_ONCE", 1)
    address = f"/datasets/{dataset_id}/export?to=alpaca"
    assert "is not counted yet" in client.get(address).text
    counted = client.post(f"/datasets/{dataset_id}/export/count?to=alpaca")
    page = client.get(counted.location).text
    assert "Download 3 pairs" in page and "is not counted yet" not in page and "Question 1?" in page


def test_the_list_of_pairs_offers_its_files_and_a_selection_can_be_exported(client, dataset_id):
    page = client.get(f"/datasets/{dataset_id}/pairs?q=Question 2").text
    assert "export/file?q=Question+2&amp;to=openai" in page.replace("%20", "+")
    chosen = client.post(f"/datasets/{dataset_id}/pairs/actions", data={"action": "export", "id": ["1", "2"]})
    assert chosen.location.endswith("/export?ids=1-2")
    assert "Download 2 pairs" in client.get(chosen.location).text


def ticked(page):
    return re.findall(r'name="to" value="([^"]+)"\s+checked', page)


@pytest.mark.parametrize("name", list(EXPORT_TARGETS))
def test_the_target_used_last_is_ticked_shown_and_downloaded(client, app, dataset_id, name):
    with app.app_context():
        history.create(dataset_id, [Record("Which?", "This.", rejected_answer="That.")], summary="Add")
    before = client.post(f"/datasets/{dataset_id}/export/file?to={name}")
    page = client.get(f"/datasets/{dataset_id}/export").text
    assert ticked(page) == [name] and "Used last" in page
    there = re.search(r'method="post" action="([^"]*/export/file[^"]*)"', page)[1]
    download = client.post(html.unescape(there))
    assert download.headers["Content-Disposition"] == before.headers["Content-Disposition"]
    if name != "sqlite":
        assert download.data == before.data
    command = html.unescape(re.search(r'<pre class="wraps"[^>]*>(.*?)</pre>', page, re.S)[1])
    assert f"--to {name}" in command


@pytest.mark.parametrize("to", ["csv:columns", "jsonl", "json:sharegpt", "parquet:columns", "parquet:openai"])
def test_exactly_one_target_is_ticked_whatever_the_address_says(client, dataset_id, to):
    client.post(f"/datasets/{dataset_id}/export/file?to=huggingface")
    [one] = ticked(client.get(f"/datasets/{dataset_id}/export?to={to}").text)
    assert one in {"csv", "jsonl:openai", "json:sharegpt", "parquet:columns", "parquet"}


def test_a_target_used_last_stays_in_its_group(client, dataset_id):
    client.post(f"/datasets/{dataset_id}/export/file?to=huggingface")
    page = client.get(f"/datasets/{dataset_id}/export").text
    archives = re.search(r"<summary>Archives .*?</details>", page, re.S)[0]
    assert "Hugging Face dataset" in archives and "checked" not in archives


def test_what_becomes_of_the_splits_is_said_beside_the_choice(client, app, dataset_id):
    address = f"/datasets/{dataset_id}/export"
    assert "one file" not in client.get(address).text
    with app.app_context():
        history.create(dataset_id, [Record("a", "b"), Record("c", "d")], summary="Add", split="train")
        history.create(dataset_id, [Record("e", "f")], summary="Add", split="test")
    said = "All go into one file: 2 train, 1 test, 3 without a split. For a file to train on tick Train alone"
    page = " ".join(client.get(address).text.split())
    assert said in page
    assert "one file" not in client.get(f"{address}?split=train").text
    followed = client.get(f"{address}?to=huggingface", headers={"HX-Request": "true"}).text
    assert "Each split becomes a file of its own: 2 train, 1 test" in " ".join(followed.split())


def test_a_snapshot_is_downloaded_under_the_name_that_the_page_shows(client, app, dataset_id):
    with app.app_context():
        snapshots.freeze(snapshots.FreezeRun(dataset_id, "First"), jobs.Unwatched())
        datasets.update_dataset(dataset_id, name="Later")
    address = f"/datasets/{dataset_id}/export"
    assert "Later" in client.get(f"{address}/file?to=csv").headers["Content-Disposition"]
    sent = client.get(f"{address}/file?to=csv&snapshot=First").headers["Content-Disposition"]
    name = re.search('filename="(.+?)"', sent)[1]
    assert "Later" not in name and name in client.get(f"{address}?to=csv&snapshot=First").text


def test_a_choice_that_is_empty_takes_no_other_away(client, dataset_id):
    page = client.get(f"/datasets/{dataset_id}/export?to=csv&tag=&tag=some").text
    form = re.search(r'action="([^"]*/export/file[^"]*)"', page)[1]
    assert "tag=some" in html.unescape(form)


@pytest.fixture
def leaking(app):
    """A dataset with a question that is trained and tested."""
    with app.app_context():
        found = factories.dataset("Leaking", count=0)
        same = Record("How many boxes are on shelf 7?", "There are 12 boxes.")
        history.create(found, [same, same], summary="Add")
        sides = zip(entries.stream_entries(found), ("train", "test"), strict=True)
        changes = [Change(one.id, {"split": (None, side)}) for one, side in sides]
        history.apply(found, changes, summary="Place", kind="edit")
        return found


def test_a_page_with_leaks_makes_no_file_before_they_are_mended_or_allowed(client, leaking):
    address = f"/datasets/{leaking}/export"
    text = client.get(f"{address}?to=openai&split=train").text
    assert "1 leak" in text and "Export all the same" in text and text.count("disabled>") == 2
    for way in ("file", "make"):
        refused = client.post(f"{address}/{way}?to=openai&split=train")
        assert refused.status_code == 409 and "allow_leaks" in refused.text
    allowed = client.get(f"{address}?to=openai&split=train&allow_leaks=1").text
    assert "as you chose" in allowed and "disabled>" not in allowed and "--allow-leaks" in allowed
    assert client.post(f"{address}/file?to=openai&split=train&allow_leaks=1").data.count(b"\n") == 1
    here = f"{address}?to=openai&split=train"
    mended = client.post(f"/datasets/{leaking}/splits/move", data={"back": here, "sure": "1"})
    assert mended.status_code == 303 and mended.location.endswith(here) and "1 leak" not in client.get(here).text


def test_a_program_is_told_which_pairs_leak(client, leaking):
    address = f"/api/v1/datasets/{leaking}/export"
    refused = client.get(f"{address}?split=test")
    assert refused.status_code == 409 and refused.json["error"]["code"] == "leaks"
    assert refused.json["error"]["details"]["leaks"][0]["why"] == "exact"
    assert client.post(f"{address}s?split=test").status_code == 409
    assert client.get(f"{address}/plan?split=test").json["leak_counts"] == {"exact": 1}
    assert "leaks" not in client.get(f"{address}/plan").json
    assert client.get(f"{address}?split=test&allow_leaks=true").status_code == 200


def exports_of(app, dataset_id):
    with app.app_context():
        return [(one.way, one.target, one.records, one.sha256, one.step) for one in export.list_exports(dataset_id)]


def test_a_download_is_remembered_once_all_of_it_was_taken(client, app, dataset_id):
    address = f"/datasets/{dataset_id}/export/file?to=alpaca"
    data = client.post(address).data
    assert exports_of(app, dataset_id) == [("page", "alpaca", 3, hashlib.sha256(data).hexdigest(), 3)]
    dropped = client.get(address, buffered=False)
    dropped.close()
    client.get(address, headers={"Sec-Fetch-Site": "cross-site"})
    client.head(address)
    assert len(exports_of(app, dataset_id)) == 1
    assert "SHA-256" in client.get(f"/datasets/{dataset_id}/export").text


def test_a_download_of_what_was_frozen_is_a_use_of_the_snapshot(client, app, dataset_id):
    with app.app_context():
        tasks.start(snapshots.FREEZE, snapshots.FreezeRun(dataset_id))
        frozen = snapshots.find_snapshot(dataset_id, 1).hash
    assert client.post(f"/datasets/{dataset_id}/export/file?to=huggingface&status=review").data
    assert client.get(f"/api/v1/datasets/{dataset_id}/export", query_string={"to": "alpaca", "snapshot": "v1"}).data
    told = client.get(f"/api/v1/datasets/{dataset_id}/exports").get_json()["exports"]
    assert [(one["way"], one["snapshot"], one["state"]) for one in told] == [
        ("api", "v1", frozen),
        ("page", "v1", frozen),
    ]
    page = client.get(f"/datasets/{dataset_id}/snapshots/1").text
    assert "2 exports" in page and "in the status" in page
    with app.app_context():
        assert [use.title for use in snapshots.uses_of(1)] == ["Export to alpaca", "Export to huggingface"]


@pytest.mark.parametrize("which", ["snapshot=v1", "turns=1", "q=Question&length_from=1", "shuffle=4&snapshot=v1"])
def test_a_stream_asks_nothing_of_the_request_that_is_over(client, app, dataset_id, which):
    with app.app_context():
        tasks.start(snapshots.FREEZE, snapshots.FreezeRun(dataset_id))
    for to in ("alpaca", "openai", "csv", "csv:alpaca"):
        for site in ("none", "cross-site"):
            address = f"/datasets/{dataset_id}/export/file?to={to}&{which}"
            data = client.get(address, headers={"Sec-Fetch-Site": site}).data
            assert b"Question 1?" in data and b"Question 3?" in data


def test_a_compressed_file_is_chosen_on_the_page(client, dataset_id):
    page = client.get(f"/datasets/{dataset_id}/export?to=alpaca&compress=gz").text
    assert ".json.gz" in page
    file = client.post(f"/datasets/{dataset_id}/export/file?to=alpaca&compress=gz")
    assert b"Question 1?" in gzip.decompress(file.data)
    folder = client.post(f"/datasets/{dataset_id}/export/file?to=mlx&compress=gz")
    assert folder.status_code == 200 and folder.data.startswith(b"PK")


def test_choices_are_kept_under_a_name_taken_again_and_forgotten(client, dataset_id):
    here = f"/datasets/{dataset_id}/export"
    assert (
        client.post(f"{here}/presets?to=alpaca&status=review&max_tokens=99", data={"name": " My  set "}).status_code
        == 303
    )
    page = client.get(here).text
    [address] = re.findall(r'href="([^"]*)">My set</a>', page)
    again = client.get(html.unescape(address)).text
    assert 'value="99"' in again and re.search(r'value="alpaca"[^>]*checked', again)
    assert client.post(f"{here}/presets", data={"name": "a/b"}).status_code == 422
    client.post(f"{here}/presets/delete", data={"name": "My set"})
    assert "My set</a>" not in client.get(here).text
    assert client.post(f"{here}/presets/delete", data={"name": "My set"}).status_code == 404


def test_what_another_version_kept_stands_in_no_ones_way(client, app, dataset_id):
    here = f"/datasets/{dataset_id}/export"
    client.post(f"{here}/presets?to=alpaca", data={"name": "Packed"})
    assert client.post(f"{here}/file?to=alpaca").data
    with app.app_context(), transaction() as session:
        for kept in (ExportPreset, Export):
            session.execute(update(kept).values(options={"compression": "xz"}))
    page = client.get(here)
    assert page.status_code == 200 and "Packed" in page.text and "cannot make it" in page.text
    assert "Choose the same again" not in page.text
    used = client.get(f"/api/v1/datasets/{dataset_id}/export", query_string={"preset": "Packed"})
    assert used.status_code == 400 and "Compressed must be one of" in used.text
    assert client.post(f"{here}/presets/delete", data={"name": "Packed"}).status_code == 303
    assert "cannot make it" not in client.get(here).text


def test_choices_are_kept_and_used_over_the_api(client, dataset_id):
    here = f"/api/v1/datasets/{dataset_id}"
    kept = client.put(f"{here}/presets/tuned", json={"to": "alpaca", "shuffle": 3, "status": ["review"]})
    assert kept.status_code == 200, kept.text
    assert [one["name"] for one in client.get(f"{here}/presets").get_json()["presets"]] == ["tuned"]
    assert b'"instruction"' in client.get(f"{here}/export", query_string={"preset": "tuned"}).data
    assert b'"messages"' in client.get(f"{here}/export", query_string={"preset": "tuned", "to": "openai"}).data
    assert client.get(f"{here}/export", query_string={"preset": "other"}).status_code == 404
    assert client.delete(f"{here}/presets/tuned").status_code == 200
    assert client.delete(f"{here}/presets/tuned").status_code == 404


def test_the_page_says_in_one_sentence_how_to_get_what_the_hub_needs(client, dataset_id, monkeypatch):
    monkeypatch.setattr("app.services.hub.is_installed", lambda: False)
    page = client.get(f"/datasets/{dataset_id}/export?to=huggingface").text
    assert hub.HOW_TO_ADD in page and 'name="repo"' not in page
    assert "Push to the Hub" not in client.get(f"/datasets/{dataset_id}/export?to=alpaca").text
    assert client.post(f"/datasets/{dataset_id}/export/push?to=huggingface").status_code == 503


def test_a_push_wants_a_name_and_a_token(client, app, dataset_id, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("app.services.hub.is_installed", lambda: True)
    here = f"/datasets/{dataset_id}/export/push?to=huggingface"
    assert 'name="token"' in client.get(f"/datasets/{dataset_id}/export?to=huggingface").text
    assert client.post(here, data={"repo": "me/set"}).status_code == 409
    assert client.post(here, data={"repo": "no name", "token": "hf_12345678"}).status_code == 422
    kept = Path(app.config["LTT_DATA_DIR"]) / "hub.token"
    assert kept.read_text() == "hf_12345678\n" and kept.stat().st_mode & 0o777 == 0o600
    page = client.get(f"/datasets/{dataset_id}/export?to=huggingface").text
    assert 'name="token"' not in page and "hf_12345678" not in page

"""The duplicates page: groups, the decisions about them, and what is said before and after."""

import io
import re

import pytest

from app.core.record import Record
from app.services import datasets, duplicates, entries, history, pairs
from app.services.duplicates import ScanOptions
from tests.pages import as_shown
from tests.static_model import save_model

REFUND = "Refunds are sent to your card within a few working days after we receive the item."
ROWS = [
    ("How do I get a refund?", REFUND, "approved", ("refunds",)),
    ("How do I get a refund?", REFUND, "review", ("cards",)),
    ("How do I get a refund", REFUND.lower(), "review", ()),
    ("Can I pay in instalments?", "Yes, in a few parts by card.", "review", ()),
    ("Can I pay in installments?", "Yes, in a few parts by card.", "review", ()),
    ("What is the return period?", "You can return items within 30 days.", "approved", ()),
    ("What is the return period?", "You can return items within 14 days.", "review", ()),
    ("What is the return period?", "You can return items within 100 days.", "review", ()),
    ("Was Norway open in 2024?", "Yes, it was open.", "review", ()),
    ("Was Norway open in 2025?", "Yes, it was open.", "review", ()),
]


@pytest.fixture
def dataset_id(app):
    """Ten pairs: three and two that say the same, three that contradict each other, two that differ in a year."""
    with app.app_context():
        made = datasets.create_dataset("Harbor").id
        for question, answer, status, tags in ROWS:
            history.create(made, [Record(question, answer, tags=tags)], summary="Add", status=status)
        return made


@pytest.fixture
def scanned(app, dataset_id):
    """The same, compared by question."""
    with app.app_context():
        duplicates.scan_dataset(dataset_id, ScanOptions())
    return dataset_id


def look(client, dataset_id, query=""):
    """The text of the page."""
    answer = client.get(f"/datasets/{dataset_id}/duplicates{query}")
    assert answer.status_code == 200
    return as_shown(answer.text)


def group_of(client, dataset_id, title, query=""):
    """The id of the group with this title in the list."""
    row = re.search(
        rf'<li> <a href="([^"]*)"[^>]*> <span class="clip2"[^>]*>{re.escape(title)}', look(client, dataset_id, query)
    )
    return int(re.search(r"group=(\d+)", row[1])[1])


def send(client, dataset_id, path, **data):
    """Send a form of the page and follow to the next page."""
    return client.post(f"/datasets/{dataset_id}/duplicates{path}", data=data, follow_redirects=True)


def live(app, dataset_id):
    """The live pairs by id."""
    with app.app_context():
        return {entry.id: entry for entry in entries.stream_entries(dataset_id)}


def test_before_a_scan_the_page_offers_one_with_the_count(client, dataset_id):
    text = look(client, dataset_id)
    assert "Find pairs that say the same" in text and "Scan 10 pairs" in text


def test_an_empty_dataset_is_sent_to_the_import(client, app):
    with app.app_context():
        empty = datasets.create_dataset("Empty").id
    text = look(client, empty)
    assert "No pairs to compare" in text and "Scan 0 pairs" not in text


def test_a_scan_shows_its_groups_by_kind(client, dataset_id):
    page = send(client, dataset_id, "/scan", side="question")
    assert "2 groups" in page.text and "with 5 pairs" in page.text
    for tab in ("Duplicates", "Conflicts", "Variants"):
        assert re.search(rf"{tab} <span class=\"n\">[12]</span>", page.text), tab
    assert "Families" not in page.text and "Between splits" not in page.text


def test_the_suggested_pair_is_compared_with_the_others(client, app, scanned):
    text = look(client, scanned, f"?group={group_of(client, scanned, 'Can I pay in instalments?')}")
    assert "Keep 5, remove 1 pair" in text
    assert "<del>installments</del><ins>instalments</ins>" in text


def test_keeping_one_removes_the_others_and_unites_their_tags(client, app, scanned):
    group = group_of(client, scanned, "How do I get a refund?")
    page = send(client, scanned, f"/{group}/keep", keep="1", base="1", remove=["2", "3"], unite="1", seen="1:1,2:1,3:1")
    assert "Keep pair 1, remove 2 duplicates." in page.text and "Undo" in page.text
    assert "1 of 2 done" in page.text
    kept = live(app, scanned)
    assert 2 not in kept and 3 not in kept and kept[1].tag_list == ["refunds", "cards"]


def test_an_unticked_pair_stays(client, app, scanned):
    group = group_of(client, scanned, "How do I get a refund?")
    send(client, scanned, f"/{group}/keep", keep="1", base="1", remove=["2"], seen="1:1,2:1,3:1")
    kept = live(app, scanned)
    assert 2 not in kept and 3 in kept and kept[1].tag_list == ["refunds"]


def test_another_choice_without_scripts_asks_the_service_what_goes(client, app, scanned):
    group = group_of(client, scanned, "How do I get a refund?")
    send(client, scanned, f"/{group}/keep", keep="2", base="1", remove=["2", "3"], seen="1:1,2:1,3:1")
    assert {1, 2, 3} & set(live(app, scanned)) == {2}


def test_a_pair_that_was_edited_meanwhile_is_not_removed(client, app, scanned):
    group = group_of(client, scanned, "How do I get a refund?")
    with app.app_context():
        pairs.save_pair(scanned, 2, {"answer": "Never."}, version=1)
    page = send(client, scanned, f"/{group}/keep", keep="1", base="1", remove=["2", "3"], seen="1:1,2:1,3:1")
    assert "changed since you opened this group: 2. Nothing was done." in page.text
    assert {1, 2, 3} <= set(live(app, scanned))


def test_a_conflict_tells_what_differs_and_marks_it(client, scanned):
    text = look(client, scanned, "?tab=conflicts")
    assert "30 / 14 / 100" in text
    assert "<mark>30</mark>" in text and "<mark>14</mark>" in text and "<mark>100</mark>" in text
    assert "Keep 6, remove 2 pairs" in text and "Keep as rejected answers" in text


def test_a_conflict_becomes_preference_pairs(client, app, scanned):
    group = group_of(client, scanned, "What is the return period?", "?tab=conflicts")
    page = send(
        client,
        scanned,
        f"/{group}/answers",
        tab="conflicts",
        keep="6",
        others="prefer",
        rejected=["6", "7", "8"],
        seen="6:1,7:1,8:1",
    )
    assert "2 preference pairs" in page.text
    worse = [one.rejected_answer for one in live(app, scanned).values() if one.rejected_answer]
    assert sorted(worse) == [ROWS[7][1], ROWS[6][1]]


def test_one_answer_is_written_for_a_conflict(client, app, scanned):
    group = group_of(client, scanned, "What is the return period?", "?tab=conflicts")
    form = client.get(f"/datasets/{scanned}/duplicates/{group}/merge?tab=conflicts&keep=7").text
    assert "Write one answer" in form and "You can return items within 100 days." in form
    page = send(
        client,
        scanned,
        f"/{group}/merge",
        keep="7",
        question=ROWS[6][0],
        answer="30 days,\r\nor 100.",
        system="",
        tags="a, b",
        seen="6:1,7:1,8:1",
    )
    assert "Merge 3 pairs into 7." in page.text
    kept = live(app, scanned)
    assert kept[7].answer == "30 days,\nor 100." and kept[7].tag_list == ["a", "b"] and kept[7].system is None
    assert 6 not in kept and 8 not in kept


def test_a_merge_without_a_question_is_refused(client, app, scanned):
    group = group_of(client, scanned, "How do I get a refund?")
    page = send(client, scanned, f"/{group}/merge", keep="1", question=" ", answer="Yes.", seen="1:1,2:1,3:1")
    assert page.status_code == 422 and "The question is empty." in page.text
    assert {1, 2, 3} <= set(live(app, scanned))


def test_variants_stay_unless_somebody_ticks_them(client, app, scanned):
    text = look(client, scanned, "?tab=variants")
    assert "They differ in a number" in text and "Keep both pairs" in text and "2024 / 2025" in text
    assert not re.search(r'name="remove"[^>]*checked', text)


def test_not_duplicates_is_remembered_by_later_scans_and_taken_back(client, app, scanned):
    group = group_of(client, scanned, "Can I pay in instalments?")
    page = send(client, scanned, f"/{group}/dismiss")
    assert "also in later scans" in page.text and "Not duplicates" in page.text
    send(client, scanned, "/scan", side="question")
    text = look(client, scanned, "?tab=dismissed")
    assert "Can I pay in instalments?" in text
    again = group_of(client, scanned, "Can I pay in instalments?", "?tab=dismissed")
    send(client, scanned, f"/{again}/undismiss")
    assert group_of(client, scanned, "Can I pay in instalments?")


def test_a_rule_settles_equal_groups_with_the_count_said_before(client, app, scanned):
    assert "Settle 1 exact group…" in look(client, scanned)
    text = client.get(f"/datasets/{scanned}/duplicates/settle").text
    assert "Settle 1 group, remove 2 pairs" in text
    assert "Settle 1 group, remove 1 pair" in client.get(f"/datasets/{scanned}/duplicates/settle?level=102").text
    page = send(client, scanned, "/settle", level="101", rule="newest")
    assert "Settle 1 group of copies, remove 2 pairs." in page.text
    assert len(live(app, scanned)) == 8 and 3 in live(app, scanned)


def test_undo_of_a_decision_opens_the_group_again(client, app, scanned):
    group = group_of(client, scanned, "How do I get a refund?")
    send(client, scanned, f"/{group}/keep", keep="1", base="1", remove=["2", "3"], seen="1:1,2:1,3:1")
    client.post(f"/datasets/{scanned}/history/undo")
    assert group_of(client, scanned, "How do I get a refund?") == group
    assert "0 of 2 done" in look(client, scanned)


def test_pairs_that_changed_since_are_looked_at_again(client, app, scanned):
    with app.app_context():
        pairs.add_pair(scanned, "Can I pay in instalments?", "Yes, in a few parts by card.")
    assert "1 pair changed since the scan." in look(client, scanned)
    page = send(client, scanned, "/recheck")
    assert "changed since the scan" not in page.text
    text = look(client, scanned, f"?group={group_of(client, scanned, 'Can I pay in instalments?')}")
    assert "remove 2 pairs" in text


def test_another_dataset_is_compared_and_kept(client, app, scanned):
    with app.app_context():
        other = datasets.create_dataset("Benchmark").id
        history.create(other, [Record("How do I get a refund?", REFUND)], summary="Add")
    page = send(client, scanned, "/scan", side="question", **{"with": "dataset", "dataset": str(other)})
    assert "Benchmark, pair 11" in page.text and "Remove 3 pairs" in page.text


def test_a_file_is_compared(client, scanned):
    file = (io.BytesIO(b'question,answer\nCan I pay in instalments?,"Yes, in a few parts by card."\n'), "bench.csv")
    page = send(client, scanned, "/scan", side="question", **{"with": "file", "file": file})
    assert "bench.csv, row" in page.text and "Remove 2 pairs" in page.text


def test_a_scan_with_nothing_chosen_is_refused_in_a_sentence(client, scanned):
    assert "No file was chosen." in send(client, scanned, "/scan", **{"with": "file"}).text
    assert "Choose the other dataset first." in send(client, scanned, "/scan", **{"with": "dataset"}).text


def test_the_slider_knows_the_number_of_groups_at_each_stop(client, scanned):
    text = look(client, scanned, "?level=102")
    stops = re.search(r'data-stops="([^"]*)"', text)[1].replace("&#34;", '"')
    assert '"80": 2' in stops and '"102": 1' in stops
    assert "<b>Identical</b>" in text and "1 group" in text


@pytest.mark.parametrize("query", ["?group=999999", "?group=1&keep=999", "?skip=99999999"])
def test_an_outdated_address_opens_what_waits(client, scanned, query):
    assert "Which pair do you want to keep?" in look(client, scanned, query)


@pytest.mark.parametrize(
    "query", ["level=7", "tab=x", "order=x", "scope=x", "group=x", "skip=-1", "cursor=x", "sort=x"]
)
def test_a_list_that_there_is_not_is_refused(client, scanned, query):
    assert client.get(f"/datasets/{scanned}/duplicates?{query}").status_code == 400


def test_a_hint_names_pairs_that_ask_the_same(client, scanned):
    def ask(**query):
        return client.get(f"/datasets/{scanned}/duplicates/hint", query_string=query).text

    alike = ask(question="can I pay in instalments", pair="4")
    assert "Asked nearly the same" in alike and ">pair 5</a>" in alike
    assert "Asked already" in ask(question="can i pay in installments?", pair="4")
    assert ask(question="Something else altogether?").strip() == ""
    assert ask(question="").strip() == ""


def test_meanings_can_be_compared_where_a_model_is_named(client, app, scanned, tmp_path, monkeypatch):
    assert "By meaning too" not in look(client, scanned)
    monkeypatch.setitem(app.config, "LTT_SEMANTIC_MODEL", str(save_model(tmp_path / "toy")))
    assert 'name="semantic">' in look(client, scanned)
    page = send(client, scanned, "/scan", semantic="on").text
    assert 'name="semantic" checked>' in page and "by meaning too" in page

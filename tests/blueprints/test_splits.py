"""The page of splits: what settings would do, the step they make, and leaks moved together."""

import re

import pytest

from app.core.record import Record
from app.services import entries, history, pairs, splits
from tests import factories

FORM = {
    "asked": "1",
    "train": "60",
    "validation": "20",
    "test": "20",
    "seed": "5",
    "min": "0",
    "stratify": "",
    "lock": "",
}


@pytest.fixture
def page(app):
    """The address of the page for a dataset with twenty documents and a tag."""
    with app.app_context():
        dataset_id = factories.dataset(count=0)
        records = [Record(f"q{n}", f"a{n}", source=f"d{n // 5}", tags=("odd",) if n % 2 else ()) for n in range(100)]
        history.create(dataset_id, records, summary="Add")
    return f"/datasets/{dataset_id}/splits"


def text_of(client, address, **query):
    answer = client.get(address, query_string=query)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)).split())


def counts(app, page):
    with app.app_context():
        return entries.split_counts(int(page.split("/")[2]))


def test_the_page_begins_with_what_the_pairs_tell(client, page):
    html = client.get(page).get_data(as_text=True)
    assert 'value="source" checked' in html and 'value="conversation" checked' not in html
    assert "100 pairs get a split" in text_of(client, page) and "20 documents" in text_of(client, page)


def test_settings_show_what_they_would_do_and_change_nothing(client, app, page):
    text = text_of(client, page, **FORM, group_by="source")
    assert "100 pairs get a split" in text and "20 groups" in text and "--ratios 60/20/20" in text
    assert counts(app, page) == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"test": "30"}, "three numbers that add up to 100"),
        ({"test": ""}, "A share is missing"),
        ({"seed": "x"}, "whole number"),
        ({"min": "-1"}, "cannot be below 0"),
        ({"group_by": "tag", "stratify": "tag"}, "Choose one of the two"),
        ({"group_by": "duplicates"}, "Search first"),
    ],
)
def test_settings_that_make_no_sense_are_explained(client, app, page, change, said):
    assert said in text_of(client, page, **{**FORM, **change})
    assert client.post(page, data={**FORM, **change}).status_code in (400, 409, 422)
    assert counts(app, page) == {}


def test_the_button_makes_a_step_and_the_page_says_how(client, app, page):
    answer = client.post(page, data={**FORM, "group_by": "source"}, follow_redirects=True)
    text = " ".join(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)).split())
    assert "Split 100 pairs 60 / 20 / 20 by source document, seed 5." in text and "Undo" in text
    assert "Now 60 / 20 / 20 by source document, seed 5" in text and "0 move, 100 stay" in text
    assert sum(counts(app, page).values()) == 100


def test_a_preset_takes_the_place_of_the_shares(client, page):
    assert "--ratios 90/5/5" in text_of(client, page, **FORM, preset="90/5/5")


def test_leaks_are_shown_and_moved_together(client, app, page):
    client.post(page, data={**FORM, "group_by": "source"})
    with app.app_context():
        ids = [one.id for one in entries.stream_entries(int(page.split("/")[2])) if one.split == "train"]
        pairs.set_split(int(page.split("/")[2]), pairs.Selection(tuple(one for one in ids if one % 5 == 1)), "test")
    text = text_of(client, page)
    assert (
        "On both sides" in text
        and "Move together" in text
        and "bdi" in client.get(page, query_string={"leaks": "all"}).get_data(as_text=True)
    )
    with app.app_context():
        dataset_id = int(page.split("/")[2])
        rows, leaks = splits.present_leaks(dataset_id)
        [first, *_] = leaks.as_dict(rows)["leaks"]
    client.post(f"{page}/move", data={"id": first[0], "why": "source"})
    with app.app_context():
        assert 0 < splits.present_leaks(dataset_id)[1].counts["source"] < leaks.counts["source"]
    client.post(f"{page}/move")
    with app.app_context():
        assert splits.present_leaks(dataset_id)[1].counts == {}
    assert "On both sides" not in text_of(client, page)


def test_pairs_of_one_document_are_no_leak_where_documents_are_not_kept_together(client, page):
    client.post(page, data=FORM)
    text = text_of(client, page)
    assert "documents have pairs in several splits, as documents are not kept together." in text
    assert "leak" not in text.lower() and "Move" not in text and "On both sides" not in text


def test_a_move_that_leaves_little_of_a_split_is_asked_first(client, app):
    with app.app_context():
        dataset_id = factories.dataset(count=0)
        for number, split in enumerate(["train"] * 9 + ["validation", "validation", "test"]):
            family = "f" if split == "test" or number < 2 else None
            record = Record(f"What is {'abcdefghijkl'[number] * 9}?", f"{number}", family=family)
            history.create(dataset_id, [record], summary="Add", split=split)
    page = f"/datasets/{dataset_id}/splits"
    client.post(f"/datasets/{dataset_id}/duplicates/scan")
    sent = {"why": "family", "back": f"{page}?asked=1"}
    html = client.post(f"{page}/move", data=sent).get_data(as_text=True)
    text = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    assert "Train 9 pairs, becomes 10" in text and "Test 1 pair, becomes 0" in text and "Validation 2 pairs" in text
    assert counts(app, page) == {"train": 9, "validation": 2, "test": 1}
    assert 'name="why" value="family"' in html and f'value="{page}?asked=1"' in html
    assert client.post(f"{page}/move", data={**sent, "sure": "1"}).status_code == 303
    assert counts(app, page) == {"train": 10, "validation": 2}
    html = client.get(page, query_string={"asked": "1", **FORM, "lock": "1"}).get_data(as_text=True)
    assert re.search(r'<p class="line muted">\s+Nothing stands on both sides. Test is empty.', html)


def test_the_menu_counts_what_is_in_the_splits_now(client, app, page):
    assert "/ 0 /" not in text_of(client, page)
    client.post(page, data=FORM)
    with app.app_context():
        dataset_id = int(page.split("/")[2])
        ids = tuple(one.id for one in entries.stream_entries(dataset_id))
        pairs.set_split(dataset_id, pairs.Selection(ids), "train")
    assert re.search(r'<span class="[^"]*">100 / 0 / 0</span>', client.get(page).get_data(as_text=True))


def test_the_command_says_what_is_not_as_in_the_last_division(client, page):
    client.post(page, data={**FORM, "group_by": "source"})
    usual = {**FORM, "train": "80", "validation": "10", "test": "10", "seed": "42"}
    text = text_of(client, page, **usual)
    assert "--ratios 80/10/10" in text and "--seed 42" in text and "--group-by &#39;&#39;" in text


def test_leaks_of_a_split_that_is_not_made_yet_cannot_be_moved(client, app, page):
    with app.app_context():
        dataset_id = int(page.split("/")[2])
        first, second, *_ = (one.id for one in entries.stream_entries(dataset_id))
        pairs.set_split(dataset_id, pairs.Selection((first,)), "train")
        pairs.set_split(dataset_id, pairs.Selection((second,)), "test")
    text = text_of(client, page, **{**FORM, "lock": "1", "group_by": "source"})
    assert "Split first, then move them together." in text and "Move together" not in text


def test_shares_of_tags_are_listed(client, page):
    text = text_of(client, page, **FORM)
    assert "Shares by tag" in text and "odd" in text


def test_a_run_of_another_dataset_is_not_shown(client, app, page):
    client.post(page, data=FORM)
    assert client.get("/datasets/99/splits/runs/1").status_code == 404
    assert client.get(page.replace("splits", "splits/runs/99")).status_code == 404


def test_an_empty_dataset_says_what_to_do(client, app):
    with app.app_context():
        dataset_id = factories.dataset(count=0)
    assert "No pairs yet" in text_of(client, f"/datasets/{dataset_id}/splits")


def test_a_link_with_unknown_parts_still_opens(client, page):
    assert "100 pairs get a split" in text_of(client, page, preset="foo", why="bar", leaks="x", tags="y")


def test_pairs_stay_by_default_after_they_were_placed_anew(client, page):
    client.post(page, data={**FORM, "lock": "0"})
    assert 'name="lock" value="" checked' in client.get(page).get_data(as_text=True)

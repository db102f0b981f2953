"""The page of splits: what settings would do, the step they make, and leaks moved together."""

import re

import pytest

from app.core.record import Record
from app.services import entries, history, splits
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
    client.post(page, data=FORM)
    text = text_of(client, page)
    assert "On both sides" in text and "Move together" in text and "d3" in text_of(client, page, leaks="all")
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


def test_leaks_of_a_split_that_is_not_made_yet_cannot_be_moved(client, page):
    text = text_of(client, page, **FORM)
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

"""What stands around all pages: the switch between datasets, and the way from one file to another."""

import re

import pytest

from app.services import datasets
from tests import factories


@pytest.fixture
def two(app):
    """The ids of two datasets."""
    with app.app_context():
        return factories.dataset("Harbor"), factories.dataset("Versand")


def offered(page: str) -> dict[str, str]:
    """The names of the datasets that the switch of a page offers, with their addresses."""
    listed = page.partition('id="switch-list"')[2] or page
    return dict(re.findall(r'<a href="([^"]+)"[^>]*>\s*<span class="clip" dir="auto">([^<]+)', listed))


@pytest.mark.parametrize(
    ("page", "other"),
    [
        ("/datasets/1/", "/datasets/2/"),
        ("/datasets/1/history", "/datasets/2/history"),
        ("/datasets/1/history/compact", "/datasets/2/history"),
        ("/datasets/1/settings", "/datasets/2/settings"),
        ("/datasets/1/pairs?q=lamp&pair=1", "/datasets/2/pairs"),
        ("/datasets/1/imports/99", "/datasets/2/import"),
        ("/settings", "/datasets/2/pairs"),
        ("/", "/datasets/2/pairs"),
        ("/nothing/here", "/datasets/2/pairs"),
    ],
)
def test_the_switch_leads_to_the_same_page_of_the_other_dataset(client, two, page, other):
    assert offered(client.get(page).text)[other] == "Versand"


def test_the_switch_says_where_one_is(client, two):
    assert re.search(r'<a href="[^"]+" aria-current="true">\s*<span[^>]*>Harbor', client.get("/datasets/1/").text)


def test_the_switch_finds_datasets_by_parts_of_their_names(client, app, two):
    with app.app_context():
        datasets.create_dataset("Übersee Versand")
    found = client.get("/datasets/switch?name=VERS+über&page=splits.index&here=1").text
    assert offered(found) == {"/datasets/3/splits": "Übersee Versand"}
    assert "No dataset is named so." in client.get("/datasets/switch?name=zzz").text


def test_few_datasets_are_in_each_page_however_many_there_are(client, app):
    with app.app_context():
        for number in range(30):
            datasets.create_dataset(f"Number {number}")
    page = client.get("/settings").text
    assert len(offered(page)) == 8 and "All 30 datasets" in page


def test_the_way_names_what_comes_next(client, two):
    page = client.get("/datasets/1/").text
    assert re.search(r'href="/datasets/1/" aria-current="step"', page) and "Not checked yet" in page


def test_the_way_is_hidden_and_shown_again(client, two):
    told = client.post("/settings/path/off", data={"back": "/datasets/1/"}, follow_redirects=True).text
    assert 'class="path' not in told and 'action="/settings/path/on"' in told
    client.post("/settings/path/on")
    assert 'class="path' in client.get("/datasets/1/").text

"""The home page and the life of a dataset on it."""

import re

import pytest

from app.services import datasets
from tests import factories
from tests.pages import as_shown


def test_a_first_visit_offers_ways_to_begin(client):
    text = client.get("/").get_data(as_text=True)
    assert "Drop a CSV or JSONL file here" in text and "Open the sample" in text and "New dataset" in text


def test_the_sample_opens_at_its_pairs(client):
    page = client.post("/datasets/sample", follow_redirects=True)
    assert page.status_code == 200 and "What is fine-tuning?" in client.get(f"{page.request.path}?order=oldest").text


def test_a_new_dataset_opens_at_its_pairs(client):
    page = client.post("/datasets", data={"name": "Help desk"}, follow_redirects=True)
    assert "No pairs yet" in page.text and "Help desk" in page.text


def test_a_dataset_without_a_name_is_asked_for_one(client):
    page = client.post("/datasets", data={"name": "  ", "description": "kept"})
    assert page.status_code == 422 and "needs a name" in page.text and "kept" in page.text


@pytest.fixture
def dataset_id(app):
    with app.app_context():
        return factories.dataset("Mine")


def test_settings_are_saved(client, app, dataset_id):
    data = {"name": "Yours", "description": "d", "system_prompt": "Be\r\nkind."}
    client.post(f"/datasets/{dataset_id}/settings", data=data)
    with app.app_context():
        dataset = datasets.get(dataset_id)
        assert (dataset.name, dataset.system_prompt) == ("Yours", "Be\nkind.")


def test_a_typed_system_prompt_has_plain_line_ends(client, app, dataset_id):
    client.post("/datasets", data={"name": "New", "system_prompt": "Be\r\nkind.\r\n"})
    with app.app_context():
        assert datasets.find_dataset("New").system_prompt == "Be\nkind.\n"
        datasets.update_dataset(dataset_id, system_prompt="Be\r\nkind.")
    client.post(f"/datasets/{dataset_id}/settings", data={"name": "Mine", "system_prompt": "Be\r\nkind."})
    with app.app_context():
        assert datasets.get(dataset_id).system_prompt == "Be\r\nkind."


@pytest.mark.parametrize(("action", "back"), [("archive", "unarchive"), ("delete", "restore")])
def test_archive_and_delete_offer_the_way_back(client, dataset_id, action, back):
    page = client.post(f"/datasets/{dataset_id}/{action}", follow_redirects=True)
    assert f"/datasets/{dataset_id}/{back}" in page.text and f">{'Mine'}</b>" not in page.text
    client.post(f"/datasets/{dataset_id}/{back}")
    assert "Mine</b>" in client.get("/").text


def test_deleted_datasets_are_listed_and_brought_back(client, app, dataset_id):
    assert "Deleted" not in client.get("/").text
    client.post(f"/datasets/{dataset_id}/delete")
    client.get("/")
    page = client.get("/?show=deleted").text
    assert "Bring back" in page and 'aria-current="true">Deleted' in page
    client.post(f"/datasets/{dataset_id}/restore")
    with app.app_context():
        assert [one.id for one in datasets.list_datasets()] == [dataset_id]
    assert "No deleted datasets" in client.get("/?show=deleted").text


def test_a_copy_is_opened(client, dataset_id):
    page = client.post(f"/datasets/{dataset_id}/copy", follow_redirects=True)
    assert "Mine (copy)" in page.text and "Question 3?" in page.text


def test_datasets_are_filtered_by_name(client, app, dataset_id):
    with app.app_context():
        factories.dataset("Other")
    page = client.get("/?name=oth")
    assert "Other</b>" in page.text and "Mine</b>" not in page.text


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_the_theme_is_remembered(client, theme):
    client.post("/settings/theme", data={"theme": theme})
    said = f'data-theme="{theme}"' in client.get("/").text
    assert said == (theme != "auto")


def test_keys_can_be_switched_off(client):
    client.post("/settings/keys", data={"keys": "off"})
    assert 'data-keys="off"' in client.get("/").text


def test_a_missing_dataset_is_not_found(client):
    page = client.get("/datasets/99/pairs")
    assert page.status_code == 404 and "There is no dataset 99." in page.text


def test_a_dataset_of_the_list_says_how_many_pairs_have_which_status(client, dataset_id):
    client.post(f"/datasets/{dataset_id}/pairs/actions", data={"id": "1", "action": "rejected"})
    page = as_shown(client.get("/").text)
    assert '1<span class="sr"> Rejected</span>' in page and 'aria-label="Pairs by status"' in page


def test_datasets_are_sorted(client, app, dataset_id):
    with app.app_context():
        factories.dataset("Ärger", count=9)
        factories.dataset("all", count=1)
    names = {
        sort: re.findall(r'<b class="clip" dir="auto">([^<]+)</b> </a>', as_shown(client.get(f"/?sort={sort}").text))
        for sort in ("", "name", "pairs")
    }
    assert names == {
        "": ["all", "Ärger", "Mine"],
        "name": ["all", "Mine", "Ärger"],
        "pairs": ["Ärger", "Mine", "all"],
    }


def test_many_datasets_come_in_pages(client, app):
    with app.app_context():
        for number in range(60):
            datasets.create_dataset(f"Number {number}")
    first, second = (as_shown(client.get(f"/?page={page}").text) for page in (1, 2))
    assert "60 datasets on this computer" in first and "Page 1 of 2" in first
    assert first.count("Actions for") == 2 * 50 and second.count("Actions for") == 2 * 10


def test_a_dataset_is_renamed_from_the_list(client, dataset_id):
    page = client.post(f"/datasets/{dataset_id}/rename", data={"name": " New  name "}, follow_redirects=True)
    assert "Renamed “Mine” to “New name”." in page.text
    refused = client.post(f"/datasets/{dataset_id}/rename", data={"name": " "})
    assert refused.status_code == 422 and "The dataset needs a name." in refused.text


def test_the_next_step_of_a_dataset_is_offered(client, dataset_id):
    page = client.get("/").text
    assert "Continue" in page and f'href="/datasets/{dataset_id}/">' in page and "Check the pairs" in page

"""The clean page: nothing before it is asked for, the exact words before the deed, and the way back after it."""

import pytest

from app.core.cleaning import Step
from app.core.record import Record
from app.jobs import cleaning as running
from app.services import entries, history
from app.services.cleaning import Cleaning, Order
from tests import factories


@pytest.fixture
def dataset_id(app):
    with app.app_context():
        return factories.dataset(count=0)


@pytest.mark.parametrize("kind", ["other dataset", "other work"])
def test_a_run_is_shown_in_its_own_dataset_only(app, client, dataset_id, kind):
    with app.app_context():
        other = factories.dataset("Other")
        wish = Cleaning((Step("trim"),))
        job = running.enqueue(Order(other, wish)) if kind == "other dataset" else running.suggest_for(dataset_id)
        job_id = job.id
    assert client.get(f"/datasets/{dataset_id}/clean/runs/{job_id}").status_code == 404
    if kind == "other dataset":
        assert client.get(f"/datasets/{other}/clean/runs/{job_id}").status_code == 200


def clean_address(answer):
    assert answer.status_code == 303
    return answer.headers["Location"]


def test_the_selected_pairs_of_the_list_are_cleaned(app, client, dataset_id):
    with app.app_context():
        history.create(dataset_id, [Record(f"q{n}", "a <b>bold</b> word") for n in range(3)], summary="Add")
        first, second, _ = (one.id for one in entries.stream_entries(dataset_id))
    data = {"action": "clean", "id": [first, second]}
    address = clean_address(client.post(f"/datasets/{dataset_id}/pairs/actions", data=data))
    page = client.get(f"{address}&op=strip-html").text
    assert "the 2 selected pairs" in page and "Change 2 pairs" in page


def test_all_that_match_in_the_list_are_cleaned(app, client, dataset_id):
    with app.app_context():
        records = [Record("red", "<b>1</b>"), Record("red", "<b>2</b>"), Record("blue", "<b>3</b>")]
        history.create(dataset_id, records, summary="Add")
    listed = client.get(f"/datasets/{dataset_id}/pairs?q=red").text
    assert "Clean 2 pairs…" in listed
    data = {"action": "clean", "all": "1", "id": ["1"]}
    address = clean_address(client.post(f"/datasets/{dataset_id}/pairs/actions?q=red&order=oldest", data=data))
    page = client.get(f"{address}&op=strip-html").text
    assert "the 2 filtered pairs" in page and "Change 2 pairs" in page
    assert "Change 3 pairs" in client.get(f"{address}&op=strip-html&scope=all").text

"""The clean page: nothing before it is asked for, the exact words before the deed, and the way back after it."""

import pytest

from app.core.cleaning import Step
from app.jobs import cleaning as running
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

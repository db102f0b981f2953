"""Services are called inside an application context, on a dataset of their own."""

import pytest

from app.services import datasets


@pytest.fixture
def dataset_id(app):
    """The id of a new, empty dataset."""
    with app.app_context():
        yield datasets.create_dataset("Tests").id

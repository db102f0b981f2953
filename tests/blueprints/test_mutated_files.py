"""Damaged files on every door of the web: each is taken, or refused with a status and a sentence, and none is a defect."""

import io
import random

import pytest

from app.services import datasets
from tests.mutations import mutate, seeds


@pytest.fixture
def dataset_id(app):
    """The id of a new, empty dataset."""
    with app.app_context():
        yield datasets.create_dataset("Tests").id


def visit_with(client, dataset_id, file):
    """Send a file to all doors; yields each answer with the address."""
    form = lambda: {"file": (io.BytesIO(file.data), file.name)}  # noqa: E731
    sent = client.post("/convert", data=form())
    yield "/convert", sent
    if sent.status_code == 303:
        for method, end in (("get", ""), ("post", "/file"), ("get", "/report"), ("get", "/rejects")):
            address = f"{sent.headers['Location']}{end}"
            yield address, getattr(client, method)(address, query_string={"to": "jsonl:columns"})
    sent = client.post(f"/datasets/{dataset_id}/import", data=form())
    yield "import", sent
    if sent.status_code == 303:
        yield "import page", client.get(sent.headers["Location"])
        yield "import start", client.post(sent.headers["Location"], data={})
    address = f"/api/v1/datasets/{dataset_id}/imports"
    yield address, client.post(address, query_string={"name": file.name}, data=file.data)


def visit_all(client, dataset_id, numbers):
    for seed in numbers:
        file = mutate(seed)
        for address, answer in visit_with(client, dataset_id, file):
            # 503 says that the machine is busy, 507 that its disk is full.
            assert answer.status_code < 500 or answer.status_code in (503, 507), (
                f"{address} of {file.name}, --mutated-file {seed}: {answer.status_code} {answer.text[:500]}"
            )


@pytest.mark.parametrize("part", range(2))
def test_a_damaged_file_is_no_defect_on_any_page(client, dataset_id, part):
    visit_all(client, dataset_id, seeds(5_000 + part * 12, 12))


def test_freshly_damaged_files_are_no_defect_on_any_page(client, dataset_id, request):
    asked, one = request.config.getoption("--mutated-files"), request.config.getoption("--mutated-file")
    if not asked and one is None:
        pytest.skip("--mutated-files N sends N more files, each time others")
    visit_all(client, dataset_id, seeds(random.SystemRandom().randrange(10**9), asked) if one is None else [one])

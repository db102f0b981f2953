"""Splits over the API."""

import pytest

from app.core.record import Record
from app.services import entries, history, pairs
from tests import factories

API = "/api/v1"


@pytest.fixture
def address(app):
    """Where the splits of a dataset with twenty documents are."""
    with app.app_context():
        dataset_id = factories.dataset(count=0)
        records = [Record(f"q{n}", f"a{n}", source=f"d{n // 5}") for n in range(100)]
        history.create(dataset_id, records, summary="Add")
        return f"{API}/datasets/{dataset_id}/splits"


def test_a_division_is_previewed_made_and_told(client, address):
    wish = {"ratios": "60/20/20", "group_by": ["source"], "seed": 5}
    seen = client.post(f"{address}/preview", json=wish).json
    assert client.get(address).json["without"] == 100
    done = client.post(address, json=wish).json
    counts = {name: seen[name] for name in ("train", "validation", "test")}
    assert {name: done[name] for name in counts} == counts and done["placed"] == 100 and done["groups"] == 20
    told = client.get(address).json
    assert {name: told[name] for name in counts} == counts and told["leaks"] == []
    assert told["made"]["options"]["group_by"] == ["source"] and told["made"]["change_set"] == done["change_set"]


def test_what_leaks_is_listed_and_moved_together(client, app, address):
    client.post(address, json={"ratios": "60/20/20"})
    told = client.get(address).json
    assert told["leaks"] == [] and told["documents_apart"] > 3
    client.post(address, json={"ratios": "60/20/20", "group_by": ["source"]})
    with app.app_context():
        dataset_id = int(address.split("/")[4])
        train = [one.id for one in entries.stream_entries(dataset_id) if one.split == "train"]
        pairs.set_split(dataset_id, pairs.Selection(tuple(one for one in train if one % 5 == 1)), "test")
    told = client.get(address, query_string={"limit": 3}).json
    assert len(told["leaks"]) == 3 and told["leak_counts"]["source"] > 3
    one = told["leaks"][0]
    client.post(f"{address}/move", json={"entries": one[:1], "why": ["source"]})
    fewer = client.get(address).json["leak_counts"]["source"]
    assert 0 < fewer < told["leak_counts"]["source"]
    assert client.post(f"{address}/move", json={}).json["leak_counts"] == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"ratios": "80/30/10"}, 400),
        ({"group_by": ["colour"]}, 400),
        ({"group_by": ["duplicates"]}, 409),
        ({"stratify": "tag", "group_by": ["tag"]}, 400),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(client, address, body, status):
    for place in (address, f"{address}/preview"):
        answer = client.post(place, json=body)
        assert answer.status_code == status and answer.json["error"]["message"]


def test_an_unknown_dataset_and_an_unknown_leak_are_refused(client, address):
    assert client.get(f"{API}/datasets/99/splits").status_code == 404
    assert client.post(f"{API}/datasets/99/splits", json={}).status_code == 404
    assert client.post(f"{address}/move", json={"why": ["colour"]}).status_code == 422

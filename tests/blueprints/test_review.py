"""The page of the review queue without a script, and what it answers to one."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.record import Record
from app.services import datasets, entries, history, pairs, review
from app.services.pairs import Selection
from app.services.review import Queue, Reviewer
from tests import factories
from tests.pages import as_shown

JSON = {"Accept": "application/json"}


@pytest.fixture
def address(app: Flask) -> str:
    """The queue of a dataset with three pairs that need review."""
    with app.app_context():
        return f"/datasets/{factories.dataset()}/review"


def shown(client: FlaskClient, address: str) -> list[int]:
    """The pairs of the page: the first is to be seen, the others stand ready."""
    page = client.get(address, follow_redirects=True).get_data(as_text=True)
    return [int(one) for one in re.findall(r'data-card="(\d+)"', page)]


def test_a_decision_leads_to_the_next_pair(app: Flask, client: FlaskClient, address: str) -> None:
    assert shown(client, address) == [1, 2, 3]
    answer = client.post(f"{address}/1", data={"act": "approved", "version": 1})
    page = client.get(answer.location).get_data(as_text=True)
    assert (
        answer.status_code == 303 and re.findall(r'data-card="(\d+)"', page) == ["2", "3"] and "Approve 1 pair." in page
    )
    for entry_id, act in ((2, "rejected"), (3, "skipped")):
        client.post(f"{address}/{entry_id}", data={"act": act, "version": 1})
    page = client.get(address).get_data(as_text=True)
    assert "Only skipped pairs are left" in page
    assert shown(client, f"{address}?skipped=1") == [3]
    with app.app_context():
        assert [one.status for one in entries.by_ids(1, [1, 2, 3]).values()] == ["approved", "rejected", "review"]


def test_a_refused_decision_shows_the_pair_again_with_the_reason(app: Flask, client: FlaskClient, address: str) -> None:
    with app.app_context():
        pairs.save_pair(1, 1, {"answer": "By somebody else."}, version=1)
    answer = client.post(f"{address}/1", data={"act": "approved", "version": 1})
    page = client.get(answer.location).get_data(as_text=True)
    assert "Pair 1 was changed since you opened it" in page and "By somebody else." in page
    told = client.post(f"{address}/1", data={"act": "approved", "version": 1}, headers=JSON)
    assert (told.status_code, told.get_json()["error"]["code"]) == (409, "stale_version")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"act": "nonsense", "version": 1}, 400),
        ({"act": "rate:9", "version": 1}, 400),
        ({"act": "approved", "version": "x"}, 400),
        ({"act": "comment", "comment": " "}, 422),
        ({"act": "comment", "comment": "x" * 2001}, 422),
        ({"act": "undo"}, 404),
        ({"act": "approved", "version": 0}, 409),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(client: FlaskClient, address: str, data: dict, status: int) -> None:
    answer = client.post(f"{address}/1", data=data, headers=JSON)
    assert answer.status_code == status and answer.get_json()["error"]["message"].endswith(".")


def test_a_script_hears_the_new_version_and_what_is_left(client: FlaskClient, address: str) -> None:
    told = client.post(f"{address}/1", data={"act": "rate:4", "version": 1}, headers=JSON).get_json()
    assert (told["version"], told["left"]) == (2, 3)
    told = client.post(f"{address}/1", data={"act": "approved", "version": 2, "comment": "Good <b>"}, headers=JSON)
    assert told.get_json()["left"] == 2 and "Good &lt;b&gt;" in told.get_json()["comments"]
    assert client.post(f"{address}/1", data={"act": "undo"}, headers=JSON).get_json()["left"] == 3


def test_claimed_pairs_go_to_nobody_else(app: Flask, client: FlaskClient, address: str) -> None:
    given = client.post(f"{address}/claim", data={"having": "1"}).get_data(as_text=True)
    assert re.findall(r'data-card="(\d+)"', given) == ["2", "3"]
    assert shown(app.test_client(), address) == [1]
    other = app.test_client()
    assert other.post(f"{address}/2", data={"act": "approved", "version": 1}, headers=JSON).status_code == 409


def test_cards_show_a_dozen_and_are_decided_together(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        dataset_id = factories.dataset(count=14)
    cards = shown(client, f"/datasets/{dataset_id}/review?view=cards")
    assert cards == list(range(1, 13))
    together = f"/datasets/{dataset_id}/review/cards?view=cards"
    with app.app_context():
        pairs.save_pair(dataset_id, 5, {"answer": "By somebody else."}, version=1)
        pairs.save_pair(dataset_id, 6, {"answer": ""}, version=1)
        history.delete(dataset_id, [7])
    sent = {"act": "approved", "shown": [f"{one}:{2 if one == 6 else 1}" for one in [*cards, 99]] + ["x", "1", ":"]}
    page = client.post(together, data=sent, follow_redirects=True).text
    assert "Approve 9 pairs. 4 pairs left alone:" in as_shown(page)
    assert shown(client, f"/datasets/{dataset_id}/review?view=cards") == [5, 13, 14]
    assert client.post(together, data={**sent, "act": "skipped"}).status_code == 400
    client.post(f"/datasets/{dataset_id}/history/undo")
    assert len(shown(client, f"/datasets/{dataset_id}/review?view=cards")) == 12


def test_cards_of_an_audit_are_seen_when_they_are_decided_together(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        dataset_id = factories.dataset(count=4)
        pairs.set_status(dataset_id, Selection((1, 2, 3, 4)), "approved")
    address = client.post(f"/datasets/{dataset_id}/review/audits?status=approved", data={"size": 4}).location
    together = address.replace("/review?", "/review/cards?view=cards&")
    page = client.post(together, data={"act": "approved", "shown": ["1:2", "2:2", "3:2"]}, follow_redirects=True).text
    assert "3 pairs were approved already." in as_shown(page) and "3 of 4 pairs seen, 0 bad" in as_shown(page)
    assert shown(client, f"{address}&view=cards") == [4]


def test_an_audit_is_drawn_looked_at_and_told(client: FlaskClient, address: str) -> None:
    answer = client.post(f"{address}/audits?q=Question", data={"size": 2})
    assert answer.status_code == 303 and "audit=1" in answer.location
    for act in ("rejected", "approved"):
        entry_id, *_ = shown(client, answer.location)
        client.post(f"{address}/{entry_id}?audit=1", data={"act": act, "version": 1})
    page = " ".join(client.get(answer.location).get_data(as_text=True).split())
    assert "All of the sample was seen" in page
    assert "2 of 2 pairs seen, 1 bad: 50.0 %, with 95 % confidence between 9.5 % and 90.5 %" in page
    assert client.get(f"{address}?audit=9").status_code == 404
    assert client.post(f"{address}/audits", data={"size": 0}).status_code == 422


def test_a_pair_that_is_gone_leads_back_to_the_queue(app: Flask, client: FlaskClient, address: str) -> None:
    with app.app_context():
        pairs.delete_pairs(1, Selection((1,)))
    assert shown(client, f"{address}?pair=1") == [2, 3] == shown(client, f"{address}?pair=99")
    assert client.post(f"{address}/1", data={"act": "approved", "version": 1}, headers=JSON).status_code == 410


def test_who_edits_comes_back_to_the_queue(client: FlaskClient, address: str) -> None:
    page = client.get(f"/datasets/1/pairs?pair=1&back={address}%3Fpair%3D1").get_data(as_text=True)
    assert "Save and back" in page
    sent = {
        "question": "Q",
        "answer": "A",
        "status": "review",
        "version": 1,
        "then": "back",
        "back": f"{address}?pair=1",
    }
    assert client.post("/datasets/1/pairs/1", data=sent).location == f"{address}?pair=1"
    sent |= {"back": "https://elsewhere.example/", "version": 2}
    assert client.post("/datasets/1/pairs/1", data=sent).location == "/datasets/1/pairs"


def test_others_see_the_name_of_the_settings(app: Flask, client: FlaskClient, address: str) -> None:
    client.post("/settings/name", data={"name": " Zoë  K. "})
    client.post(f"{address}/1", data={"act": "comment", "comment": "Ask the bank."})
    assert "<b>You</b>" in client.get(f"{address}?pair=1").get_data(as_text=True)
    assert "<b>Zoë K.</b>" in app.test_client().get(f"{address}?pair=1").get_data(as_text=True)
    assert client.post("/settings/name", data={"name": "x" * 41}).status_code == 400
    with app.app_context():
        assert datasets.get(1) and review.first_cards(Queue(1), Reviewer("x", "X"))[0].comments[0].author == "Zoë K."


def test_a_note_is_written_beside_the_list_too(client: FlaskClient, address: str) -> None:
    place = "/datasets/1/pairs?pair=1"
    answer = client.post(f"{address}/1", data={"act": "comment", "comment": "Ask legal.", "back": place})
    assert answer.location == place and "Ask legal." in client.get(place).get_data(as_text=True)
    refused = client.post(f"{address}/1", data={"act": "comment", "comment": "", "back": place}, follow_redirects=True)
    assert "There is nothing in the comment." in refused.get_data(as_text=True)


def test_the_list_leads_to_a_queue_of_what_matches(client: FlaskClient, address: str) -> None:
    page = client.get("/datasets/1/pairs?q=Question+2").text
    link = re.search(r'href="([^"]*/review[^"]*q=[^"]*)"[^>]*>\s*<svg.*?</svg>\s*Review 1 pair\s*</a>', page, re.S)
    assert link and shown(client, link[1].replace("&amp;", "&")) == [2]


def test_what_a_file_had_beside_the_pair_is_shown_with_it(app: Flask, client: FlaskClient, address: str) -> None:
    with app.app_context():
        record = Record("When?", "At nine.", extra={"context": "The shop opens at nine.", "score": 3})
        history.create(1, [record], summary="Add a pair")
    page = client.get(f"{address}?pair=4").text
    assert '<dd class="asis" dir="auto">The shop opens at nine.</dd>' in page


def test_who_comes_while_others_look_at_all_is_told_so(app: Flask, client: FlaskClient, address: str) -> None:
    with app.app_context():
        review.claim_cards(Queue(1), Reviewer("other", "Mira"), 8)
    page = client.get(address).text
    assert "Others look at the rest" in page and "Nothing is left to review" not in page


def test_a_queue_is_chosen_on_its_own_page(client: FlaskClient, address: str) -> None:
    page = client.get(address).text
    assert "in Needs review" in page and ">Which pairs<" in page
    assert re.findall(r'name="status" value="(\w+)" checked', page) == ["review"]
    assert shown(client, f"{address}?status=review&q=2") == [2]
    page = client.get(f"{address}?status=approved&status=rejected").text
    assert re.findall(r'name="status" value="(\w+)" checked', page) == ["approved", "rejected"]
    page = client.get(f"{address}?status=&q=2&tag=made").text
    assert len(re.findall(r'name="status" value="\w+" checked', page)) == 4
    assert 'type="hidden" name="tag" value="made"' in page
    assert "Filters 2" in page


def test_a_queue_of_what_nothing_matches_leads_back_to_the_usual_one(client: FlaskClient, address: str) -> None:
    page = client.get(f"{address}?status=draft").text
    assert "Nothing is left of what matches" in page and f'href="{address}">Needs review' in page
    assert "Nothing is left to review" not in page

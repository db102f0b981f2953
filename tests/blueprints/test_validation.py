"""The page that checks a file without importing it."""

import io
import json

import pytest

from app.services import datasets

ROWS = [
    {"messages": [{"role": "user", "content": f"What is part {n}?"}, {"role": "assistant", "content": "A bolt."}]}
    for n in range(12)
]
BAD = {
    "messages": [{"role": "user", "content": "<b>Tare?</b>"}, {"role": "assistant", "content": "So.", "weight": "<i>"}]
}


@pytest.fixture
def address(client):
    """Where the page of a file with one bad row is."""
    data = b"".join(json.dumps(row).encode() + b"\n" for row in [*ROWS, BAD])
    sent = client.post("/check", data={"file": (io.BytesIO(data), "faq.jsonl")})
    assert sent.status_code == 303
    return sent.headers["Location"]


def test_a_file_is_checked_and_nothing_is_stored(client, app, address):
    assert "Same on the command line" in client.get(address).text
    page = client.get(f"{address}/report").text
    assert "What becomes of 13 records" in page and "1 to fix" in page
    assert "messages[1].weight" in page and "line 13" in page and "<i>" not in page
    with app.app_context():
        assert datasets.list_datasets(archived=True) == []


def test_several_targets_stand_side_by_side(client, address):
    chosen = "profile=openai-sft&profile=together&profile=trl"
    page = client.get(f"{address}?{chosen}").text
    assert page.count(" checked") == 3 and "--profile openai-sft,together,trl" in page
    report = client.get(f"{address}/report?{chosen}").text
    # What becomes of the records, and their tokens.
    assert report.count('<th scope="row">') == 6
    assert "tokens × 8 × price ÷ 1,000,000 (3 × 12 is less than 100" in " ".join(report.split())
    assert "OpenAI fine-tuning, Together AI" in " ".join(report.split())


def test_what_cannot_be_checked_is_told(client, address):
    refused = client.post("/check", data={"file": (io.BytesIO(b""), "")})
    assert refused.status_code == 422 and "Choose one" in refused.text
    assert client.get("/check/" + "x" * 32).status_code == 410
    assert client.get(f"{address}/report?profile=nobody").status_code == 400
    picture = client.post("/check", data={"file": (io.BytesIO(b"\x89PNG\r\n"), "a.jsonl")}).headers["Location"]
    assert client.get(f"{picture}/report").status_code == 415
    assert "PNG picture" in client.get(f"{picture}/report", headers={"HX-Request": "true"}).text


def test_the_converter_leads_there(client):
    assert 'href="/check"' in client.get("/convert").text


def test_a_copy_is_mended_and_sent(client):
    bad = {"messages": [ROWS[0]["messages"][0], {"role": "assistant", "content": "So.", "weight": True}]}
    data = b"".join(json.dumps(row).encode() + b"\n" for row in [*ROWS, bad])
    address = client.post("/check", data={"file": (io.BytesIO(data), "faq.jsonl")}).headers["Location"]
    assert "Mend a copy" in client.get(f"{address}/report").text and "Download" not in client.get(address).text
    sent = client.post(f"{address}/mend", data={"profile": "openai-sft"})
    assert sent.status_code == 303 and sent.headers["Location"] != address
    copy = sent.headers["Location"].partition("?")[0]
    page = client.get(sent.headers["Location"]).text
    assert "Mended 1 row" in page and "Download the copy" in page
    assert "Mend a copy" not in client.get(f"{copy}/report").text
    with client.get(f"{copy}/file") as file:
        last = file.data.splitlines()[-1]
    assert json.loads(last)["messages"][1] == {"role": "assistant", "content": "So.", "weight": 1}


def test_a_file_in_another_form_offers_no_copy(client):
    sent = client.post("/check", data={"file": (io.BytesIO(b"question,answer\nTare?,<b>12</b>\n"), "faq.csv")})
    assert "Mend a copy" not in client.get(f"{sent.headers['Location']}/report").text
    refused = client.post(f"{sent.headers['Location']}/mend", data={"profile": "openai-sft"})
    assert refused.status_code == 422 and "Write it in that form first" in refused.text

"""Which model and how: advice from the last check, with the sources of each line."""

import re

import pytest

from app.core.filters import Filters
from app.core.record import Record
from app.services import datasets, history, pairs
from app.services import entries as stored


@pytest.fixture
def page(app):
    """The address of the page for a dataset with sixty facts."""
    with app.app_context():
        dataset_id = datasets.create_dataset("Depots").id
        records = [Record(f"When was depot {n} built?", f"It was built in {1800 + n}.") for n in range(60)]
        history.create(dataset_id, records, summary="Add")
    return f"/datasets/{dataset_id}/advice"


def text_of(answer):
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)).split())


def check(client, page):
    client.post(page.replace("advice", "check"), data={"profile": ["trl"]})


def test_before_a_check_the_page_offers_one(client, page):
    html = client.get(page).get_data(as_text=True)
    assert "Check 60 pairs" in html and 'name="profile" value="openai-sft"' in html and "Base models" not in html


def test_without_pairs_the_page_leads_to_an_import(client, app):
    with app.app_context():
        dataset_id = datasets.create_dataset("Empty").id
    assert "Import a file" in text_of(client.get(f"/datasets/{dataset_id}/advice"))


def test_the_page_says_what_is_advised_and_by_whom(client, page):
    check(client, page)
    text = text_of(client.get(page))
    assert "Start with LoRA on a small instruct model." in text and "This set teaches facts." in text
    assert "Learning rate 2e-4 1e-4 to 2e-4" in text and "Are 60 pairs enough?" in text and "not known" in text
    assert "first those whose licence was checked" in text and "Llama community licence not checked" in text
    assert "Enough: OpenAI" in text and "More advised: Azure" in text and "Too few: Amazon Nova" in text
    assert re.search(r"Qwen3\.5 0\.8B to 35B-A3B Apache-2\.0 \[\d+\] not advised 3–74 GB", text)
    html = client.get(page).get_data(as_text=True)
    cited, listed = set(re.findall(r'href="#(source-\d+)"', html)), set(re.findall(r'id="(source-\d+)"', html))
    assert cited == listed and "read 2026-" in html


def test_memory_shows_what_fits(client, page):
    check(client, page)
    text = text_of(client.get(f"{page}?memory=5"))
    assert "2B fits" in text and "Needs more than 5 GB" in text and "Qwen3.5 2B fits into 5 GB by LoRA." in text
    assert "Nothing here fits into 1 GB." in text_of(client.get(f"{page}?memory=1"))
    for wrong in ("0", "much", "-4", "1" * 20):
        refused = client.get(f"{page}?memory={wrong}")
        assert refused.status_code == 400 and "whole number of GB" in refused.get_data(as_text=True)


def test_the_page_says_when_pairs_were_changed_since(client, app, page):
    check(client, page)
    with app.app_context():
        dataset_id = int(page.split("/")[2])
        entry = stored.list_page(dataset_id, Filters()).entries[0]
        pairs.save_pair(dataset_id, entry.id, {"answer": "Another."}, version=entry.version)
    assert "The pairs were changed since the check" in text_of(client.get(page))


def test_a_set_without_an_answer_is_too_small(client, app):
    with app.app_context():
        dataset_id = datasets.create_dataset("Open").id
        history.create(dataset_id, [Record("When?")], summary="Add")
    page = f"/datasets/{dataset_id}/advice"
    check(client, page)
    assert "Too few pairs to train on." in text_of(client.get(page))


def test_menu_and_overview_lead_to_it(client, page):
    check(client, page)
    html = client.get(page.replace("advice", "")).get_data(as_text=True)
    runs = page.replace("advice", "training")
    assert f'href="{page}"' in html and f'href="{runs}"' in html
    assert (
        f'href="{page}"' in client.get(runs).text
        and f'href="{runs}/new?base=hub&amp;method=lora"' in client.get(page).text
    )

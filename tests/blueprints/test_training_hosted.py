"""Pages of runs at services: what it costs is entered and confirmed there, and texts of strangers stay texts."""

import html
import re

import pytest

from app.services import models, tasks, training
from app.services.models import Values
from tests.training import make_dataset
from tests.tuning_servers import KEY, Fault, serve_tuning

NAME = "<b>Tuner</b>"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("app.services.training.running.TICK_SECONDS", 0.01)
    monkeypatch.setattr("app.providers.tuning.hosted.POLL_SECONDS", 0.0)
    monkeypatch.setattr("app.providers.tuning.hosted.WAITS", (0.0,))
    with serve_tuning("openai") as running:
        yield running


@pytest.fixture
def made(app, server):
    """The number of a dataset, and of a connection to the server."""
    with app.app_context():
        connection = models.add_connection(Values(NAME, server.base, "gpt-4o-mini", "stored"), KEY)
        return make_dataset(), connection.id


def fields(connection_id, **more):
    chosen = {"asked": "1", "base": "hub", "hub": "gpt-4o-mini", "method": "lora", "where": str(connection_id)}
    return {**chosen, "epochs": "3", "price": "3", **more}


def text_of(response):
    return html.unescape(re.sub(r"<[^>]+>", " ", response.text))


def test_the_cost_is_shown_before_it_is_confirmed(client, made, server):
    dataset_id, connection_id = made
    page = client.get(f"/datasets/{dataset_id}/training/new", query_string=fields(connection_id, price=""))
    assert page.status_code == 200 and 'name="price"' in page.text and 'name="confirm"' not in page.text
    assert "a million trained tokens" in page.text and "2027-01-06" in page.text
    page = client.get(f"/datasets/{dataset_id}/training/new", query_string=fields(connection_id))
    assert re.search(r'name="confirm" value="[\d.]+ USD"', page.text) and "÷ 1,000,000" in page.text
    assert not server.requests


def test_a_start_without_the_confirmed_sum_is_refused_and_keeps_what_was_typed(client, made, server, app):
    dataset_id, connection_id = made
    for confirmed in ({}, {"confirm": "0.01 USD"}):
        page = client.post(f"/datasets/{dataset_id}/training", data=fields(connection_id, note="Keep me", **confirmed))
        assert page.status_code == 409 and "onfirm" in text_of(page) and 'value="3"' in page.text
    with app.app_context():
        assert not training.list_runs(dataset_id)
    assert not server.requests


def test_a_confirmed_run_is_started_and_its_page_tells_of_the_service(client, made, server, app):
    dataset_id, connection_id = made
    address = f"/datasets/{dataset_id}/training"
    server.model = "ft:<script>alert(1)</script>"
    page = client.get(f"{address}/new", query_string=fields(connection_id))
    total = re.search(r'name="confirm" value="([\d.]+ USD)"', page.text)[1]
    assert "checked" in client.get(f"{address}/new", query_string=fields(connection_id, confirm=total)).text
    sent = client.post(address, data=fields(connection_id, confirm=total))
    assert sent.status_code == 303
    with app.app_context():
        (run,) = training.list_runs(dataset_id)
        tasks.run_now(run.job_id)
    page = client.get(f"{address}/1")
    assert page.status_code == 200 and total in page.text and "ftjob-0001" in page.text
    assert "ft:&lt;script&gt;" in page.text and "<script>alert" not in page.text and NAME not in page.text
    assert "run-download" not in page.text and "serve-model" not in page.text
    assert "uploaded files" in page.text
    gone = client.post(f"{address}/1/uploads/delete", data={})
    assert gone.status_code == 303 and not server.files
    assert "uploads/delete" not in client.get(f"{address}/1").text
    # What it was trained for is repeated with the price that was entered.
    assert 'value="3"' in client.get(f"{address}/new", query_string={"like": 1}).text


def test_what_a_service_says_is_wrong_is_shown_as_text(client, made, server, app):
    dataset_id, connection_id = made
    server.stages, server.message = ["validating_files", "failed"], "<img src=x onerror=alert(1)> is no file"
    address = f"/datasets/{dataset_id}/training"
    page = client.get(f"{address}/new", query_string=fields(connection_id))
    total = re.search(r'name="confirm" value="([\d.]+ USD)"', page.text)[1]
    client.post(address, data=fields(connection_id, confirm=total))
    with app.app_context():
        (run,) = training.list_runs(dataset_id)
        with pytest.raises(Exception, match="is no file"):
            tasks.run_now(run.job_id)
    page = client.get(f"{address}/1")
    assert "&lt;img src=x" in page.text and "<img src=x" not in page.text
    server.faults = [Fault("", 500, times=9)]
    assert client.post(f"{address}/1/uploads/delete", data={}).status_code == 503

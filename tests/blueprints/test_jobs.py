"""The pages of jobs: list, progress, stop and retry."""

import pytest

from app.models import transaction
from app.services import datasets, jobs, runners, tasks
from tests.factories import declare_probe
from tests.pages import as_shown


@pytest.fixture
def enqueue(app, own_tasks):
    """Makes a job of a kind that these tests know."""
    with app.app_context():

        def make(title="Count <b>tokens</b>"):
            declare_probe(lambda options, watch: {})
            return jobs.enqueue("probe", {}, title=title).id

        yield make


def set_state(job_id, **values):
    with transaction():
        for name, value in values.items():
            setattr(jobs.get(job_id), name, value)


def test_without_jobs_the_page_says_what_will_be_here(client):
    assert "No jobs yet" in client.get("/jobs/").text


def test_jobs_are_listed_with_their_titles_as_text(client, enqueue):
    enqueue()
    page = client.get("/jobs/").text
    assert "Count &lt;b&gt;tokens&lt;/b&gt;" in page and "No worker is running" in page


def test_the_navigation_says_how_many_run_or_wait(client, enqueue):
    assert "running" not in client.get("/").text
    first = enqueue()
    enqueue()
    assert "2 waiting" in client.get("/").text
    set_state(first, state="running")
    assert "1 running" in client.get("/").text


def test_a_running_job_shows_progress_and_asks_for_itself_again(client, enqueue):
    job_id = enqueue()
    set_state(job_id, state="running", done=50, total=200, message="rows")
    part = client.get(f"/jobs/{job_id}/progress").text
    assert 'value="50" max="200"' in part and "50 of 200 rows" in part
    assert f'hx-get="/jobs/{job_id}/progress" hx-trigger="every 1s"' in part and "Stop" in part


def test_an_ended_job_asks_no_more_and_leads_on(client, enqueue):
    job_id = enqueue()
    tasks.run_queued(job_id, "me")
    response = client.get(f"/jobs/{job_id}/progress?then=/datasets/1/pairs")
    assert "hx-get" not in response.text and response.headers["HX-Redirect"] == "/datasets/1/pairs"


@pytest.mark.parametrize(
    "address", ["//evil.example", "/\\evil", "https://evil.example", "javascript:alert(1)", "/a\r\nb"]
)
def test_it_never_leads_to_another_site(client, enqueue, address):
    job_id = enqueue()
    tasks.run_queued(job_id, "me")
    response = client.get(f"/jobs/{job_id}/progress", query_string={"then": address})
    assert "HX-Redirect" not in response.headers
    response = client.post(f"/jobs/{job_id}/retry", data={"back": address})
    assert response.status_code == 409


def test_a_job_is_stopped_and_run_again(client, enqueue):
    job_id = enqueue()
    assert client.post(f"/jobs/{job_id}/cancel", data={"back": "/jobs/"}).headers["Location"] == "/jobs/"
    assert jobs.get(job_id).state == "cancelled"
    assert "Retry" in client.get(f"/jobs/{job_id}").text
    client.post(f"/jobs/{job_id}/retry")
    assert jobs.get(job_id).state == "queued"


def test_a_waiting_job_says_for_what(client, enqueue, monkeypatch):
    enqueue()
    job_id = enqueue()
    assert "none is running" in client.get(f"/jobs/{job_id}").text
    monkeypatch.setattr(runners, "any_worker", lambda: True)
    assert "Waits for 1 job." in client.get(f"/jobs/{job_id}").text


def test_there_is_no_such_job(client):
    assert client.get("/jobs/99").status_code == 404


def test_a_job_names_its_dataset(client, enqueue):
    job_id = enqueue()
    set_state(job_id, dataset_id=datasets.create_dataset("Harbor").id)
    for address in ("/jobs/", f"/jobs/{job_id}"):
        assert 'href="/datasets/1/">Harbor</a>' in as_shown(client.get(address).text)
    datasets.delete_dataset(1)
    assert "Harbor</a>, deleted" in as_shown(client.get("/jobs/").text)

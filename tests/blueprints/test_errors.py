"""Each error of the domain, the database and the disk has its status, as a page and as JSON."""

import sqlite3

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from app.core import errors
from tests import factories
from tests.pages import as_shown


def failure(name: str) -> OperationalError:
    """What SQLAlchemy raises when SQLite fails with a code."""
    inner = sqlite3.OperationalError("no matter")
    inner.sqlite_errorname = name
    return OperationalError("UPDATE entries SET answer = ?", ("a secret answer",), inner)


CASES = [
    (errors.Invalid("Blank."), 422, "invalid"),
    (errors.Invalid("Blank.", code="blank_question"), 422, "blank_question"),
    (errors.BadUsage("Odd."), 400, "bad_usage"),
    (errors.NotFound("None."), 404, "not_found"),
    (errors.Gone("Gone."), 410, "gone"),
    (errors.Conflict("Changed."), 409, "conflict"),
    (errors.TooLarge("Large."), 413, "too_large"),
    (errors.WrongKind("Odd."), 415, "wrong_kind"),
    (errors.Busy("Busy."), 503, "busy"),
    (errors.Unavailable("Away."), 503, "unavailable"),
    (errors.DiskFull("Full."), 507, "disk_full"),
    (failure("SQLITE_FULL"), 507, "disk_full"),
    (failure("SQLITE_IOERR_WRITE"), 507, "disk_full"),
    (failure("SQLITE_BUSY"), 503, "busy"),
    (failure("SQLITE_BUSY_SNAPSHOT"), 503, "busy"),
    (failure("SQLITE_CORRUPT"), 409, "damaged"),
    (failure("SQLITE_ERROR"), 500, "defect"),
    (OSError(28, "No space left on device", "/secret/path"), 507, "disk_full"),
    (OverflowError("Python int too large to convert to SQLite INTEGER"), 404, "not_found"),
    (OverflowError("a secret answer"), 500, "defect"),
    (OSError(13, "Permission denied", "/secret/path"), 500, "defect"),
    (StaleDataError(), 409, "conflict"),
    (ObjectDeletedError(None, "a secret instance"), 404, "not_found"),
    (RuntimeError("a secret answer"), 500, "defect"),
]


@pytest.fixture
def failing(app: Flask):
    """An application whose pages fail with a given error."""

    def make(error: BaseException):
        def view() -> str:
            raise error

        app.add_url_rule("/fails", "fails", view)
        app.add_url_rule("/api/v1/fails", "api_fails", view)
        return app.test_client()

    return make


@pytest.mark.parametrize(("error", "status", "code"), CASES, ids=[f"{type(c[0]).__name__}-{c[2]}" for c in CASES])
def test_an_error_has_its_status_and_code(failing, error: BaseException, status: int, code: str) -> None:
    client = failing(error)
    page, answer = client.get("/fails"), client.get("/api/v1/fails")
    assert (page.status_code, answer.status_code) == (status, status)
    assert page.mimetype == "text/html"
    assert answer.json["error"]["code"] == code
    for text in (page.text, answer.text):
        assert "secret" not in text and "UPDATE" not in text and "Traceback" not in text
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_details_reach_the_program_and_the_sentence_the_person(failing) -> None:
    client = failing(errors.Conflict("Somebody saved it before you.", version=4))
    assert client.get("/api/v1/fails").json["error"]["details"] == {"version": 4}
    assert "Somebody saved it before you." in client.get("/fails").text


def test_text_of_users_in_an_error_is_not_markup(failing) -> None:
    page = failing(errors.NotFound("There is no dataset <script>x</script>.")).get("/fails").text
    assert "<script>x" not in page


def test_a_method_that_is_not_taken_says_which_are(app: Flask) -> None:
    answer = app.test_client().open("/healthz", method="PROPFIND", headers={"Sec-Fetch-Site": "none"})
    assert answer.status_code in (403, 405)
    app.config["WTF_CSRF_ENABLED"] = False
    answer = app.test_client().open("/healthz", method="PROPFIND", headers={"Sec-Fetch-Site": "none"})
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_log_line_cannot_be_forged(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    from app.logs import _OneLine

    record = logging.LogRecord("x", logging.INFO, "", 0, "file %s", ("a\r\n2026 INFO forged",), None)
    assert "\n" not in _OneLine("%(message)s").format(record)


@pytest.mark.parametrize("number", ["9223372036854775808", "9" * 400, "²", "١", "-1", "1.5"])
def test_an_odd_number_names_nothing(client: FlaskClient, number: str) -> None:
    addresses = (
        "/datasets/{}/",
        "/datasets/{}/pairs",
        "/datasets/{}/history",
        "/jobs/{}",
        "/api/v1/datasets/{}",
        "/api/v1/datasets/{}/entries",
        "/api/v1/datasets/1/entries/{}",
        "/api/v1/jobs/{}",
        "/api/v1/recipes/{}",
    )
    assert {client.get(address.format(number)).status_code for address in addresses} == {404}


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, "²", "x"])
def test_an_odd_number_in_a_query_or_form_is_no_defect(client: FlaskClient, number: str) -> None:
    dataset = f"/datasets/{client.post('/api/v1/datasets', json={'name': 'Odd'}).json['id']}"
    asked = [f"{dataset}/pairs?{name}={number}" for name in ("pair", "import", "cursor", "size")]
    asked += [f"{dataset}/history?{name}={number}" for name in ("before", "step", "after")]
    asked += [
        f"{dataset}/clean?{name}={number}" for name in ("recipe", "step", "ids", "import", "page", "take", "leave")
    ]
    asked += [
        f"/api/v1{dataset}/entries?cursor=after:{number}",
        f"/jobs/?before={number}",
        f"/api/v1/digest?dataset={number}",
    ]
    assert {address: status for address in asked if (status := client.get(address).status_code) >= 500} == {}
    for address in ("pairs/actions", "history/undo", "history/redo", "history/compact"):
        data = {"id": number, "number": number, "upto": number, "chosen": "1", "action": "approved"}
        assert client.post(f"{dataset}/{address}", data=data).status_code < 500


def test_json_is_no_form(client: FlaskClient) -> None:
    answer = client.post("/datasets", json={"name": {"a": 1}})
    assert (answer.status_code, "/api/v1" in answer.text) == (415, True)


SHOWN = {
    400: "/datasets/1/history?no=such",
    404: "/datasets/1/history?step=99",
    405: "/datasets/1/pairs/actions",
    422: "/datasets/1/pairs/actions",
    403: "/datasets/1/archive",
    413: "/datasets/1/pairs/actions",
}


@pytest.mark.parametrize("status", SHOWN)
def test_an_error_stands_in_the_shell_of_its_dataset_and_says_what_to_do(
    app: Flask, client: FlaskClient, status: int
) -> None:
    with app.app_context():
        factories.dataset("Harbor")
    if status in (400, 404, 405):
        answer = client.get(SHOWN[status])
    elif status == 403:
        app.config["WTF_CSRF_ENABLED"] = True
        answer = client.post(SHOWN[status], headers={"Origin": "http://localhost"})
    else:
        app.config["LTT_MAX_FORM_MB"] = 1
        size = 2_000_000 if status == 413 else 1
        answer = client.post(SHOWN[status], data={"id": "1", "action": "nonsense", "note": "x" * size})
    page = as_shown(answer.text)
    assert answer.status_code == status or (status == 422 and answer.status_code == 400)
    assert ">Harbor</b>" in page and "/datasets/1/pairs" in page and "All datasets" in page


@pytest.mark.parametrize(("error", "again"), [(errors.Busy("Busy."), True), (errors.NotFound("None."), False)])
def test_what_may_work_a_moment_later_is_tried_again_by_a_link(failing, error: Exception, again: bool) -> None:
    page = as_shown(failing(error).get("/fails?a=b").text)
    assert ('href="/fails?a=b"> Try again' in page or 'href="/fails?a=b">Try again' in page) == again


def test_a_page_that_is_left_out_leads_back_where_its_button_is(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        factories.dataset("Harbor")
    page = as_shown(client.get("/datasets/1/history/undo").text)
    assert 'class="btn primary" href="/datasets/1/history"' in page

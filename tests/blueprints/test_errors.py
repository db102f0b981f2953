"""Each error of the domain, the database and the disk has its status, as a page and as JSON."""

import sqlite3

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError

from app.core import errors


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
    (OSError(13, "Permission denied", "/secret/path"), 500, "defect"),
    (StaleDataError(), 409, "conflict"),
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

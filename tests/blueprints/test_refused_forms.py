"""A form that is refused for want of space, or since somebody writes, keeps what was sent, ready to be sent again."""

import errno
import html
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from app.blueprints import errors
from app.frontdoor.routes import list_routes
from app.models.filelock import FileLock
from app.services import entries
from tests import factories
from tests.blueprints.test_every_page import address

WRITTEN = 'First line\r\n\r\n  second <b>line</b> & "more" </textarea>'
# One text for each field in which people write, in any form.
FIELDS = (
    "question", "answer", "reasoning", "system", "tags", "name", "description", "system_prompt", "text", "find", "template",
)  # fmt: skip
FULL, BUSY = OSError(errno.ENOSPC, "full"), "busy"


@pytest.fixture
def dataset_id(app: Flask) -> int:
    with app.app_context():
        return factories.dataset()


@pytest.fixture
def refuse(app: Flask, monkeypatch: pytest.MonkeyPatch):
    """Has every write refused, until it is undone."""

    def start(what: object) -> None:
        lock = app.extensions["ltt_write_lock"]

        def fail(self: FileLock, timeout_seconds: float | None = None) -> None:
            raise lock._refusal() if what == BUSY else FULL

        monkeypatch.setattr(FileLock, "acquire", fail)

    return start


def form_of(page: str) -> tuple[str, list[tuple[str, str]]]:
    """Where the form of the error page goes, and what it sends, as a browser sends it."""
    form = re.search(r'<form class="card" method="post" action="([^"]+)".*?</form>', page, re.S)
    assert form, page
    found = re.findall(r'<textarea[^>]* name="([^"]*)"[^>]*>\n(.*?)</textarea>', form[0], re.S)
    found += re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form[0])
    sent = [(name, html.unescape(text).replace("\r\n", "\n").replace("\n", "\r\n")) for name, text in found]
    return html.unescape(form[1]), sent


@pytest.mark.parametrize(("what", "status"), [(FULL, 507), (BUSY, 503)])
def test_every_form_keeps_its_texts(
    app: Flask, client: FlaskClient, dataset_id: int, refuse, what: object, status: int
) -> None:
    refuse(what)
    data = {name: f"{name}: {WRITTEN}" for name in FIELDS} | {"version": "1", "id": "1", "status": "review"}
    refused = 0
    for route in list_routes(app):
        if route.method != "POST" or route.path.startswith(("/api/", "/imports", "/convert")):
            continue
        answer = client.post(address(route), data=data)
        if answer.status_code != status:
            continue
        refused += 1
        shown = [name for name in FIELDS if html.escape(f"{name}: First line") in answer.text]
        # A page that shows its own form again has its own fields.
        assert shown == list(FIELDS) or (shown and route.endpoint in errors._SHOWN_ON), route.path
        assert "<b>line</b>" not in answer.text, route.path
        if status == 503:
            assert answer.headers["Retry-After"]
    assert refused > 5


def test_what_was_refused_can_be_sent_again_as_it_was(
    app: Flask, client: FlaskClient, dataset_id: int, refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/datasets/{dataset_id}/pairs/actions?status=review"
    refuse(FULL)
    page = client.post(path, data={"id": ["1", "2"], "action": "approved", "note": WRITTEN, "csrf_token": "t"})
    assert page.status_code == 507
    goes_to, fields = form_of(page.text)
    assert goes_to == path
    assert sorted(fields) == [
        ("action", "approved"),
        ("csrf_token", "t"),
        ("id", "1"),
        ("id", "2"),
        ("note", WRITTEN),
    ]
    monkeypatch.undo()
    assert client.post(goes_to, data=MultiDict(fields)).status_code == 303
    with app.app_context():
        assert [entries.get(dataset_id, number).status for number in (1, 2)] == ["approved", "approved"]


def test_the_editor_keeps_what_was_typed_in_its_own_form(client: FlaskClient, dataset_id: int, refuse) -> None:
    refuse(FULL)
    data = {"question": "Q", "answer": WRITTEN, "version": "1", "status": "review"}
    page = client.post(f"/datasets/{dataset_id}/pairs/1", data=data)
    assert page.status_code == 507
    assert html.escape('second <b>line</b> & "more" </textarea>', quote=False)[:20] in page.text
    assert 'name="version" value="1"' in page.text


def test_what_can_not_be_sent_again_can_be_copied(client: FlaskClient, dataset_id: int) -> None:
    page = client.post(
        f"/datasets/{dataset_id}/pairs/999", data={"question": "Mine", "answer": "Typed", "version": "1"}
    )
    assert page.status_code == 404
    assert re.search(r"<textarea[^>]* readonly>\nTyped</textarea>", page.text)
    assert "Send it again" not in page.text


def test_a_page_that_cannot_be_made_keeps_the_texts_too(
    client: FlaskClient, dataset_id: int, refuse, monkeypatch
) -> None:
    refuse(FULL)

    def fail(names: list[str], **values: object) -> str:
        raise OSError(errno.EMFILE, "too many")

    monkeypatch.setattr(errors, "render_template", fail)
    page = client.post(f"/datasets/{dataset_id}/pairs/actions", data={"id": "1", "action": "approved", "note": WRITTEN})
    assert page.status_code == 507
    assert "second &lt;b&gt;line" in page.text

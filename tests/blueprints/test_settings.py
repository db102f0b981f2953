"""Settings: real controls that this browser remembers."""

import html
import json
import re

import pytest

from tests import factories
from tests.pages import as_shown


@pytest.fixture
def pairs_page(app):
    """The address of a list of pairs."""
    with app.app_context():
        return f"/datasets/{factories.dataset('Harbor')}/pairs"


def keys_of(client, path):
    """What a page takes pressed keys for."""
    found = re.search(r"data-keymap='([^']*)'", client.get(path).text)
    return json.loads(html.unescape(found[1])) if found else {}


def save(client, **keys):
    """Save keys, by the names of their actions."""
    return client.post("/settings/keymap", data={f"key.{name.replace('_', '-')}": key for name, key in keys.items()})


def test_a_key_that_was_changed_holds_on_the_pages_of_its_action(client, pairs_page):
    assert keys_of(client, pairs_page) == {}
    assert save(client, approve="Y", go_o="X").status_code == 303
    assert keys_of(client, pairs_page) == {"y": "a", "a": "", "g x": "g o", "g o": ""}
    assert keys_of(client, "/jobs/") == {"g x": "g o", "g o": ""}
    told = as_shown(client.get("/keys?on=pairs").text)
    assert "<dd><kbd>Y</kbd></dd>" in told and "<kbd>G</kbd><kbd>X</kbd>" in told


def test_one_key_or_all_become_usual_again(client, pairs_page):
    save(client, approve="Y", reject="Z")
    client.post("/settings/keymap", data={"key.approve": "Y", "key.reject": "Z", "reset": "approve"})
    assert keys_of(client, pairs_page) == {"z": "r", "r": ""}
    client.post("/settings/keymap", data={"key.reject": "Z", "reset": "all"})
    assert keys_of(client, pairs_page) == {}


def test_clashes_are_said_at_both_and_nothing_is_changed(client, pairs_page):
    answer = save(client, approve="R", note="Ctrl P")
    page = as_shown(answer.text)
    assert answer.status_code == 422 and keys_of(client, pairs_page) == {}
    assert "The same key as “Reject”." in page and "The same key as “Approve" in page
    assert "takes one key alone" in page and 'value="Ctrl P"' in page and "Nothing was changed: 3 keys" in page


def test_the_help_tells_the_keys_of_the_page(client, pairs_page):
    of_review = client.get("/keys?on=review").text
    assert "Rate" in of_review and "Merge" not in of_review and "Search pairs" in of_review
    assert 'href="/keys?on=pairs"' in client.get(pairs_page).text
    every = client.get("/keys").text
    assert "Rate" in every and "Merge" in every


@pytest.mark.parametrize("kept", ["approve=%00", "x" * 4000, "approve=<script>", "%%%", "approve=y&reject=y"])
def test_a_cookie_that_was_tampered_with_breaks_nothing(client, pairs_page, kept):
    client.set_cookie("ltt_keymap", kept)
    for path in (pairs_page, "/settings", "/keys"):
        answer = client.get(path)
        assert answer.status_code == 200 and "<script>'" not in answer.text


def test_technical_values_have_a_tab_of_their_own(client):
    assert "LTT_MAX_UPLOAD_MB" not in client.get("/settings").text
    page = client.get("/settings/advanced").text
    assert "LTT_MAX_UPLOAD_MB" in page and "LTT_DATA_DIR" not in page


def test_the_settings_have_four_tabs_that_say_where_one_is(client):
    for path, name in (("", "General"), ("/models", "Models"), ("/advanced", "Advanced")):
        page = as_shown(client.get(f"/settings{path}").text)
        assert f'aria-current="page">{name}</a>' in page and "<h1>Settings</h1>" in page
        assert page.count('aria-current="page"') == 2
    page = as_shown(client.get("/backup").text)
    assert 'aria-current="page">Backup</a>' in page and page.count('aria-current="page"') == 2

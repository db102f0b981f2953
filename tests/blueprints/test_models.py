"""Settings, Models: the page of connections, by its forms."""

import pytest

from app.services import models
from tests.chat_server import KEY, serve_chat
from tests.pages import as_shown

PAGE = "/settings/models"


@pytest.fixture
def server():
    with serve_chat() as running:
        yield running


@pytest.fixture
def said(server):
    """What the form sends for the server."""
    return {
        "name": "Mine",
        "address": server.address,
        "model": "small",
        "key_source": "none",
        "parallel": "2",
        "price_in": "0.25",
        "price_out": "1",
        "currency": "USD",
        "cap": "5",
        "per_minute": "60",
    }


def shown(client, path=PAGE):
    return as_shown(client.get(path).text)


def test_without_models_the_page_says_what_works(client):
    page = shown(client)
    assert "No model is connected" in page and "Works without a model" in page and "Nothing is sent anywhere." in page
    assert "can be looked for on this computer" in page


def test_looking_at_the_page_asks_nobody(client, server, app):
    with app.app_context():
        models.find_servers("ollama", server.port)
    server.requests.clear()
    for path in (PAGE, f"{PAGE}?add=1"):
        client.get(path)
    assert server.requests == []


def test_a_connection_is_added_changed_and_removed(client, said):
    answer = client.post(PAGE, data=said)
    assert answer.status_code == 303 and answer.location.endswith("?edit=1")
    page = shown(client, answer.location)
    assert "1 model connected" in page and "$0.25, $1.00" in page and "60 a minute" in page and "Not tested" in page
    assert 'value="0.25"' in page and "Nothing was ever sent." in page and "Nothing leaves this computer." in page
    changed = client.post(
        f"{PAGE}/1", data={**said, "name": "Renamed", "version": "1", "price_in": "", "price_out": ""}
    )
    assert changed.status_code == 303
    page = shown(client)
    assert "Renamed" in page and "not known" in page
    client.post(f"{PAGE}/1/remove")
    page = shown(client)
    assert "No model is connected" in page and "Renamed is removed." in page and f"{PAGE}/1/restore" in page
    client.post(f"{PAGE}/1/restore")
    assert "Renamed" in shown(client)


def test_a_test_shows_how_quickly_it_answers(client, said, server):
    server.models[0]["max_model_len"] = 32768
    client.post(PAGE, data=said)
    assert client.post(f"{PAGE}/1/test").status_code == 303
    page = shown(client)
    assert "Answers in 0." in page and "32k context" in page and "1 call in all." in page
    calls = shown(client, f"{PAGE}/1/calls")
    assert "Somebody at this computer" in calls and "Settings, Models" in calls and "100, 20" in calls


def test_calls_are_listed_by_the_name_of_who_started_them(client, said):
    client.set_cookie("ltt_name", "Ann <b>")
    client.post(PAGE, data=said)
    client.post(f"{PAGE}/test")
    assert "1 of 1 connection answers." in shown(client)
    assert "Ann &lt;b&gt;" in client.get(f"{PAGE}/1/calls").text


def test_what_is_wrong_is_shown_as_text(client, said, server):
    server.error = {"error": {"message": "<script>alert(1)</script> wrong"}}
    server.manners = [400]
    client.post(PAGE, data=said)
    client.post(f"{PAGE}/1/test")
    page = client.get(PAGE).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; wrong" in page and "<script>alert" not in page


@pytest.mark.parametrize(
    ("wrong", "status", "text"),
    [
        ({"address": "http://api.example.com/v1"}, 422, "Use https, or allow http"),
        ({"address": "https://192.168.1.1/v1"}, 422, "Allow private addresses"),
        ({"address": "https://me:secret-word@example.com/v1"}, 422, "Leave user name and password out"),
        ({"address": "http://0x7f.1/v1"}, 422, "four plain numbers"),
        ({"model": ""}, 422, "Name the model"),
        ({"price_in": "cheap"}, 400, "A price is a number"),
        ({"parallel": "many"}, 422, "whole number"),
        ({"key_source": "stored"}, 422, "Paste the key"),
        ({"key_source": "variable", "variable": "secret-word"}, 422, "environment variable"),
    ],
)
def test_what_cannot_be_kept_is_said_beside_what_was_typed(client, said, wrong, status, text):
    answer = client.post(PAGE, data={**said, **wrong})
    page = as_shown(answer.text)
    assert answer.status_code == status and text in page and "Nothing was saved." in page and 'value="Mine"' in page
    assert "secret-word" not in page
    assert "No model is connected" in shown(client)


def test_a_key_is_in_no_page(client, said, server):
    stored = {**said, "key_source": "stored", "api_key": KEY}
    client.post(PAGE, data=stored)
    server.manners = ["echo-error"]
    client.post(f"{PAGE}/1/test")
    pages = [client.get(path).text for path in (PAGE, f"{PAGE}?edit=1", f"{PAGE}/1/calls", "/settings/advanced")]
    # Refused: by the form, by its version, for its name, by a page that is too old.
    pages.append(client.post(f"{PAGE}/1", data={**stored, "parallel": "x"}).text)
    pages.append(client.post(f"{PAGE}/1", data={**stored, "version": "99"}).text)
    pages.append(client.post(PAGE, data=stored).text)
    pages.append(client.post(f"{PAGE}/99", data=stored).text)
    client.application.config["WTF_CSRF_ENABLED"] = True
    pages.append(client.post(PAGE, data=stored).text)
    assert "stored, ends in 7f2a" in pages[0] and all(KEY not in page for page in pages)


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": f"https://me:{KEY}@example.com/v1"},
        {"address": f"https://example.com/v1?key={KEY}"},
        {"address": f"https://example.com/v1#{KEY}"},
        {"address": KEY},
        {"key_source": "variable", "variable": KEY},
        {"key_source": "variable", "variable": "hf_abcdefghijklmnop"},
    ],
)
def test_a_key_in_a_wrong_field_is_in_no_page_whatever_was_refused(client, said, wrong):
    pages = [client.post(PAGE, data={**said, **wrong, **more}).text for more in ({}, {"name": ""}, {"parallel": "x"})]
    pages.append(client.post(f"{PAGE}/99", data={**said, **wrong}).text)
    client.application.config["WTF_CSRF_ENABLED"] = True
    pages.append(client.post(PAGE, data={**said, **wrong}).text)
    assert "What you had sent" in pages[-1] and 'value="Mine"' in pages[0]
    assert all(KEY not in page and "hf_abc" not in page for page in pages)


def test_an_address_with_a_slip_is_there_to_be_mended(client, said):
    for address in ("api.example.com/v1", "htps://api.example.com/v1", "localhost:11434"):
        assert f'value="{address}"' in client.post(PAGE, data={**said, "address": address}).text


def test_servers_on_this_computer_are_found_and_connected_by_one_click(client, server):
    server.models.append({"id": "newest <i>", "created": 9})
    found = client.post(f"{PAGE}/find", data={"program": "lmstudio", "port": str(server.port)})
    assert found.status_code == 303
    page = shown(client)
    assert "Found, not connected" in page and "1 of 5 answers." in page and "newest &lt;i&gt;" in client.get(PAGE).text
    assert "Connect newest" in page
    client.post(f"{PAGE}/connect", data={"program": "lmstudio"})
    page = shown(client)
    assert "no fee" in page and "Disconnect" in page
    client.post(f"{PAGE}/disconnect", data={"program": "lmstudio"})
    assert "Found, not connected" in shown(client)


def test_a_port_that_is_none_is_refused(client):
    for port in ("abc", "0", "70000", "-1", "1" * 30):
        assert client.post(f"{PAGE}/find", data={"program": "vllm", "port": port}).status_code == 422


def test_a_stale_form_is_refused_beside_what_was_typed(client, said):
    client.post(PAGE, data=said)
    client.post(f"{PAGE}/1", data={**said, "version": "1", "cap": "7"})
    answer = client.post(f"{PAGE}/1", data={**said, "version": "1", "cap": "9"})
    assert answer.status_code == 409 and "changed meanwhile" in answer.text and 'value="9"' in answer.text

"""Settings, Models in a browser: with and without scripts."""

import pytest
from playwright.sync_api import expect

from app.services import models
from tests.browser.looking import find_faults, overflow
from tests.chat_server import KEY, serve_chat


@pytest.fixture
def server():
    with serve_chat() as running:
        running.models = [{"id": "small", "max_model_len": 32768}]
        yield running


@pytest.mark.parametrize("scripts", [True, False])
def test_a_model_is_connected_by_its_address_and_key(open_page, server, scripts):
    server.key = KEY
    page = open_page(scripts=scripts)
    page.goto("/settings/models")
    page.get_by_role("link", name="Add connection").click()
    page.get_by_label("Address", exact=True).fill(server.address)
    page.get_by_label("Name", exact=True).fill("Mine")
    page.get_by_label("Model", exact=True).fill("small")
    expect(page.get_by_label("Key", exact=True)).to_be_hidden()
    page.get_by_text("Stored", exact=True).click()
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_role("button", name="Save connection").click()
    page.get_by_role("button", name="Test it").click()
    expect(page.get_by_text("32k context").first).to_be_visible()
    expect(page.get_by_text("stored, ends in 7f2a")).to_be_visible()
    page.get_by_role("link", name="Show the calls").click()
    expect(page.get_by_role("cell", name="Settings, Models")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_server_on_another_port_is_found_and_connected(open_page, server, scripts):
    page = open_page(scripts=scripts)
    page.goto("/settings/models")
    page.get_by_role("button", name="Other port…").click()
    page.get_by_label("Program").select_option("llama.cpp")
    page.get_by_label("Port on this computer").fill(str(server.port))
    page.get_by_role("button", name="Look there").click()
    page.get_by_role("button", name="Connect llama.cpp").click()
    expect(page.get_by_role("button", name="Disconnect llama.cpp")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_is_accessible_and_fits(open_page, app, server, width):
    page = open_page(width=width)
    faults = {}
    for path in ("/settings/models", "/settings/models?add=1"):
        page.goto(path)
        faults[path] = [*find_faults(page), *(["too wide"] if overflow(page) > 0 else [])]
    with app.app_context():
        models.find_servers("vllm", server.port)
        long = models.Values(
            "A connection with a rather long name of many words", server.address, "m" * 200, "variable", "V" * 90
        )
        made = models.add_connection(long).id
        models.connect_found("vllm")
        models.test_connection(models.connect_found("vllm").id, models.Started("Ann", "Settings"))
    for path in ("/settings", "/settings/advanced", "/backup", f"/settings/models?edit={made}"):
        page.goto(path)
        faults[path] = [*find_faults(page), *(["too wide"] if overflow(page) > 0 else [])]
    assert faults == {path: [] for path in faults}

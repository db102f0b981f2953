"""What the first look at a page costs: all that the browser fetches, with headers, as it is sent."""

import gzip
import random

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page

from app.core.record import Record
from app.services import datasets, history, sample
from tests.run_folders import make_run
from tests.training import use_fake_engine

MOST = 150_000


def weigh(page: Page, address: str) -> int:
    """How many bytes come for a page until it is quiet, with headers, as they are sent."""
    watched = page.context.new_cdp_session(page)
    watched.send("Network.enable")
    sent: list[int] = []
    watched.on("Network.loadingFinished", lambda event: sent.append(event["encodedDataLength"]))
    page.goto(address, wait_until="networkidle")
    assert len(sent) > 5
    return sum(sent)


@pytest.mark.parametrize(
    "path",
    (
        "", "pairs", "pairs?pair=2", "review", "clean", "duplicates", "export", "history", "/", "/settings",
        "training/new?look=1", "training/1",
    ),
)  # fmt: skip
def test_the_first_load_of_a_page_is_light(open_page, app: Flask, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake_engine(monkeypatch)
    with app.app_context():
        home = sample.load_sample().id
        if path == "training/1":
            make_run(home, state="running", step=132)
    assert weigh(open_page(), path if path.startswith("/") else f"/datasets/{home}/{path}") <= MOST


@pytest.mark.parametrize("path", ["pairs", "pairs?pair=3", "review", "review?view=cards"])
def test_long_texts_make_no_page_heavy(open_page, app: Flask, path: str) -> None:
    draw = random.Random(5)
    words = ["".join(draw.choices("aeioulnrst", k=draw.randint(2, 9))) for _ in range(5_000)]
    with app.app_context():
        home = datasets.create_dataset("Long").id
        records = [Record(" ".join(draw.choices(words, k=50)), " ".join(draw.choices(words, k=300))) for _ in range(60)]
        history.create(home, records, summary="Add")
    assert weigh(open_page(), f"/datasets/{home}/{path}") <= MOST


def test_pages_are_compressed_for_those_who_take_it(app: Flask, client: FlaskClient) -> None:
    plain = client.get("/settings")
    assert "Content-Encoding" not in plain.headers and plain.headers["Vary"] == "Accept-Encoding, Cookie"
    packed = client.get("/settings", headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert b"<h1>Settings</h1>" in gzip.decompress(packed.data)
    assert "Content-Encoding" not in client.get("/settings", headers={"Accept-Encoding": "gzip;q=0"}).headers


@pytest.mark.parametrize(
    "path", ["/static/js/all.js", "/static/css/all.css", "/static/vendor/bootstrap-icons/icons.svg"]
)
def test_static_files_are_compressed_and_known_again(client: FlaskClient, path: str) -> None:
    whole, packed = (client.get(path, headers={"Accept-Encoding": one}, buffered=True) for one in ("identity", "gzip"))
    assert gzip.decompress(packed.data) == whole.data and int(packed.headers["Content-Length"]) == len(packed.data)
    if tag := packed.headers.get("ETag"):
        assert (
            client.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": tag}, buffered=True).status_code
            == 304
        )


def test_downloads_and_the_font_are_sent_as_they_are(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        home = sample.load_sample().id
    for path in ("/static/vendor/inter/inter-latin-wght.woff2", f"/datasets/{home}/export/file?to=csv"):
        answer = client.get(path, headers={"Accept-Encoding": "gzip"}, buffered=True)
        assert answer.status_code == 200 and "Content-Encoding" not in answer.headers


def test_a_file_whose_address_tells_its_content_is_kept(client: FlaskClient) -> None:
    marked, plain = (client.get(f"/static/js/keys.js{more}", buffered=True) for more in ("?v=1", ""))
    assert "immutable" in marked.headers["Cache-Control"] and "immutable" not in plain.headers["Cache-Control"]

"""What holds for every page: reading changes nothing, odd addresses break nothing, text is never markup."""

import re
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.blueprints.view import list_actions
from app.frontdoor.routes import Route, list_routes
from app.models import Dataset, transaction
from app.services import datasets, pairs
from tests import factories

# What pages are made of.
STATIC = ("/static/<path:filename>", "/static/css/all.css", "/static/js/all.js")
ODD_QUERIES = [
    "page=-1&per_page=0",
    "page=1e12&per_page=1000000000&size=abc",
    "cursor=%00&after=x&before=-1&size=-5",
    "status=nonsense&order=nonsense&split=x&tag=%22",
    "q=%25",
    "q=_",
    "q=%5C",
    "q=%27",
    "q=%00",
    "q=" + "x" * 60_000,
]


@pytest.fixture
def full(app: Flask) -> Flask:
    """The application with a dataset number 1 whose texts try to be markup."""
    with app.app_context():
        assert factories.hostile_dataset() == 1
    return app


def pages(app: Flask) -> list[str]:
    """The address of every GET route. Numbers are 1, words are x."""
    return [address(route) for route in list_routes(app) if route.method == "GET" and route.path not in STATIC]


def address(route: Route) -> str:
    """A concrete path of a route."""
    return re.sub(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>", lambda m: "1" if m[1] == "int" else "x", route.path)


def digest(app: Flask) -> object:
    """What the database holds, in short."""
    with app.app_context():
        return datasets.compute_digest()


def test_reading_changes_nothing(full: Flask, client: FlaskClient) -> None:
    before = digest(full)
    for path in pages(full):
        for method in ("GET", "HEAD"):
            answer = client.open(path, method=method)
            assert answer.status_code < 500 or path == "/readyz", f"{method} {path}"
    assert digest(full) == before


def test_reading_waits_for_nobody_who_writes(full: Flask, client: FlaskClient) -> None:
    lock = full.extensions["ltt_write_lock"]
    lock.timeout_seconds = 0
    held, over = threading.Event(), threading.Event()

    def write() -> None:
        with lock:
            held.set()
            over.wait(120)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert held.wait(60)
        for path in pages(full):
            assert client.get(path).status_code < 500 or path == "/readyz", path
        assert client.post("/datasets", data={"name": "x"}).status_code == 503
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("query", ODD_QUERIES, ids=lambda query: query[:30])
def test_an_odd_address_is_answered(full: Flask, client: FlaskClient, query: str) -> None:
    for path in pages(full):
        assert client.get(f"{path}?{query}").status_code < 500 or path == "/readyz", path


def test_a_write_without_content_is_answered(full: Flask, client: FlaskClient) -> None:
    for route in list_routes(full):
        if route.method != "GET":
            answer = client.open(address(route), method=route.method)
            assert answer.status_code < 500, f"{route.method} {route.path}"


ELSEWHERE = [
    {"Origin": "https://evil.com"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "same-site"},
    {"Cookie": "session=x"},
    {"Host": "evil.com", "Origin": "http://evil.com", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
def test_no_write_from_elsewhere_is_taken(full: Flask, headers: dict[str, str]) -> None:
    before = digest(full)
    for route in list_routes(full):
        if route.method != "GET":
            answer = full.test_client(use_cookies=False).open(address(route), method=route.method, headers=headers)
            assert answer.status_code in (403, 421), f"{route.method} {route.path}"
    assert digest(full) == before


class Markup(HTMLParser):
    """Collects what must not be in a page: scripts and styles in the text, handlers, addresses elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        values = dict(attrs)
        if (tag == "script" and "src" not in values) or tag == "style":
            self.wrong.append(f"<{tag}> in the page")
        for name, value in attrs:
            if name.startswith("on") or name == "style" or self._leads_astray(tag, name, (value or "").strip().lower()):
                self.wrong.append(f"{tag} {name}={value}")

    def _leads_astray(self, tag: str, name: str, value: str) -> bool:
        if name not in ("src", "srcset", "href", "action", "formaction"):
            return False
        foreign = bool(re.match(r"([a-z]+:)?//", value))
        return value.startswith("javascript:") or (foreign and tag != "a")


def test_no_page_runs_or_loads_anything_foreign(full: Flask, client: FlaskClient) -> None:
    for path in [*pages(full), "/no/such/page"]:
        answer = client.get(path, follow_redirects=True)
        if answer.mimetype == "text/html":
            markup = Markup()
            markup.feed(answer.text)
            assert markup.wrong == [], path


def test_no_page_takes_text_for_a_template(full: Flask, client: FlaskClient) -> None:
    for path in pages(full):
        answer = client.get(path, follow_redirects=True)
        if answer.mimetype == "text/html":
            assert "<script>window.broken" not in answer.text, path
            assert '<img src=x onerror="window.broken' not in answer.text, path


def test_every_download_is_an_attachment_with_a_clean_name(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        made = datasets.create_dataset('a X: y";.csv')
        pairs.add_pair(made.id, "How?", "So.")
        # As an old or foreign database may hold it: the service itself would not take such a name.
        with transaction() as session:
            session.get_one(Dataset, made.id).name = 'a\r\nX: y";../数据.csv'
    downloads = 0
    for path in pages(app):
        answer = client.get(path)
        if answer.status_code == 200 and answer.mimetype not in ("text/html", "application/json"):
            [name] = answer.headers.getlist("Content-Disposition")
            assert name.startswith("attachment"), path
            assert not re.search(r"[\r\n]|\.\./", name), path
            assert "X" not in answer.headers, path
            downloads += 1
    assert downloads


def test_every_key_of_a_template_is_one_that_can_be_told_and_changed(full: Flask) -> None:
    known = {action.key for action in list_actions()}
    templates = Path(full.root_path).parent / "templates"
    found = {
        key for file in templates.rglob("*.html") for key in re.findall(r'data-key="([^"{]+)"', file.read_text("utf-8"))
    }
    assert len(found) > 20 and found - known == set()


def test_every_key_of_the_navigation_is_told(full: Flask, client: FlaskClient) -> None:
    keys = re.findall(r'data-key="g (\w)"', client.get("/datasets/1/").text)
    told = re.findall(r"<kbd>G</kbd><kbd>(\w)</kbd>", client.get("/keys").text)
    assert len(keys) > 8 and sorted(told) == sorted(key.upper() for key in keys)

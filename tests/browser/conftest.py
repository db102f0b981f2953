"""A real browser on a real server: the front door, the policy and the scripts as users have them."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

from app.core.record import Record
from app.services import datasets, history

NAMES = ("chromium", "chromium-browser", "google-chrome")
# On a machine that is kept busy a page needs longer than the five seconds that are the default.
expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here, so that ``-m "not browser"`` leaves it out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, else Playwright's own. Without one the tests are skipped, and fail where CI is set."""
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, NAMES)), None)
        try:
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(
                f"NO BROWSER: the browser tests did not run. Install chromium. ({error.message.splitlines()[0]})"
            )
        yield browser
        browser.close()


@pytest.fixture
def sixty(app: Flask) -> str:
    """The address of a dataset of sixty pairs whose answers differ in length, half of them tagged."""
    with app.app_context():
        made = datasets.create_dataset("Harbor").id
        records = [Record(f"Question {n}?", "word " * n, tags=("odd",) if n % 2 else ()) for n in range(1, 61)]
        history.create(made, records, summary="Add")
    return f"/datasets/{made}"


class Channel(HTTPChannel):
    """Closes what came of a request whose page went before all of it was sent: its body may stand in a file."""

    def handle_close(self) -> None:
        super().handle_close()
        if self.request is not None:
            self.request.close()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The address of a server for ``app``, with all protection on."""
    channels: dict[int, object] = {}
    server = create_server(app, map=channels, host="127.0.0.1", port=0, threads=8, ident=None)
    server.channel_class = Channel
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    # A request that ends now wakes the loop too: it may have closed all before the trigger is pulled.
    with suppress(OSError):
        server.trigger.pull_trigger(lambda: _close(server, channels))
    thread.join(10)
    server.task_dispatcher.shutdown()


def _close(server: BaseWSGIServer, channels: dict[int, object]) -> None:
    # Connections first: only their own end closes the files that a page did not wait for.
    for channel in list(server.active_channels.values()):
        channel.handle_close()
    wasyncore.close_all(channels)


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens pages in a context of their own: ``open_page(width=390, dark=True)``. Errors in a page fail the test."""
    contexts, problems = [], []

    def make(*, width: int = 1280, height: int = 800, dark: bool = False, scripts: bool = True) -> Page:
        context = browser.new_context(
            base_url=address,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            accept_downloads=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: problems.append(f"script error: {error.message}"))
        page.on("console", lambda message: problems.append(message.text) if _is_bad(message.text) else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []


def _is_bad(text: str) -> bool:
    return "Content Security Policy" in text or "Refused to" in text


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """One page of a desktop browser in the light theme."""
    return open_page()

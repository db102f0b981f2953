"""Every page, light and dark, wide and narrow: accessible, as wide as the window, and asking nobody else for anything."""

import io
import re

import pytest
from flask import Flask

from app.frontdoor.routes import table
from app.services import entries, history, imports, sample, uploads
from app.services.imports import Settings
from tests.browser.looking import find_faults, overflow

# What answers with files, parts of pages or texts for programs.
NO_PAGES = re.compile(r"/api/|/static/|/file$|/rejects|/report|/progress|z$|/backup/|quarantine\.")
ROWS = b"question,answer,topic\nHow long is an epoch?,As long as the data.,training\nWhat is a seed?,,training\n"


@pytest.fixture
def paths(app: Flask) -> list[str]:
    """The address of every page, over the sample dataset with a history, two imports and a file to convert."""
    with app.app_context():
        dataset = sample.load()
        done, waiting = (imports.add(dataset.id, kept(name), Settings()) for name in ("more.csv", "waiting.csv"))
        job = imports.start(done.id, Settings())
        imports.run(done.id)
        first = next(iter(entries.stream_entries(dataset.id))).id
        history.delete(dataset.id, [first])
        history.undo(dataset.id)
        values = {"dataset_id": dataset.id, "import_id": done.id, "job_id": job.id, "token": kept("table.csv").token}
        addresses = [route.path for route in table(app) if route.method == "GET" and not NO_PAGES.search(route.path)]
        home = f"/datasets/{dataset.id}"
        more = [f"imports/{waiting.id}", "pairs?pair=new", f"pairs?pair={first + 1}", "pairs?q=nothing+like+this"]
    known = [re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match[1]]), path) for path in addresses]
    return [*known, *(f"{home}/{rest}" for rest in more), "/nothing/here"]


def kept(name: str) -> uploads.Upload:
    """An upload of a small table."""
    return uploads.save(io.BytesIO(ROWS).read, name)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible_and_fits(open_page, address, paths, width, dark):
    page = open_page(width=width, dark=dark)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    faults = {}
    for path in paths:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        found = [*find_faults(page), *([f"{wide} px too wide"] if (wide := overflow(page)) > 0 else [])]
        if found:
            faults[path] = found
    assert faults == {}
    assert len(asked) > len(paths) > 15
    assert [url for url in asked if not url.startswith((address, "data:"))] == []

"""Takes the pictures of the documentation from the sample dataset.

``python docs/screenshots.py`` writes docs/img; ``python docs/screenshots.py FOLDER`` writes every page there, light and
dark, wide and narrow, for looking at. Needs the development packages and a Chromium.
"""

import io
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from waitress import wasyncore
from waitress.server import create_server

if TYPE_CHECKING:
    from app.services.uploads import Upload

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = {1440: 900, 390: 844}
# What stands in docs/img: file name and page.
PICTURES = {
    "pairs.png": "pair",
    "import.png": "mapping",
    "clean.png": "clean-preview",
    "duplicates.png": "duplicates",
    "history.png": "history-mask",
    "training.png": "training-run",
}
ROWS = """\
Question;Reply;Topic
How many examples do I need for a first try?;Fifty good ones show whether the idea works.;getting started
Should I mix two languages in one dataset?;Yes, if the model will meet both. Tag them by language.;languages
What does a validation file do?;It is never trained on. Its loss tells you when the model begins to memorise.;training
May answers contain Markdown?;Yes, if your users will see it rendered. Keep it the same in all answers.;format
How long may one answer be?;;format
"""
# Question, answer and tags; the last ones contradict each other or differ in a number.
ALIKE = (
    ("How long does a refund take to reach my card?", "Two working days after we receive the item.", ("refunds",)),
    ("How long does a refund take to reach my crad", "Two working days after we receive the item.", ("money",)),
    ("How long does a refund take to reach my card, please?", "Two working days after we recieve the item.", ()),
    ("How do I change my delivery address?", "Open the order and choose Change address.", ("orders",)),
    ("how do I change my delivery address", "Open the order and choose “Change address”.", ()),
    ("Where do I find my invoice?", "In your account, under Orders.", ()),
    ("Where do I find my invoice?", "In your account, under Orders.", ("invoices",)),
    ("What is the return period?", "Thirty days from the day you receive it.", ("returns",)),
    ("What is the return period?", "Fourteen days from the day you receive it.", ()),
    ("Do you ship 3 tables to Norway?", "Yes, by lorry.", ()),
    ("Do you ship 30 tables to Norway?", "Yes, in a container.", ()),
)


def main(folder: str = "") -> None:
    """Take the pictures of the documentation, or of every page into ``folder``."""
    with tempfile.TemporaryDirectory() as data, serve(data) as (address, paths), sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, CHROMIUM)), None)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        if folder:
            take_all(browser, address, paths, Path(folder))
        else:
            take_pictures(browser, address, paths)
        browser.close()


def take_pictures(browser: Browser, address: str, paths: dict[str, str]) -> None:
    """Write docs/img."""
    for name, page_name in PICTURES.items():
        page = new_page(browser, address, width=1440, dark=False)
        take(page, paths[page_name], FOLDER / "img" / name)
        page.context.close()


def take_all(browser: Browser, address: str, paths: dict[str, str], folder: Path) -> None:
    """Write a picture of every page in both themes and widths."""
    folder.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        for dark in (False, True):
            page = new_page(browser, address, width=width, dark=dark)
            for name, path in paths.items():
                take(page, path, folder / f"{name}-{width}-{'dark' if dark else 'light'}.png")
            page.context.close()


def new_page(browser: Browser, address: str, *, width: int, dark: bool) -> Page:
    """A page of a fresh visitor."""
    viewport = {"width": width, "height": WIDTHS[width]}
    context = browser.new_context(
        base_url=address, viewport=viewport, color_scheme="dark" if dark else "light", has_touch=width < 600
    )
    return context.new_page()


def take(page: Page, path: str, file: Path) -> None:
    """Open a page and keep what the window shows."""
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    page.screenshot(path=file, animations="disabled")
    sys.stdout.write(f"{file}\n")


@contextmanager
def serve(data: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A server over the sample dataset: its address, and the paths of its pages by name."""
    from app import create_app
    from app.services import schema

    app = create_app({"LTT_DATA_DIR": data, "LTT_LOG_LEVEL": "WARNING"})
    with app.app_context():
        schema.prepare_schema()
        paths = prepare(app)
    channels: dict[int, object] = {}
    server = create_server(app, map=channels, host="127.0.0.1", port=0, threads=4, ident=None)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}", paths
    # A request that ends now wakes the loop too: it may have closed all before the trigger is pulled.
    with suppress(OSError):
        server.trigger.pull_trigger(lambda: wasyncore.close_all(channels))
    thread.join(10)
    server.task_dispatcher.shutdown()


def prepare(app: Flask) -> dict[str, str]:
    """Fill the database with what the pictures show."""
    from app.jobs.worker import Worker
    from app.services import backups, datasets, entries, history, imports, pairs, sample
    from app.services.imports import Settings
    from app.services.pairs import Selection

    home = sample.load_sample().id
    cleaned = cleaning_pages(home)
    ids = sorted(entry.id for entry in entries.stream_entries(home) if entry.status == "approved")
    pairs.set_status(home, Selection(tuple(ids[-14:-4])), "review")
    pairs.set_status(home, Selection((ids[-9],)), "rejected")
    one = next(found for found in (entries.get(home, id) for id in reversed(ids[-14:-4])) if " you " in found.answer)
    pairs.save_pair(home, one.id, {"answer": one.answer.replace(" you ", " people ", 1)}, version=one.version)
    pairs.tag_pairs(home, Selection(tuple(ids[-8:-5])), add=["to check"], remove=[])
    pairs.delete_pairs(home, Selection((ids[3],)))
    history.undo(home)
    names = ("first-questions.csv", "more-questions.csv")
    done, waiting = (imports.add(home, upload(name), Settings()).id for name in names)
    job = imports.enqueue(done, Settings(mapping={"question": "Question", "answer": "Reply", "tags": "Topic"})).id
    Worker(app, {"LTT_DATA_DIR": app.config["LTT_DATA_DIR"]}).turn()
    datasets.create_dataset("Help desk, English", description="Macros and articles of the help desk")
    empty = datasets.create_dataset("Empty").id
    backups.make_backup()
    at, token = f"/datasets/{home}", upload("questions.csv").token
    return {
        **cleaned,
        "home": "/",
        "new": "/datasets/new",
        "pairs": f"{at}/pairs",
        "search": f"{at}/pairs?q=training&status=approved",
        "pair": f"{at}/pairs?pair={one.id}",
        "pair-new": f"{at}/pairs?pair=new",
        "pairs-empty": f"/datasets/{empty}/pairs",
        "pairs-none": f"{at}/pairs?q=nothing+like+this",
        "import": f"{at}/import",
        "mapping": f"{at}/imports/{waiting}?col.0=question&col.1=answer&col.2=tags&asked=1&columns_shown=3",
        "import-result": f"{at}/imports/{done}",
        "export": f"{at}/export?to=jsonl:openai",
        "export-empty": f"/datasets/{empty}/export",
        "history": f"{at}/history",
        "history-empty": f"/datasets/{empty}/history",
        "dataset-settings": f"{at}/settings",
        "convert": "/convert",
        "convert-file": f"/convert/{token}",
        "jobs": "/jobs/",
        "job": f"/jobs/{job}",
        "backup": "/backup",
        "settings": "/settings",
        "keys": "/keys",
        "missing": "/nothing/here",
        **duplicate_pages(),
        **training_pages(home),
    }


def cleaning_pages(home: int) -> dict[str, str]:
    """A history with cleaning in it and a saved recipe: their pages."""
    from app.core.cleaning import Step
    from app.services import cleaning, history, pairs
    from app.services.cleaning import CleaningOptions, CleaningOrder, recipes, suggesting

    pairs.add_pair(home, "Whom do I ask about an invoice?", "Write to billing@example.org or call Tel. 030 1234567.")
    pairs.add_pair(
        home, "May I use <b>bold</b> words?", "<p>Yes, but <b>few</b> of them &amp; only where they help.</p>"
    )
    names = [("mask", {}), ("find-replace", {"find": "dataset", "replace": "data set"})]
    mask, words = (
        cleaning.run_cleaning(CleaningOrder(home, CleaningOptions((Step(name, options),)))).applied.step
        for name, options in names
    )
    assert mask is not None and words is not None
    history.undo(home)
    recipe = recipes.create_recipe("Weekly clean-up", [Step("fix-mojibake"), Step("trim"), Step("html-to-markdown")]).id
    suggesting.suggest_for_dataset(home)
    at = f"/datasets/{home}"
    regex = f"{at}/clean?op=find-replace&recipe={recipe}&asked=1&o.find=%5Cbthe+model%5Cb&o.mode=regex&field=answer"
    return {
        "clean": f"{at}/clean",
        "clean-preview": f"{regex}&o.replace=the+network",
        "clean-side": f"{regex}&o.replace=the+network&diff=side&order=size",
        "clean-wrong": f"{at}/clean?op=find-replace&asked=1&o.find=(&o.mode=regex&field=answer",
        "clean-done": f"{at}/clean?done={mask.number}",
        "clean-selection": f"{at}/clean?op=html-to-markdown&q=bold",
        "recipe": f"{at}/clean?op=recipe&recipe={recipe}",
        "recipe-from-history": f"{at}/recipes/from-history",
        "history-clean": f"{at}/history?step={words.number}",
        "history-mask": f"{at}/history?step={mask.number}",
        "forget": f"{at}/history/{mask.number}/forget",
        "compact": f"{at}/history/compact",
    }


def duplicate_pages() -> dict[str, str]:
    """A dataset with pairs that are alike, searched for duplicates: its pages."""
    from app.core.record import Record
    from app.services import datasets, duplicates, history, tasks
    from app.services.duplicates import ScanOptions
    from app.services.validation import CHECK, CheckRun

    made = datasets.create_dataset("Support").id
    records = [Record(question, answer, tags=tags) for question, answer, tags in ALIKE]
    history.create(made, records, summary="Import 11 pairs from support.csv", status="review")
    duplicates.scan_dataset(made, ScanOptions())
    tasks.start(CHECK, CheckRun(made, "openai-sft,trl"))
    at = f"/datasets/{made}/duplicates"
    return {
        "duplicates": f"{at}?level=80",
        "duplicates-conflicts": f"{at}?tab=conflicts",
        "duplicates-variants": f"{at}?tab=variants",
        "duplicates-settle": f"{at}/settle",
        "overview": f"/datasets/{made}/",
        "splits": f"/datasets/{made}/splits?asked=1&train=60&validation=20&test=20&group_by=conversation&seed=3",
    }


def training_pages(home: int) -> dict[str, str]:
    """Runs that a stand-in for the trainer wrote, one of them amid its work: the pages of training."""
    from app.providers.tuning.local import LocalPlace
    from app.services import splits, tasks
    from app.services.training import local
    from tests.run_folders import make_run
    from tests.training import ENGINE

    place = LocalPlace(Path(sys.executable), ENGINE)
    local.make_place = lambda: place
    tasks.start(splits.SPLIT, splits.SplitRun(home), here=True)
    make_run(home, name="First try")
    make_run(home, state="running", step=132, name="Smaller steps")
    at = f"/datasets/{home}/training"
    return {
        "training": at,
        "training-new": f"{at}/new",
        "training-compared": f"{at}?run=1&run=2",
        "training-run": f"{at}/2",
        "training-done": f"{at}/1",
        "models": "/settings/models",
    }


def upload(name: str) -> "Upload":
    """A small table, uploaded."""
    from app.services import uploads

    return uploads.save(io.BytesIO(ROWS.encode()).read, name)


if __name__ == "__main__":
    main(*sys.argv[1:])

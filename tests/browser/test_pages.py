"""Every page, light and dark, wide and narrow: accessible, as wide as the window, and asking nobody else for anything."""

import io
import re

import pytest
from flask import Flask

from app.core.cleaning import Step
from app.core.record import Record
from app.frontdoor.routes import Route, list_routes
from app.services import cleaning, duplicates, entries, history, imports, models, pairs, sample, tasks, uploads
from app.services.cleaning import CLEAN, CleaningOptions, CleaningOrder, CleaningRun, recipes, suggesting
from app.services.duplicates import Filter, ScanOptions
from app.services.imports import Settings, quarantine
from app.services.snapshots import FREEZE, FreezeRun
from app.services.splits import SPLIT, SplitRun
from app.services.validation import CHECK, CheckRun
from tests.browser.looking import find_faults, is_busy, overflow
from tests.run_folders import make_run
from tests.training import use_fake_engine

# What answers with files, parts of pages or texts for programs.
NO_PAGES = re.compile(
    r"/api/|/hint$|/switch$|/static/|/file$|\.json$|/rejects|/report|/progress|z$|/backup/|quarantine\."
)
ROWS = b"question,answer,topic\nHow long is an epoch?,As long as the data.,training\nWhat is a seed?,,training\n"
MASK = Step("mask")


@pytest.fixture
def paths(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The address of every page, over the sample dataset with a history, imports, a recipe and a file to convert."""
    use_fake_engine(monkeypatch)
    with app.app_context():
        home = sample.load_sample().id
        run_number = make_run(home, name="First").number
        going = make_run(home, state="running", step=132).number
        tasks.start(FREEZE, FreezeRun(home, "first", "As it came"))
        done, waiting = (imports.add(home, kept(name), Settings()) for name in ("more.csv", "waiting.csv"))
        job = imports.enqueue(done.id, Settings())
        imports.run(done.id)
        values = {"dataset_id": home, "import_id": done.id, "job_id": job.id, "token": kept("table.csv").token}
        values |= {"row_id": quarantine.list_open(done.id)[0].id}
        open_import = waiting.id
        values |= {
            "number": mask_an_address(home),
            "recipe_id": recipes.create_recipe("Weekly", [MASK, Step("trim")]).id,
        }
        values |= {"group_id": (group := compare_pairs(home))}
        run = tasks.enqueue(CLEAN, CleaningRun(home, CleaningOptions((Step("trim"),)))).id
        divided = tasks.enqueue(SPLIT, SplitRun(home)).id
        checked = tasks.enqueue(CHECK, CheckRun(home, "plain")).id
        tasks.start(CHECK, CheckRun(home, "openai-sft,trl"))
        suggesting.suggest_for_dataset(home)
        values["connection_id"] = connect_models()
        frozen = tasks.enqueue(FREEZE, FreezeRun(home)).id
        values |= {"entry_id": (first := next(iter(entries.stream_entries(home))).id)}
        history.delete(home, [first])
        history.undo(home)
        pages = [route for route in list_routes(app) if route.method == "GET" and not NO_PAGES.search(route.path)]
    runs = {"cleaning.run": {"job_id": run}, "splits.run": {"job_id": divided}}
    runs |= {"overview.run": {"job_id": checked}, "snapshots.run": {"job_id": frozen}, "snapshots.show": {"number": 1}}
    runs |= {f"training.{name}": {"number": run_number} for name in ("show", "log")}
    known = [address_of(route, values | runs.get(route.endpoint, {})) for route in pages]
    more = (
        f"imports/{open_import}", "pairs?pair=new", f"pairs?pair={first + 1}", "pairs?q=nothing+like+this", "pairs?finding=html",
        f"history?step={values['number']}", f"clean?op=recipe&recipe={values['recipe_id']}", f"clean?done={values['number']}",
        "clean?op=find-replace&asked=1&o.find=the&o.replace=a&field=answer&diff=side&order=size",
        "clean?op=find-replace&asked=1&o.find=%28&o.mode=regex&field=answer",
        "duplicates?tab=conflicts", "duplicates?tab=variants", "duplicates?tab=dismissed", "duplicates?tab=settled",
        "splits?asked=1&train=34&validation=33&test=33&seed=3&lock=0&leaks=all", "splits?asked=1&train=1&validation=1&test=1",
        f"trained?pair={first + 1}&profile=trl&length=20", "trained?finding=html&profile=axolotl",
        "snapshots?from=v1&kind=changed", f"training/{going}", f"training?run={run_number}&run={going}", "training/new?look=1&base=hub&hub=x&asked=1", "training/new?look=1&epochs=x", "snapshots?from=v1&kind=added", f"duplicates?group={group}", f"duplicates/{group}/merge?tab=conflicts", "duplicates?level=102&order=size",
    )  # fmt: skip
    connected = [f"/settings/models?edit={values['connection_id']}", "/settings/models?add=1"]
    return [*known, *(f"/datasets/{home}/{rest}" for rest in more), *connected, "/nothing/here"]


def address_of(route: Route, values: dict[str, object]) -> str:
    """The address of a route. A variable that has no value here is a page that nobody looked at: it fails."""
    return re.sub(r"<(?:[^>]*:)?(\w+)>", lambda match: str(values[match[1]]), route.path)


def connect_models() -> int:
    """The id of a connection that was called, beside one without its key; one program was looked for."""
    models.find_servers("vllm", 1)
    made = models.add_connection(models.Values("Cloud", "https://api.example.com/v1", "small", price_in=0.25))
    variable = models.Values("Other cloud", "http://10.0.0.1/v1", "large", "variable", "NOT_SET_HERE", True, True)
    models.add_connection(variable)
    models.record_use(made, models.Started("Ann", "Training"))
    return made.id


def compare_pairs(dataset_id: int) -> int:
    """The id of a group of copies, beside a conflict, variants, a group that is settled and one that was dismissed."""
    rows = [(f"How does word {number} of the list rhyme?", "It does.") for number in (1, 2)]
    rows += [("What is a loss curve?", f"It falls for {number} steps.") for number in (10, 20)]
    rows += [(question, "The same.") for question in ("Copied once?", "Kept twice?", "Said to be different?") * 2]
    history.create(dataset_id, [Record(*row) for row in rows], summary="Add pairs that are alike")
    scan = duplicates.scan_dataset(dataset_id, ScanOptions())
    ids = {one.title: one.id for one in duplicates.list_groups(scan, Filter()).groups}
    duplicates.dismiss_group(dataset_id, ids["Said to be different?"])
    duplicates.keep_pair(dataset_id, ids["Kept twice?"], duplicates.view_group(scan, ids["Kept twice?"]).keep)
    return ids["Copied once?"]


def mask_an_address(dataset_id: int) -> int:
    """The number of a cleaning step that masked what there was."""
    pairs.add_pair(dataset_id, "Whom do I write to?", "Write to ann@example.org.")
    applied = cleaning.run_cleaning(CleaningOrder(dataset_id, CleaningOptions((MASK,)))).applied
    assert applied.step is not None and applied.step.changed >= 1
    return applied.step.number


def kept(name: str) -> uploads.Upload:
    """An upload of a small table."""
    return uploads.save(io.BytesIO(ROWS).read, name)


# Cumulative layout shift: Google's measure, where up to 0.1 is called good. A tenth of that is a line that moves,
# as where the font comes late.
MOST_SHIFT = 0.01
COUNT_SHIFTS = """
window.shifted = { score: 0, what: [] };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries().filter((one) => !one.hadRecentInput)) {
    window.shifted.score += entry.value;
    window.shifted.what.push(...entry.sources.map(({ node }) => node?.className || node?.nodeName || "gone"));
  }
}).observe({ type: "layout-shift", buffered: true });
"""
# WCAG 2.2, 2.5.8: targets of 24 px, but for those in a sentence and those whose 24 px around their middle meet no other.
SMALL_TARGETS = """() => {
  const inText = (one) => one.matches("a") && getComputedStyle(one).display === "inline";
  const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
    .map((one) => (one.matches("input") && one.closest("label")) || one)
    .filter((one) => one.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) && !one.closest(".sr"));
  const boxes = [...new Set(all)].map((one) => ({ one, box: one.getBoundingClientRect() })).filter(({ box }) => box.width > 1 && box.height > 1);
  const isCovered = ({ one, box }) => {
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return top && !top.contains(one) && !one.contains(top);
  };
  const small = boxes.filter(({ one, box }) => !isCovered({ one, box }) && (box.width < 24 || box.height < 24) && !inText(one));
  const middle = ({ box }) => [box.left + box.width / 2, box.top + box.height / 2];
  const meets = (one, other) => {
    const [x, y] = middle(one);
    const { left, right, top, bottom } = other.box;
    return Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom)) < 12;
  };
  return small
    .filter((one) => boxes.some((other) => other.one !== one.one && !other.one.contains(one.one) && !one.one.contains(other.one) && meets(one, other)))
    .map(({ one, box }) => `${one.tagName}.${one.className} ${(one.textContent || one.name || "").trim().slice(0, 20)} ${box.width.toFixed()}x${box.height.toFixed()}`);
}"""


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible_and_fits(open_page, address, paths, width):
    page = open_page(width=width)
    page.add_init_script(COUNT_SHIFTS)
    asked, waiting = [], set()
    page.on("request", lambda request: (asked.append(request.url), waiting.add(request)))
    for ending in ("requestfinished", "requestfailed"):
        page.on(ending, lambda request: waiting.discard(request))
    faults = {}
    for path in paths:
        page.goto(path)
        # What a page fetches after it was loaded. To wait until nothing comes takes half a second, and is for parts alone
        # that are fetched a while after the page.
        if page.locator("[hx-trigger*='delay']:not(.switch *)").count():
            page.wait_for_load_state("networkidle")
        while waiting or is_busy(page):
            page.wait_for_timeout(10)
        moved = page.evaluate("window.shifted")
        found = [*find_faults(page), *([f"moves by itself: {moved}"] if moved["score"] > MOST_SHIFT else [])]
        found += [f"small target: {one}" for one in page.evaluate(SMALL_TARGETS)]
        found += [*([f"{wide} px too wide"] if (wide := overflow(page)) > 0 else [])]
        if found:
            faults[path] = found
    assert faults == {}
    assert len(asked) > len(paths) > 15
    assert [url for url in asked if not url.startswith((address, "data:"))] == []

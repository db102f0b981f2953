"""Training in a browser: a run is watched while its files grow, and a new one is chosen and started."""

import pytest
from playwright.sync_api import expect

from app.models import transaction
from app.services import training
from tests.browser.looking import find_faults, overflow
from tests.run_folders import STEPS, make_run, write_folder
from tests.training import make_dataset, use_fake_engine


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    use_fake_engine(monkeypatch)


@pytest.fixture
def home(app):
    """The address of the training of a dataset with a run that goes on, one that is done, and its folder."""
    with app.app_context():
        dataset_id = make_dataset()
        make_run(dataset_id, state="running", step=42)
        make_run(dataset_id)
    return f"/datasets/{dataset_id}/training"


def go_on(app, step, state="running"):
    """Let the engine write on."""
    with app.app_context():
        run = training.list_runs()[-1]
        write_folder(training.folder_of(run), step=step, phase="done" if state == "done" else "training")
        with transaction():
            training.require_run(run.id).state = state


def test_a_run_is_watched_until_it_is_done_and_what_is_open_stays_open(app, page, home):
    page.goto(f"{home}/1")
    heading = page.locator("#run-top h2")
    expect(heading).to_contain_text("Step 42 of 189")
    page.get_by_text("Show as a table").click()
    expect(page.locator("#loss-rows tbody tr")).to_have_count(43)
    page.locator("#note").fill("Half a sentence")
    go_on(app, 132)
    expect(heading).to_contain_text("Step 132 of 189")
    expect(page.locator("#run-checkpoints .best")).to_contain_text("105")
    expect(page.locator("#loss-rows")).to_be_visible()
    expect(page.get_by_role("img", name="Loss.", exact=False).first).to_be_visible()
    go_on(app, STEPS, "done")
    expect(heading).to_contain_text("Finished")
    expect(page.locator("#run-download")).to_be_visible()
    expect(page.locator("#run-pause")).to_have_count(0)
    # What somebody typed meanwhile was not taken away, and the page asks no more.
    expect(page.locator("#note")).to_have_value("Half a sentence")
    expect(page.locator("#run-top")).not_to_have_attribute("hx-trigger", "every 4s")


def test_the_chosen_question_stays_chosen_while_answers_come(app, page, home):
    page.goto(f"{home}/1")
    page.get_by_label("to", exact=True).select_option("1")
    expect(page.locator("#run-answers")).to_contain_text("Yes, in cabins on deck 4.")
    assert page.url.endswith("sample=1")
    go_on(app, 63)
    expect(page.locator("#run-answers")).to_contain_text("Step 21 to 63")
    # What is written of steps stays in its column.
    wide = "one => one.scrollWidth <= one.clientWidth"
    assert all(one.evaluate(wide) for one in page.locator("#run-answers th").all())
    expect(page.locator("#run-answers")).to_contain_text("cabins on deck 4")
    expect(page.get_by_label("to", exact=True)).to_have_value("1")


def test_without_scripts_a_run_is_watched_by_loading_again_and_runs_are_compared(app, open_page, home):
    page = open_page(scripts=False)
    page.goto(f"{home}/1")
    go_on(app, 63)
    page.get_by_role("link", name="Load again").first.click()
    expect(page.locator("#run-top h2")).to_contain_text("Step 63 of 189")
    page.goto(home)
    for number in (1, 2):
        page.get_by_label(f"Compare run {number}").check()
    page.get_by_role("button", name="Compare those that are ticked").click()
    expect(page.get_by_role("heading", name="Runs 2 and 1")).to_be_visible()
    page.goto(f"{home}/new")
    page.get_by_label("Epochs", exact=True).first.fill("5")
    page.get_by_role("button", name="Show what this gives").click()
    expect(page.locator("#ready")).to_contain_text("5 epochs")


def test_ticked_runs_are_compared_at_once(page, home):
    page.goto(home)
    for number in (1, 2):
        page.get_by_label(f"Compare run {number}").check()
    expect(page.get_by_role("heading", name="Runs 2 and 1")).to_be_visible()
    expect(page.locator("#compared svg.chart")).to_have_count(2)
    # Their text is about as large as it is meant to be, and as that of other charts.
    drawn = "charts => charts.map(one => one.getBoundingClientRect().width / one.viewBox.baseVal.width)"
    assert all(0.8 < scale < 1.3 for scale in page.locator("#compared svg.chart").evaluate_all(drawn))
    page.reload()
    expect(page.get_by_label("Compare run 1")).to_be_checked()


def test_a_new_run_is_chosen_and_started(page, home):
    page.goto(home)
    page.keyboard.press("n")
    page.wait_for_url(f"**{home}/new")
    ready = page.locator("#ready")
    expect(ready.get_by_role("heading", name="Ready to start")).to_be_visible()
    page.get_by_label("A model by its name").check()
    expect(ready).to_contain_text("Name the model of the Hub.")
    expect(page.get_by_role("button", name="Start run 3")).to_be_disabled()
    # What was filled in for the toy follows.
    method = page.locator("select[name=method]")
    expect(method).to_have_value("lora")
    # What is chosen by keyboard keeps the focus.
    method.focus()
    with page.expect_response("**/new?*"):
        page.keyboard.press("End")
    expect(page.get_by_label("Beta", exact=True)).to_have_count(1)
    expect(method).to_be_focused()
    method.select_option("lora")
    expect(page.get_by_label("Beta", exact=True)).to_have_count(0)
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("2e-4")
    page.get_by_label("Toy model").check()
    expect(page.get_by_label("Learning rate", exact=True)).to_have_value("1e-3")
    expect(ready.get_by_role("heading", name="Ready to start")).to_be_visible()
    epochs = page.get_by_label("Epochs", exact=True).first
    epochs.fill("2")
    # Enter shows what that gives, and starts nothing.
    epochs.press("Enter")
    expect(ready).to_contain_text("2 epochs")
    assert f"{home}/new?" in page.url and "csrf_token" not in page.url
    page.get_by_role("button", name="Use 3").first.click()
    expect(page.get_by_label("Epochs", exact=True).first).to_have_value("3")
    page.get_by_role("button", name="Start run 3").click()
    page.wait_for_url(f"**{home}/3")
    expect(page.locator("#run-top h2")).to_contain_text("Waits")
    page.get_by_role("button", name="Cancel run").click()
    expect(page.locator("#run-top h2")).to_contain_text("Cancelled")


def test_a_sweep_is_started_and_compared(page, home):
    page.goto(f"{home}/new")
    page.get_by_text("Several runs at once").click()
    page.get_by_label("Learning rates").fill("1e-3, 5e-4")
    page.get_by_label("Learning rates").press("Tab")
    page.get_by_role("button", name="Start 2 runs").click()
    expect(page.get_by_role("heading", name="Runs 4 and 3")).to_be_visible()
    expect(page.locator("#compared")).to_contain_text("5e-4")


@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_fit_and_are_accessible_with_all_that_folds_open(open_page, home, width):
    page = open_page(width=width, height=900)
    faults = {}
    for path in ("", "?run=1&run=2", "/new?look=1", "/1", "/2", "/2/log"):
        page.goto(home + path)
        page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        if found := [*find_faults(page), *([f"{wide} px too wide"] if (wide := overflow(page)) > 0 else [])]:
            faults[path] = found
    assert faults == {}


def test_what_comes_with_the_end_of_a_run_comes_without_loading_again(app, page, home):
    with app.app_context():
        dataset_id = int(home.split("/")[2])
        number = make_run(dataset_id, state="queued", step=-1).number
    page.goto(f"{home}/{number}")
    expect(page.locator("#run-top h2")).to_contain_text("Waits")
    expect(page.locator("#sample")).to_have_count(0)
    with app.app_context():
        run = training.get_run(dataset_id, number)
        write_folder(training.folder_of(run), step=STEPS, phase="done")
        with transaction():
            training.require_run(run.id).state = "done"
    expect(page.locator("#run-top h2")).to_contain_text("Finished")
    expect(page.locator("#sample option")).to_have_count(2)
    expect(page.get_by_role("button", name=f"Delete run {number}")).to_be_visible()


def test_the_list_follows_a_run_and_keeps_what_is_ticked(app, page, home):
    page.goto(home)
    row = page.locator("#run-rows tr", has_text="Run 1")
    expect(row).to_contain_text("Running, 42 of 189")
    page.get_by_label("Compare run 1").check()
    page.get_by_label("Compare run 2").check()
    expect(page.get_by_role("heading", name="Runs 2 and 1")).to_be_visible()
    go_on(app, 132)
    expect(row).to_contain_text("Running, 132 of 189")
    expect(page.locator("#compared")).to_contain_text("Running, 132 of 189")
    expect(page.get_by_label("Compare run 1")).to_be_checked()
    expect(page.get_by_label("Compare run 2")).to_be_focused()
    go_on(app, STEPS, "done")
    expect(row).to_contain_text("Finished")
    expect(page.locator("#runs-live")).not_to_have_attribute("hx-trigger", "every 4s")


def test_a_page_that_gets_no_answer_stays_and_says_so(app, page, home):
    page.goto(f"{home}/1")
    page.route("**/progress*", lambda route: route.fulfill(status=503, body="<h1>Busy</h1>", content_type="text/html"))
    toast = page.locator(".toast")
    expect(toast).to_contain_text("The server gives no answer.")
    expect(page.locator("#run-top h2")).to_contain_text("Step 42 of 189")
    page.unroute("**/progress*")
    go_on(app, 63)
    expect(page.locator("#run-top h2")).to_contain_text("Step 63 of 189")
    expect(toast).to_have_count(0)


def test_a_double_click_starts_one_run(app, page, home):
    page.goto(f"{home}/new")
    expect(page.locator("#ready").get_by_role("heading", name="Ready to start")).to_be_visible()
    page.get_by_role("button", name="Start run 3").dblclick()
    page.wait_for_url(f"**{home}/3")
    with app.app_context():
        assert len(training.list_runs(int(home.split("/")[2]))) == 3

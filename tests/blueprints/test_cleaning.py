"""The clean page: nothing before it is asked for, the exact words before the deed, and the way back after it."""

import re

import pytest

from app.core.cleaning import Step
from app.core.record import Record
from app.services import entries, history, pairs, tasks
from app.services.cleaning import CLEAN, SUGGEST, CleaningOptions, CleaningRun, SuggestRun
from tests import factories
from tests.pages import as_shown


@pytest.fixture
def dataset_id(app):
    with app.app_context():
        return factories.dataset(count=0)


@pytest.mark.parametrize("kind", ["other dataset", "other work"])
def test_a_run_is_shown_in_its_own_dataset_only(app, client, dataset_id, kind):
    with app.app_context():
        other = factories.dataset("Other")
        wish = CleaningOptions((Step("trim"),))
        run = CleaningRun(other, wish), SuggestRun(dataset_id)
        job = tasks.enqueue(CLEAN, run[0]) if kind == "other dataset" else tasks.enqueue(SUGGEST, run[1])
        job_id = job.id
    assert client.get(f"/datasets/{dataset_id}/clean/runs/{job_id}").status_code == 404
    if kind == "other dataset":
        assert client.get(f"/datasets/{other}/clean/runs/{job_id}").status_code == 200


def clean_address(answer):
    assert answer.status_code == 303
    return answer.headers["Location"]


def test_the_selected_pairs_of_the_list_are_cleaned(app, client, dataset_id):
    with app.app_context():
        history.create(dataset_id, [Record(f"q{n}", "a <b>bold</b> word") for n in range(3)], summary="Add")
        first, second, _ = (one.id for one in entries.stream_entries(dataset_id))
    data = {"action": "clean", "id": [first, second]}
    address = clean_address(client.post(f"/datasets/{dataset_id}/pairs/actions", data=data))
    page = client.get(f"{address}&op=strip-html").text
    assert "the 2 selected pairs" in page and "Change 2 pairs" in page


def test_all_that_match_in_the_list_are_cleaned(app, client, dataset_id):
    with app.app_context():
        records = [Record("red", "<b>1</b>"), Record("red", "<b>2</b>"), Record("blue", "<b>3</b>")]
        history.create(dataset_id, records, summary="Add")
    listed = client.get(f"/datasets/{dataset_id}/pairs?q=red").text
    assert "Clean 2 pairs…" in listed
    data = {"action": "clean", "all": "1", "id": ["1"]}
    address = clean_address(client.post(f"/datasets/{dataset_id}/pairs/actions?q=red&order=oldest", data=data))
    page = client.get(f"{address}&op=strip-html").text
    assert "the 2 filtered pairs" in page and "Change 2 pairs" in page
    assert "Change 3 pairs" in client.get(f"{address}&op=strip-html&scope=all").text


@pytest.fixture
def words(app, dataset_id):
    """The ids of three pairs: two hold HTML, and one of them nothing else."""
    with app.app_context():
        history.create(
            dataset_id, [Record("a", "<b>bold</b>"), Record("b", "<br>"), Record("c", "plain")], summary="Add"
        )
        return [one.id for one in entries.stream_entries(dataset_id)]


def answers(app, dataset_id):
    with app.app_context():
        return [entry.answer for entry in entries.stream_entries(dataset_id)]


def token(page):
    return re.search(r'name="seen" value="(\w+)"', page)[1]


STRIP = {"op": "strip-html", "asked": "1", "o.entities": "1", "field": "answer"}


def preview(client, dataset_id, **more):
    return client.get(f"/datasets/{dataset_id}/clean", query_string={**STRIP, **more}).text


def test_nothing_happens_by_looking(app, client, dataset_id, words):
    page = as_shown(re.sub(r"<[^>]+>", "", preview(client, dataset_id)))
    assert "2 of 3 pairs change; 1 becomes empty." in page
    assert "Becomes empty" in page and "Change 2 pairs" in page
    assert answers(app, dataset_id) == ["<b>bold</b>", "<br>", "plain"]


def test_the_ticked_pairs_change_and_the_toast_takes_them_back(app, client, dataset_id, words):
    data = {**STRIP, "seen": token(preview(client, dataset_id)), "shown": f"{words[0]},{words[1]}", "take": words[0]}
    page = client.post(f"/datasets/{dataset_id}/clean", data=data, follow_redirects=True).text
    assert answers(app, dataset_id) == ["bold", "<br>", "plain"]
    assert 'class="toast"' in page and f'action="/datasets/{dataset_id}/history/undo"' in page
    client.post(f"/datasets/{dataset_id}/history/undo", data={"number": "2"})
    assert answers(app, dataset_id) == ["<b>bold</b>", "<br>", "plain"]


def test_what_was_unticked_stays_so_in_the_preview_after_the_run(app, client, dataset_id, words):
    data = {**STRIP, "seen": token(preview(client, dataset_id)), "shown": f"{words[0]},{words[1]}", "take": words[0]}
    page = as_shown(client.post(f"/datasets/{dataset_id}/clean", data=data, follow_redirects=True).text)
    assert "You unticked 1, so 0 pairs will change." in page
    box = re.search(rf'name="take" value="{words[1]}"[^>]*>', page)[0]
    assert "checked" not in box
    assert re.search(r"<button [^>]*disabled[^>]*>Change 0 pairs", page)
    again = {**STRIP, "seen": token(page), "leave": re.search(r'name="leave" value="([\d,]*)"', page)[1]}
    client.post(f"/datasets/{dataset_id}/clean", data=again)
    assert answers(app, dataset_id) == ["bold", "<br>", "plain"]


def test_more_unticked_pairs_than_an_address_holds_leave_no_operation_open(client, dataset_id, words, monkeypatch):
    monkeypatch.setattr("app.blueprints.cleaning.MOST_NAMED", 0)
    data = {**STRIP, "seen": token(preview(client, dataset_id)), "shown": f"{words[0]},{words[1]}", "take": words[0]}
    page = client.post(f"/datasets/{dataset_id}/clean", data=data, follow_redirects=True).text
    assert "Write the text to find." in page and 'name="take"' not in page


def test_a_form_that_was_changed_since_the_preview_changes_nothing(app, client, dataset_id, words):
    data = {**STRIP, "seen": token(preview(client, dataset_id)), "field": "question"}
    assert client.post(f"/datasets/{dataset_id}/clean", data=data).status_code == 409
    assert answers(app, dataset_id) == ["<b>bold</b>", "<br>", "plain"]


def test_a_pair_edited_since_the_preview_is_left_alone_and_listed(app, client, dataset_id, words):
    seen = token(preview(client, dataset_id))
    with app.app_context():
        pairs.save_pair(dataset_id, words[0], {"answer": "<i>new</i>"}, version=1)
    page = client.post(f"/datasets/{dataset_id}/clean", data={**STRIP, "seen": seen}, follow_redirects=True).text
    assert answers(app, dataset_id) == ["<i>new</i>", "", "plain"]
    assert "1 pair left alone." in page and "It was edited since the preview." in page


def test_the_views_show_their_pairs_only(client, dataset_id, words):
    assert "Change pair" in preview(client, dataset_id, view="emptied")
    assert preview(client, dataset_id, view="emptied").count('name="take"') == 1
    assert preview(client, dataset_id, order="size").count('name="take"') == 2


def test_a_slow_pattern_is_told_and_changes_nothing(app, client, dataset_id):
    with app.app_context():
        history.create(dataset_id, [Record("q", "b"), Record("q", "a" * 50 + "!")], summary="Add")
    asked = {"op": "find-replace", "asked": "1", "o.find": "^(a|aa)+$", "o.mode": "regex", "field": "answer"}
    page = client.get(f"/datasets/{dataset_id}/clean", query_string=asked).text
    assert "The pattern is too slow." in page and page.count("Nothing was changed.") == 1


@pytest.mark.parametrize(
    ("pattern", "says"),
    [("(", "character 2"), (r"\p{Foo}", "character 8"), ("[a", "character 3")],
)
def test_a_wrong_pattern_is_refused_with_its_place(client, dataset_id, words, pattern, says):
    asked = {"op": "find-replace", "asked": "1", "o.find": pattern, "o.mode": "regex", "field": "answer"}
    page = client.get(f"/datasets/{dataset_id}/clean", query_string=asked).text
    assert f"The pattern cannot be read at {says}" in page and 'aria-invalid="true"' in page


def test_an_option_that_nobody_filled_in_yet_is_no_mistake(client, dataset_id, words):
    page = client.get(f"/datasets/{dataset_id}/clean?op=find-replace").text
    assert "Write the text to find." in page and "aria-invalid" not in page


def test_a_mask_says_that_the_history_holds_the_originals(app, client, dataset_id):
    with app.app_context():
        history.create(dataset_id, [Record("q", "Write to ann@example.org.")], summary="Add")
    asked = {"op": "mask"}
    seen = token(client.get(f"/datasets/{dataset_id}/clean", query_string=asked).text)
    page = client.post(f"/datasets/{dataset_id}/clean", data={**asked, "seen": seen}, follow_redirects=True).text
    assert answers(app, dataset_id) == ["Write to [EMAIL_1]."]
    assert "Forget the originals…" in page and "The history still holds the originals" in page
    client.post(f"/datasets/{dataset_id}/history/2/forget")
    assert "ann@example.org" not in client.get(f"/datasets/{dataset_id}/history?step=2").text


def test_each_text_has_its_own_direction_whatever_stands_before_it(app, client, dataset_id):
    with app.app_context():
        history.create(dataset_id, [Record("ماهي <b>الدول</b>", "نعم")], summary="Add")
    page = preview(client, dataset_id, field="question")
    assert 'dir="auto"><bdi class="muted sm">Question:</bdi> ماهي ' in page

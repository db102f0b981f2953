"""Recipes on the clean page: begun, changed, exchanged as files, suggested, taken from the history, run elsewhere."""

import io
import json
import re

import pytest

from app.core.record import Record
from app.services import entries, history
from app.services.cleaning import recipes
from tests import factories

STRIP = {"op": "strip-html", "asked": "1", "o.entities": "1", "field": "answer"}
TRIM = {"op": "trim", "asked": "1", "o.ends": "1", "field": "answer"}


@pytest.fixture
def dataset_id(app):
    with app.app_context():
        made = factories.dataset(count=0)
        history.create(made, [Record("a", "<b>bold</b> "), Record("b", "plain")], summary="Add")
        return made


def saved(app):
    with app.app_context():
        [row] = recipes.list_recipes()
        return row.id, row.name, [one.operation for one in recipes.value_of(row).steps]


def begin(client, dataset_id):
    """Begin a recipe with one step and add a second; its id."""
    first = client.post(f"/datasets/{dataset_id}/recipes", data=STRIP).headers["Location"]
    recipe = re.search(r"recipe=(\d+)", first)[1]
    client.post(f"/datasets/{dataset_id}/recipes", data={**TRIM, "recipe": recipe})
    return recipe


def do(client, dataset_id, recipe, what, **more):
    return client.post(f"/datasets/{dataset_id}/recipes/{recipe}", data={"do": what, **more}, follow_redirects=True)


def test_steps_are_added_moved_and_taken_out(app, client, dataset_id):
    recipe = begin(client, dataset_id)
    assert saved(app)[2] == ["strip-html", "trim"]
    do(client, dataset_id, recipe, "down:0")
    assert saved(app)[2] == ["trim", "strip-html"]
    do(client, dataset_id, recipe, "drop:0")
    assert saved(app)[2] == ["strip-html"]
    do(client, dataset_id, recipe, "rename", name="Weekly")
    assert saved(app)[1] == "Weekly"


def test_a_deleted_recipe_comes_back(app, client, dataset_id):
    recipe = begin(client, dataset_id)
    page = do(client, dataset_id, recipe, "delete")
    assert f"/recipes/{recipe}/restore" in page.text
    with app.app_context():
        assert recipes.list_recipes() == []
    client.post(f"/datasets/{dataset_id}/recipes/{recipe}/restore")
    assert saved(app)[2] == ["strip-html", "trim"]


def test_a_recipe_goes_out_as_a_file_and_comes_in_again(app, client, dataset_id):
    recipe = begin(client, dataset_id)
    do(client, dataset_id, recipe, "rename", name="Weekly")
    file = client.get(f"/datasets/{dataset_id}/recipes/{recipe}.json")
    assert [one["operation"] for one in json.loads(file.data)["steps"]] == ["strip-html", "trim"]
    do(client, dataset_id, recipe, "delete")
    data = {"file": (io.BytesIO(file.data), "weekly.json")}
    page = client.post(f"/datasets/{dataset_id}/recipes/file", data=data, follow_redirects=True).text
    assert "taken in: 2 steps" in page
    assert saved(app)[2] == ["strip-html", "trim"]


def test_a_recipe_runs_in_another_dataset(app, client, dataset_id):
    recipe = begin(client, dataset_id)
    with app.app_context():
        other = factories.dataset("Other", count=0)
        history.create(other, [Record("x", "<i>slanted</i>  ")], summary="Add")
    asked = {"op": "recipe", "recipe": recipe}
    page = client.get(f"/datasets/{other}/clean", query_string=asked).text
    seen = re.search(r'name="seen" value="(\w+)"', page)[1]
    client.post(f"/datasets/{other}/clean", data={**asked, "asked": "1", "seen": seen})
    with app.app_context():
        assert [one.answer for one in entries.stream_entries(other)] == ["slanted"]


def test_a_recipe_is_suggested(app, client, dataset_id):
    page = client.post(f"/datasets/{dataset_id}/clean/suggest", follow_redirects=True).text
    assert "1 answer holds HTML." in page
    client.post(f"/datasets/{dataset_id}/recipes/suggested")
    assert "html-to-markdown" in saved(app)[2]


def test_a_recipe_is_taken_from_the_history(app, client, dataset_id):
    page = client.get(f"/datasets/{dataset_id}/clean", query_string=STRIP).text
    seen = re.search(r'name="seen" value="(\w+)"', page)[1]
    client.post(f"/datasets/{dataset_id}/clean", data={**STRIP, "seen": seen})
    address = f"/datasets/{dataset_id}/recipes/from-history"
    assert "Strip HTML" in client.get(address).text
    client.post(address, data={"number": "2", "name": "As done"})
    assert saved(app)[1:] == ("As done", ["strip-html"])

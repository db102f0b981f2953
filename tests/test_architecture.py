"""The recipes in ``docs/architecture.md`` are true: they name what there is, and whoever follows them gets what they say."""

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from jinja2 import ChoiceLoader, DictLoader

from app import blueprints, create_app
from app.core.cleaning import OPERATIONS
from app.core.validation import RULES
from app.models import close_cleanly
from app.services import datasets, tasks
from tests import factories

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^### Add an? (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S))


@pytest.fixture
def make_app(data_dir: Path) -> Iterator[Callable[[], Flask]]:
    """Makes the application with what is registered now."""
    made: list[Flask] = []

    def make() -> Flask:
        made.append(create_app({"LTT_DATA_DIR": str(data_dir), "TESTING": True, "LTT_LOG_LEVEL": "WARNING"}))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            close_cleanly()


def blocks(recipe: str, language: str) -> list[str]:
    """The programs of a recipe in a language."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", RECIPES[recipe], re.M | re.S)
    return [textwrap.dedent(block) for block in found]


def test_there_is_a_recipe_for_what_is_added_most() -> None:
    assert set(RECIPES) >= {"layout", "operation", "page", "rule", "task"}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_names_files_that_exist(recipe: str) -> None:
    paths = re.findall(r"`((?:app|docs|templates|tests|static)/[\w./]+\.\w+)`", RECIPES[recipe])
    assert paths
    for path in paths:
        # A new file stands where others of its kind stand.
        place = path.partition("NAME")[0].rpartition("/")[0] if "NAME" in path else path
        assert (ROOT / place).exists(), path


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_names_what_stands_in_the_files(recipe: str) -> None:
    for names, path in re.findall(r"((?:`\w+`(?:, | or | and )?)+) (?:of|in) `([\w./]+\.\w+)`", RECIPES[recipe]):
        text = (ROOT / path).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"\b{name}\b", text), f"{name} is not in {path}"


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_program_of_a_recipe_can_be_read(recipe: str) -> None:
    for block in blocks(recipe, "python"):
        compile(block, recipe, "exec")


def test_a_task_that_follows_the_recipe_runs(context, own_tasks) -> None:
    space: dict[str, Any] = {"__name__": "app.services.counting"}
    exec("\n".join(blocks("task", "python")), space)
    dataset_id = factories.dataset(count=3)
    job = tasks.start(space["COUNT"], space["CountRun"](dataset_id))
    assert (job.state, job.title, job.result["pairs"]) == ("done", "Count the pairs", 3)


def test_an_operation_that_follows_the_recipe_is_everywhere(make_app, ltt, tmp_path) -> None:
    try:
        exec("\n".join(blocks("operation", "python")), {"__name__": "app.core.cleaning.shouting"})
        for before, after in OPERATIONS["shout"].examples:
            (tmp_path / "a.csv").write_text(f"question,answer\nHow?,{before}\n", encoding="utf-8")
            cleaned = ltt("clean", tmp_path / "a.csv", "--operation", "shout", "--field", "answer", "--out", "-")
            assert cleaned.out.splitlines() == ["question,answer", f"How?,{after}"]
        app = make_app()
        with app.app_context():
            page = f"/datasets/{datasets.create_dataset('Tests').id}/clean?op=shout"
        client = app.test_client()
        assert "What each text ends with." in client.get(page).text
        assert "shout" in [one["name"] for one in client.get("/api/v1/operations").json["operations"]]
    finally:
        OPERATIONS.pop("shout", None)


def test_a_rule_that_follows_the_recipe_is_found_by_a_profile_that_names_it(ltt, data_dir, tmp_path) -> None:
    try:
        exec("\n".join(blocks("rule", "python")), {"__name__": "app.core.validation.rules.shouting"})
        (data_dir / "profiles").mkdir()
        own = {"extends": "plain", "rules": {"shouted": "hint"}}
        (data_dir / "profiles" / "quiet.json").write_text(json.dumps(own), encoding="utf-8")
        rows = [*RULES["shouted"].good, *RULES["shouted"].bad]
        (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        found = ltt("validate", tmp_path / "a.jsonl", "--profile", "quiet", "--json").json["findings"]
        assert [(one["code"], one["record"], one["path"]) for one in found] == [("shouted", 2, "messages[0].content")]
    finally:
        RULES.pop("shouted", None)


def test_a_page_that_follows_the_recipe_is_served(make_app, monkeypatch) -> None:
    module = ModuleType("app.blueprints.shelf")
    exec("\n".join(blocks("page", "python")), vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(blueprints, "PAGES", (*blueprints.PAGES, "shelf"))
    app = make_app()
    app.jinja_env.loader = ChoiceLoader(
        [DictLoader({"shelf/index.html": blocks("page", "html")[0]}), app.jinja_env.loader]
    )
    answer = app.test_client().get("/shelf")
    assert answer.status_code == 200 and "<h1>Shelf</h1>" in answer.text

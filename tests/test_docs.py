"""The documentation names what there is, and no file holds what must not be published."""

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from werkzeug.routing import Map

from app import blueprints, config, create_app
from app import cli as command_line
from app.blueprints import api
from app.core import layouts
from app.core.cleaning import OPERATIONS, option_fields
from app.core.formats import FORMATS
from app.core.layouts import LAYOUTS, Layout
from app.services import tasks

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = {
    ".git",
    ".venv",
    ".venv-readers",
    ".venv-trainers",
    ".import_linter_cache",
    "instance",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    ".coverage",
}
TEXT = {".py", ".md", ".html", ".js", ".css", ".toml", ".in", ".lock", ".txt", ".ini", ".mako", ".json", ".svg", ""}

sys.path.insert(0, str(ROOT / "docs"))
generate = importlib.import_module("generate")


def files() -> Iterator[Path]:
    """Every text file of the project."""
    for path in sorted(ROOT.rglob("*")):
        if path.is_file() and path.suffix in TEXT and not SKIPPED & set(path.relative_to(ROOT).parts):
            yield path


@pytest.fixture(scope="module")
def documented() -> str:
    """README and the pages of docs/, decisions aside."""
    return "\n".join(path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", generate.PAGES)
def test_the_reference_is_up_to_date(page: str) -> None:
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert written == generate.PAGES[page](), "run: python docs/generate.py"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_in_the_readme(name: str) -> None:
    assert f"`{name}`" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", [one.name for one in pkgutil.iter_modules(layouts.__path__, "app.core.layouts.")])
def test_every_layout_module_is_registered(module: str) -> None:
    found = [one for one in vars(importlib.import_module(module)).values() if isinstance(one, Layout)]
    assert not [one.name for one in found if LAYOUTS.get(one.name) is not one]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_cleaning_operation_is_documented_with_its_options(name: str) -> None:
    page = (ROOT / "docs" / "cleaning.md").read_text(encoding="utf-8")
    assert f"### `{name}`" in page
    section = page.partition(f"### `{name}`")[2].partition("\n### ")[0]
    assert not [field.name for field in option_fields(OPERATIONS[name]) if f"`{field.name}`" not in section]


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Map:
    """The addresses of all pages."""
    return create_app({"LTT_DATA_DIR": str(tmp_path_factory.mktemp("routes")), "LTT_LOG_LEVEL": "ERROR"}).url_map


@pytest.mark.parametrize("task", tasks.all_tasks(), ids=lambda task: task.name)
def test_every_task_is_documented_and_has_a_page_for_its_result(task: tasks.Task[Any], routes: Map) -> None:
    assert f"| `{task.name}` |" in (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")
    endpoint, names = task.result_page
    [rule] = [one for one in routes.iter_rules(endpoint) if "GET" in (one.methods or ())]
    assert rule.arguments == set(names)


@pytest.mark.parametrize("name", config.SETTINGS)
def test_every_setting_is_documented_with_its_meaning(name: str, documented: str) -> None:
    assert f"`{name}`" in documented
    assert config.SETTINGS[name].meaning.endswith(".")


def test_no_other_setting_is_named_anywhere() -> None:
    others = {"LTT_CORPUS_DIR"}
    for path in files():
        if path.suffix in (".py", ".md", ".html"):
            names = set(re.findall(r"\bLTT_[A-Z][A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
            assert not names - set(config.SETTINGS) - others, path


def test_every_command_has_a_help() -> None:
    for name in command_line.COMMANDS:
        command = command_line.cli.get_command(click.Context(command_line.cli), name)
        assert command is not None
        assert command.help, name


def test_every_command_module_is_registered() -> None:
    registered = {place.partition(":")[0] for place in command_line.COMMANDS.values()}
    for module in pkgutil.iter_modules(command_line.__path__, "app.cli."):
        found = importlib.import_module(module.name)
        own = [one for one in vars(found).values() if isinstance(one, click.Command)]
        if own and not module.name.rpartition(".")[2].startswith("_"):
            assert module.name in registered, f"{module.name} is not in COMMANDS"


def test_every_page_module_is_registered() -> None:
    for module in pkgutil.iter_modules(blueprints.__path__):
        if hasattr(importlib.import_module(f"app.blueprints.{module.name}"), "bp"):
            assert module.name in blueprints.PAGES, f"{module.name} is not in PAGES"


def test_every_api_module_is_registered() -> None:
    for module in pkgutil.iter_modules(api.__path__):
        if hasattr(importlib.import_module(f"app.blueprints.api.{module.name}"), "bp"):
            assert module.name in api.MODULES, f"{module.name} is not in MODULES"


# Spelt in parts, so that this file does not hold what it looks for.
INDEX_HOSTS = ("pypi" + ".org", "python" + "hosted.org", "registry.npm" + "js.org", "npm" + "js.com", "unpkg" + ".com")
PRIVATE = ("../" + "shared", "/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "TE" + "AM.md", "DECI" + "SIONS.md")


@pytest.mark.parametrize("text", INDEX_HOSTS)
def test_no_file_names_a_package_index(text: str) -> None:
    assert [path for path in files() if text in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("text", PRIVATE)
def test_no_file_names_a_place_outside_the_project(text: str) -> None:
    assert [path for path in files() if text in path.read_text(encoding="utf-8")] == [ROOT / ".ci/run"] * (
        text == PRIVATE[0]
    )


# What would let text of users become markup. Files of others in static/vendor are not ours to judge.
UNSAFE = ("inner" + "HTML", "insertAdjacent" + "HTML", "outer" + "HTML", "document.wri" + "te", "eval" + "(")


def test_no_script_makes_markup_of_text() -> None:
    for path in (ROOT / "static").rglob("*.js"):
        if "vendor" not in path.parts:
            assert not [word for word in UNSAFE if word in path.read_text(encoding="utf-8")], path


def test_no_template_switches_escaping_off() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape|<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son[a-z]+=", text), path


def test_no_line_of_a_template_is_longer_than_120_letters() -> None:
    paths = sorted((ROOT / "templates").rglob("*.html"))
    lines = [(path.name, line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    assert [f"{name}: {line.strip()}" for name, line in lines if len(line) > 120] == []


def test_links_in_the_documentation_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def pictures(path):
    return [path.parent / name for name in re.findall(r"!\[[^\]]+\]\(([^)]+\.png)\)", path.read_text(encoding="utf-8"))]


def test_every_picture_is_there_and_is_shown_somewhere():
    shown = {one.resolve() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")] for one in pictures(path)}
    assert shown == {one.resolve() for one in (ROOT / "docs" / "img").iterdir()}


def test_the_readme_begins_with_what_it_is_a_picture_and_two_commands():
    _, what, picture, commands, *_ = (ROOT / "README.md").read_text(encoding="utf-8").split("\n\n")
    assert what.startswith("A workbench for") and picture.startswith("![")
    assert [line.split("#")[0].strip() for line in commands.splitlines()] == ["python3 run.py", "python3 run.py test"]


def recipe(title: str) -> set[str]:
    """The files that a recipe of docs/architecture.md names."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition(f"### {title}\n")[2].partition("\n#")[0]
    return set(re.findall(r"`([a-z]+/[\w/.]+\.(?:py|md))`", section))


def test_a_layout_is_known_to_the_files_of_its_recipe_only() -> None:
    knowing = {str(path.relative_to(ROOT)) for path in files() if "squad" in path.read_text(encoding="utf-8").lower()}
    # The tree in SQuAD's files is a matter of the format JSON, and the recipe itself names its model.
    others = {"app/core/formats/documents.py", "docs/architecture.md", "docs/import.md", "CHANGELOG.md"}
    assert recipe("Add a layout") == {
        name for name in knowing - others if not name.startswith("tests/") or name.endswith("test_layouts.py")
    }

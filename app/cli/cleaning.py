"""``ltt clean``: change texts in bulk, in a dataset or in a file."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.files import open_output, open_source, target_like
from app.cli.options import READING, takes_options
from app.cli.workspace import open_workspace
from app.core.reading import ReadSettings, plan_reading

if TYPE_CHECKING:
    from app.core.cleaning import Recipe, Step

FIELDS = ("question", "answer", "reasoning", "system", "turns", "all")


@click.command()
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--dataset", metavar="D", help="Clean this dataset instead of a file: name or id.")
@click.option("--remove", metavar="TEXT", help="Remove a text wherever it stands.")
@click.option("--replace", "replace_", nargs=2, metavar="OLD NEW", help="Replace a text by another.")
@click.option("--regex", is_flag=True, help="Read the text of --remove or --replace as a regular expression.")
@click.option("--operation", "operations", multiple=True, metavar="NAME", help="Run an operation; can be given again.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the one operation given.")
@click.option("--recipe", metavar="FILE", help="Run the steps of a recipe file, or of a saved recipe by name.")
@click.option("--suggest", is_flag=True, help="Print a recipe of what could be cleaned, as JSON, and change nothing.")
@click.option("--field", "fields", multiple=True, type=click.Choice(FIELDS), help="Where; can be given again.")
@click.option("--in-code", is_flag=True, help="Also inside code blocks and inline code.")
@click.option("--query", metavar="Q", help="Only pairs of the dataset that hold this text.")
@click.option("--status", "statuses", multiple=True, help="Only pairs of this status; can be given again.")
@click.option("--tag", "tags", multiple=True, help="Only pairs with this tag; can be given again.")
@click.option("--dry-run", is_flag=True, help="Count what would change, and change nothing.")
@click.option("--out", metavar="FILE", help="Write the cleaned file here (- is stdout); without it, only count.")
@takes_options(ReadSettings, "settings", READING, allow_unanswered=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def clean(file: str | None, dataset: str | None, suggest: bool, as_json: bool, **choices: Any) -> int:
    """Clean FILE (- is stdin) or a dataset. A run over a dataset is one step of its history and can be undone."""
    if (file is None) == (dataset is None):
        raise click.UsageError("Name a FILE, or a dataset by --dataset D.")
    if dataset is not None and choices["out"]:
        raise click.UsageError("--out is for files. A dataset is changed in place; its history takes it back.")
    if suggest:
        return _suggest(file, dataset, choices)
    if dataset is not None:
        return _Dataset(dataset, choices, as_json).run()
    return _File(str(file), choices, as_json).run()


def _recipe(choices: dict[str, Any], saved: Any = None) -> "Recipe":
    """The steps that the options name. Raises BadUsage where none or too much is said."""
    from app.core.cleaning import Recipe
    from app.core.errors import BadUsage

    given = [name for name in ("remove", "replace_", "operations", "recipe") if choices[name]]
    if len(given) != 1:
        raise BadUsage("Say what to do, once: --remove, --replace, --operation or --recipe.")
    if given == ["recipe"]:
        return _recipe_file(choices["recipe"], saved)
    return Recipe("", tuple(_steps(choices)))


def _recipe_file(name: str, saved: Any) -> "Recipe":
    from app.core.cleaning import Recipe
    from app.core.errors import NotFound

    path = Path(name)
    if name != "-" and not path.exists() and saved is not None:
        found: Recipe | None = saved(name)
        if found is None:
            raise NotFound(f"There is no recipe file and no saved recipe “{name}”.")
        return found
    data = sys.stdin.buffer.read() if name == "-" else path.read_bytes()
    from app.core.cleaning.files import recipe_of

    return recipe_of(data, path.stem)


def _steps(choices: dict[str, Any]) -> "list[Step]":
    from app.core.cleaning import OPERATIONS, TEXT_FIELDS, Step
    from app.core.cleaning.base import find_operation

    mode = {"mode": "regex"} if choices["regex"] else {}
    keep = False if choices["in_code"] else None
    fields = TEXT_FIELDS if "all" in choices["fields"] else tuple(dict.fromkeys(choices["fields"]))
    if choices["remove"]:
        return [Step("remove-text", {"text": choices["remove"], **mode}, fields, keep)]
    if choices["replace_"]:
        old, new = choices["replace_"]
        return [Step("find-replace", {"find": old, "replace": new, **mode}, fields, keep)]
    names = choices["operations"]
    options = _options(names, choices["options"])
    return [
        Step(find_operation(name).name, options, fields if OPERATIONS[name].choose_fields else (), keep)
        for name in names
    ]


def _options(names: tuple[str, ...], given: tuple[str, ...]) -> dict[str, Any]:
    """KEY=VALUE as the options of the one operation, each in its own type."""
    from app.core.cleaning import option_fields
    from app.core.cleaning.base import find_operation
    from app.core.errors import BadUsage

    if given and len(names) != 1:
        raise BadUsage("--option is for one --operation. For more of them write a recipe file.")
    kinds = {one.name: type(one.default) for one in option_fields(find_operation(names[0]))} if given else {}
    found: dict[str, Any] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals:
            raise BadUsage(f"--option takes KEY=VALUE, not {one!r}.")
        found[name] = _typed(text, kinds.get(name, str))
    return found


def _typed(text: str, kind: type) -> str | int | bool:
    if kind is bool and text in ("true", "false"):
        return text == "true"
    if kind is int and text.isascii() and text.isdigit():
        return int(text)
    return text


class _Dataset:
    """One command over a dataset."""

    def __init__(self, name: str, choices: dict[str, Any], as_json: bool) -> None:
        self.name, self.choices, self.as_json = name, choices, as_json

    def run(self) -> int:
        """Preview or apply; returns the exit code."""
        from app.services import datasets
        from app.services.cleaning import CleaningOptions, saved
        from app.services.entries import Filters

        with open_workspace():
            found = datasets.find_dataset(self.name)
            recipe = _recipe(self.choices, saved)
            filters = Filters(self.choices["query"] or "", self.choices["statuses"], tags=self.choices["tags"])
            wish = CleaningOptions(recipe.steps, filters, recipe.name)
            return self._preview(found.id, wish) if self.choices["dry_run"] else self._apply(found.id, wish)

    def _preview(self, dataset_id: int, wish: Any) -> int:
        from app.services import cleaning

        seen = cleaning.scan_dataset(dataset_id, wish)
        facts = {"matched": seen.affected + seen.kept, "changed": seen.affected, "emptied": seen.emptied}
        more = {"duplicates": seen.duplicates, "deleted": seen.deleted, "created": seen.created, "kept": seen.kept}
        self._tell({**facts, "change_set": None, "dry_run": True, **more}, f"{seen.sentence}.")
        return 0

    def _apply(self, dataset_id: int, wish: Any) -> int:
        from app.services import tasks
        from app.services.cleaning import CLEAN, CleaningRun

        show = _show if sys.stderr.isatty() else None
        job = tasks.start(CLEAN, CleaningRun(dataset_id, wish), here=True, show=show)
        facts: dict[str, Any] = job.result or {}
        self._tell(facts, str(facts.get("summary")))
        for one in [*facts.get("skipped", []), *facts.get("kept", [])] if not self.as_json else []:
            click.echo(f"Pair {one['entry']} was left alone: {one['reason']}", err=True)
        return 1 if facts.get("skipped_count") or facts.get("kept") else 0

    def _tell(self, facts: dict[str, Any], text: str) -> None:
        if self.as_json:
            click.echo(json.dumps(facts, ensure_ascii=False))
        else:
            click.echo(text, err=True)


class _File:
    """One command over a file."""

    def __init__(self, file: str, choices: dict[str, Any], as_json: bool) -> None:
        self.file, self.choices, self.as_json = file, choices, as_json

    def run(self) -> int:
        """Clean the file, or count; returns the exit code."""
        from app.core import conversion
        from app.core.cleaning import compile_recipe
        from app.core.cleaning.files import FileCleaner
        from app.core.layouts import LayoutOptions
        from app.core.spec import Spec

        cleaner = FileCleaner(compile_recipe(_recipe(self.choices).steps))
        source = open_source(self.file)
        settings, _ = plan_reading(source, self.choices["settings"])
        out = self.choices["out"]
        if out is None or self.choices["dry_run"]:
            spec = Spec("jsonl", settings.layout)
            run_ = conversion.Conversion(settings, spec, LayoutOptions(keep_extra=True), change=cleaner)
            for _ in run_.rows(source):
                pass
            return self._tell(cleaner, run_.report, "Nothing was written.")
        spec = target_like(settings, out)
        with open_output(out, reads=self.file) as target:
            report = conversion.convert(source, target, settings, spec, keep_extra=True, change=cleaner)
        return self._tell(cleaner, report, "")

    def _tell(self, done: Any, report: Any, more: str) -> int:
        facts = {
            "matched": done.matched,
            "changed": done.changed + done.deleted,
            "emptied": done.emptied,
            "change_set": None,
            "deleted": done.deleted,
            "kept": done.kept,
            "records_in": report.records_in,
            "written": 0 if more else report.written,
            "quarantined": report.quarantined,
        }
        to_stdout = self.choices["out"] == "-" and not more
        if self.as_json:
            print(json.dumps(facts, ensure_ascii=False), file=sys.stderr if to_stdout else sys.stdout)
        else:
            text = (
                f"{facts['changed']:,} of {report.records_in:,} records change, {done.emptied:,} become empty. {more}"
            )
            click.echo(text.strip(), err=True)
            for bad in report.bad_rows[:10]:
                click.echo(bad.reason, err=True)
        return 1 if report.quarantined or done.kept else 0


def _suggest(file: str | None, dataset: str | None, choices: dict[str, Any]) -> int:
    """Print a recipe of what could be cleaned."""
    from app.core.cleaning import Recipe
    from app.core.cleaning.detect import suggest_steps, suggested_steps

    if dataset is not None:
        from app.services import datasets
        from app.services.cleaning import suggesting

        with open_workspace():
            found = suggesting.suggest_for_dataset(datasets.find_dataset(dataset).id).found
    else:
        from app.core.formats import BadRow
        from app.core.reading import read_records

        source = open_source(str(file))
        settings, _ = plan_reading(source, choices["settings"])
        found = tuple(suggest_steps(item[1] for item in read_records(source, settings) if not isinstance(item, BadRow)))
    for one in found:
        click.echo(one.sentence, err=True)
    click.echo(json.dumps(Recipe("Suggested", suggested_steps(found)).as_dict(), ensure_ascii=False, indent=2))
    return 0


def _show(done: int, total: int | None, message: str) -> None:
    click.echo(f"\r{done:,} {message}", err=True, nl=False)

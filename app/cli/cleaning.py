"""``ltt clean``: change texts in bulk, in a dataset or in a file."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from app.cli.files import open_output, open_source, refuse_live, target_like
from app.cli.options import READING, takes_options
from app.cli.progress import show_progress
from app.cli.workspace import open_workspace, tell_search
from app.core import conversion
from app.core.cleaning import OPERATIONS, TEXT_FIELDS, Recipe, Step, compile_recipe, option_fields
from app.core.cleaning.base import find_operation
from app.core.cleaning.detect import suggest_steps, suggested_steps
from app.core.cleaning.files import FileCleaner, recipe_of
from app.core.errors import BadUsage, NotFound
from app.core.filters import Filters
from app.core.formats import BadRow
from app.core.layouts import LayoutOptions
from app.core.options import read_text
from app.core.reading import ReadSettings, plan_reading, read_records
from app.core.spec import Spec
from app.core.text import plural


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
@click.option(
    "--field", "fields", multiple=True, type=click.Choice([*TEXT_FIELDS, "all"]), help="Where; can be given again."
)
@click.option("--in-code", is_flag=True, help="Also inside code blocks and inline code.")
@takes_options(Filters, "filters")
@click.option("--dry-run", is_flag=True, help="Count what would change, and change nothing.")
@click.option("--out", metavar="FILE", help="Write the cleaned file here (- is stdout); without it, only count.")
@takes_options(ReadSettings, "settings", READING, allow_unanswered=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def clean(
    file: str | None,
    dataset: str | None,
    suggest: bool,
    dry_run: bool,
    out: str | None,
    as_json: bool,
    filters: Filters,
    settings: ReadSettings,
    **choices: Any,
) -> int:
    """Clean FILE (- is stdin) or a dataset. A run over a dataset is one step of its history and can be undone."""
    if (file is None) == (dataset is None):
        raise click.UsageError("Name a FILE, or a dataset by --dataset D.")
    if dataset is not None and out:
        raise click.UsageError("--out is for files. A dataset is changed in place; its history takes it back.")
    if suggest:
        return _suggest(file, dataset, settings)
    if dataset is not None:
        return _clean_dataset(dataset, filters, choices, dry_run=dry_run, as_json=as_json)
    return _clean_file(str(file), settings, choices, None if dry_run else out, as_json=as_json)


def _recipe(choices: dict[str, Any], saved: Any = None) -> Recipe:
    """The steps that the options name. Raises BadUsage where none or too much is said."""
    given = [name for name in ("remove", "replace_", "operations", "recipe") if choices[name]]
    if len(given) != 1:
        raise BadUsage("Say what to do, once: --remove, --replace, --operation or --recipe.")
    if given == ["recipe"]:
        return _named_recipe(choices["recipe"], saved)
    mode = {"mode": "regex"} if choices["regex"] else {}
    keep = False if choices["in_code"] else None
    fields = TEXT_FIELDS if "all" in choices["fields"] else tuple(dict.fromkeys(choices["fields"]))
    if choices["remove"]:
        return Recipe("", (Step("remove-text", {"text": choices["remove"], **mode}, fields, keep),))
    if choices["replace_"]:
        old, new = choices["replace_"]
        return Recipe("", (Step("find-replace", {"find": old, "replace": new, **mode}, fields, keep),))
    names = choices["operations"]
    options = _read_options(names, choices["options"])
    return Recipe(
        "",
        tuple(
            Step(find_operation(name).name, options, fields if OPERATIONS[name].choose_fields else (), keep)
            for name in names
        ),
    )


def _named_recipe(name: str, saved: Any) -> Recipe:
    """A recipe file, or where there is none of that name, a ``saved`` recipe."""
    path = Path(name)
    if name != "-" and not path.exists() and saved is not None:
        found: Recipe | None = saved(name)
        if found is None:
            raise NotFound(f"There is no recipe file and no saved recipe “{name}”.")
        return found
    refuse_live(name)
    return recipe_of(sys.stdin.buffer.read() if name == "-" else path.read_bytes(), path.stem)


def _read_options(names: tuple[str, ...], given: tuple[str, ...]) -> dict[str, Any]:
    """KEY=VALUE as the options of the one operation, each in its own type."""
    if given and len(names) != 1:
        raise BadUsage("--option is for one --operation. For more of them write a recipe file.")
    known = {one.name: one for one in option_fields(find_operation(names[0]))} if given else {}
    found: dict[str, Any] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals:
            raise BadUsage(f"--option takes KEY=VALUE, not {one!r}.")
        found[name] = read_text(known[name], text, OPERATIONS[names[0]].title) if name in known else text
    return found


def _clean_dataset(name: str, filters: Filters, choices: dict[str, Any], *, dry_run: bool, as_json: bool) -> int:
    """Preview or apply; returns the exit code."""
    from app.services import cleaning, datasets, tasks

    with open_workspace():
        dataset_id = datasets.find_dataset(name).id
        recipe = _recipe(choices, cleaning.saved)
        wish = cleaning.CleaningOptions(recipe.steps, filters, recipe.name)
        tell_search(dataset_id, filters.text)
        facts: dict[str, Any] = {}
        if dry_run:
            seen = cleaning.scan_dataset(dataset_id, wish)
            facts |= {"matched": seen.affected + seen.kept, "changed": seen.affected, "emptied": seen.emptied}
            facts |= {"change_set": None, "dry_run": True, "duplicates": seen.duplicates, "deleted": seen.deleted}
            facts |= {"created": seen.created, "kept": seen.kept}
        else:
            show = show_progress if sys.stderr.isatty() else None
            job = tasks.start(cleaning.CLEAN, cleaning.CleaningRun(dataset_id, wish), here=True, show=show)
            facts |= job.result or {}
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
    else:
        click.echo(f"{seen.sentence}." if dry_run else str(facts.get("summary")), err=True)
    if dry_run:
        return 0
    for one in [*facts.get("skipped", []), *facts.get("kept", [])] if not as_json else []:
        click.echo(f"Pair {one['entry']} was left alone: {one['reason']}", err=True)
    return 1 if facts.get("skipped_count") or facts.get("kept") else 0


def _clean_file(file: str, settings: ReadSettings, choices: dict[str, Any], out: str | None, *, as_json: bool) -> int:
    """Clean the file, or without ``out`` count; returns the exit code."""
    cleaner = FileCleaner(compile_recipe(_recipe(choices).steps))
    source = open_source(file)
    settings, _ = plan_reading(source, settings)
    if out is None:
        spec = Spec("jsonl", settings.layout)
        counting = conversion.Conversion(settings, spec, LayoutOptions(keep_extra=True), change=cleaner)
        for _ in counting.rows(source):
            pass
        report = counting.report
    else:
        spec = target_like(settings, out)
        with open_output(out, reads=file) as target:
            report = conversion.convert(source, target, settings, spec, keep_extra=True, change=cleaner)
    changed = cleaner.changed + cleaner.deleted
    if as_json:
        facts = {
            "matched": cleaner.matched,
            "changed": changed,
            "emptied": cleaner.emptied,
            "change_set": None,
            "deleted": cleaner.deleted,
            "kept": cleaner.kept,
            "records_in": report.records_in,
            "written": 0 if out is None else report.written,
            "quarantined": report.quarantined,
        }
        print(json.dumps(facts, ensure_ascii=False), file=sys.stderr if out == "-" else sys.stdout)
    else:
        text = (
            f"{changed:,} of {plural(report.records_in, 'record')} {'changes' if changed == 1 else 'change'}, "
            f"{cleaner.emptied:,} {'becomes' if cleaner.emptied == 1 else 'become'} empty."
        )
        click.echo(text if out is not None else f"{text} Nothing was written.", err=True)
        for bad in report.bad_rows[:10]:
            click.echo(bad.reason, err=True)
    return 1 if report.quarantined or cleaner.kept else 0


def _suggest(file: str | None, dataset: str | None, settings: ReadSettings) -> int:
    """Print a recipe of what could be cleaned."""
    if dataset is not None:
        from app.services import datasets
        from app.services.cleaning import suggesting

        with open_workspace():
            found = suggesting.suggest_for_dataset(datasets.find_dataset(dataset).id).found
    else:
        source = open_source(str(file))
        settings, _ = plan_reading(source, settings)
        found = tuple(suggest_steps(item[1] for item in read_records(source, settings) if not isinstance(item, BadRow)))
    for one in found:
        click.echo(one.sentence, err=True)
    click.echo(json.dumps(Recipe("Suggested", suggested_steps(found)).as_dict(), ensure_ascii=False, indent=2))
    return 0

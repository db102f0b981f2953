"""``ltt history``, ``ltt undo`` and ``ltt redo``; ``ltt forget`` and ``ltt compact``, which nothing takes back."""

import json
import sys

import click

from app.cli.workspace import open_workspace
from app.core.errors import BadUsage
from app.core.text import plural
from app.services import datasets
from app.services import history as service
from app.services.history import Applied


@click.command()
@click.argument("dataset", metavar="D")
@click.option("--limit", default=50, show_default=True, help="How many steps.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def history(dataset: str, limit: int, as_json: bool) -> None:
    """List the steps of dataset D, newest first."""
    with open_workspace():
        steps = service.steps(datasets.find_dataset(dataset).id, size=limit)
        if as_json:
            click.echo(json.dumps({"steps": [service.as_dict(step) for step in steps]}, ensure_ascii=False))
            return
        for step in steps:
            click.echo(f"{step.number}\t{step.state}\t{step.created + step.changed:,}\t{step.summary}")


@click.command()
@click.argument("dataset", metavar="D")
@click.argument("change_set", metavar="[STEP]", type=int, required=False)
@click.option("--anyway", is_flag=True, help="Overwrite what was edited since.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def undo(dataset: str, change_set: int | None, anyway: bool, as_json: bool) -> int:
    """Undo a step of dataset D, by default the newest."""
    with open_workspace():
        result = service.undo(datasets.find_dataset(dataset).id, change_set, anyway=anyway)
        return _tell("Undone", result, as_json)


@click.command()
@click.argument("dataset", metavar="D")
@click.argument("change_set", metavar="[STEP]", type=int, required=False)
@click.option("--anyway", is_flag=True, help="Overwrite what was edited since.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def redo(dataset: str, change_set: int | None, anyway: bool, as_json: bool) -> int:
    """Redo a step of dataset D, by default the one undone last."""
    with open_workspace():
        result = service.redo(datasets.find_dataset(dataset).id, change_set, anyway=anyway)
        return _tell("Done again", result, as_json)


@click.command()
@click.argument("dataset", metavar="D")
@click.argument("change_set", metavar="STEP", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def forget(dataset: str, change_set: int, yes: bool, as_json: bool) -> None:
    """Forget what texts were before a step of dataset D, such as a mask. This cannot be undone."""
    with open_workspace():
        found = datasets.find_dataset(dataset)
        step = service.step(found.id, change_set)
        confirm(
            yes, f"Forget for good what {plural(step.changed, 'pair')} said before step {change_set}, {step.summary}?"
        )
        pairs = service.forget(found.id, change_set)
        warn_of_runs(found.id)
    _say({"forgotten": pairs}, f"The history no longer holds the originals of {plural(pairs, 'pair')}.", as_json)


@click.command()
@click.argument("dataset", metavar="D")
@click.option("--upto", type=int, metavar="STEP", help="Up to and with this step.  [default: all]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compact(dataset: str, upto: int | None, yes: bool, as_json: bool) -> None:
    """Remove what older steps of dataset D would need to be undone. This cannot be undone."""
    with open_workspace():
        found = datasets.find_dataset(dataset)
        last = service.newest_number(found.id) if upto is None else upto
        number = service.count_compactable(found.id, last)
        confirm(yes, f"Compact {plural(number, 'step')}, up to step {last}? They can never be undone or redone again.")
        done = service.compact(found.id, last)
    _say({"compacted": done}, f"Compacted {plural(done, 'step')}. The pairs are as they were.", as_json)


def warn_of_runs(dataset_id: int, snapshot_id: int | None = None) -> None:
    """Say which training runs still hold the texts that they were given, and how to be rid of them."""
    # Half of a second that other commands here need not wait.
    from app.services import training

    if runs := training.list_holding(dataset_id, snapshot_id):
        commands = ", ".join(f"`ltt run {run.id} delete`" for run in runs)
        click.echo(f"Training runs hold what they were given until they are deleted: {commands}.", err=True)


def confirm(yes: bool, question: str) -> None:
    """Go on only when somebody said so: by --yes, or by answering the question on a terminal."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadUsage("This cannot be undone. Add --yes to do it.")
    click.confirm(question, abort=True, err=True)


def _say(facts: dict[str, int], text: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts))
    else:
        click.echo(text, err=True)


def _tell(verb: str, result: Applied, as_json: bool) -> int:
    """Print what happened; the exit code is 1 where pairs were kept because they had been edited since."""
    if as_json:
        click.echo(json.dumps(service.applied_dict(result), ensure_ascii=False))
    else:
        step, pairs = result.step, plural(result.changed, "pair")
        text = f"{verb}: step {step.number}, {step.summary} ({pairs})" if step else "Nothing changed."
        click.echo(text, err=True)
        for skipped in result.skipped:
            click.echo(f"Pair {skipped.entry_id} was kept: {skipped.reason}", err=True)
    return 1 if result.skipped_count else 0

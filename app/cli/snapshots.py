"""``ltt snapshot``, ``ltt snapshots`` and what is done with one: compare, go back, make a dataset, delete."""

import json
import sys
from typing import Any

import click

from app.cli.history import confirm, warn_of_runs
from app.cli.options import takes_options
from app.cli.progress import show_progress
from app.cli.workspace import open_workspace, tell_search
from app.core import difference
from app.core.filters import Filters
from app.core.text import clip, plural
from app.services import datasets, tasks
from app.services import snapshots as service

LISTED = 50


def _run(task: tasks.Task[Any], options: Any) -> dict[str, Any]:
    """Do it in this process; its result."""
    show = show_progress if sys.stderr.isatty() else None
    return dict(tasks.start(task, options, here=True, show=show).result or {})


@click.command()
@click.argument("dataset", metavar="D")
@click.option("--name", default="", help="What to call it.")
@click.option("--note", default="", help="What to remember of it.")
@takes_options(Filters, "filters")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def snapshot(dataset: str, name: str, note: str, filters: Filters, as_json: bool) -> None:
    """Freeze the pairs of dataset D as a version that never changes."""
    with open_workspace():
        run = service.FreezeRun(datasets.find_dataset(dataset).id, name, note, filters)
        tell_search(run.dataset_id, filters.text)
        made = _run(service.FREEZE, run)
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False))
    else:
        click.echo(f"{made['snapshot']}: {plural(made['records'], 'pair')}, {made['hash']}")


@click.command()
@click.argument("dataset", metavar="D")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def snapshots(dataset: str, limit: int, as_json: bool) -> None:
    """List the snapshots of dataset D, newest first."""
    with open_workspace():
        found = service.list_snapshots(datasets.find_dataset(dataset).id, size=limit)
        listed: list[dict[str, Any]] = [
            {**service.as_dict(one), "used_by": [use.title for use in service.uses_of(one.id)]} for one in found
        ]
    if as_json:
        click.echo(json.dumps({"snapshots": listed}, ensure_ascii=False))
        return
    for one in listed:
        cells = (
            one["snapshot"],
            one["hash"][:12],
            f"{one['records']:,}",
            one["created_at"][:16],
            one["name"],
        )
        click.echo("\t".join(str(cell or "") for cell in cells))


@click.command()
@click.argument("dataset", metavar="D")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B|now", default="now")
@click.option("--limit", type=click.IntRange(0), default=LISTED, show_default=True, help="How many pairs to list.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def snapshot_diff(dataset: str, before: str, after: str, limit: int, as_json: bool) -> int:
    """Compare two snapshots of dataset D, or one with now. Exit code 1 where they differ."""
    with open_workspace():
        dataset_id = datasets.find_dataset(dataset).id
        points = service.find_point(dataset_id, before), service.find_point(dataset_id, after)
        found = service.compare(dataset_id, *points)
        listed: dict[str, list[service.Difference]] = {}
        for kind in service.KINDS:
            room = limit - sum(map(len, listed.values()))
            listed[kind] = service.list_differences(found, found.ids[kind][: max(room, 0)].tolist())
    if as_json:
        pairs = {kind: [service.difference_dict(one) for one in some] for kind, some in listed.items()}
        click.echo(json.dumps({**found.as_dict(), "pairs": pairs}, ensure_ascii=False))
    else:
        _tell_comparison(found, listed)
    return 1 if any(found.counts.values()) else 0


def _tell_comparison(found: service.Comparison, listed: dict[str, list[service.Difference]]) -> None:
    counts = found.counts
    said = ", ".join(f"{counts[kind]:,} {kind}" for kind in ("added", "removed", "changed"))
    click.echo(f"{said}, {found.same:,} the same")
    for kind, some in listed.items():
        for one in some:
            there = one.after or one.before
            click.echo(f"{kind} {one.entry_id}: {clip(there.question if there else '', 100)}")
            for name, (old, new) in one.fields.items():
                pieces = difference.excerpt_changes(difference.compare_words(old, new))
                marks = {"equal": "{}", "delete": "[-{}-]", "insert": "{{+{}+}}"}
                click.echo(f"  {name}: {''.join(marks[how].format(text) for how, text in pieces)}")


@click.command()
@click.argument("dataset", metavar="D")
@click.argument("which", metavar="A")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def snapshot_restore(dataset: str, which: str, as_json: bool) -> int:
    """Bring dataset D back to its snapshot A, as one step that can be undone."""
    with open_workspace():
        dataset_id = datasets.find_dataset(dataset).id
        result = _run(service.RESTORE, service.RestoreRun(dataset_id, service.find_snapshot(dataset_id, which).number))
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        said = ", ".join(f"{result[kind]:,} {kind}" for kind in ("added", "removed", "changed"))
        click.echo(f"{result['summary']}: {said}", err=True)
        for one in result["skipped"]:
            click.echo(f"Pair {one['entry']} was left alone: {one['reason']}", err=True)
    return 1 if result["skipped_count"] else 0


@click.command()
@click.argument("dataset", metavar="D")
@click.argument("which", metavar="A")
@click.option("--name", default="", help="The name of the new dataset.  [default: that of D with the version]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def snapshot_copy(dataset: str, which: str, name: str, as_json: bool) -> None:
    """Make a new dataset of what snapshot A of dataset D holds."""
    with open_workspace():
        dataset_id = datasets.find_dataset(dataset).id
        number = service.find_snapshot(dataset_id, which).number
        result = _run(service.COPY, service.CopyRun(dataset_id, number, name))
        made = datasets.get(int(result["dataset_id"])).name
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        click.echo(f"{made}: {result['summary']}", err=True)


@click.command()
@click.argument("dataset", metavar="D")
@click.argument("which", metavar="A")
@click.option("--anyway", is_flag=True, help="Also where something was made of it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def snapshot_delete(dataset: str, which: str, anyway: bool, yes: bool, as_json: bool) -> None:
    """Delete snapshot A of dataset D for good. The pairs of the dataset stay as they are."""
    with open_workspace():
        dataset_id = datasets.find_dataset(dataset).id
        found = service.find_snapshot(dataset_id, which)
        snapshot_id, label = found.id, service.label_of(found)
        confirm(yes, f"Delete snapshot {label} for good?")
        service.delete_snapshot(snapshot_id, anyway=anyway)
        warn_of_runs(dataset_id, snapshot_id)
    if as_json:
        click.echo(json.dumps({"deleted": label}))
    else:
        click.echo(f"Snapshot {label} is deleted.", err=True)

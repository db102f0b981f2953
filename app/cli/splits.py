"""``ltt split``: train, validation and test of a dataset or a file, and what leaks between them."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from app.cli.files import open_output, open_source
from app.cli.options import READING, takes_options
from app.cli.progress import show_progress, show_share
from app.cli.workspace import open_workspace
from app.core.options import command_words, options_of
from app.core.reading import ReadSettings, plan_reading
from app.core.record import SPLITS
from app.core.splits import (
    WHY,
    SplitOptions,
    assign_splits,
    count_sides,
    find_leaks,
    leaks_of,
    name_empty,
    named_counts,
    tell_documents,
)
from app.core.splits import move_together as move_leaks
from app.core.splits.files import read_file, suffix_of, write_split
from app.core.splits.rows import NUMBER_OF
from app.core.text import plural

SHOWN = 10


@click.command()
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--dataset", metavar="D", help="Split this dataset instead of a file: name or id.")
@takes_options(SplitOptions)
@click.option(
    "--leaks", "only_leaks", is_flag=True, help="Only report what stands in several splits, and change nothing."
)
@click.option("--move-together", is_flag=True, help="Move what stands in several splits into one, and nothing else.")
@click.option("--out-dir", metavar="DIR", help="Write train, validation and test of FILE into this folder.")
@takes_options(ReadSettings, "settings", READING, allow_unanswered=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def split(
    file: str | None,
    dataset: str | None,
    only_leaks: bool,
    move_together: bool,
    out_dir: str | None,
    as_json: bool,
    options: SplitOptions,
    settings: ReadSettings,
) -> int:
    """Divide FILE (- is stdin) or a dataset into train, validation and test.

    Where a pair goes follows from the seed and what it belongs to, so that more pairs move none. A split of a dataset
    is one step of its history, and options that are left out are as in its last split. With --leaks the exit code is 1
    where something stands in several splits.
    """
    if (file is None) == (dataset is None):
        raise click.UsageError("Name a FILE, or a dataset by --dataset D.")
    if dataset is not None and out_dir:
        raise click.UsageError(f"--out-dir is for files. Use: ltt export {dataset} OUT --split each")
    if only_leaks and (move_together or out_dir):
        raise click.UsageError("--leaks only reports. Leave out --move-together and --out-dir.")
    if dataset is not None:
        facts = _split_dataset(dataset, options, only_leaks=only_leaks, mend=move_together)
    else:
        facts = _split_file(str(file), settings, options, only_leaks=only_leaks, mend=move_together, out_dir=out_dir)
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
    else:
        _tell(facts)
    return 1 if facts.get("quarantined") or (only_leaks and facts["leaks"]) else 0


def _as_last(last: SplitOptions, options: SplitOptions, *, is_told: bool) -> SplitOptions:
    """The options as they were typed, and what was not typed as in the last division, which is told."""
    context = click.get_current_context()
    names = [one.name for one in options_of(SplitOptions)]
    typed = [name for name in names if context.get_parameter_source(name) is not ParameterSource.DEFAULT]
    made = last.changed({name: getattr(options, name) for name in typed})
    if is_told and (taken := command_words(made, leave_out=typed)):
        click.echo(f"What is not said is as in the last division: {shlex.join(taken)}.", err=True)
    return made


def _split_dataset(name: str, options: SplitOptions, *, only_leaks: bool, mend: bool) -> dict[str, Any]:
    from app.services import datasets, duplicates, splits, tasks

    show = show_progress if sys.stderr.isatty() else None
    with open_workspace():
        dataset_id = datasets.find_dataset(name).id
        if (last := splits.last_options(dataset_id)) is not None:
            options = _as_last(last, options, is_told=not (only_leaks or mend))
        if only_leaks or mend or "duplicates" in options.group_by:
            scan = duplicates.latest_scan(dataset_id)
            if scan is None:
                tasks.start(duplicates.SCAN, duplicates.ScanRun(dataset_id), here=True, show=show)
            elif duplicates.count_changed(scan):
                tasks.start(duplicates.RECHECK, duplicates.RecheckRun(dataset_id), here=True, show=show)
        if only_leaks:
            rows, leaks = splits.present_leaks(dataset_id, options.group_by)
            sides = rows.sides()
            if not sides.any():
                click.echo("No pair has a split yet: these are the leaks that a split would have.", err=True)
                plan = splits.plan_split(dataset_id, options)
                sides, leaks = plan.assignment.after, plan.leaks
            counts = count_sides(sides)
            notes = [note] if (note := name_empty(counts)) else []
            return {**named_counts(counts), **leaks.as_dict(rows), "notes": notes, "change_set": None}
        if mend:
            move = splits.MoveRun(dataset_id, leaks_of(options.group_by))
            return dict(tasks.start(splits.MOVE, move, here=True, show=show).result or {})
        run = splits.SplitRun(dataset_id, options)
        return dict(tasks.start(splits.SPLIT, run, here=True, show=show).result or {})


def _split_file(
    file: str, settings: ReadSettings, options: SplitOptions, *, only_leaks: bool, mend: bool, out_dir: str | None
) -> dict[str, Any]:
    source = open_source(file)
    if out_dir:
        source.keep()
    settings, _ = plan_reading(source, settings)
    found = read_file(source, settings)
    rows = found.rows
    if only_leaks or mend or "duplicates" in options.group_by:
        found.search(show_share if sys.stderr.isatty() else None)
    facts: dict[str, Any] = {}
    present, kinds = rows.sides(), leaks_of(options.group_by)
    if mend:
        after = move_leaks(rows, present, options.shares, kinds, options.group_by)
        facts |= {**named_counts(count_sides(after)), "moved": int((after != present).sum())}
    elif only_leaks and present.any():
        after = present
        facts |= named_counts(count_sides(after))
    else:
        if only_leaks:
            click.echo("No record has a split yet: these are the leaks that a split would have.", err=True)
        assignment = assign_splits(rows, options, keep=bool(options.lock))
        after = assignment.after
        facts |= assignment.as_dict()
    facts |= find_leaks(rows, after, kinds).as_dict(rows)
    if "notes" not in facts:
        facts["notes"] = [note] if (note := name_empty(count_sides(after))) else []
    facts |= {"change_set": None, "quarantined": found.refused, "files": []}
    if out_dir:
        Path(out_dir).mkdir(parents=True, exist_ok=True)
        for name, share in zip(SPLITS, options.shares, strict=True):
            if share or facts[name]:
                path = Path(out_dir) / f"{name}{suffix_of(settings)}"
                with open_output(str(path), reads=file) as out:
                    number = write_split(source, settings, rows, after, NUMBER_OF[name], out)
                facts["files"].append({"path": str(path), "split": name, "records": number})
    return facts


def _tell(facts: dict[str, Any]) -> None:
    counts = ", ".join(f"{name} {facts[name]:,}" for name in SPLITS)
    parts = ", ".join(f"{facts[name]:,} {name}" for name in ("placed", "moved", "stayed") if facts.get(name))
    click.echo(f"{counts} ({parts})." if parts else f"{counts}.", err=True)
    for note in facts.get("notes", ()):
        click.echo(note, err=True)
    if torn := facts.get("torn"):
        click.echo(f"{plural(torn, 'group')} in several splits, because pairs keep theirs.", err=True)
    for why, number in facts["leak_counts"].items():
        click.echo(f"{WHY[why]} in several splits: {number:,}", err=True)
    for left, right, score, why in facts["leaks"][:SHOWN]:
        alike = f", {score:g}% alike" if why == "near" else ""
        click.echo(f"  {left} and {right}: {WHY[why].lower()}{alike}", err=True)
    if told := tell_documents(facts["documents_apart"]):
        click.echo(told, err=True)
    if not facts["searched"]:
        click.echo("Near-duplicates were not looked for (--leaks does).", err=True)
    for file in facts.get("files", ()):
        click.echo(f"{file['path']}: {plural(file['records'], 'record')}", err=True)
    if facts.get("change_set"):
        click.echo(f"{facts['summary']}. Step {facts['change_set']}; ltt undo takes it back.", err=True)

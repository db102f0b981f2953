"""``ltt dedupe``: duplicates, conflicts and variants in a file or a dataset."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from app.cli.files import open_output, open_source, target_like
from app.cli.options import READING, takes_options
from app.cli.progress import show_share
from app.cli.workspace import open_workspace
from app.core import conversion
from app.core.duplicates import FileScanOptions, semantic
from app.core.duplicates.files import ComparedRecords, FileDuplicates, find_duplicates
from app.core.formats import BadRow
from app.core.formats.jsonl import encode_line
from app.core.reading import ReadSettings, plan_reading, read_records
from app.core.record import Record
from app.core.text import plural


@click.command()
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--dataset", metavar="D", help="Look at this dataset instead of a file: name or id.")
@takes_options(FileScanOptions)
@click.option("--against", metavar="FILE", help="Which of the records does this other file have too?")
@click.option("--groups", metavar="OUT", help="Write a JSON line for each group here (- is stdout).")
@click.option("--out", metavar="OUT", help="Write FILE without its surplus copies here (- is stdout).")
@takes_options(ReadSettings, "settings", READING, allow_unanswered=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def dedupe(
    file: str | None,
    dataset: str | None,
    against: str | None,
    groups: str | None,
    out: str | None,
    as_json: bool,
    options: FileScanOptions,
    settings: ReadSettings,
) -> int:
    """Find copies, conflicts and variants in FILE (- is stdin) or a dataset, and change neither.

    Of copies the first is kept in --out. Conflicts (one question, several answers) and variants (another number, name,
    date, unit or a "not") are listed and never removed. Exit code 1 where something was found.
    """
    if (file is None) == (dataset is None):
        raise click.UsageError("Name a FILE, or a dataset by --dataset D.")
    if dataset is not None and out:
        raise click.UsageError("--out is for files. Settle the duplicates of a dataset on its page.")
    if [groups, out, "-" if as_json else None].count("-") > 1:
        raise click.UsageError("Only one of --groups, --out and --json can go to stdout.")
    if (options.method == "semantic") != bool(options.model):
        raise click.UsageError("--method semantic and --model FOLDER belong together.")
    if file == "-" and out:
        raise click.UsageError("--out reads the file twice, which stdin does not allow. Name a FILE.")
    meaning = semantic.by_meaning(Path(options.model)) if options.model else None
    refused = 0

    def read_file(name: str, settings: ReadSettings) -> Iterator[tuple[int, Record]]:
        nonlocal refused
        source = open_source(name)
        for item in read_records(source, plan_reading(source, settings)[0]):
            if isinstance(item, BadRow):
                refused += 1
            else:
                yield item[0].number, item[1]

    records = ComparedRecords(options.side)
    if dataset is not None:
        _add_dataset(records, dataset)
    else:
        records.add_records(read_file(str(file), settings))
    records.own = len(records.names)
    if against:
        records.add_records(read_file(against, ReadSettings(allow_unanswered=True)))
    progress = show_share if sys.stderr.isatty() else None
    found = find_duplicates(records, options.level, meaning=meaning, progress=progress)
    if groups:
        with open_output(groups, reads=file) as target:
            for group in found.describe_groups():
                target.write(encode_line(group))
    written = _write_without_surplus(str(file), out, settings, found) if out else None
    _print_counts(found, refused, written, as_json)
    return 1 if found.copies or found.conflicts or found.variants or refused else 0


def _add_dataset(records: ComparedRecords, name: str) -> None:
    from app.models import Entry
    from app.services import datasets, entries

    with open_workspace():
        dataset_id = datasets.find_dataset(name).id
        for rows in entries.stream(dataset_id, columns=(Entry.id, Entry.question, Entry.answer)):
            for row in rows:
                records.add_record(*row)


def _write_without_surplus(file: str, out: str, settings: ReadSettings, found: FileDuplicates) -> int:
    """Write the file once more, without surplus copies; returns the number of records."""
    source = open_source(file)
    settings, _ = plan_reading(source, settings)
    places = iter(range(found.records.own))
    surplus = found.surplus
    keep = lambda record: [] if next(places) in surplus else [record]  # noqa: E731
    with open_output(out, reads=file) as target:
        spec = target_like(settings, out)
        return conversion.convert(source, target, settings, spec, keep_extra=True, change=keep).written


def _print_counts(found: FileDuplicates, refused: int, written: int | None, as_json: bool) -> None:
    records, copies, surplus = found.records.own, len(found.copies), len(found.surplus)
    conflicts, variants, families = len(found.conflicts), len(found.variants), len(found.families)
    if as_json:
        counts = {
            "records": records,
            "groups": copies,
            "duplicates": surplus,
            "conflicts": conflicts,
            "variants": variants,
            "families": families,
            "quarantined": refused,
            "written": written,
        }
        click.echo(json.dumps(counts))
        return
    parts = (
        f"{plural(records, 'record')}: {plural(copies, 'group')} of copies with {surplus:,} to spare",
        plural(conflicts, "conflict"),
        f"{plural(variants, 'group')} of variants",
        plural(families, "family", "families"),
    )
    click.echo("; ".join(parts) + ".", err=True)

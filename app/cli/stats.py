"""``ltt stats``: how many records of what, how long, in which languages, and what kind of answers they teach."""

import json
from collections.abc import Mapping
from typing import Any

import click

from app.cli.files import open_source
from app.cli.options import READING, takes_options
from app.core.reading import ReadSettings
from app.core.stats import KINDS, StatsOptions
from app.core.stats.files import measure_file
from app.core.text import plural
from app.core.tokens import ESTIMATE
from app.providers.tokenizers import load_tokenizer

SHOWN = 10


@click.command()
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--dataset", metavar="D", help="Count this dataset instead of a file: name or id.")
@takes_options(StatsOptions)
@takes_options(ReadSettings, "settings", READING, allow_unanswered=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats(file: str | None, dataset: str | None, as_json: bool, options: StatsOptions, settings: ReadSettings) -> int:
    """Count FILE (- is stdin) or a dataset: lengths, tokens, languages, labels, turns, splits, tags and sources.

    Of a dataset those pairs are counted that would be exported. Exit code 1 where a file has rows that are no record.
    """
    if (file is None) == (dataset is None):
        raise click.UsageError("Name a FILE, or a dataset by --dataset D.")
    if dataset is not None:
        found = measure_named(dataset, options)
    else:
        found = measure_file(open_source(str(file)), settings, options, load_tokenizer)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        _print_stats(found)
    return 1 if found.get("quarantined") else 0


def measure_named(name: str, options: StatsOptions) -> dict[str, Any]:
    """The statistics of a dataset that is called by name or id."""
    from app.cli.workspace import open_workspace
    from app.services import datasets
    from app.services import stats as service
    from app.services.jobs import Unwatched

    with open_workspace():
        return service.measure_dataset(datasets.find_dataset(name).id, options, Unwatched())


def _print_stats(found: dict[str, Any]) -> None:
    click.echo(plural(found["records"], "record"))
    for one in found.get("left_out", ()):
        click.echo(f"  left out, {one['reason']}: {one['records']:,}")
    if found.get("quarantined"):
        click.echo(f"  rows that are no record: {found['quarantined']:,}")
    for family, one in found["tokens"].items():
        exact = "" if one["exact"] or family == ESTIMATE else " (an estimate)"
        said = f"{one['total']:,}, median {one['median']:,}, p95 {one['p95']:,}, longest {one['max']:,}"
        over = f", {one['over']:,} over {one['limit']:,}" if "over" in one else ""
        click.echo(f"Tokens, {family}{exact}: {said}{over}")
    for name, one in found["lengths"].items():
        if one["total"]:
            said = f"median {one['median']:,}, p95 {one['p95']:,}, longest {one['max']:,}"
            click.echo(f"Characters, {name}: {one['total']:,}, {said}")
    _print_counts("Turns", found["turns"])
    of_sample = f" of {found['sample']:,} records, drawn by chance" if found["sample"] < found["records"] else ""
    _print_counts(f"Languages{of_sample}", found["languages"])
    _print_counts(f"Kinds{of_sample}", {KINDS[name]: count for name, count in found["kinds"].items()})
    _print_counts("With", {name.replace("_", " "): count for name, count in found["has"].items() if count})
    for title, key in (("Labels", "labels"), ("Statuses", "statuses"), ("Splits", "splits")):
        _print_counts(title, found.get(key) or {})
    for title, key in (("Tags", "tags"), ("Sources", "sources")):
        _print_counts(title, found[key]["counts"])


def _print_counts(title: str, counts: Mapping[str, int]) -> None:
    if counts:
        shown = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:SHOWN])
        click.echo(f"{title}: {shown}{', …' if len(counts) > SHOWN else ''}")

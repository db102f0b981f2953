"""``ltt advice``: what the field recommends for a file or a dataset, each line with its source."""

import json
from typing import Any

import click

from app.cli.files import open_source
from app.cli.options import READING, takes_options
from app.cli.stats import measure_named
from app.core.advice import advise, say_number, say_range
from app.core.reading import ReadSettings
from app.core.stats import StatsOptions
from app.core.stats.files import measure_file
from app.core.text import plural
from app.providers.tokenizers import load_tokenizer

FAMILY = "qwen"


@click.command()
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--dataset", metavar="D", help="Advise on this dataset instead of a file: name or id.")
@click.option("--memory", metavar="GB", type=click.IntRange(1, 100_000), help="Memory for training, in GB.")
@takes_options(ReadSettings, "settings", READING, allow_unanswered=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def advice(file: str | None, dataset: str | None, memory: int | None, as_json: bool, settings: ReadSettings) -> None:
    """Say how much data, which models and which settings the field recommends for FILE (- is stdin) or a dataset.

    Each line names its sources by numbers; they stand at the end, with the day on which they were read.
    """
    if (file is None) == (dataset is None):
        raise click.UsageError("Name a FILE, or a dataset by --dataset D.")
    options = StatsOptions(family=FAMILY)
    if dataset is not None:
        found = measure_named(dataset, options)
    else:
        found = measure_file(open_source(str(file)), settings, options, load_tokenizer)
    told = advise(found, found["tokens"][FAMILY], memory).as_dict()
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _print_advice(told)


def _print_advice(told: dict[str, Any]) -> None:
    numbers = {name: number for number, name in enumerate(told["sources"], 1)}

    def cite(sources: Any) -> str:
        return "".join(f"[{numbers[name]}]" for name in dict.fromkeys(sources))

    facts, band = told["facts"], told["band"]
    several = len(facts["language_shares"]) > 1
    spoken = ", ".join(
        f"{one['language']} {one['share']:.0%}" if several else one["language"] for one in facts["language_shares"]
    )
    click.echo(
        f"{plural(told['records'], 'record')}, {told['train']:,} to train on: {facts['kind']}, "
        f"{spoken or facts['language']}"
    )
    click.echo(f"{band['title']} {band['says']} {cite(band['sources'])}")
    for one in told["lines"]:
        click.echo(f"- {one['title']} {one['says']} {one['because']} {cite(one['sources'])}")
    if told["settings"]:
        click.echo("\nSettings to start with:")
    for name, one in told["settings"].items():
        tried = f", try {say_range(one['low'], one['high'])}" if one["low"] is not None else ""
        start = one["start"] if isinstance(one["start"], str) else say_number(one["start"])
        click.echo(f"  {name.replace('_', ' ')}: {start}{tried} ({one['reason']}) {cite(one['sources'])}")
        for said in one["said"]:
            note = f" {said['note']}" if said["note"] else ""
            click.echo(f"      {said['who']}: {say_range(said['low'], said['high'])}.{note} {cite(said['sources'])}")
    click.echo("\nHow many examples:")
    for one in told["counts"]:
        click.echo(f"  {one['who']}: {one['note']} {one['verdict'].capitalize()}. {cite(one['sources'])}")
    click.echo("\nModels:")
    for one in told["families"]:
        needs = [
            f"{title} {say_range(*one[way])} GB"
            for way, title in (("qlora", "QLoRA"), ("lora", "LoRA"), ("unsaid", "to train"))
            if one[way]
        ]
        if one["no_qlora"]:
            needs.append("QLoRA not advised")
        checked = "" if one["licence_checked"] else " (licence not checked)"
        why = f" {one['why']}." if one["why"] else ""
        note = f" {one['note']}" if one["note"] else ""
        said = f"{one['licence']}{checked}; {', '.join(needs)}"
        click.echo(f"  {one['name']}: {said}.{why}{note} {cite(one['sources'])}")
    click.echo("\nSources:")
    for name, one in told["sources"].items():
        where = " ".join(part for part in (one["version"], one["url"]) if part)
        click.echo(f"  [{numbers[name]}] {one['publisher']}: {one['title']}, read {one['read']} {where}".rstrip())

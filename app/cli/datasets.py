"""``ltt datasets``, ``ltt digest`` and ``ltt demo``."""

import json

import click

from app.cli.workspace import open_workspace
from app.core.text import plural


@click.command()
@click.option("--archived", is_flag=True, help="List the archived ones.")
@click.option("--deleted", is_flag=True, help="List the deleted ones.")
@click.option("--bring-back", "back", type=int, metavar="ID", help="Bring a deleted one back first.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def datasets(archived: bool, deleted: bool, back: int | None, as_json: bool) -> None:
    """List the datasets."""
    from app.services import datasets as service

    with open_workspace():
        if back is not None:
            service.restore_dataset(back)
        found = service.list_datasets(archived=archived, deleted=deleted)
        if as_json:
            facts = [{"id": d.id, "name": d.name, "pairs": d.entry_count, "counts": d.counts} for d in found]
            click.echo(json.dumps({"datasets": facts}, ensure_ascii=False))
            return
        for dataset in found:
            click.echo(f"{dataset.id}\t{dataset.entry_count:,}\t{dataset.name}")


@click.command()
@click.option("--dataset", metavar="D", help="Name or id.  [default: all of them]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def digest(dataset: str | None, as_json: bool) -> None:
    """Print the digests of the pairs: their content, and content with labels."""
    from app.services import datasets as service

    with open_workspace():
        found = service.compute_digest(service.find_dataset(dataset).id if dataset else None)
        if as_json:
            click.echo(json.dumps({"content": found.content, "all": found.all}))
        else:
            click.echo(f"content {found.content}\nall {found.all}")


@click.command()
def demo() -> None:
    """Make a dataset of our own sample pairs."""
    from app.services import sample

    with open_workspace():
        dataset = sample.load_sample()
        click.echo(f"Made dataset {dataset.id}: {dataset.name}, {plural(dataset.entry_count, 'pair')}.")

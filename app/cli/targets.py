"""``ltt targets``: whom a dataset can be written for."""

import json

import click

from app import config
from app.core.targets import GROUPS, describe_targets
from app.core.validation import load_profiles


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def targets(as_json: bool) -> None:
    """List every export target; its name stands behind --to of export and convert."""
    found = describe_targets(load_profiles(config.data_dir(config.load_settings()) / "profiles"))
    if as_json:
        click.echo(json.dumps({"targets": found}, ensure_ascii=False))
        return
    for group, title in GROUPS.items():
        click.echo(title)
        for one in found:
            if one["group"] == group:
                legacy = " (legacy)" if one["legacy"] else ""
                click.echo(f"  {one['name']:25} {one['title']}{legacy}: {one['hint']}")

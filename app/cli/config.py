"""``ltt config``: every setting with its value and where that comes from."""

import json

import click

from app import config as settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def config(as_json: bool) -> None:
    """Show every setting: value, source and meaning."""
    rows = settings.resolve_settings()
    if as_json:
        facts = {
            row.setting.name: {
                "value": _shown_value(row),
                "source": row.source,
                "default": row.setting.default,
                "meaning": row.setting.meaning,
            }
            for row in rows
        }
        click.echo(json.dumps(facts))
        return
    for row in rows:
        click.echo(f"{row.setting.name}={_shown_value(row)}  ({row.source})\n    {row.setting.meaning}")


def _shown_value(row: settings.Resolved) -> settings.Value:
    """The value, without the password that a database address may hold."""
    if row.setting.name == "LTT_DATABASE_URL" and row.value:
        from sqlalchemy import make_url

        return make_url(str(row.value)).render_as_string(hide_password=True)
    return row.value

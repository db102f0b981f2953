"""``ltt api-routes``: every address of the server, for scripts and tests."""

import json

import click

from app.frontdoor import routes


@click.command("api-routes")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def api_routes(as_json: bool) -> None:
    """List every route: method, path, what a write needs, body limit."""
    from app import create_app

    rows = routes.list_routes(create_app({"LTT_LOG_LEVEL": "WARNING"}))
    if as_json:
        click.echo(json.dumps({"routes": [row.as_dict() for row in rows]}))
        return
    width = max(len(row.path) for row in rows)
    for row in rows:
        click.echo(f"{row.method:6} {row.path:{width}} {row.auth:15} {row.body_limit_mb} MB")

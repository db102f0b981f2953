"""``ltt models``: connections to servers of models."""

import getpass
import json
import sys
from typing import Any

import click

from app.cli.workspace import open_workspace
from app.core.connections import Values
from app.core.validation.costs import read_price
from app.services import models as service
from app.services.models import Started, describe_connection


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the models that are connected; add, test, find or remove some."""
    if context.invoked_subcommand is None:
        with open_workspace():
            _print([describe_connection(one) for one in service.list_connections()], as_json)


def _print(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"models": found}, ensure_ascii=False))
    for one in [] if as_json else found:
        said = (one["test"] or {}).get("message", "not tested")
        click.echo(
            "\t".join([str(one["id"]), one["name"], one["model"], one["address"], one["key"]["problem"] or said])
        )


@models.command()
@click.argument("name")
@click.option("--url", required=True, metavar="U", help="Address that speaks the OpenAI chat format, such as …/v1.")
@click.option("--model", required=True, metavar="M", help="Name of the model there.")
@click.option("--key-env", metavar="VAR", help="Environment variable that holds the key.")
@click.option("--key-stdin", is_flag=True, help="Read the key from stdin and keep it, for you and this host only.")
@click.option("--allow-http", is_flag=True, help="Allow plain http to another computer.")
@click.option("--allow-private", is_flag=True, help="Allow an address on a private network.")
@click.option("--price-in", metavar="P", help="Price of a million tokens in.")
@click.option("--price-out", metavar="P", help="Price of a million tokens out.")
@click.option("--currency", default="USD", metavar="CUR", help="Currency of the prices.", show_default=True)
@click.option("--per-minute", type=int, metavar="N", help="Most requests a minute.")
@click.option("--parallel", type=int, default=1, metavar="N", help="Most calls at once.", show_default=True)
@click.option("--cap", metavar="SUM", help="Sum of money at which a job stops.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def add(
    name: str,
    url: str,
    model: str,
    key_env: str | None,
    key_stdin: bool,
    allow_http: bool,
    allow_private: bool,
    price_in: str | None,
    price_out: str | None,
    currency: str,
    per_minute: int | None,
    parallel: int,
    cap: str | None,
    as_json: bool,
) -> None:
    """Connect model M at address U under NAME. Nothing is sent by this."""
    if key_env and key_stdin:
        raise click.UsageError("Say --key-env or --key-stdin, not both.")
    source = "variable" if key_env else "stored" if key_stdin else "none"
    prices = [read_price(text or "") for text in (price_in, price_out, cap)]
    values = Values(
        name,
        url,
        model,
        source,
        key_env or "",
        allow_http,
        allow_private,
        prices[0],
        prices[1],
        currency,
        per_minute,
        parallel,
        prices[2],
    )
    with open_workspace():
        made = service.add_connection(values, sys.stdin.readline() if key_stdin else "")
        if as_json:
            click.echo(json.dumps(describe_connection(made), ensure_ascii=False))
        else:
            click.echo(f"Connected {made.name}: {made.model} at {made.address}. Try it: ltt models test {made.id}")


@models.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def test(name: str, as_json: bool) -> int:
    """Send one sentence to NAME and say whether it answers, or what is wrong (exit code 1)."""
    with open_workspace():
        tested = service.test_connection(name, _started())
        found = tested.test or {"ok": False, "message": "It was changed meanwhile. Test it again."}
        if as_json:
            click.echo(json.dumps(describe_connection(tested), ensure_ascii=False))
        else:
            click.echo(f"{tested.name}: {found['message']}")
        return 0 if found["ok"] else 1


@models.command()
@click.option("--program", default="", metavar="P", help="Only ollama, lmstudio, llamacpp, vllm or tuned.")
@click.option("--port", type=int, metavar="N", help="Port of that program, where it is not the usual one.")
@click.option("--connect", is_flag=True, help="Connect the newest model of each that is found.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def find(program: str, port: int | None, connect: bool, as_json: bool) -> None:
    """Look for servers of models on this computer, at their usual ports."""
    if port is not None and not program:
        raise click.UsageError("Say which program listens on that port, by --program.")
    with open_workspace():
        found = [one for one in service.find_servers(program, port) if not program or one.server.key == program]
        made = [service.connect_found(one.server.key) for one in found if connect and one.models]
        if as_json:
            facts = [
                {
                    "program": one.server.key,
                    "address": one.address,
                    "models": None if one.models is None else list(one.models),
                }
                for one in found
            ]
            click.echo(json.dumps({"found": facts, "connected": [describe_connection(one) for one in made]}))
            return
        for one in found:
            served = "no answer" if one.models is None else ", ".join(one.models[:5]) or "no models"
            click.echo(f"{one.server.name}\t{one.address}\t{served}")
        for connection in made:
            click.echo(f"Connected {connection.name}: {connection.model}")


@models.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove connection NAME and forget its key."""
    with open_workspace():
        gone = service.remove_connection(name)
        click.echo(f"Removed {gone.name}.")


def _started() -> Started:
    try:
        return Started(getpass.getuser(), "ltt models")
    # Where the system has no name for who runs this.
    except (OSError, KeyError):
        return Started("a command", "ltt models")

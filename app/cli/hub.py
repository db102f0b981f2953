"""``ltt push``: a dataset to the Hugging Face Hub."""

import json
import sys
from typing import Any

import click

from app.cli.options import takes_options
from app.cli.workspace import open_workspace, tell_search
from app.core.filters import Filters
from app.core.spec import parse_target
from app.core.text import plural
from app.services import datasets, hub, tasks
from app.services.export import ExportOptions


@click.command()
@click.argument("dataset", metavar="[D]", required=False)
@click.argument("repo", metavar="[OWNER/NAME]", required=False)
@takes_options(hub.PushRun, "run", ("public", "message"), dataset_id=0)
@takes_options(Filters, "filters")
@takes_options(ExportOptions, "options", ("max_tokens", "per_tag", "seed", "extra", "allow_leaks"))
@click.option("--keep-token", is_flag=True, help="Read a token from stdin and keep it, for you only, for later pushes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def push(
    dataset: str | None,
    repo: str | None,
    keep_token: bool,
    as_json: bool,
    run: hub.PushRun,
    filters: Filters,
    options: ExportOptions,
) -> None:
    """Push dataset D to OWNER/NAME on the Hugging Face Hub, where it is private unless it was made otherwise.

    What was written into its card by hand stays. The token is HF_TOKEN, else the one that was kept.
    """
    if not keep_token and (dataset is None or repo is None):
        raise click.UsageError("Name a dataset D and OWNER/NAME, or keep a token by --keep-token.")
    with open_workspace():
        if keep_token:
            hub.keep_token(sys.stdin.readline())
        if dataset is None or repo is None:
            return
        whole = options.complete(parse_target("huggingface"), filters)
        made = hub.PushRun(datasets.find_dataset(dataset).id, repo, whole, run.public, run.message)
        tell_search(made.dataset_id, filters.text, is_frozen=bool(whole.snapshot))
        result: dict[str, Any] = tasks.start(hub.PUSH, made, here=True).result or {}
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False))
    else:
        click.echo(f"{result['address']}: {plural(result['records'], 'pair')}", err=True)
        for one in result["left_out"]:
            click.echo(f"Left out: {plural(one['records'], 'pair')} {one['reason']}", err=True)

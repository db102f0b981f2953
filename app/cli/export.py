"""``ltt export``: pairs of a dataset to files."""

import hashlib
import json
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from app.cli.files import open_output
from app.cli.options import takes_options
from app.cli.workspace import open_workspace
from app.core.conversion import require_csv
from app.core.filters import Filters
from app.core.record import SPLITS
from app.core.spec import parse_target
from app.core.spool import put_aside
from app.services import datasets
from app.services import export as service
from app.services.export import ExportOptions


@click.command()
@click.argument("dataset", metavar="D")
@click.argument("out", metavar="OUT")
@click.option(
    "--to",
    metavar="TARGET|F:L",
    help="Export target (ltt targets), or format and layout.  [default: by the name of OUT]",
)
@click.option("--split", type=click.Choice([*SPLITS, "each", "all"]), default="all")
@takes_options(Filters, "filters", ("text", "statuses", "tags"))
@takes_options(ExportOptions, "options", ("extra", "spreadsheet_safe", "bom"))
@click.option("--manifest", is_flag=True, help="Write OUT.manifest.json beside the files.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def export(
    dataset: str,
    out: str,
    to: str | None,
    split: str,
    manifest: bool,
    as_json: bool,
    filters: Filters,
    options: ExportOptions,
) -> None:
    """Write the pairs of dataset D to OUT (- is stdout)."""
    to_stdout, path = out == "-", Path(out)
    with open_workspace():
        dataset_id = datasets.find_dataset(dataset).id
        spec = parse_target(to or ("jsonl:openai" if to_stdout else ""), out)
        if options.bom:
            require_csv(spec)
        options = options.complete(spec, filters)
        parts = {out: replace(options, split="" if split == "all" else split)}
        if split == "each":
            names = {one: str(path.with_name(f"{path.stem}.{one}{path.suffix}")) for one in SPLITS}
            parts = {names[one]: replace(options, split=one) for one in SPLITS}
        result = _write_files(dataset_id, parts, to_stdout=to_stdout)
        if (as_json or manifest) and not to_stdout and all(Path(part).is_file() for part in parts):
            differences = sum(service.count_differences(dataset_id, one, Path(part)) for part, one in parts.items())
            result["round_trip"] = {"records": result["records"], "differences": differences}
        if manifest and not to_stdout:
            Path(f"{out}.manifest.json").write_text(json.dumps(result, indent=1, ensure_ascii=False), encoding="utf-8")
    if as_json:
        print(json.dumps(result, ensure_ascii=False), file=sys.stderr if to_stdout else sys.stdout)
        return
    for file in result["files"]:
        click.echo(f"{file['path']}: {file['records']:,} pairs, {file['bytes']:,} bytes", err=True)
    for one in result["left_out"]:
        click.echo(f"Left out: {one['records']:,} pairs {one['reason']}", err=True)
    for one in result["losses"]:
        click.echo(f"Not held by this layout: {one['what']} of {one['records']:,} pairs", err=True)


def _write_files(dataset_id: int, parts: dict[str, ExportOptions], *, to_stdout: bool) -> dict[str, Any]:
    """Write the files, one after the other, all of them planned before; returns the result object."""
    plans = [service.plan_export(dataset_id, options) for options in parts.values()]
    files = []
    for (path, options), plan in zip(parts.items(), plans, strict=True):
        digest, size = hashlib.sha256(), 0
        with open_output("-" if to_stdout else path) as out:
            pieces = service.stream_export(dataset_id, options)
            if not stat.S_ISREG(os.fstat(out.fileno()).st_mode):
                # Who reads from a pipe may be slow, and the database must not wait for that.
                pieces = put_aside(pieces)
            for piece in pieces:
                out.write(piece)
                digest.update(piece)
                size += len(piece)
        facts = {"path": path, "split": options.split or None, "records": plan.records}
        files.append({**facts, "bytes": size, "sha256": digest.hexdigest()})
    return {
        "files": files,
        "records": sum(plan.records for plan in plans),
        "left_out": [{"reason": one.what, "records": one.records} for plan in plans for one in plan.left_out],
        "losses": [{"what": one.what, "records": one.records} for plan in plans for one in plan.losses],
    }

"""``ltt export``: pairs of a dataset to files."""

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from app.cli.files import open_output
from app.cli.workspace import open_workspace


@click.command()
@click.argument("dataset", metavar="D")
@click.argument("out", metavar="OUT")
@click.option("--to", metavar="F:L", help="Format and layout, such as jsonl:openai.  [default: by the name of OUT]")
@click.option("--split", type=click.Choice(["train", "validation", "test", "each", "all"]), default="all")
@click.option("--status", "statuses", multiple=True, help="Only pairs of this status; can be given again.")
@click.option("--query", metavar="Q", help="Only pairs that hold this text.")
@click.option("--tag", "tags", multiple=True, help="Only pairs with this tag; can be given again.")
@click.option("--extra", type=click.Choice(["keep", "drop"]), help="Other columns.  [default: as the layout does]")
@click.option("--spreadsheet-safe", is_flag=True, help="Make cells safe that a spreadsheet would run; reversible.")
@click.option("--bom", is_flag=True, help="Begin a CSV with a byte order mark, for Excel.")
@click.option("--manifest", is_flag=True, help="Write OUT.manifest.json beside the files.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def export(dataset: str, out: str, split: str, manifest: bool, as_json: bool, **choices: Any) -> None:
    """Write the pairs of dataset D to OUT (- is stdout)."""
    from app.services import datasets

    with open_workspace():
        found = datasets.find_dataset(dataset)
        options = _options(out, **choices)
        result = _Export(found.id, out).run(_parts(options, out, split), check=as_json or manifest)
        if manifest and out != "-":
            Path(f"{out}.manifest.json").write_text(json.dumps(result, indent=1, ensure_ascii=False), encoding="utf-8")
    _tell(result, as_json, to_stdout=out == "-")


def _options(
    out: str,
    *,
    to: str | None,
    statuses: tuple[str, ...],
    query: str | None,
    tags: tuple[str, ...],
    extra: str | None,
    spreadsheet_safe: bool,
    bom: bool,
) -> Any:
    from app.core import conversion
    from app.core.spec import parse_spec
    from app.services.entries import Filters
    from app.services.export import ExportOptions

    spec = conversion.target_of(parse_spec(to), out) if out != "-" or to else parse_spec("jsonl:openai")
    if bom:
        conversion.require_csv(spec)
    return ExportOptions(
        spec.format or "jsonl",
        spec.layout or "openai",
        filters=Filters(text=query or "", statuses=statuses, tags=tags),
        extra={"keep": True, "drop": False}.get(extra or ""),
        spreadsheet_safe=spreadsheet_safe,
        bom=bom,
    ).checked()


def _parts(options: Any, out: str, split: str) -> list[tuple[str, Any]]:
    """The files to write: one, or one for each split with its name before the extension."""
    if split == "all":
        return [(out, options)]
    if split != "each":
        return [(out, replace(options, split=split))]
    path = Path(out)
    names = ("train", "validation", "test")
    return [(str(path.with_name(f"{path.stem}.{name}{path.suffix}")), replace(options, split=name)) for name in names]


class _Export:
    """One command: its files, one after the other."""

    def __init__(self, dataset_id: int, out: str) -> None:
        self.dataset_id = dataset_id
        self.to_stdout = out == "-"

    def run(self, parts: list[tuple[str, Any]], *, check: bool) -> dict[str, Any]:
        """Write the files; returns the result object."""
        from app.services import export

        plans = [export.plan_export(self.dataset_id, options) for _, options in parts]
        files = [self._write(path, options, plan.records) for (path, options), plan in zip(parts, plans, strict=True)]
        left_out = [{"reason": one.what, "records": one.records} for plan in plans for one in plan.left_out]
        records = sum(plan.records for plan in plans)
        result: dict[str, Any] = {"files": files, "records": records, "left_out": left_out}
        result["losses"] = [{"what": one.what, "records": one.records} for plan in plans for one in plan.losses]
        if check and not self.to_stdout and all(Path(path).is_file() for path, _ in parts):
            differences = sum(export.count_differences(self.dataset_id, opts, Path(path)) for path, opts in parts)
            result["round_trip"] = {"records": records, "differences": differences}
        return result

    def _write(self, path: str, options: Any, records: int) -> dict[str, Any]:
        from app.services import export

        digest, size = hashlib.sha256(), 0
        with open_output("-" if self.to_stdout else path) as out:
            for piece in export.stream_export(self.dataset_id, options):
                out.write(piece)
                digest.update(piece)
                size += len(piece)
        return {
            "path": path,
            "split": options.split or None,
            "records": records,
            "bytes": size,
            "sha256": digest.hexdigest(),
        }


def _tell(result: dict[str, Any], as_json: bool, *, to_stdout: bool) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False), file=sys.stderr if to_stdout else sys.stdout)
        return
    for file in result["files"]:
        click.echo(f"{file['path']}: {file['records']:,} pairs, {file['bytes']:,} bytes", err=True)
    for one in result["left_out"]:
        click.echo(f"Left out: {one['records']:,} pairs {one['reason']}", err=True)
    for one in result["losses"]:
        click.echo(f"Not held by this layout: {one['what']} of {one['records']:,} pairs", err=True)

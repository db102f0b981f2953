"""``ltt convert``: a file in, a file out, no database."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from app.core.errors import BadUsage, Invalid


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--from", "kind", metavar="F[:L]", help="Format and layout of IN.  [default: detected]")
@click.option("--to", metavar="F[:L]", help="Format and layout of OUT.  [default: by its name]")
@click.option("--map", "mapping", metavar="T=COL,…", help="Which column is what: question=COL,answer=COL,…")
@click.option("--encoding", metavar="E", help="Encoding of IN.  [default: detected]")
@click.option("--rejects", metavar="FILE", help="Write rows that cannot be converted here, as JSONL.")
@click.option("--extra", type=click.Choice(["keep", "drop"]), default="drop", help="Other columns in trainer layouts.")
@click.option("--allow-unanswered", is_flag=True, help="Take rows without an answer.")
@click.option("--spreadsheet-safe", is_flag=True, help="Make cells safe that a spreadsheet would run; reversible.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def convert(source: str, target: str, kind: str | None, to: str | None, as_json: bool, **options: Any) -> int:
    """Convert IN to OUT (- is stdin or stdout) and say what OUT cannot hold."""
    from app.core import conversion as core
    from app.core.formats import ReadOptions, Source, WriteOptions
    from app.core.layouts import LayoutOptions
    from app.core.spec import parse_mapping, parse_spec

    wanted = parse_spec(to)
    spec = core.target_of(wanted, target)
    stdin = source == "-"
    file = Source.of_stream(sys.stdin.buffer, name="-") if stdin else Source.of_path(source)
    layout_options = LayoutOptions(
        mapping=parse_mapping(options["mapping"] or ""), allow_unanswered=options["allow_unanswered"]
    )
    plan = core.plan(file, parse_spec(kind), ReadOptions(encoding=options["encoding"]), layout_options)
    with ExitStack() as stack:
        report = core.convert(
            file,
            stack.enter_context(output(target, reads=source)),
            plan,
            spec,
            write_options=WriteOptions(spreadsheet_safe=options["spreadsheet_safe"]),
            keep_extra=options["extra"] == "keep",
            rejects=_rejects(stack, options["rejects"]),
        )
    _tell(report, plan, spec, as_json, to_stdout=target == "-")
    return 1 if report.quarantined else 0


@contextmanager
def output(target: str, *, reads: str | None = None) -> Iterator[Any]:
    """The target: stdout, or a file that appears only when it is whole. A device or pipe is written, never replaced.

    Refused where it is the file that is read: what the target cannot hold would be gone.
    """
    if target == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path, part = Path(target), Path(f"{target}.part")
    if path.is_dir():
        raise BadUsage(f"{target} is a folder. Name a file in it.")
    if reads and path.is_file() and Path(reads).exists() and path.samefile(reads):
        raise BadUsage(f"{target} is the file that is read. Name another file to write.")
    if not path.parent.is_dir():
        raise Invalid(f"There is no folder {path.parent}.", code="no_folder")
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _rejects(stack: ExitStack, path: str | None) -> Any:
    if path is None:
        return None
    from app.core.conversion import bad_row_dict

    out = stack.enter_context(click.open_file(path, "w", encoding="utf-8"))
    return lambda bad: out.write(json.dumps({**bad_row_dict(bad), "raw": bad.raw}, ensure_ascii=False) + "\n")


def _tell(report: Any, plan: Any, spec: Any, as_json: bool, *, to_stdout: bool) -> None:
    if as_json:
        print(json.dumps(report.as_dict(plan, spec), ensure_ascii=False), file=sys.stderr if to_stdout else sys.stdout)
        return
    click.echo(
        f"{report.records_in:,} records in, {report.written:,} written, {report.quarantined:,} left out "
        f"({plan.detection.format}:{plan.layout.name} to {spec.format}:{spec.layout}).",
        err=True,
    )
    for what, number in report.losses.most_common():
        click.echo(f"{number:,} records lose: {what}", err=True)
    for bad in report.bad_rows[:10]:
        click.echo(bad.reason, err=True)

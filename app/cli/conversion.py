"""``ltt convert``: a file in, a file out, no database."""

import json
import sys
from contextlib import ExitStack

import click

from app.cli.files import open_output, open_source
from app.cli.options import takes_options
from app.core.conversion import ConvertOptions
from app.core.conversion import convert as convert_source
from app.core.formats import BadRow, WriteOptions
from app.core.formats.jsonl import encode_line
from app.core.reading import bad_row_dict, plan_reading
from app.core.spec import parse_target
from app.core.text import plural


@click.command()
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option(
    "--to", metavar="TARGET|F[:L]", help="Export target, or format and layout of OUT.  [default: by its name]"
)
@click.option("--rejects", metavar="FILE", help="Write rows that cannot be converted here, as JSONL.")
@takes_options(ConvertOptions)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def convert(
    source: str, target: str, to: str | None, rejects: str | None, as_json: bool, options: ConvertOptions
) -> int:
    """Convert IN to OUT (- is stdin or stdout) and say what OUT cannot hold."""
    spec = parse_target(to, target)
    file = open_source(source)
    settings, found = plan_reading(file, options)
    with ExitStack() as stack:
        out = stack.enter_context(open_output(target, reads=source))
        bad = stack.enter_context(open_output(rejects, reads=source)) if rejects else None

        def write_reject(row: BadRow) -> None:
            if bad is not None:
                bad.write(encode_line({**bad_row_dict(row), "raw": row.raw}))

        report = convert_source(
            file,
            out,
            settings,
            spec,
            write_options=WriteOptions(bom=options.bom, spreadsheet_safe=options.make_safe),
            keep_extra=options.keep_extra,
            rejects=write_reject,
        )
    if as_json:
        facts = json.dumps(report.as_dict(settings, spec, found.warnings), ensure_ascii=False)
        print(facts, file=sys.stderr if target == "-" else sys.stdout)
        return 1 if report.quarantined else 0
    click.echo(
        f"{plural(report.records_in, 'record')} in, {report.written:,} written, {report.quarantined:,} left out "
        f"({settings.format}:{settings.layout} to {spec.format}:{spec.layout}).",
        err=True,
    )
    if reason := found.reasons.get("spreadsheet_safe"):
        click.echo(f"Spreadsheet-safe quoting was undone because {reason}.", err=True)
    for warning in found.warnings:
        click.echo(warning, err=True)
    for what, number in report.losses.most_common():
        click.echo(f"{plural(number, 'record')} {'loses' if number == 1 else 'lose'}: {what}", err=True)
    for row in report.bad_rows[:10]:
        click.echo(row.reason, err=True)
    return 1 if report.quarantined else 0

"""``ltt validate``: what a target would refuse, drop or overlook in a file or a dataset."""

import json
from datetime import UTC, datetime
from typing import Any

import click

from app import config
from app.cli.files import open_source
from app.cli.options import READING, takes_options
from app.core.reading import ReadSettings
from app.core.validation import SEVERITIES, ValidateOptions, choose_profiles, load_profiles
from app.core.validation.files import validate_file


@click.command()
@click.argument("file")
@takes_options(ValidateOptions)
@click.option(
    "--against", metavar="FILE", help="Another file, such as test questions, whose records must not stand in this one."
)
@takes_options(ReadSettings, "settings", READING, allow_unanswered=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def validate(file: str, against: str | None, as_json: bool, options: ValidateOptions, settings: ReadSettings) -> int:
    """Check FILE (- is stdin) for one target or several, and change nothing.

    A file in the target's own form is checked row by row as it is; any other is checked as it would be exported. Each
    finding names its record, line and place. Exit code 1 where something must be fixed.
    """
    profiles = choose_profiles(options.profile, load_profiles(config.data_dir(config.load_settings()) / "profiles"))
    today = datetime.now(UTC).date()
    other = open_source(against) if against else None
    report = validate_file(open_source(file), settings, options, profiles, today=today, against=other)
    if as_json:
        click.echo(json.dumps(report))
    else:
        _print_report(report)
    return 1 if report["errors"] else 0


def _print_report(report: dict[str, Any]) -> None:
    several = len(report["profiles"]) > 1
    for one in report["findings"]:
        place = f"record {one['record']:,}" if one["record"] else "the file"
        place += f", line {one['line']:,}" if one["line"] else ""
        place += f", {one['path']}" if one["path"] else ""
        owner = f"{one['profile']}: " if several else ""
        click.echo(f"{owner}{SEVERITIES[one['severity']]}: {place}: {one['message']} [{one['code']}]")
    listed, found = len(report["findings"]), report["errors"] + report["warnings"] + report["hints"]
    if listed < found:
        click.echo(f"{found - listed:,} more findings are counted below; --limit {found} lists all.")
    for one in report["rules"]:
        owner = f"{one['profile']}: " if several else ""
        click.echo(
            f"{owner}{SEVERITIES[one['severity']]}: {one['title']}: {one['findings']:,} [{one['code']}]", err=True
        )
    for name, one in report["profiles"].items():
        kept = f"{one['kept']:,} of {report['records']:,} records kept"
        found = f"{one['errors']:,} to fix, {one['warnings']:,} to look at"
        click.echo(f"{name} ({one['checked']}): {kept}, {found}.", err=True)

"""``ltt validate``: what a target would refuse, drop or overlook in a file or a dataset."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click
from click.core import ParameterSource

from app import config
from app.cli.files import open_output, open_source
from app.cli.options import READING, takes_options
from app.core.reading import ReadSettings
from app.core.text import plural
from app.core.validation import FIXES, RULES, SEVERITIES, ValidateOptions, choose_profiles, load_profiles
from app.core.validation.checking import MOST_LISTED
from app.core.validation.files import validate_file
from app.core.validation.lints import LINTS
from app.core.validation.mending import mend_file
from app.core.validation.training import Template, split_trained
from app.providers.tokenizers import load_tokenizer

AS_EXPORTED = "as it would be exported; the file itself is in another form"


@click.command()
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--dataset", metavar="D", help="Check this dataset instead of a file: name or id.")
@takes_options(ValidateOptions)
@click.option(
    "--against",
    metavar="FILE",
    help="Another file, such as test questions, whose records must not stand in this one.",
)
@click.option(
    "--fix",
    "copy",
    metavar="[OUT]",
    is_flag=False,
    flag_value="",
    help="Write a copy of FILE with its rows mended where that is safe, and check the copy. FILE stays as it is. Of a"
    " dataset all safe fixes are made in one step, and no OUT is said.",
)
@click.option("--dry-run", is_flag=True, help="With --fix of a dataset: say what would change, and change nothing.")
@takes_options(ReadSettings, "settings", READING, allow_unanswered=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def validate(
    file: str | None,
    dataset: str | None,
    against: str | None,
    copy: str | None,
    dry_run: bool,
    as_json: bool,
    options: ValidateOptions,
    settings: ReadSettings,
) -> int:
    """Check FILE (- is stdin) or a dataset for one target or several, and change nothing.

    A file in the target's own form is checked row by row as it is; any other, and a dataset, as it would be exported.
    Each finding names its record, line and place. Exit code 1 where something must be fixed, with --fix where that is
    still so in OUT, or where a row could not be read and is not in it.
    """
    if (file is None) == (dataset is None):
        raise click.UsageError("Name a FILE, or a dataset by --dataset D.")
    if dataset is not None and against:
        raise click.UsageError("--against compares files. Compare a dataset on its page of duplicates.")
    if copy and (dataset is not None or against):
        raise click.UsageError("--fix OUT writes a copy of one FILE. A dataset is fixed by --fix alone.")
    if copy == "" and dataset is None:
        raise click.UsageError("--fix writes a copy of FILE. Name a file for it: --fix OUT.")
    if dry_run and (dataset is None or copy is None):
        raise click.UsageError("--dry-run tries --fix on a dataset: --dataset D --fix --dry-run.")
    if copy == "-":
        raise click.UsageError("--fix checks what it has written. Name a file for it.")
    if as_json and options.limit is None:
        options = replace(options, limit=MOST_LISTED)
    if dataset is not None:
        report = _validate_dataset(dataset, options, fixes=copy is not None, dry_run=dry_run)
    else:
        folder = config.data_dir(config.load_settings()) / "profiles"
        profiles = choose_profiles(options.profile, load_profiles(folder))
        other = open_source(against) if against else None
        source, today = open_source(str(file)), datetime.now(UTC).date()
        mended = None
        if copy:
            source.keep()
            with open_output(copy, reads=str(file)) as out:
                mended = mend_file(source, settings, options, profiles, out, today=today)
            source = open_source(copy)
        with _open_template(options.template) as template:
            report = validate_file(
                source,
                settings,
                options,
                profiles,
                today=today,
                against=other,
                load_tokenizer=load_tokenizer,
                template=template,
            )
        if mended is not None:
            report["fixed"] = {"path": copy, **mended.as_dict()}
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        _print_report(report, is_file=dataset is None)
    return 1 if report["errors"] or report.get("fixed", {}).get("left_out") else 0


@contextmanager
def _open_template(said: str) -> Iterator[Template | None]:
    """The named chat template; what bounds it is loaded only then."""
    if not said:
        yield None
        return
    from app.services.validation import open_template

    with open_template(said) as template:
        yield template


def _validate_dataset(name: str, options: ValidateOptions, *, fixes: bool, dry_run: bool) -> dict[str, Any]:
    from app.cli.workspace import open_workspace
    from app.services import datasets, tasks, validation
    from app.services.jobs import Unwatched

    with open_workspace():
        dataset_id = datasets.find_dataset(name).id
        fixed = None
        if fixes:
            if click.get_current_context().get_parameter_source("profile") is ParameterSource.DEFAULT:
                chosen = validation.read_choices(datasets.get(dataset_id)).profiles
                options = replace(options, profile=",".join(chosen))
            # What is fixed is what a check keeps.
            tasks.start(validation.CHECK, validation.CheckRun(dataset_id, options.profile), here=True)
            fixed = validation.fix_and_tell(dataset_id, dry_run=dry_run)
        report = validation.validate_dataset(dataset_id, options, Unwatched())
        report["approved"], report["waiting"] = validation.count_approved(datasets.get(dataset_id))
        return report if fixed is None else {**report, "fixed": {**fixed, "dry_run": dry_run}}


def _print_report(report: dict[str, Any], *, is_file: bool) -> None:
    several = len(report["profiles"]) > 1
    for one in report["findings"]:
        place = f"record {one['record']:,}" if one["record"] else "the file"
        place += f", line {one['line']:,}" if one["line"] else ""
        place += f", {one['path']}" if one["path"] else ""
        owner = f"{one['profile']}: " if several and one["profile"] else ""
        click.echo(f"{owner}{SEVERITIES[one['severity']]}: {place}: {one['message']} [{one['code']}]")
    for one in report.get("trained", ()):
        _print_trained(one, f"{one['profile']}: " if several else "")
    listed, total = len(report["findings"]), report["errors"] + report["warnings"] + report["hints"]
    if more := total - listed:
        are = "is" if more == 1 else "are"
        click.echo(f"{more:,} more {are} counted below; --limit {total} lists all.")
    for one in report["rules"]:
        owner = f"{one['profile']}: " if several and one["profile"] else ""
        click.echo(
            f"{owner}{SEVERITIES[one['severity']]}: {one['title']}: {one['findings']:,} [{one['code']}]", err=True
        )
    for name, one in report["profiles"].items():
        kept = f"{one['kept']:,} of {plural(report['records'], 'record')} kept"
        kept += f", {one['cut']:,} of them cut" if one["cut"] else ""
        found = f"by its own rules {_count(one)}"
        how = one["checked"] if one["checked"] == "as it is" or not is_file else AS_EXPORTED
        click.echo(f"{name} ({how}): {kept}; {found}.", err=True)
    if report.get("approved") and report["waiting"]:
        alone = f"An export takes the approved pairs alone, {report['approved']:,} of them"
        click.echo(f"{alone}; {plural(report['waiting'], 'pair')} still to be reviewed.", err=True)
    if total:
        said = f"{plural(total, 'finding')} of {plural(len(report['rules']), 'kind')}"
        click.echo(f"In all {said}: {_count(report)}.", err=True)

    if not is_file and (fixed := report.get("fixed")):
        does = "Would fix" if fixed["dry_run"] else "Fixed"
        deleted = f", {fixed['deleted']:,} of them deleted as repeats" if fixed["deleted"] else ""
        click.echo(f"{does} {plural(fixed['pairs'], 'pair')}{deleted}.", err=True)
        for code, number in fixed["fixes"].items():
            click.echo(f"  {(RULES.get(code) or LINTS[code]).title}: {number:,}", err=True)
        if fixed.get("change_set"):
            click.echo(f"Step {fixed['change_set']}; ltt undo takes it back.", err=True)
    elif fixed := report.get("fixed"):
        written = plural(fixed["written"], "row")
        click.echo(f"{fixed['path']}, of which all this is said: {written}, {fixed['mended']:,} mended.", err=True)
        for name, number in fixed["mends"].items():
            click.echo(f"  {FIXES[name].rstrip('.')}: {number:,}", err=True)
        if fixed["left_out"]:
            click.echo(f"  Not in it, as it cannot be read: {plural(fixed['left_out'], 'row')}", err=True)


def _count(found: dict[str, Any]) -> str:
    return f"{found['errors']:,} to fix, {found['warnings']:,} to look at, {plural(found['hints'], 'hint')}"


def _print_trained(one: dict[str, Any], owner: str) -> None:
    """Print a record as the target reads it: what is trained of it between ⟦ and ⟧, what is cut between ✂ and ✂."""
    head = f"{owner}Record {one['record']:,}"
    if one["refused"]:
        click.echo(f"{head}: {one['refused']}")
        return
    said = f"{one['trained_answer_tokens']:,} of {plural(one['answer_tokens'], 'answer token')} trained"
    fate = "" if one["kept"] else ", dropped"
    fate += f", cut at token {one['cut_at']:,}" if one["cut_at"] else ""
    fate += f", reasoning {one['reasoning']}" if one["reasoning"] else ""
    fate += f", earlier reasoning {one['earlier_reasoning']}" if one["earlier_reasoning"] else ""
    marked = {"cut": "✂{}✂", "trained": "⟦{}⟧", "": "{}"}
    text = "".join(marked[kind].format(part) for kind, part in split_trained(one["text"], one["spans"], one["left"]))
    click.echo(f"{head}: {plural(one['tokens'], 'token')}, {said}{fate}:\n{text}")
    if one["unclear"]:
        click.echo(one["unclear"])

"""``ltt backup``, ``ltt restore`` and ``ltt verify``."""

from pathlib import Path

import click

from app.cli.files import is_live, refuse_live
from app.cli.workspace import open_workspace
from app.core.formats.database_log import with_log


@click.command()
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
def backup(file: Path | None) -> None:
    """Copy the database, consistent even while it is in use, to FILE or to the backups folder."""
    from app.services import backups

    with open_workspace():
        click.echo(backups.make_backup(file))


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
def restore(file: Path) -> None:
    """Put the backup FILE in place of everything. What was there before is kept as a backup."""
    from app.services import backups, schema

    refuse_live(file, "To go back to an earlier state, name a backup; they lie in the folder backups beside it.")
    with open_workspace(prepare=False), with_log(file) as whole:
        if schema.find_damage():
            kept = backups.replace_damaged(whole)
        else:
            schema.prepare_schema()
            kept = backups.restore_backup(whole)
        click.echo(f"Restored. What was here before is kept as {kept}.", err=True)


@click.command()
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
def verify(file: Path | None) -> int:
    """Check the database, or a backup FILE, and change nothing. Exit code 1 where something is wrong."""
    from app.services import backups

    with open_workspace():
        if file is not None and not is_live(file):
            with with_log(file) as whole:
                backups.check_backup(whole)
            problems = []
        else:
            problems = backups.verify_database()
    for problem in problems:
        click.echo(problem, err=True)
    if not problems:
        click.echo("All is well.")
    return 1 if problems else 0

"""The command ``ltt``. Each command lives in ``app/cli/<feature>.py`` and is imported only when it runs.

Exit codes: 0 done, 1 done with findings, 2 wrong usage, 3 input refused, 4 refused by state, 5 outside failure.
A command returns its code, or None for 0.
"""

import importlib
import sys

import click

from app import __version__
from app.cli.exits import Answering
from app.core.garbage import rare_collection

# Name of the command: module and object. One line per command, in the order of the help.
COMMANDS = {
    "serve": "app.cli.serve:serve",
    "worker": "app.cli.worker:worker",
    "demo": "app.cli.datasets:demo",
    "import": "app.cli.imports:import_",
    "export": "app.cli.export:export",
    "targets": "app.cli.targets:targets",
    "push": "app.cli.hub:push",
    "convert": "app.cli.conversion:convert",
    "clean": "app.cli.cleaning:clean",
    "dedupe": "app.cli.duplicates:dedupe",
    "split": "app.cli.splits:split",
    "validate": "app.cli.validation:validate",
    "stats": "app.cli.stats:stats",
    "advice": "app.cli.advice:advice",
    "datasets": "app.cli.datasets:datasets",
    "history": "app.cli.history:history",
    "undo": "app.cli.history:undo",
    "redo": "app.cli.history:redo",
    "forget": "app.cli.history:forget",
    "compact": "app.cli.history:compact",
    "snapshot": "app.cli.snapshots:snapshot",
    "snapshots": "app.cli.snapshots:snapshots",
    "snapshot-diff": "app.cli.snapshots:snapshot_diff",
    "snapshot-restore": "app.cli.snapshots:snapshot_restore",
    "snapshot-copy": "app.cli.snapshots:snapshot_copy",
    "snapshot-delete": "app.cli.snapshots:snapshot_delete",
    "train": "app.cli.training:train",
    "runs": "app.cli.training:runs",
    "run": "app.cli.training:run",
    "serve-model": "app.cli.training:serve_model",
    "digest": "app.cli.datasets:digest",
    "models": "app.cli.models:models",
    "backup": "app.cli.backup:backup",
    "restore": "app.cli.backup:restore",
    "verify": "app.cli.backup:verify",
    "jobs": "app.cli.jobs:jobs",
    "token": "app.cli.token:token",
    "config": "app.cli.config:config",
    "api-routes": "app.cli.api_routes:api_routes",
}


class _Lazy(click.Group):
    """A group that imports a command when it is asked for, so that ``ltt convert`` does not wait for the web."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        return _import_command(place) if place else None


def _import_command(place: str) -> click.Command:
    module, _, name = place.partition(":")
    with rare_collection():
        command: click.Command = getattr(importlib.import_module(module), name)
    return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ltt")
def cli() -> None:
    """Make, clean, check and convert datasets for fine-tuning."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    with Answering():
        code = cli.main(arguments, prog_name="ltt", standalone_mode=False)
        sys.stdout.flush()
        raise SystemExit(code if isinstance(code, int) else 0)

"""``ltt import``: bring files into a dataset."""

import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from app.cli.files import refuse_live
from app.cli.options import takes_options
from app.cli.progress import show_progress
from app.cli.workspace import open_workspace
from app.core.errors import Invalid, LttError
from app.core.formats.database_log import log_beside, with_log
from app.core.formats.source import HEAD_BYTES
from app.core.text import plural
from app.models import Dataset, Import
from app.services.imports import Settings


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--dataset", "name", required=True, metavar="D", help="Name or id of the dataset.")
@click.option("--create", is_flag=True, help="Make the dataset if there is none of that name.")
@takes_options(Settings, "settings")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_(files: tuple[str, ...], name: str, create: bool, as_json: bool, settings: Settings) -> int:
    """Bring FILEs (- is stdin) into a dataset. Bad rows are kept with their reason and never stop good ones.

    A folder or a .zip of several data files is one import: those that this program exports, those of the Hugging Face
    Hub, LLaMA-Factory, axolotl and MLX-LM, and any other. Each file tells the split of its pairs by its name.
    """
    from app.services import datasets, imports
    from app.services.imports import waiting

    with open_workspace():
        dataset = _find_or_create(name, create)
        code = _Run(dataset, settings, as_json).import_files(files)
        if datasets.is_begun(dataset.id):
            # No import started. What waits for an answer is asked for anew by the next command.
            for row in imports.list_imports(dataset.id, states=("waiting",)):
                imports.discard(row.id)
            waiting.forget_if_begun(dataset.id)
        return code


def _find_or_create(name: str, create: bool) -> Dataset:
    from app.core.errors import NotFound
    from app.services import datasets

    try:
        return datasets.find_dataset(name)
    except NotFound:
        if not create:
            raise
        return datasets.create_dataset(name, begun=True)


class _Run:
    """One command: its files one after the other, then one report."""

    def __init__(self, dataset: Dataset, settings: Settings, as_json: bool) -> None:
        self.dataset_id, self.dataset_name = dataset.id, dataset.name
        self.settings = settings
        self.as_json = as_json
        self.done: list[int] = []
        self.refused: LttError | None = None

    def import_files(self, files: tuple[str, ...]) -> int:
        """Import the files; returns the exit code."""
        from app.cli import exits

        for file in files:
            self._import_file(file)
            if self.refused is not None and self.settings.strict:
                self._take_back()
                break
        rows = self._report()
        if self.refused is not None:
            return exits.exit_code(self.refused)
        return 1 if any(row.quarantined for row in rows) else 0

    def _import_file(self, file: str) -> None:
        from app.services import imports

        try:
            row = imports.add(self.dataset_id, _save_upload(file), self.settings)
            self.done.append(row.id)
            imports.start(row.id, self.settings, here=True, show=show_progress if sys.stderr.isatty() else None)
        except LttError as error:
            self.refused = self.refused or error
            click.echo(f"{file}: {error.message}", err=True)

    def _take_back(self) -> None:
        """With --strict, what came before the refused file goes as well."""
        from app.services import history, imports

        for import_id in reversed(self.done):
            step = imports.step_of(imports.get(import_id))
            if step is not None and step.state == "applied":
                history.undo(self.dataset_id, step.number)

    def _report(self) -> list[Import]:
        from app.services import imports
        from app.services.imports import reporting

        rows = [imports.get(import_id) for import_id in self.done]
        if self.as_json:
            click.echo(json.dumps(reporting.of_command(self.dataset_name, rows), ensure_ascii=False))
        else:
            for row in rows:
                _print_counts(row)
        return rows


def _save_upload(file: str):  # type: ignore[no-untyped-def]
    from app.services import uploads

    refuse_live(file)
    if file == "-":
        return uploads.save(sys.stdin.buffer.read, "stdin")
    path = Path(file)
    if path.is_dir():
        return _save_folder(path)
    if log := log_beside(path):
        click.echo(f"{file}: read together with the log beside it, {log.name}.", err=True)
    with with_log(path) as whole, whole.open("rb") as source:
        return uploads.save(source.read, path.name, announced_bytes=whole.stat().st_size)


def _save_folder(folder: Path):  # type: ignore[no-untyped-def]
    """The data files of a folder, and what says which they are, as one upload."""
    from app.core.formats.members import choose_members
    from app.services import uploads

    # Links to files are followed, as the Hub's own folders are made of them; links to folders are not.
    inside = [Path(where) / name for where, _, names in os.walk(folder) for name in names]
    paths = {one.relative_to(folder).as_posix(): one for one in sorted(inside) if one.is_file()}

    def read_head(name: str) -> bytes:
        with paths[name].open("rb") as file:
            return file.read(HEAD_BYTES)

    try:
        found = choose_members([*paths], read_head)
    except Invalid as error:
        error.message = error.message.replace(" in it", "")
        raise
    for one in found.files:
        refuse_live(paths[one.path])
    for warning in found.warnings:
        click.echo(f"{folder}: {warning}", err=True)
    chosen = [*(one.path for one in found.files), *found.beside]
    with ExitStack() as stack:
        opened = [(name, stack.enter_context(paths[name].open("rb")).read) for name in chosen]
        return uploads.save_files(opened, folder.absolute().name or "folder")


def _print_counts(row: Import) -> None:
    if row.state != "done":
        return
    from app.services.imports import quarantine
    from app.services.imports.waiting import detected_of

    counts = f"{row.imported:,} imported, {row.skipped:,} skipped, {row.quarantined:,} in quarantine"
    click.echo(f"{row.file_name}: {counts} ({plural(row.rows_in, 'row')})")
    found = detected_of(row)
    if reason := found.reasons.get("spreadsheet_safe"):
        click.echo(f"  Spreadsheet-safe quoting was undone because {reason}.", err=True)
    for part in found.parts:
        split = row.settings.get("split")
        said = part.split if split == "files" else "" if split == "none" else split
        click.echo(f"  {part.title}{f': {said}' if said else ''}", err=True)
    if found.split and row.settings.get("split") == "files":
        click.echo(f"  Its name tells a split. To set it: --split {found.split}", err=True)
    for warning in found.warnings:
        click.echo(f"  {warning}", err=True)
    for bad in quarantine.list_open(row.id, size=10) if row.quarantined else []:
        click.echo(f"  {bad.reason}", err=True)

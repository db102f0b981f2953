"""Imports before and after they run: taken in, told how, started, done again with another mapping."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from app.core.errors import Conflict, Gone, Invalid, LttError
from app.models import ChangeSet, Entry, Import, Job, db, transaction
from app.services import datasets, entries, history, jobs, uploads
from app.services.entries import Filters
from app.services.imports import detecting, reading
from app.services.imports.detecting import Found
from app.services.imports.running import get
from app.services.imports.settings import Settings, from_dict
from app.services.uploads import Upload


def add(dataset_id: int, upload: Upload, settings: Settings | None = None) -> Import:
    """Take an uploaded file in; it waits for its settings. A file that is no data file is forgotten and refused."""
    datasets.get(dataset_id)
    told = settings or Settings()
    try:
        found = detecting.look(reading.source_of(upload), told)
    except LttError:
        uploads.remove(upload.token)
        raise
    with transaction() as session:
        row = Import(
            dataset_id=dataset_id,
            upload=upload.token,
            file_name=upload.name,
            size=upload.size,
            sha256=upload.sha256,
            settings=told.as_dict(),
            detected=found.as_dict(),
        )
        session.add(row)
        session.flush()
        return row


def of_dataset(dataset_id: int, import_id: int) -> Import:
    """The import, if it belongs to the dataset. Raises NotFound."""
    row = get(import_id)
    if row.dataset_id != dataset_id:
        raise detecting.not_found(import_id)
    return row


def listed(dataset_id: int, *, states: Sequence[str] = (), size: int = 50) -> list[Import]:
    """Imports of a dataset, newest first."""
    query = select(Import).where(Import.dataset_id == dataset_id).order_by(Import.id.desc()).limit(size)
    if states:
        query = query.where(Import.state.in_(states))
    return list(db.session.execute(query).scalars())


def upload_of(row: Import) -> Upload:
    """The file of an import. Raises Gone where it is not kept any more."""
    return uploads.get(row.upload or "")


def look(row: Import, settings: Settings) -> Found:
    """How the file will be read with these settings."""
    return detecting.look(reading.source_of(upload_of(row)), settings)


def start(import_id: int, settings: Settings) -> Job:
    """Put the import in the queue with these settings. Raises Invalid while it is not clear what the columns mean."""
    row = get(import_id)
    if row.state not in ("waiting", "failed", "cancelled"):
        raise Conflict(f"This import is {row.state}. To do it differently, import the file again.")
    found = look(row, settings)
    told = detecting.resolved(settings, found.as_dict())
    require_mapping(found, settings, told)
    with transaction():
        row = get(import_id)
        dataset = datasets.get(row.dataset_id)
        job = jobs.enqueue(
            "import",
            {"import_id": row.id},
            dataset_id=row.dataset_id,
            title=f"Import {row.file_name} into {dataset.name}",
        )
        row.settings, row.detected = told.as_dict(), found.as_dict()
        row.state, row.job_id, row.message = "running", job.id, None
        return job


def require_mapping(found: Found, settings: Settings, told: Settings) -> None:
    """Raise Invalid where a person has to say which column is what, and has not."""
    if told.layout != "columns":
        if found.confidence == "ask" and not settings.layout:
            raise _ask(found, "It is not clear what the rows of this file mean. Choose a layout.")
        return
    unknown = [column for column in told.mapping.values() if column not in found.columns]
    if unknown:
        raise _ask(found, f"The file has no column {unknown[0]!r}.")
    needed = ("question",) if told.allow_unanswered else ("question", "answer")
    missing = [target for target in needed if target not in told.mapping]
    if missing:
        named = " and which one the ".join(missing)
        raise _ask(found, f"It is not clear which column holds the {named}. Choose it.")
    if found.confidence == "ask" and not settings.mapping:
        raise _ask(found, "It is not clear what the columns mean. Choose the question and the answer.")


def _ask(found: Found, sentence: str) -> Invalid:
    columns: list[Any] = list(found.columns)
    named = f" Columns: {', '.join(columns[:30])}." if columns else ""
    return Invalid(
        sentence + named, code="choose_mapping", sentence=sentence, columns=columns, mapping=dict(found.mapping)
    )


def discard(import_id: int) -> None:
    """Forget a file that waits for its settings."""
    with transaction() as session:
        row = get(import_id)
        if row.state != "waiting":
            raise Conflict("This file was imported already. Undo the import instead.")
        token = row.upload
        session.delete(row)
    if token:
        uploads.remove(token)


def again(import_id: int, *, anyway: bool = False) -> Import:
    """Undo the import and let the same file wait for other settings. Raises Gone where the file is gone."""
    row = get(import_id)
    if row.state not in ("done", "failed", "cancelled"):
        raise Conflict("This import has not ended yet.")
    if not uploads.is_kept(row.upload):
        raise Gone("The uploaded file is no longer kept. Upload it again.")
    with transaction() as session:
        row = get(import_id)
        step = step_of(row)
        if step is not None and step.state == "applied":
            history.undo(row.dataset_id, step.number, anyway=anyway)
        copy = Import(
            dataset_id=row.dataset_id,
            upload=row.upload,
            file_name=row.file_name,
            size=row.size,
            sha256=row.sha256,
            settings=from_dict(row.settings).as_dict(),
            detected=dict(row.detected),
        )
        session.add(copy)
        session.flush()
        return copy


def remaining(row: Import) -> tuple[int, int]:
    """Of an undone import the pairs that stay: edited since, and repaired later, which came in steps of their own."""
    of_import = Filters(import_id=row.id)
    every = entries.count_entries(row.dataset_id, of_import)
    mine = entries.select_entries(
        row.dataset_id, of_import, (func.count(),), where=[Entry.created_in == row.change_set_id]
    )
    edited = int(db.session.execute(mine).scalar_one())
    return edited, every - edited


def step_of(row: Import) -> ChangeSet | None:
    """The step of the history that the import is; None where it brought nothing in."""
    return db.session.get(ChangeSet, row.change_set_id) if row.change_set_id else None

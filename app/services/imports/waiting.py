"""Imports before and after they run: taken in, told how and where to, started, done again with another mapping."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import msgspec
from sqlalchemy import func, select

from app.core.errors import Conflict, Gone, NotFound
from app.core.filters import Filters
from app.core.options import encode
from app.core.reading import Detected, ReadSettings
from app.core.reading.detection import drop_answered
from app.models import ChangeSet, Dataset, Entry, Import, db, transaction
from app.services import datasets, entries, history, jobs, uploads
from app.services.imports.running import get
from app.services.imports.settings import Settings
from app.services.uploads import Upload

# How many earlier imports are asked what columns like these were.
REMEMBERED = 200


def add(dataset_id: int, upload: Upload, settings: Settings | None = None) -> Import:
    """Take an uploaded file in; it waits for its settings. A file that is no data file is forgotten and refused."""
    settings = settings or Settings()
    try:
        datasets.get(dataset_id)
        found = detect(upload, settings)
        with transaction() as session:
            row = Import(
                dataset_id=dataset_id,
                upload=upload.token,
                file_name=upload.name,
                size=upload.size,
                sha256=upload.sha256,
                settings=encode(settings),
                detected=msgspec.to_builtins(found),
            )
            session.add(row)
            session.flush()
            return row
    except BaseException:
        uploads.remove(upload.token)
        raise


def of_dataset(dataset_id: int, import_id: int) -> Import:
    """The import, if it belongs to the dataset. Raises NotFound."""
    row = get(import_id)
    if row.dataset_id != dataset_id:
        raise NotFound(f"There is no import {import_id}.", import_id=import_id)
    return row


def list_imports(dataset_id: int, *, states: Sequence[str] = (), size: int = 50) -> list[Import]:
    """Imports of a dataset, newest first."""
    query = select(Import).where(Import.dataset_id == dataset_id).order_by(Import.id.desc()).limit(size)
    if states:
        query = query.where(Import.state.in_(states))
    return list(db.session.execute(query).scalars())


def name_files(import_ids: Sequence[int]) -> dict[int, str]:
    """The names of the files of these imports, of whatever dataset."""
    rows = db.session.execute(select(Import.id, Import.file_name).where(Import.id.in_(import_ids)))
    return {row.id: row.file_name for row in rows}


def upload_of(row: Import) -> Upload:
    """The file of an import. Raises Gone where it is not kept any more."""
    return uploads.get(row.upload or "")


def detect(upload: Upload, settings: ReadSettings) -> Detected:
    """How the file will be read with these settings; unclear columns are taken as an earlier import was told."""
    found = uploads.detect(upload, settings)
    if found.layout != "columns" or found.confidence == "sure":
        return found
    query = select(Import.settings, Import.detected).where(Import.state == "done").order_by(Import.id.desc())
    for told, detected in db.session.execute(query.limit(REMEMBERED)):
        mapping: Any = told.get("mapping")
        if mapping and told.get("remember") and detected.get("columns") == list(found.columns):
            known = replace(found, mapping=mapping, confidence="likely", remembered=True)
            return drop_answered(known, replace(settings, mapping=mapping))
    return found


def detected_of(row: Import) -> Detected:
    """What was found when the file was looked at last."""
    return msgspec.convert(row.detected, Detected)


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


def redo_import(import_id: int, *, anyway: bool = False) -> Import:
    """Undo the import and let the same file wait for other settings. Raises Gone where the file is gone."""
    row = get(import_id)
    if row.state not in ("done", "failed", "cancelled"):
        raise Conflict("This import has not ended yet.")
    if not uploads.is_kept(row.upload):
        raise Gone("The uploaded file is no longer kept. Upload it again.")
    with transaction() as session:
        row = get(import_id)
        again = select(Import).where(Import.upload == row.upload, Import.state == "waiting")
        if waits := session.execute(again.limit(1)).scalar():
            # Somebody else was quicker to ask for the same.
            return waits
        step = step_of(row)
        if step is not None and step.state == "applied":
            history.undo(row.dataset_id, step.number, anyway=anyway)
        copy = Import(
            dataset_id=row.dataset_id,
            upload=row.upload,
            file_name=row.file_name,
            size=row.size,
            sha256=row.sha256,
            settings=dict(row.settings),
            detected=dict(row.detected),
        )
        session.add(copy)
        session.flush()
        return copy


def count_remaining(row: Import) -> tuple[int, int]:
    """Of an undone import the pairs that stay: edited since, and repaired later, which came in steps of their own."""
    of_import = Filters(imports=(str(row.id),))
    every = entries.count_entries(row.dataset_id, of_import)
    mine = entries.select_entries(
        row.dataset_id, of_import, (func.count(),), where=[Entry.created_in == row.change_set_id]
    )
    edited = int(db.session.execute(mine).scalar_one())
    return edited, every - edited


def step_of(row: Import) -> ChangeSet | None:
    """The step of the history that the import is; None where it brought nothing in."""
    return db.session.get(ChangeSet, row.change_set_id) if row.change_set_id else None


def begin_dataset(file_name: str) -> Dataset:
    """A dataset named after a file. It is shown nowhere until an import starts, and forgotten if none does."""
    name = PurePath(uploads.clean_name(file_name)).name.split(".")[0].replace("_", " ").strip()
    return datasets.create_dataset(name[: datasets.MAX_NAME] or "New dataset", begun=True)


def forget_if_begun(dataset_id: int) -> bool:
    """Remove a dataset that was begun for an import which did not come, or a copy. Returns whether it was."""
    with transaction() as session:
        dataset = session.get(Dataset, dataset_id)
        if dataset is None or not (dataset.settings or {}).get(datasets.BEGUN) or dataset.last_number:
            return False
        held = (select(one.id).where(one.dataset_id == dataset_id).limit(1) for one in (Import, ChangeSet))
        if any(session.execute(one).first() for one in held):
            return False
        session.delete(dataset)
        return True


def move_import(import_id: int, dataset_id: int) -> None:
    """Let a waiting import go into another dataset."""
    with transaction() as session:
        row = get(import_id)
        if row.dataset_id == dataset_id or row.state != "waiting":
            return
        datasets.get(dataset_id)
        left, row.dataset_id = row.dataset_id, dataset_id
        session.flush()
    forget_if_begun(left)


def list_alike(row: Import) -> list[Import]:
    """The other files that wait for the same dataset and have the same columns."""
    columns = row.detected.get("columns")
    waiting = [one for one in list_imports(row.dataset_id, states=("waiting",)) if one.id != row.id]
    return [one for one in waiting[::-1] if columns and one.detected.get("columns") == columns]


def sweep_begun() -> None:
    """Forget the datasets that were begun for imports which never came, and for copies that were killed."""
    empty = select(Dataset).where(Dataset.last_number == 0, Dataset.deleted_at.is_(None))
    begun = [(one.id, one.settings or {}) for one in db.session.execute(empty).scalars()]
    active = jobs.active_ids()
    left = [key for key, told in begun if told.get(datasets.BEGUN) and told.get(datasets.BEGUN_BY) not in active]
    for dataset_id in left:
        forget_if_begun(dataset_id)

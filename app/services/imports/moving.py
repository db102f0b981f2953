"""Where an import goes: into a dataset of its own that begins with it, or into another than first thought."""

from pathlib import PurePath

from sqlalchemy import select

from app.models import Dataset, Import, db, transaction
from app.services import datasets, uploads
from app.services.imports.running import get
from app.services.imports.waiting import listed

BEGUN = "begun_with_import"


def begin(file_name: str) -> Dataset:
    """A new dataset named after a file. It is forgotten again if nothing is ever imported into it."""
    name = PurePath(uploads.clean_name(file_name)).name.split(".")[0].replace("_", " ").strip()
    with transaction():
        dataset = datasets.create_dataset(name[: datasets.MAX_NAME] or "New dataset")
        dataset.settings = {BEGUN: True}
        return dataset


def forget_if_begun(dataset_id: int) -> bool:
    """Remove a dataset that was begun for an import which did not come. Returns whether it was."""
    with transaction() as session:
        dataset = session.get(Dataset, dataset_id)
        if dataset is None or not (dataset.settings or {}).get(BEGUN) or dataset.last_number:
            return False
        if session.execute(select(Import.id).where(Import.dataset_id == dataset_id).limit(1)).first():
            return False
        session.delete(dataset)
        return True


def move(import_id: int, dataset_id: int) -> None:
    """Let a waiting import go into another dataset."""
    with transaction() as session:
        row = get(import_id)
        if row.dataset_id == dataset_id or row.state != "waiting":
            return
        datasets.get(dataset_id)
        left, row.dataset_id = row.dataset_id, dataset_id
        session.flush()
    forget_if_begun(left)


def alike(row: Import) -> list[Import]:
    """The other files that wait for the same dataset and have the same columns."""
    columns = row.detected.get("columns")
    waiting = [one for one in listed(row.dataset_id, states=("waiting",)) if one.id != row.id]
    return [one for one in waiting[::-1] if columns and one.detected.get("columns") == columns]


def sweep_begun() -> None:
    """Forget the datasets that were begun for imports which never came."""
    empty = select(Dataset).where(Dataset.last_number == 0, Dataset.deleted_at.is_(None))
    begun = [one.id for one in db.session.execute(empty).scalars() if (one.settings or {}).get(BEGUN)]
    for dataset_id in begun:
        forget_if_begun(dataset_id)

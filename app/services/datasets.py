"""Datasets: create, rename, describe, archive, copy, delete with a way back, and the digest."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, insert, literal, or_, select

from app.core.digests import content_line, labels_line
from app.core.errors import Conflict, Invalid, NotFound
from app.core.filters import Filters
from app.core.stored import WRITTEN
from app.core.text import is_number, plural
from app.models import ChangeSet, Dataset, Entry, db, transaction
from app.models.base import now
from app.services import counts, entries

MAX_NAME = 200
# A dataset that was begun for a file which nobody has confirmed yet, or by a job. It is shown nowhere.
BEGUN, BEGUN_BY = "begun_with_import", "begun_by_job"


def list_datasets(*, archived: bool = False, deleted: bool = False) -> list[Dataset]:
    """The datasets, last changed first; the deleted ones on request, last deleted first."""
    if deleted:
        gone = select(Dataset).where(Dataset.deleted_at.is_not(None)).order_by(Dataset.deleted_at.desc())
        return list(db.session.execute(gone).scalars())
    query = select(Dataset).where(Dataset.deleted_at.is_(None), _is_confirmed())
    query = query.where(Dataset.archived_at.is_not(None) if archived else Dataset.archived_at.is_(None))
    return list(db.session.execute(query.order_by(Dataset.changed_at.desc(), Dataset.id.desc())).scalars())


def find_named(name: str, found: list[Dataset]) -> list[Dataset]:
    """Those of ``found`` whose name holds each word of ``name``, whatever its case."""
    words = name.casefold().split()
    return [dataset for dataset in found if all(word in dataset.name.casefold() for word in words)]


def list_recent(limit: int) -> tuple[list[Dataset], int]:
    """The active datasets that were changed last, and how many there are in all."""
    query = select(Dataset).where(Dataset.deleted_at.is_(None), Dataset.archived_at.is_(None), _is_confirmed())
    newest = query.order_by(Dataset.changed_at.desc(), Dataset.id.desc()).limit(limit)
    counted = select(func.count()).select_from(query.subquery())
    return list(db.session.execute(newest).scalars()), db.session.execute(counted).scalar_one()


def _is_confirmed() -> ColumnElement[bool]:
    return or_(Dataset.settings[BEGUN].as_boolean().is_not(True), Dataset.last_number > 0)


def get(dataset_id: int) -> Dataset:
    """The dataset. Raises NotFound."""
    dataset = db.session.get(Dataset, dataset_id)
    if dataset is None or dataset.deleted_at is not None:
        raise NotFound(f"There is no dataset {dataset_id}.", dataset_id=dataset_id)
    return dataset


def find_dataset(name_or_id: str) -> Dataset:
    """The dataset of that name, else of that id. Raises NotFound, or Conflict where several share the name."""
    query = select(Dataset).where(Dataset.deleted_at.is_(None), Dataset.name == name_or_id, _is_confirmed())
    found = list(db.session.execute(query).scalars())
    if len(found) > 1:
        ids = ", ".join(str(dataset.id) for dataset in found)
        raise Conflict(f"{len(found)} datasets are named {name_or_id!r}. Use an id instead: {ids}.")
    if found:
        return found[0]
    if is_number(name_or_id):
        return get(int(name_or_id))
    raise NotFound(f"There is no dataset {name_or_id!r}.", name=name_or_id)


def clean_name(name: str) -> str:
    """The name as it is kept. Raises Invalid where it is empty, too long or spans lines."""
    name = " ".join(name.split())
    if not name:
        raise Invalid("The dataset needs a name.", code="blank_name")
    if len(name) > MAX_NAME:
        raise Invalid(f"The name is longer than {MAX_NAME} characters. Use a shorter one.", code="long_name")
    entries.check_text(name, "name")
    return name


def create_dataset(
    name: str,
    *,
    description: str = "",
    system_prompt: str | None = None,
    begun: bool = False,
    job_id: int | None = None,
) -> Dataset:
    """A new, empty dataset. One that is only ``begun`` shows nowhere until it is confirmed.

    It is kept for as long as the job goes on that began it.
    """
    with transaction() as session:
        dataset = Dataset(
            name=clean_name(name),
            description=description.strip(),
            system_prompt=system_prompt,
            counts={},
            settings={BEGUN: True, BEGUN_BY: job_id} if begun else {},
        )
        session.add(dataset)
        session.flush()
        return dataset


def is_begun(dataset_id: int) -> bool:
    """Whether the dataset is one that was begun for a file and is not confirmed yet."""
    dataset = get(dataset_id)
    return bool((dataset.settings or {}).get(BEGUN)) and not dataset.last_number


def confirm_dataset(dataset_id: int) -> None:
    """Make a dataset that was begun one like all others."""
    with transaction():
        dataset = get(dataset_id)
        if BEGUN not in (dataset.settings or {}):
            return
        dataset.settings = {name: value for name, value in dataset.settings.items() if name not in (BEGUN, BEGUN_BY)}


def _open_dataset(dataset_id: int, revision: int | None = None) -> Dataset:
    """The dataset, to be written. Raises NotFound, and Conflict where it was written to since ``revision``."""
    dataset = get(dataset_id)
    entries.require_revision(dataset, revision)
    dataset.revision += 1
    return dataset


def update_dataset(
    dataset_id: int,
    *,
    name: str | None = None,
    description: str | None = None,
    system_prompt: str | None = None,
    revision: int | None = None,
) -> Dataset:
    """Rename or describe a dataset, or set its default system prompt (an empty text clears it).

    Raises Conflict where anything was written to it since ``revision``.
    """
    with transaction():
        dataset = _open_dataset(dataset_id, revision)
        if name is not None:
            dataset.name = clean_name(name)
        if description is not None:
            entries.check_text(description, "description")
            dataset.description = description.strip()
        if system_prompt is not None:
            entries.check_text(system_prompt, "system prompt")
            dataset.system_prompt = system_prompt or None
        dataset.changed_at = now()
        return dataset


def archive_dataset(dataset_id: int) -> Dataset:
    """Take a dataset out of the list of active ones."""
    with transaction():
        dataset = _open_dataset(dataset_id)
        dataset.archived_at = dataset.archived_at or now()
        return dataset


def unarchive_dataset(dataset_id: int) -> Dataset:
    """Put an archived dataset back among the active ones."""
    with transaction():
        dataset = _open_dataset(dataset_id)
        dataset.archived_at = None
        return dataset


def delete_dataset(dataset_id: int, *, revision: int | None = None) -> Dataset:
    """Delete a dataset with its pairs and history; ``restore`` brings all of it back.

    Raises Conflict where anything was written to it since ``revision``: more may go than somebody saw.
    """
    with transaction():
        dataset = _open_dataset(dataset_id, revision)
        dataset.deleted_at = now()
        return dataset


def restore_dataset(dataset_id: int) -> Dataset:
    """Bring a deleted dataset back. Raises NotFound where there never was one."""
    with transaction() as session:
        dataset = session.get(Dataset, dataset_id)
        if dataset is None:
            raise NotFound(f"There is no dataset {dataset_id}.", dataset_id=dataset_id)
        dataset.deleted_at = None
        dataset.revision += 1
        return dataset


_COPIED = tuple(getattr(Entry, name) for name in WRITTEN if name not in ("import_id", "source_row"))


def copy_dataset(dataset_id: int, name: str | None = None) -> Dataset:
    """A new dataset with the same live pairs, statuses, tags and settings, and a history of one step."""
    with transaction() as session:
        source = get(dataset_id)
        target = create_dataset(
            name or f"{source.name} (copy)", description=source.description, system_prompt=source.system_prompt
        )
        target.settings = dict(source.settings or {})
        total = source.entry_count
        if not total:
            return target
        step = ChangeSet(
            dataset_id=target.id, number=1, kind="copy", summary=f"Copy {plural(total, 'pair')} from {source.name}"
        )
        target.last_number = 1
        session.add(step)
        session.flush()
        last_before = session.execute(select(Entry.id).order_by(Entry.id.desc()).limit(1)).scalar() or 0
        own = (literal(target.id), literal(step.id), literal(step.id), literal(1))
        chosen = entries.select_entries(source.id, Filters(), (*own, *_COPIED)).order_by(Entry.id)
        names = ["dataset_id", "created_in", "batch_id", "version", *(column.key for column in _COPIED)]
        session.execute(insert(Entry).from_select(names, chosen))
        step.first_id = last_before + 1
        step.last_id = session.execute(select(Entry.id).order_by(Entry.id.desc()).limit(1)).scalar()
        step.created = total
        counts.add_counts(session, target, dict(source.counts))
        return target


@dataclass(frozen=True, slots=True)
class Digest:
    """SHA-256 over the live pairs: ``content`` what the model learns, ``all`` also what stands beside it."""

    content: str
    all: str


def compute_digest(dataset_id: int | None = None) -> Digest:
    """The digest of one dataset, or of all of them in id order.

    Per live pair in id order its line, as ``core.digests`` says.
    """
    content, everything = hashlib.sha256(), hashlib.sha256()
    ids = (
        [dataset_id]
        if dataset_id is not None
        else sorted(d.id for d in [*list_datasets(), *list_datasets(archived=True)])
    )
    for one in ids:
        for entry in entries.stream_entries(one):
            line = content_line(entry)
            content.update(line + b"\n")
            everything.update(line + labels_line(entry) + b"\n")
    return Digest(content.hexdigest(), everything.hexdigest())

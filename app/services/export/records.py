"""The exports that were made: what left, for whom, of which state; and the snapshot of it knows of its use."""

from sqlalchemy import delete, select

from app.core.options import decode, encode
from app.models import Export, db, transaction
from app.services import datasets, snapshots
from app.services.export.manifest import snapshot_of
from app.services.export.options import ExportOptions
from app.services.export.writing import Sent

# So many exports of a dataset are remembered: the newest.
KEPT = 200
LISTED = 20


def record_export(
    dataset_id: int,
    options: ExportOptions,
    *,
    way: str,
    records: int,
    size: int,
    sha256: str | None,
    revision: int,
    pairs_hash: str | None = None,
) -> Export:
    """Remember that a file left: ``way`` is page, command, API or Hub, ``revision`` the dataset's that was read.

    The snapshot of what was exported of, if there is one, gets a use: it is the proof of what is in the file.
    """
    with transaction() as session:
        dataset = datasets.get(dataset_id)
        frozen = snapshot_of(dataset_id, options, revision)
        made = Export(
            dataset_id=dataset_id,
            way=way,
            target=options.name,
            options=encode(options, only_changed=True),
            records=records,
            bytes=size,
            sha256=sha256,
            snapshot=frozen.number if frozen else None,
            state=frozen.hash if frozen else pairs_hash,
            step=frozen.last_number if frozen else dataset.last_number,
        )
        session.add(made)
        session.flush()
        old = select(Export.id).where(Export.dataset_id == dataset_id).order_by(Export.id.desc()).offset(KEPT)
        session.execute(delete(Export).where(Export.id.in_(old.scalar_subquery())))
        if frozen is not None:
            snapshots.add_use(frozen.id, "export", f"Export to {options.name}")
        return made


def record_sent(dataset_id: int, options: ExportOptions, sent: Sent, *, way: str) -> Export:
    """The same of a file that was streamed or written."""
    return record_export(
        dataset_id,
        options,
        way=way,
        records=sent.pairs,
        size=sent.bytes,
        sha256=sent.sha256,
        revision=sent.revision,
        pairs_hash=sent.hash,
    )


def list_exports(dataset_id: int, *, snapshot: int | None = None, size: int = LISTED) -> list[Export]:
    """The exports of a dataset, or of one of its snapshots by its number, newest first."""
    query = select(Export).where(Export.dataset_id == dataset_id)
    if snapshot is not None:
        query = query.where(Export.snapshot == snapshot)
    return list(db.session.execute(query.order_by(Export.id.desc()).limit(size)).scalars())


def options_of_export(row: Export) -> ExportOptions:
    """The options of an export as they were remembered, perhaps by another version."""
    return decode(ExportOptions, row.options, "The export", ignore_unknown=True)

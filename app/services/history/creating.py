"""Adding entries in one step."""

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.core.changes import chunks_of
from app.core.errors import Invalid
from app.core.record import Record
from app.core.stored import COLUMNS, WRITTEN, StoredEntry, stored_entry
from app.core.text import is_blank
from app.models import ChangeSet, Entry, fill, transaction
from app.models.filling import Column, Constant
from app.services import counts
from app.services.history.steps import (
    ACTOR,
    Applied,
    as_step,
    count_batch,
    drop_set,
    new_set,
    open_dataset,
    touch_dataset,
)


def create(
    dataset_id: int,
    records: Iterable[Record],
    *,
    summary: str | Callable[[int], str],
    status: str | None = "review",
    split: str | None = None,
    kind: str = "create",
    actor: str = ACTOR,
) -> Applied:
    """Add records as entries in one step. An unanswered record becomes a draft. Raises Invalid on a blank question."""
    rows = (new_row(record, status=status, split=split) for record in records)
    return create_rows(dataset_id, rows, summary=summary, kind=kind, actor=actor)


def create_rows(
    dataset_id: int,
    rows: Iterable[StoredEntry],
    *,
    summary: str | Callable[[int], str],
    kind: str = "create",
    actor: str = ACTOR,
    key: str | None = None,
) -> Applied:
    """Add entries with the labels and the provenance that they bring, in one step.

    With a ``key`` this happens once: where it was done and is neither undone nor deleted, its step comes back.
    """
    with transaction() as session:
        dataset = open_dataset(session, dataset_id)
        if key is not None and (done := _find_done(session, dataset_id, key)):
            return Applied(as_step(done))
        change_set = new_set(session, dataset, kind=kind, summary="", actor=actor, state="applied")
        total = add_rows(session, change_set, rows)
        if not total:
            drop_set(session, dataset, change_set)
            return Applied()
        change_set.summary, change_set.key = summary(total) if callable(summary) else summary, key
        counts.add_counts(session, dataset, count_batch(session, change_set))
        touch_dataset(dataset)
        return Applied(as_step(change_set), total)


def _find_done(session: Session, dataset_id: int, key: str) -> ChangeSet | None:
    """The step that a key made, where any of its entries is still there."""
    mine = Entry.id.between(ChangeSet.first_id, ChangeSet.last_id), Entry.batch_id == ChangeSet.id
    is_there = exists().where(*mine, Entry.deleted_in.is_(None))
    made = ChangeSet.key == key, ChangeSet.dataset_id == dataset_id, ChangeSet.state == "applied"
    return session.execute(select(ChangeSet).where(*made, is_there).limit(1)).scalar()


def new_row(record: Record, *, status: str | None = "review", split: str | None = None) -> StoredEntry:
    """A record as a new entry, with its hash. An unanswered one is a draft. Raises Invalid on a blank question."""
    if is_blank(record.question):
        raise Invalid("The question is empty. Write a question first.", code="blank_question", field="question")
    return stored_entry(record, status=status if status and record.answered else "draft", split=split)


def add_rows(session: Session, change_set: ChangeSet, rows: Iterable[StoredEntry]) -> int:
    """Insert entries under a change set, by the bare driver and in chunks. Returns how many.

    Counts are the caller's to keep.
    """
    return sum(_add_chunk(session, change_set, chunk) for chunk in chunks_of(rows, 1000))


def _add_chunk(session: Session, change_set: ChangeSet, rows: Sequence[StoredEntry]) -> int:
    """Columns with one value in all rows are told apart from those with several; what is empty in all is left out."""
    same: list[Constant] = []
    varying: list[Column] = []
    for name, cells in zip(COLUMNS, zip(*rows, strict=True), strict=True):
        value = cells[0]
        if name not in WRITTEN:
            continue
        if value != cells[-1] or cells.count(value) < len(cells):
            varying.append((name, cells))
        elif value is not None:
            same.append((name, value))
    return add_columns(session, change_set, len(rows), same, varying)


def add_columns(
    session: Session, change_set: ChangeSet, number: int, same: Sequence[Constant], varying: Sequence[Column]
) -> int:
    """Insert entry rows given column by column: ``same`` have one value for all. Returns how many."""
    mine = (("dataset_id", change_set.dataset_id), ("created_in", change_set.id), ("batch_id", change_set.id))
    fill(session.connection(), "entries", number, [*mine, ("version", 1), *same], varying)
    first, last = _new_ids(session, change_set, number)
    change_set.first_id = change_set.first_id or first
    change_set.last_id = last
    change_set.created += number
    return number


def _new_ids(session: Session, change_set: ChangeSet, number: int) -> tuple[int, int]:
    """The first and last id of the rows that were inserted last."""
    if session.connection().dialect.name == "sqlite":
        # Nobody else inserts while the write lock is held, so the ids follow each other.
        last = int(session.connection().exec_driver_sql("SELECT last_insert_rowid()").scalar_one())
        return last - number + 1, last
    newer = Entry.id > (change_set.last_id or _id_before(session, change_set))
    ids = select(func.min(Entry.id), func.max(Entry.id)).where(newer, Entry.batch_id == change_set.id)
    first, last = session.execute(ids).one()
    return first, last


def _id_before(session: Session, change_set: ChangeSet) -> int:
    # Ids only grow, so the set's entries lie above everything that earlier sets of any dataset created.
    newest = select(func.max(ChangeSet.last_id)).where(ChangeSet.id < change_set.id, ChangeSet.state != "staging")
    return session.execute(newest).scalar() or 0

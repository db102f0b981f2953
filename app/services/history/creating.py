"""Adding entries in one step."""

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.changes import chunks_of
from app.core.errors import Invalid
from app.core.record import Record
from app.core.text import is_blank
from app.models import ChangeSet, Entry, fill, transaction
from app.models.filling import Column, Constant
from app.services import counts
from app.services.entries import stored_values
from app.services.history.hashes import hash_of
from app.services.history.steps import ACTOR, Applied, as_step, count_batch, drop, new_set, open_dataset, touch

NEW_COLUMNS = (
    "status",
    "split",
    "system",
    "question",
    "answer",
    "rejected_answer",
    "turns",
    "trace",
    "tags",
    "extra",
    "content_hash",
    "import_id",
    "source_row",
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
    with transaction() as session:
        dataset = open_dataset(session, dataset_id)
        change_set = new_set(session, dataset, kind=kind, summary="", actor=actor, state="applied")
        rows = ({**new_row(record, status=status), "split": split} for record in records)
        total = add_rows(session, change_set, rows)
        if not total:
            drop(session, dataset, change_set)
            return Applied()
        change_set.summary = summary(total) if callable(summary) else summary
        counts.add_counts(session, dataset, count_batch(session, change_set))
        touch(dataset)
        return Applied(as_step(change_set), total)


def new_row(record: Record, *, status: str | None = "review") -> dict[str, object]:
    """A record as the values of a new entry row, with its hash. Raises Invalid on a blank question."""
    if is_blank(record.question):
        raise Invalid("The question is empty. Write a question first.", code="blank_question")
    values = stored_values(record)
    return {
        **values,
        "status": status if status and record.answered else "draft",
        "content_hash": hash_of(values),
    }


def add_rows(session: Session, change_set: ChangeSet, rows: Iterable[dict[str, object]]) -> int:
    """Insert entry rows under a change set, in chunks; returns how many. Counts are the caller's to keep."""
    total = 0
    for chunk in chunks_of(rows, 1000):
        total += add_tuples(session, change_set, [tuple(row.get(name) for name in NEW_COLUMNS) for row in chunk])
    return total


def add_tuples(session: Session, change_set: ChangeSet, rows: Sequence[tuple[object, ...]]) -> int:
    """Insert entry rows, given as tuples of ``NEW_COLUMNS``, by the bare driver: the quick way for many.

    Returns how many. Counts are the caller's to keep.
    """
    if not rows:
        return 0
    same, varying = _by_kind(zip(NEW_COLUMNS, zip(*rows, strict=True), strict=True))
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


def _by_kind(columns: Iterable[tuple[str, tuple[object, ...]]]) -> tuple[list[Constant], list[Column]]:
    """The columns with one value in all rows, and those with several; what is empty in all rows is left out."""
    same: list[Constant] = []
    varying: list[Column] = []
    for name, cells in columns:
        value = cells[0]
        if value != cells[-1] or cells.count(value) < len(cells):
            varying.append((name, cells))
        elif value is not None:
            same.append((name, value))
    return same, varying


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

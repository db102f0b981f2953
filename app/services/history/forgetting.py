"""What removes from the history for good, and only when somebody says so: old texts, or all of its older part."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, aliased

from app.core.changes import chunks_of
from app.core.errors import Conflict
from app.core.text import plural
from app.models import (
    ChangeRow,
    ChangeSet,
    Check,
    Claim,
    Comment,
    Entry,
    FoundProblem,
    KeptEntry,
    Snapshot,
    db,
    empty_log,
    transaction,
)
from app.services import search
from app.services.history.keeping import keep_hidden_batch
from app.services.history.steps import field_value, find_set, open_dataset, touch_dataset

COMPACTED = "compacted"
_ENDED = ("applied", "undone")
# So many kept entries are let go of in one transaction.
RELEASED = 5000


def forget(dataset_id: int, number: int, *, revision: int | None = None) -> int:
    """Remove from the history what the texts that a step changed were before it, in this and all earlier steps.

    The step cannot be undone any more. Returns how many pairs' older texts are gone. Backups, exported files and
    folders of training runs that were made before still hold them, and comments on pairs stay as they were written.
    Raises Conflict where a snapshot holds them, and where anything was written to the dataset since ``revision``.
    """
    with transaction() as session:
        dataset = open_dataset(session, dataset_id, revision)
        change_set = find_set(session, dataset_id, number)
        if change_set.state != "applied":
            raise Conflict(f"Step {number} is not in effect, so there is nothing to forget.", code="not_applied")
        # Who deleted a snapshot may have been killed before this.
        release_kept(dataset_id)
        _refuse_kept(session, change_set)
        with overwriting(session):
            touched = _forget_texts(session, change_set)
            search.forget_index(session, dataset_id)
            _blank_findings(session, dataset_id)
        for one in _emptied(session, dataset_id, change_set):
            _count_again(session, one)
        change_set.state = COMPACTED
        change_set.details = json.dumps({**json.loads(change_set.details or "{}"), "forgotten": True})
        touch_dataset(dataset)
    empty_log()
    return touched


def release_kept(dataset_id: int) -> int:
    """Let go of entries that were kept for snapshots which are gone, some at a time. Returns how many."""
    kept = select(KeptEntry.since, KeptEntry.upto).where(KeptEntry.dataset_id == dataset_id).distinct()
    ranges = db.session.execute(kept).all()
    # A snapshot that is begun meanwhile lies above all of them.
    points = list(db.session.execute(select(Snapshot.id).where(Snapshot.dataset_id == dataset_id)).scalars())
    released = 0
    for since, upto in ranges:
        if any(since <= point <= upto for point in points):
            continue
        unheld = KeptEntry.dataset_id == dataset_id, KeptEntry.since == since, KeptEntry.upto == upto
        while part := list(db.session.execute(select(KeptEntry.id).where(*unheld).limit(RELEASED)).scalars()):
            with transaction() as session, overwriting(session):
                session.execute(delete(KeptEntry).where(KeptEntry.id.in_(part)))
            released += len(part)
    return released


def _refuse_kept(session: Session, change_set: ChangeSet) -> None:
    """Raise Conflict where a snapshot holds a text that is to be forgotten: it must not change."""
    mine = aliased(ChangeRow)
    older = (
        select(KeptEntry.since, KeptEntry.upto)
        .join(mine, (mine.entry_id == KeptEntry.entry_id) & (mine.change_set_id == change_set.id))
        .join(ChangeRow, (ChangeRow.entry_id == mine.entry_id) & (ChangeRow.field == mine.field))
        .where(ChangeRow.change_set_id <= change_set.id, field_value(KeptEntry).is_not_distinct_from(ChangeRow.before))
        .where(ChangeRow.before.is_not(None), ChangeRow.before.is_distinct_from(mine.after))
        .distinct()
    )
    points = select(Snapshot.id, Snapshot.number).where(Snapshot.dataset_id == change_set.dataset_id)
    ranges = session.execute(older).all()
    numbers = sorted(
        point.number for point in session.execute(points) if any(one.since <= point.id <= one.upto for one in ranges)
    )
    if numbers:
        named = ", ".join(f"v{number}" for number in numbers)
        raise Conflict(
            f"{plural(len(numbers), 'snapshot')} of this dataset still {'holds' if len(numbers) == 1 else 'hold'} "
            f"what is to be forgotten: {named}. Delete {'it' if len(numbers) == 1 else 'them'} first.",
            code="in_snapshots",
            snapshots=numbers,
        )


def _forget_texts(session: Session, change_set: ChangeSet) -> int:
    mine = ChangeRow.change_set_id == change_set.id
    touched: set[int] = set()
    for field in list(session.execute(select(ChangeRow.field).where(mine).distinct()).scalars()):
        ids = list(session.execute(select(ChangeRow.entry_id).where(mine, ChangeRow.field == field)).scalars())
        touched.update(ids)
        for part in chunks_of(ids, 500):
            older = ChangeRow.change_set_id <= change_set.id, ChangeRow.field == field
            session.execute(delete(ChangeRow).where(ChangeRow.entry_id.in_(part), *older))
    return len(touched)


def _emptied(session: Session, dataset_id: int, upto: ChangeSet) -> list[ChangeSet]:
    query = select(ChangeSet).where(
        ChangeSet.dataset_id == dataset_id, ChangeSet.id < upto.id, ChangeSet.changed > 0, ChangeSet.state.in_(_ENDED)
    )
    return list(session.execute(query).scalars())


def _count_again(session: Session, change_set: ChangeSet) -> None:
    """A step that lost all its changes, and created nothing, cannot be undone any more."""
    mine = ChangeRow.change_set_id == change_set.id
    change_set.changed = session.execute(select(func.count(ChangeRow.entry_id.distinct())).where(mine)).scalar_one()
    if not change_set.changed and not change_set.created:
        change_set.state = COMPACTED


def count_compactable(dataset_id: int, upto: int) -> int:
    """How many steps up to a number can still be undone or redone."""
    query = select(func.count()).where(
        ChangeSet.dataset_id == dataset_id, ChangeSet.number <= upto, ChangeSet.state.in_(_ENDED)
    )
    return int(db.session.execute(query).scalar_one())


def compact(dataset_id: int, upto: int, *, revision: int | None = None) -> int:
    """Remove what the steps up to a number would need to be undone or redone; their sentences stay.

    Deleted pairs and those of undone imports go for good, with the comments on them. The pairs of the dataset stay as
    they are. Returns how many steps were compacted. Raises like ``forget``.
    """
    with transaction() as session:
        dataset = open_dataset(session, dataset_id, revision)
        query = select(ChangeSet).where(
            ChangeSet.dataset_id == dataset_id, ChangeSet.number <= upto, ChangeSet.state.in_(_ENDED)
        )
        older = list(session.execute(query).scalars())
        with overwriting(session):
            for change_set in older:
                _compact_one(session, change_set)
            search.forget_index(session, dataset_id)
            _blank_findings(session, dataset_id)
        if older:
            touch_dataset(dataset)
    empty_log()
    return len(older)


def _compact_one(session: Session, change_set: ChangeSet) -> None:
    gone = Entry.deleted_in == change_set.id if change_set.state == "applied" else Entry.batch_id == change_set.id
    of_dataset = Entry.dataset_id == change_set.dataset_id
    for part in chunks_of(list(session.execute(select(Entry.id).where(gone, of_dataset)).scalars()), 500):
        if change_set.state == "undone":
            mine = Entry.id.in_(part), Entry.deleted_in.is_(None)
            keep_hidden_batch(session, change_set.dataset_id, change_set.id, *mine)
        for about in (ChangeRow, Comment, Claim):
            session.execute(delete(about).where(about.entry_id.in_(part)))
        search.remove_entries(session, change_set.dataset_id, part)
        session.execute(delete(Entry).where(Entry.id.in_(part)).execution_options(synchronize_session=None))
    session.execute(delete(ChangeRow).where(ChangeRow.change_set_id == change_set.id))
    change_set.state, change_set.undone_order = COMPACTED, None


def _blank_findings(session: Session, dataset_id: int) -> None:
    """What checks said of pairs may quote their older texts."""
    checks = select(Check.id).where(Check.dataset_id == dataset_id)
    quoting = FoundProblem.check_id.in_(checks), FoundProblem.message != ""
    session.execute(update(FoundProblem).where(*quoting).values(message="").execution_options(synchronize_session=None))


@contextmanager
def overwriting(session: Session) -> Iterator[None]:
    """What is removed meanwhile is overwritten in the file, not only let go of."""
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        yield
        return
    before = connection.exec_driver_sql("PRAGMA secure_delete").scalar_one()
    connection.exec_driver_sql("PRAGMA secure_delete=1").fetchall()
    try:
        session.flush()
        yield
        session.flush()
    finally:
        connection.exec_driver_sql(f"PRAGMA secure_delete={int(before)}").fetchall()

"""Large work lands hidden, in many small transactions, and is published in one: new entries, and changes to come."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlalchemy import delete, select

from app.core.changes import Change, Value, chunks_of
from app.core.errors import Conflict
from app.models import ChangeRow, ChangeSet, Entry, db, fill, transaction
from app.services import counts
from app.services.history.changing import write_changes
from app.services.history.keeping import keep_entries
from app.services.history.steps import (
    ACTOR,
    Applied,
    Moment,
    as_step,
    count_batch,
    give_number,
    new_set,
    open_dataset,
    touch_dataset,
)
from app.services.history.undoing import write_staged

StagedRow = tuple[int, str, Value, Value]


def stage(dataset_id: int, *, kind: str, actor: str = ACTOR) -> int:
    """Open a hidden change set that rows can be added to in many transactions. Returns its id."""
    with transaction() as session:
        dataset = open_dataset(session, dataset_id)
        return new_set(session, dataset, kind=kind, summary="", actor=actor, state="staging").id


def publish(
    change_set_id: int,
    *,
    summary: str | Callable[[Applied], str],
    statuses: Mapping[str, int] | None = None,
    changes: Iterable[Change] = (),
) -> Applied:
    """Make a staged change set visible, together with changes to entries that are there, in one transaction.

    ``statuses`` is how many staged entries have each status, where the caller has counted: a million rows need not be
    read again then. A set that turns out to do nothing makes no step.
    """
    with transaction() as session:
        change_set = session.get_one(ChangeSet, change_set_id)
        if change_set.state != "staging":
            raise Conflict("This work is already finished.")
        dataset = open_dataset(session, change_set.dataset_id)
        result = write_changes(session, dataset, change_set, changes)
        if not result.changed and not change_set.created:
            session.delete(change_set)
            return result
        change_set.state, change_set.summary = "applied", summary if isinstance(summary, str) else summary(result)
        give_number(dataset, change_set)
        if change_set.created:
            counts.add_counts(
                session, dataset, count_batch(session, change_set) if statuses is None else dict(statuses)
            )
        touch_dataset(dataset)
        result.changed += change_set.created
        result.step = as_step(change_set)
        return result


def add_changes(change_set: ChangeSet, rows: Sequence[StagedRow], entry_count: int) -> None:
    """Keep what entries shall become under a staged set, as (entry, field, before, after). Nothing of it shows yet."""
    if rows:
        columns = list(zip(("entry_id", "field", "before", "after"), zip(*rows, strict=True), strict=True))
        open_dataset(db.session(), change_set.dataset_id)
        # What snapshots hold of them is kept now, in small parts, and not when all is published at once.
        for part in chunks_of({row[0]: None for row in rows}, 5000):
            keep_entries(db.session(), change_set.dataset_id, Entry.id.in_(part))
        fill(db.session().connection(), "changes", len(rows), [("change_set_id", change_set.id)], columns)
    change_set.changed += entry_count


def publish_changes(change_set_id: int, *, summary: str | Callable[[Applied], str], seen: Moment) -> Applied:
    """Write the changes kept under a staged set to their entries, and show what it created, in one transaction.

    An entry that no longer holds what its change started from is left alone and listed. ``seen`` is the
    dataset's moment before its entries were read.
    """
    with transaction() as session:
        change_set = session.get_one(ChangeSet, change_set_id, populate_existing=True)
        if change_set.state != "staging":
            raise Conflict("This work was started again elsewhere. Nothing of this run is kept.")
        dataset = open_dataset(session, change_set.dataset_id)
        result = write_staged(session, dataset, change_set, seen=seen)
        if not result.changed:
            session.execute(delete(ChangeRow).where(ChangeRow.change_set_id == change_set_id))
            session.delete(change_set)
            return result
        change_set.summary = summary if isinstance(summary, str) else summary(result)
        give_number(dataset, change_set)
        touch_dataset(dataset)
        result.step = as_step(change_set)
        return result


def discard(change_set_id: int) -> int:
    """Remove a staged change set and its hidden rows, in chunks. Returns the number of rows removed."""
    removed = 0
    while True:
        with transaction() as session:
            change_set = session.get(ChangeSet, change_set_id)
            if change_set is None or change_set.state != "staging":
                return removed
            ids = select(Entry.id).where(Entry.batch_id == change_set_id, Entry.id >= (change_set.first_id or 0))
            part = list(session.execute(ids.limit(5000)).scalars())
            mine = ChangeRow.change_set_id == change_set_id
            changed = select(ChangeRow.entry_id).where(mine).order_by(ChangeRow.entry_id).limit(5000)
            waiting = list(session.execute(changed).scalars())
            if not part and not waiting:
                session.delete(change_set)
                return removed
            session.execute(Entry.__table__.delete().where(Entry.id.in_(part)))  # type: ignore[attr-defined]
            if waiting:
                session.execute(delete(ChangeRow).where(mine, ChangeRow.entry_id <= waiting[-1]))
            removed += len(part) + len(waiting)

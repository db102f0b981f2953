"""Undo and redo: the sides of a step swapped, wherever the entry still holds what the step left."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.changes import Change, Value, chunks_of, deletion_of
from app.core.errors import Conflict, NotFound
from app.core.text import plural
from app.models import ChangeRow, ChangeSet, Dataset, Entry, transaction
from app.models.base import now
from app.services import counts, search
from app.services.entries import is_live
from app.services.history.changing import apply
from app.services.history.hashes import rehash_step
from app.services.history.keeping import keep_entries
from app.services.history.steps import (
    ACTOR,
    HASHED,
    REHASH_AT_ONCE,
    Applied,
    Moment,
    as_step,
    column_of,
    created_range,
    field_value,
    find_set,
    in_batch,
    last_undone,
    newest_applied,
    open_dataset,
    time_of_write,
    touch_dataset,
    word_for,
)

Column = InstrumentedAttribute[str | None]
# Up to here it is quicker to look at the edited entries alone than at all of a large step.
FEW_EDITED = 500


def undo(
    dataset_id: int,
    number: int | None = None,
    *,
    entry_ids: Sequence[int] | None = None,
    anyway: bool = False,
    actor: str = ACTOR,
    revision: int | None = None,
) -> Applied:
    """Take back a step (the actor's newest applied one by default), whole or for chosen entries.

    The whole step keeps its place in the history as undone and can be redone; chosen entries make a new step. Raises
    Conflict where anything was written to the dataset since ``revision``.
    """
    with transaction() as session:
        dataset = open_dataset(session, dataset_id, revision)
        change_set = find_set(session, dataset_id, number) if number else newest_applied(session, dataset_id, actor)
        if change_set is None:
            raise NotFound("There is nothing to undo.", code="nothing_to_undo")
        _refuse_compacted(change_set)
        if change_set.state != "applied":
            raise Conflict(f"Step {change_set.number} is already undone.", code="already_undone")
        if entry_ids is not None:
            return _undo_some(session, dataset, change_set, entry_ids, anyway=anyway, actor=actor)
        result = _swap(session, dataset, change_set, back=True, anyway=anyway)
        dataset.undo_count += 1
        change_set.state, change_set.undone_order, change_set.undone_at = "undone", dataset.undo_count, now()
        return _finish(session, dataset, change_set, result)


def redo(
    dataset_id: int,
    number: int | None = None,
    *,
    anyway: bool = False,
    actor: str = ACTOR,
    revision: int | None = None,
) -> Applied:
    """Do an undone step again (by default the last undone one, unless a newer step was made since).

    Raises like ``undo``.
    """
    with transaction() as session:
        dataset = open_dataset(session, dataset_id, revision)
        change_set = find_set(session, dataset_id, number) if number else last_undone(session, dataset_id, actor)
        if change_set is None:
            raise NotFound("There is nothing to redo.", code="nothing_to_redo")
        _refuse_compacted(change_set)
        if change_set.state != "undone":
            raise Conflict(f"Step {change_set.number} is not undone.", code="not_undone")
        result = _swap(session, dataset, change_set, back=False, anyway=anyway)
        change_set.state, change_set.undone_order, change_set.undone_at = "applied", None, None
        return _finish(session, dataset, change_set, result)


def _refuse_compacted(change_set: ChangeSet) -> None:
    if change_set.state == "compacted":
        raise Conflict(
            f"What step {change_set.number} changed was removed from the history. It stays as it is.", code="compacted"
        )


def overwrite(dataset_id: int, number: int) -> Applied:
    """Take the pairs along that the last undo (or redo) of a step left alone, over the later edits."""
    with transaction() as session:
        dataset = open_dataset(session, dataset_id)
        change_set = find_set(session, dataset_id, number)
        back = change_set.state == "undone"
        touched = _counted(session, change_set)
        before = counts.by_status(session, *touched, is_live(dataset.id)) if touched is not None else {}
        result = Applied(changed=_take_kept(session, change_set, back=back))
        if touched is not None:
            after = counts.by_status(session, *touched, is_live(dataset.id))
            counts.add_counts(session, dataset, counts.count_change(before, after))
        return _finish(session, dataset, change_set, result)


def _take_kept(session: Session, change_set: ChangeSet, *, back: bool) -> int:
    taken = 0
    if change_set.created and back:
        kept = [*created_range(change_set), Entry.created_in == change_set.id, Entry.batch_id.is_(None)]
        keep_entries(session, change_set.dataset_id, *kept)
        updated: Any = session.execute(update(Entry).where(*kept).values(batch_id=change_set.id))
        taken += int(updated.rowcount)
    if change_set.changed:
        mine = ChangeRow.change_set_id == change_set.id
        taken += session.execute(
            select(func.count(ChangeRow.entry_id.distinct())).where(mine, ChangeRow.held == 1)
        ).scalar_one()
        session.execute(update(ChangeRow).where(mine).values(held=1 - ChangeRow.held))
        _swap_fields(session, change_set, ChangeRow.before if back else ChangeRow.after)
        session.execute(update(ChangeRow).where(mine).values(held=0))
    return taken


def write_staged(session: Session, dataset: Dataset, change_set: ChangeSet, *, seen: Moment) -> Applied:
    """Write a staged set's changes for the first time, as a redo would. What it leaves alone is no part of the set.

    ``seen`` is the dataset's moment before its entries were read: while it still holds, nothing was edited.
    """
    untouched = dataset.revision == seen.revision
    edited = None if untouched else _edited_since(session, dataset, seen)
    gone = [] if untouched else _drop_deleted(session, change_set, edited)
    result = _swap(session, dataset, change_set, back=False, anyway=untouched, edited=edited)
    if result.skipped_count:
        mine = ChangeRow.change_set_id == change_set.id
        session.execute(delete(ChangeRow).where(mine, ChangeRow.held == 1))
        change_set.changed -= result.skipped_count
    for entry_id in gone:
        result.skip(entry_id, "The pair was deleted.")
    change_set.state = "applied"
    result.changed = change_set.changed + change_set.created
    if 0 < change_set.changed <= REHASH_AT_ONCE:
        rehash_step(session, change_set.id)
    return result


def _edited_since(session: Session, dataset: Dataset, seen: Moment) -> list[int] | None:
    """The entries that steps of after the moment touched; None where they are many, or where that cannot be told.

    Each new step counts once among the writes. Where there were more writes than steps, an older one was undone.
    """
    if dataset.revision - seen.revision != dataset.last_number - seen.number:
        return None
    newer = select(ChangeSet.id).where(ChangeSet.dataset_id == dataset.id, ChangeSet.number > seen.number)
    query = select(ChangeRow.entry_id).where(ChangeRow.change_set_id.in_(newer)).distinct()
    edited = list(session.execute(query.limit(FEW_EDITED + 1)).scalars())
    return edited if len(edited) <= FEW_EDITED else None


def _drop_deleted(session: Session, change_set: ChangeSet, edited: Sequence[int] | None) -> list[int]:
    """Take the entries that were deleted meanwhile out of a staged set; their ids. ``edited`` are all it can be.

    Those that the set itself brings back had been deleted before.
    """
    mine = ChangeRow.change_set_id == change_set.id
    dead = select(ChangeRow.entry_id).distinct().join(Entry, Entry.id == ChangeRow.entry_id)
    back = select(ChangeRow.entry_id).where(mine, ChangeRow.field == "live", ChangeRow.after == "1")
    was_live = Entry.deleted_in.is_not(None), Entry.id.not_in(back)
    gone = list(session.execute(dead.where(mine, *was_live, *_only(edited))).scalars())
    for part in chunks_of(gone, 500):
        session.execute(delete(ChangeRow).where(mine, ChangeRow.entry_id.in_(part)))
    change_set.changed -= len(gone)
    return gone


def _only(edited: Sequence[int] | None) -> list[ColumnElement[bool]]:
    return [] if edited is None else [ChangeRow.entry_id.in_(edited)]


def go_back(dataset_id: int, number: int, *, anyway: bool = False) -> list[Applied]:
    """Undo every applied step after ``number`` (0 = all), newest first, in one transaction."""
    with transaction() as session:
        later = select(ChangeSet.number).where(
            ChangeSet.dataset_id == dataset_id, ChangeSet.state == "applied", ChangeSet.number > number
        )
        numbers = list(session.execute(later.order_by(ChangeSet.number.desc())).scalars())
        return [undo(dataset_id, one, anyway=anyway) for one in numbers]


def _finish(session: Session, dataset: Dataset, change_set: ChangeSet, result: Applied) -> Applied:
    if change_set.changed <= REHASH_AT_ONCE:
        rehash_step(session, change_set.id)
    touch_dataset(dataset)
    result.step = as_step(change_set)
    return result


def _swap(
    session: Session,
    dataset: Dataset,
    change_set: ChangeSet,
    *,
    back: bool,
    anyway: bool,
    edited: Sequence[int] | None = None,
) -> Applied:
    result = Applied()
    touched = _counted(session, change_set)
    before = counts.by_status(session, *touched, is_live(dataset.id)) if touched is not None else {}
    if change_set.created:
        _flip_created(session, change_set, result, back=back, anyway=anyway)
    if change_set.changed:
        _swap_changed(session, change_set, result, back=back, anyway=anyway, edited=edited)
    if touched is not None:
        # The new visibility must be seen by the count, so the state is written first.
        change_set.state = "undone" if back else "applied"
        session.flush()
        after = counts.by_status(session, *touched, is_live(dataset.id))
        counts.add_counts(session, dataset, counts.count_change(before, after))
    return result


def _counted(session: Session, change_set: ChangeSet) -> list[ColumnElement[bool]] | None:
    """Which entries can move between counts, or None where the step touches neither status nor being live."""
    fields = select(ChangeRow.entry_id).where(
        ChangeRow.change_set_id == change_set.id, ChangeRow.field.in_(("status", "live"))
    )
    moves = session.execute(fields.limit(1)).first() is not None
    if change_set.created:
        created = and_(*created_range(change_set), Entry.created_in == change_set.id)
        return [or_(created, Entry.id.in_(fields)) if moves else created]
    return [Entry.id.in_(fields)] if moves else None


def _flip_created(session: Session, change_set: ChangeSet, result: Applied, *, back: bool, anyway: bool) -> None:
    kept: list[int] = []
    if back and not anyway:
        kept = _edited_since_creation(session, change_set)
        for entry_id in kept:
            result.skip(entry_id, "The pair was edited since it was added.")
        for part in chunks_of(kept, 500):
            keep_entries(session, change_set.dataset_id, Entry.id.in_(part))
            session.execute(update(Entry).where(Entry.id.in_(part)).values(batch_id=None))
    if not back:
        # Entries that an earlier undo kept belong to the step again, so that the next undo takes them too.
        kept_before = [*created_range(change_set), Entry.created_in == change_set.id, Entry.batch_id.is_(None)]
        keep_entries(session, change_set.dataset_id, *kept_before)
        session.execute(update(Entry).where(*kept_before).values(batch_id=change_set.id))
    result.changed += change_set.created - len(kept)


def _edited_since_creation(session: Session, change_set: ChangeSet) -> list[int]:
    """Live entries of the batch of which some field differs from what it was when created."""
    first = (
        select(ChangeRow.entry_id, ChangeRow.field, func.min(ChangeRow.change_set_id).label("set_id"))
        .join(Entry, Entry.id == ChangeRow.entry_id)
        .where(*in_batch(change_set), Entry.version > 1, Entry.deleted_in.is_(None))
        .group_by(ChangeRow.entry_id, ChangeRow.field)
        .subquery()
    )
    query = (
        select(ChangeRow.entry_id)
        .join(
            first,
            (first.c.entry_id == ChangeRow.entry_id)
            & (first.c.field == ChangeRow.field)
            & (first.c.set_id == ChangeRow.change_set_id),
        )
        .join(Entry, Entry.id == ChangeRow.entry_id)
        .where(field_value(Entry).is_distinct_from(ChangeRow.before))
        .distinct()
    )
    return list(session.execute(query).scalars())


def _swap_changed(
    session: Session,
    change_set: ChangeSet,
    result: Applied,
    *,
    back: bool,
    anyway: bool,
    edited: Sequence[int] | None,
) -> None:
    expected, target = (ChangeRow.after, ChangeRow.before) if back else (ChangeRow.before, ChangeRow.after)
    mine = ChangeRow.change_set_id == change_set.id
    session.execute(update(ChangeRow).where(mine, ChangeRow.held == 1).values(held=0))
    skipped = result.skipped_count
    if not anyway:
        _hold(session, change_set, expected, result, edited)
    _swap_fields(session, change_set, target)
    result.changed += change_set.changed - (result.skipped_count - skipped)


def _swap_fields(session: Session, change_set: ChangeSet, target: Column) -> None:
    mine = ChangeRow.change_set_id == change_set.id
    touched = select(ChangeRow.entry_id).where(mine, ChangeRow.held == 0)
    keep_entries(session, change_set.dataset_id, Entry.id.in_(touched))
    names = list(session.execute(select(ChangeRow.field).where(mine).distinct()).scalars())
    for name in names:
        _swap_field(session, change_set, name, target, bump=len(names) == 1)
    if len(names) > 1:
        session.execute(
            update(Entry)
            .where(Entry.id.in_(touched))
            .values(version=Entry.version + 1, updated_at=_moment_of(session, change_set))
            .execution_options(synchronize_session=None)
        )
    if not search.LOOKED_AT.isdisjoint(names):
        search.mark_step(session, change_set.dataset_id, change_set.id, change_set.changed)


def _hold(
    session: Session, change_set: ChangeSet, expected: Column, result: Applied, edited: Sequence[int] | None
) -> None:
    """Mark the rows of entries that were changed since; they stay as they are. ``edited`` are all it can be."""
    stale = (
        select(ChangeRow.entry_id, func.min(ChangeRow.field))
        .join(Entry, Entry.id == ChangeRow.entry_id)
        .where(ChangeRow.change_set_id == change_set.id, field_value(Entry).is_distinct_from(expected), *_only(edited))
        .group_by(ChangeRow.entry_id)
    )
    rows = session.execute(stale).all()
    for entry_id, name in rows:
        result.skip(entry_id, f"The {word_for(name)} was changed since.")
    for part in chunks_of((row[0] for row in rows), 500):
        session.execute(
            update(ChangeRow)
            .where(ChangeRow.change_set_id == change_set.id, ChangeRow.entry_id.in_(part))
            .values(held=1)
        )


def _swap_field(session: Session, change_set: ChangeSet, name: str, target: Column, *, bump: bool) -> None:
    value = case((target == "1", None), else_=change_set.id) if name == "live" else target
    values: dict[str, object] = {column_of(name): value}
    if name in HASHED:
        values["content_hash"] = None
    if bump:
        values.update(version=Entry.version + 1, updated_at=_moment_of(session, change_set))
    session.execute(
        update(Entry)
        .where(
            Entry.id == ChangeRow.entry_id,
            ChangeRow.change_set_id == change_set.id,
            ChangeRow.field == name,
            ChangeRow.held == 0,
        )
        .values(**values)
        .execution_options(synchronize_session=None)
    )


def _moment_of(session: Session, change_set: ChangeSet) -> datetime:
    return time_of_write(session.get_one(Dataset, change_set.dataset_id))


def _undo_some(
    session: Session,
    dataset: Dataset,
    change_set: ChangeSet,
    entry_ids: Sequence[int],
    *,
    anyway: bool,
    actor: str,
) -> Applied:
    total = change_set.created + change_set.changed
    changes = _inverse_changes(session, change_set, entry_ids)
    return apply(
        dataset.id,
        changes,
        summary=lambda n: f"Undo {n:,} of {plural(total, 'pair')} of step {change_set.number}",
        kind="undo",
        actor=actor,
        anyway=anyway,
        undo_of=change_set.id,
    )


def _inverse_changes(session: Session, change_set: ChangeSet, entry_ids: Sequence[int]) -> list[Change]:
    found: list[Change] = []
    fields: dict[int, dict[str, tuple[Value, Value]]] = {}
    for part in chunks_of(set(entry_ids), 1000):
        created = select(Entry.id).where(Entry.created_in == change_set.id, Entry.id.in_(part))
        found += [deletion_of(entry_id) for entry_id in session.execute(created).scalars()]
        rows = select(ChangeRow).where(ChangeRow.change_set_id == change_set.id, ChangeRow.entry_id.in_(part))
        for row in session.execute(rows).scalars():
            fields.setdefault(row.entry_id, {})[row.field] = (row.after, row.before)
    return found + [Change(entry_id, values) for entry_id, values in fields.items()]

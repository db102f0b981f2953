"""The only writer of entries. Every write is a change set, in the same transaction as the write; undo swaps its sides.

Undo and redo compare values, not versions: an entry is taken back only if each field that the set touched still holds
what the set left there. What was edited since is reported and kept, unless the caller says ``anyway``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, bindparam, case, func, insert, select, update
from sqlalchemy.orm import Session

from app.core.changes import FIELDS, Change, Value, chunks, deletion
from app.core.errors import Conflict, Invalid, NotFound
from app.core.record import Record, content_hash
from app.core.text import is_blank, plural
from app.models import ChangeRow, ChangeSet, Dataset, Entry, transaction
from app.models.base import db, now
from app.services import counts
from app.services.entries import CONTENT, StoredEntry, live, stored_values

ACTOR = "you"
CHUNK = 400
REPORTED = 100
TEXT_FIELDS = tuple(name for name in FIELDS if name != "live")
_HASHED = frozenset({"system", "turns", "question", "trace", "answer", "rejected_answer"})
_REHASH_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Step:
    """A change set as its readers see it."""

    id: int
    number: int | None
    kind: str
    summary: str
    actor: str
    state: str
    created: int
    changed: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry that was left alone, and why."""

    entry_id: int
    reason: str


@dataclass(slots=True)
class Applied:
    """What a write did: its step (None when nothing changed), counts, and what was left alone."""

    step: Step | None = None
    changed: int = 0
    skipped_count: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def skip(self, entry_id: int, reason: str) -> None:
        """Count an entry as left alone; the first hundred are named."""
        self.skipped_count += 1
        if len(self.skipped) < REPORTED:
            self.skipped.append(Skipped(entry_id, reason))


def as_step(change_set: ChangeSet) -> Step:
    """The value form of a change set."""
    return Step(
        change_set.id,
        change_set.number,
        change_set.kind,
        change_set.summary,
        change_set.actor,
        change_set.state,
        change_set.created,
        change_set.changed,
    )


def open_dataset(session: Session, dataset_id: int) -> Dataset:
    """The dataset row for writing. Raises NotFound where it does not exist or was deleted."""
    dataset = session.get(Dataset, dataset_id)
    if dataset is None or dataset.deleted_at is not None:
        raise NotFound(f"There is no dataset {dataset_id}.", dataset_id=dataset_id)
    return dataset


def _new_set(session: Session, dataset: Dataset, *, kind: str, summary: str, actor: str, state: str) -> ChangeSet:
    change_set = ChangeSet(dataset_id=dataset.id, kind=kind, summary=summary, actor=actor, state=state)
    if state == "applied":
        _number(dataset, change_set)
    session.add(change_set)
    session.flush()
    return change_set


def _number(dataset: Dataset, change_set: ChangeSet) -> None:
    dataset.last_number += 1
    change_set.number = dataset.last_number


def _drop(session: Session, dataset: Dataset, change_set: ChangeSet) -> None:
    """Take back a step that turned out to do nothing; its number was the last one given."""
    session.delete(change_set)
    dataset.last_number -= 1
    session.flush()


def _touch(dataset: Dataset) -> None:
    dataset.revision += 1
    dataset.changed_at = now()


# --- creating ---------------------------------------------------------------------------------------------------


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
        change_set = _new_set(session, dataset, kind=kind, summary="", actor=actor, state="applied")
        rows = ({**new_row(record, status=status), "split": split} for record in records)
        total = add_rows(session, change_set, rows)
        if not total:
            _drop(session, dataset, change_set)
            return Applied()
        change_set.summary = summary(total) if callable(summary) else summary
        counts.add(session, dataset, _count_batch(session, change_set))
        _touch(dataset)
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


def hash_of(values: dict[str, Value]) -> int:
    """The content hash of stored values."""
    return content_hash(
        values["system"],
        values["turns"],
        values["question"] or "",
        values["trace"],
        values["answer"] or "",
        values["rejected_answer"],
    )


def add_rows(session: Session, change_set: ChangeSet, rows: Iterable[dict[str, object]]) -> int:
    """Insert entry rows under a change set, in chunks; returns how many. Counts are the caller's to keep."""
    total = 0
    for chunk in chunks(rows, 1000):
        keys = {"dataset_id": change_set.dataset_id, "created_in": change_set.id, "batch_id": change_set.id}
        session.connection().execute(insert(Entry.__table__), [{**row, **keys} for row in chunk])  # type: ignore[arg-type]
        total += len(chunk)
    if total:
        first, last = session.execute(
            select(func.min(Entry.id), func.max(Entry.id)).where(
                Entry.id > (change_set.last_id or _id_before(session, change_set)), Entry.batch_id == change_set.id
            )
        ).one()
        change_set.first_id = change_set.first_id or first
        change_set.last_id = last
        change_set.created += total
    return total


def _id_before(session: Session, change_set: ChangeSet) -> int:
    # Ids only grow, so the set's entries lie above everything that earlier sets of any dataset created.
    newest = select(func.max(ChangeSet.last_id)).where(ChangeSet.id < change_set.id, ChangeSet.state != "staging")
    return session.execute(newest).scalar() or 0


def _created_range(change_set: ChangeSet) -> list[ColumnElement[bool]]:
    return [Entry.id >= change_set.first_id, Entry.id <= change_set.last_id]


def _batch(change_set: ChangeSet) -> list[ColumnElement[bool]]:
    return [*_created_range(change_set), Entry.batch_id == change_set.id]


def _count_batch(session: Session, change_set: ChangeSet) -> dict[str, int]:
    return counts.by_status(session, *_batch(change_set), Entry.deleted_in.is_(None))


# --- staging: large imports land hidden and are published by one row -----------------------------------------------


def stage(dataset_id: int, *, kind: str, actor: str = ACTOR) -> int:
    """Open a hidden change set that rows can be added to in many transactions. Returns its id."""
    with transaction() as session:
        dataset = open_dataset(session, dataset_id)
        return _new_set(session, dataset, kind=kind, summary="", actor=actor, state="staging").id


def publish(change_set_id: int, *, summary: str) -> Step:
    """Make a staged change set visible, in one small transaction."""
    with transaction() as session:
        change_set = session.get_one(ChangeSet, change_set_id)
        if change_set.state != "staging":
            raise Conflict("This import is already finished.")
        dataset = open_dataset(session, change_set.dataset_id)
        change_set.state, change_set.summary = "applied", summary
        _number(dataset, change_set)
        if change_set.first_id is not None:
            counts.add(session, dataset, _count_batch(session, change_set))
        _touch(dataset)
        return as_step(change_set)


def discard(change_set_id: int, *, pause: Callable[[], None] = lambda: None) -> int:
    """Remove a staged change set and its hidden rows, in chunks. Returns the number of rows removed."""
    removed = 0
    while True:
        with transaction() as session:
            change_set = session.get(ChangeSet, change_set_id)
            if change_set is None or change_set.state != "staging":
                return removed
            ids = select(Entry.id).where(Entry.batch_id == change_set_id, Entry.id >= (change_set.first_id or 0))
            part = list(session.execute(ids.limit(5000)).scalars())
            if not part:
                session.delete(change_set)
                return removed
            session.execute(Entry.__table__.delete().where(Entry.id.in_(part)))  # type: ignore[attr-defined]
            removed += len(part)
        pause()


def sweep(keep: Sequence[int] = ()) -> int:
    """Discard all staged sets but ``keep``: what a killed process left. Returns the number of rows removed."""
    query = select(ChangeSet.id).where(ChangeSet.state == "staging", ChangeSet.id.not_in(list(keep)))
    return sum(discard(set_id) for set_id in list(db.session.execute(query).scalars()))


# --- changing ---------------------------------------------------------------------------------------------------


def apply(
    dataset_id: int,
    changes: Iterable[Change],
    *,
    summary: str | Callable[[int], str],
    kind: str,
    actor: str = ACTOR,
    anyway: bool = False,
    undo_of: int | None = None,
) -> Applied:
    """Write changes as one step. An entry whose field no longer holds the change's ``before`` is skipped and listed.

    With ``anyway`` such entries are overwritten too. No step is made where nothing changes.
    """
    with transaction() as session:
        dataset = open_dataset(session, dataset_id)
        change_set = _new_set(session, dataset, kind=kind, summary="", actor=actor, state="applied")
        change_set.undo_of = undo_of
        result = Applied()
        delta: dict[str, int] = {}
        for chunk in chunks(changes, CHUNK):
            _apply_chunk(session, change_set, chunk, result, delta, anyway)
        if not result.changed:
            _drop(session, dataset, change_set)
            return result
        change_set.changed = result.changed
        change_set.summary = summary(result.changed) if callable(summary) else summary
        counts.add(session, dataset, delta)
        if result.changed <= _REHASH_AT_ONCE:
            rehash(dataset_id)
        _touch(dataset)
        result.step = as_step(change_set)
        return result


def _apply_chunk(
    session: Session,
    change_set: ChangeSet,
    chunk: list[Change],
    result: Applied,
    delta: dict[str, int],
    anyway: bool,
) -> None:
    current = _current(session, change_set.dataset_id, [change.entry_id for change in chunk])
    log: list[dict[str, object]] = []
    updates: dict[tuple[str, ...], list[dict[str, object]]] = {}
    for change in chunk:
        values = current.get(change.entry_id)
        reason = _obstacle(values, change, anyway)
        if values is None or reason:
            result.skip(change.entry_id, reason)
            continue
        fields = {name: (values[name], after) for name, (_, after) in change.fields.items() if values[name] != after}
        if not fields:
            continue
        result.changed += 1
        log += (
            {"change_set_id": change_set.id, "entry_id": change.entry_id, "field": name, "before": old, "after": new}
            for name, (old, new) in fields.items()
        )
        _count_change(values, fields, delta)
        values.update({name: new for name, (_, new) in fields.items()})
        updates.setdefault(tuple(fields), []).append(_update_values(change_set.id, change.entry_id, fields))
    if log:
        session.connection().execute(insert(ChangeRow.__table__), log)  # type: ignore[arg-type]
    for names, rows in updates.items():
        _write_fields(session, names, rows)


def _current(session: Session, dataset_id: int, ids: list[int]) -> dict[int, dict[str, Value]]:
    columns = [getattr(Entry, name) for name in TEXT_FIELDS]
    rows = session.execute(
        select(Entry.id, Entry.deleted_in, *columns).where(Entry.dataset_id == dataset_id, Entry.id.in_(ids))
    )
    return {
        row[0]: {**dict(zip(TEXT_FIELDS, row[2:], strict=True)), "live": "1" if row[1] is None else "0"} for row in rows
    }


def _obstacle(values: dict[str, Value] | None, change: Change, anyway: bool) -> str:
    if values is None:
        return "There is no such pair."
    if values["live"] == "0" and "live" not in change.fields:
        return "The pair was deleted."
    if unknown := set(change.fields) - set(FIELDS):
        raise Invalid(f"An entry has no field {sorted(unknown)[0]!r}.")
    if anyway:
        return ""
    stale = [name for name, (before, _) in change.fields.items() if values[name] != before]
    return f"The {_word(stale[0])} was changed since." if stale else ""


def _word(name: str) -> str:
    return {"live": "pair", "system": "system prompt", "rejected_answer": "rejected answer"}.get(name, name)


def _count_change(values: dict[str, Value], fields: dict[str, tuple[Value, Value]], delta: dict[str, int]) -> None:
    after = {name: new for name, (_, new) in fields.items()}
    if values["live"] == "1":
        delta[str(values["status"])] = delta.get(str(values["status"]), 0) - 1
    if after.get("live", values["live"]) == "1":
        status = str(after.get("status", values["status"]))
        delta[status] = delta.get(status, 0) + 1


def _update_values(set_id: int, entry_id: int, fields: dict[str, tuple[Value, Value]]) -> dict[str, object]:
    row: dict[str, object] = {"entry": entry_id}
    for name, (_, new) in fields.items():
        row["new_" + name] = new if name != "live" else (None if new == "1" else set_id)
    return row


def _write_fields(session: Session, names: tuple[str, ...], rows: list[dict[str, object]]) -> None:
    values: dict[str, object] = {_column(name): bindparam("new_" + name) for name in names}
    if _HASHED & set(names):
        values["content_hash"] = None
    statement = (
        update(Entry)
        .where(Entry.id == bindparam("entry"))
        .values(**values, version=Entry.version + 1, updated_at=now())
        .execution_options(synchronize_session=None)
    )
    session.connection().execute(statement, rows)


def _column(name: str) -> str:
    return "deleted_in" if name == "live" else name


def delete(dataset_id: int, entry_ids: Iterable[int], *, actor: str = ACTOR) -> Applied:
    """Delete entries; they keep their rows and ids, and undo brings them back."""
    return apply(
        dataset_id,
        (deletion(entry_id) for entry_id in entry_ids),
        summary=lambda number: f"Delete {plural(number, 'pair')}",
        kind="delete",
        actor=actor,
    )


def rehash(dataset_id: int) -> int:
    """Compute the content hashes that bulk changes left empty. Returns how many."""
    columns = (Entry.id, Entry.system, Entry.turns, Entry.question, Entry.trace, Entry.answer, Entry.rejected_answer)
    total = 0
    while True:
        with transaction() as session:
            waiting = select(*columns).where(Entry.dataset_id == dataset_id, Entry.content_hash.is_(None)).limit(2000)
            rows = [{"entry": row[0], "hash": content_hash(*row[1:])} for row in session.execute(waiting)]
            if not rows:
                return total
            statement = update(Entry).where(Entry.id == bindparam("entry")).values(content_hash=bindparam("hash"))
            session.connection().execute(statement, rows)
            total += len(rows)


# --- undo and redo ------------------------------------------------------------------------------------------------


def undo(
    dataset_id: int,
    number: int | None = None,
    *,
    entry_ids: Sequence[int] | None = None,
    anyway: bool = False,
    actor: str = ACTOR,
) -> Applied:
    """Take back a step (the actor's newest applied one by default), whole or for chosen entries.

    The whole step keeps its place in the history as undone and can be redone; chosen entries make a new step.
    """
    with transaction() as session:
        dataset = open_dataset(session, dataset_id)
        change_set = _find(session, dataset_id, number) if number else _newest(session, dataset_id, actor)
        if change_set is None:
            raise NotFound("There is nothing to undo.", code="nothing_to_undo")
        if change_set.state != "applied":
            raise Conflict(f"Step {change_set.number} is already undone.", code="already_undone")
        if entry_ids is not None:
            return _undo_some(session, dataset, change_set, entry_ids, anyway=anyway, actor=actor)
        result = _swap(session, dataset, change_set, back=True, anyway=anyway)
        dataset.undo_count += 1
        change_set.state, change_set.undone_order, change_set.undone_at = "undone", dataset.undo_count, now()
        return _finish(dataset, change_set, result)


def redo(dataset_id: int, number: int | None = None, *, anyway: bool = False, actor: str = ACTOR) -> Applied:
    """Do an undone step again (by default the last undone one, unless a newer step was made since)."""
    with transaction() as session:
        dataset = open_dataset(session, dataset_id)
        change_set = _find(session, dataset_id, number) if number else _last_undone(session, dataset_id, actor)
        if change_set is None:
            raise NotFound("There is nothing to redo.", code="nothing_to_redo")
        if change_set.state != "undone":
            raise Conflict(f"Step {change_set.number} is not undone.", code="not_undone")
        result = _swap(session, dataset, change_set, back=False, anyway=anyway)
        change_set.state, change_set.undone_order, change_set.undone_at = "applied", None, None
        return _finish(dataset, change_set, result)


def go_back(dataset_id: int, number: int, *, anyway: bool = False) -> list[Applied]:
    """Undo every applied step after ``number`` (0 = all), newest first, in one transaction."""
    with transaction() as session:
        later = select(ChangeSet.number).where(
            ChangeSet.dataset_id == dataset_id, ChangeSet.state == "applied", ChangeSet.number > number
        )
        numbers = list(session.execute(later.order_by(ChangeSet.number.desc())).scalars())
        return [undo(dataset_id, one, anyway=anyway) for one in numbers]


def _finish(dataset: Dataset, change_set: ChangeSet, result: Applied) -> Applied:
    if result.changed <= _REHASH_AT_ONCE and change_set.changed:
        rehash(dataset.id)
    _touch(dataset)
    result.step = as_step(change_set)
    return result


def _find(session: Session, dataset_id: int, number: int) -> ChangeSet:
    query = select(ChangeSet).where(ChangeSet.dataset_id == dataset_id, ChangeSet.number == number)
    change_set = session.execute(query).scalar_one_or_none()
    if change_set is None:
        raise NotFound(f"There is no step {number} in this dataset.", number=number)
    return change_set


def _newest(session: Session, dataset_id: int, actor: str) -> ChangeSet | None:
    query = select(ChangeSet).where(
        ChangeSet.dataset_id == dataset_id, ChangeSet.state == "applied", ChangeSet.actor == actor
    )
    return session.execute(query.order_by(ChangeSet.number.desc()).limit(1)).scalar_one_or_none()


def _last_undone(session: Session, dataset_id: int, actor: str) -> ChangeSet | None:
    query = select(ChangeSet).where(
        ChangeSet.dataset_id == dataset_id, ChangeSet.state == "undone", ChangeSet.actor == actor
    )
    last = session.execute(query.order_by(ChangeSet.undone_order.desc()).limit(1)).scalar_one_or_none()
    newest = _newest(session, dataset_id, actor)
    if last is None or (newest is not None and last.undone_at is not None and newest.created_at > last.undone_at):
        return None
    return last


def _swap(session: Session, dataset: Dataset, change_set: ChangeSet, *, back: bool, anyway: bool) -> Applied:
    result = Applied()
    touched = _counted(session, change_set)
    before = counts.by_status(session, *touched, live(dataset.id)) if touched is not None else {}
    if change_set.created:
        _flip_created(session, change_set, result, back=back, anyway=anyway)
    if change_set.changed:
        _swap_changed(session, change_set, result, back=back, anyway=anyway)
    if touched is not None:
        # The new visibility must be seen by the count, so the state is written first.
        change_set.state = "undone" if back else "applied"
        session.flush()
        after = counts.by_status(session, *touched, live(dataset.id))
        counts.add(session, dataset, counts.difference(before, after))
    return result


def _counted(session: Session, change_set: ChangeSet) -> list[ColumnElement[bool]] | None:
    """Which entries can move between counts, or None where the step touches neither status nor being live."""
    if change_set.created:
        return [*_created_range(change_set), Entry.created_in == change_set.id]
    fields = select(ChangeRow.entry_id).where(
        ChangeRow.change_set_id == change_set.id, ChangeRow.field.in_(("status", "live"))
    )
    return [Entry.id.in_(fields)] if session.execute(fields.limit(1)).first() else None


def _flip_created(session: Session, change_set: ChangeSet, result: Applied, *, back: bool, anyway: bool) -> None:
    kept: list[int] = []
    if back and not anyway:
        kept = _edited_since_creation(session, change_set)
        for entry_id in kept:
            result.skip(entry_id, "The pair was edited since it was added.")
        for part in chunks(kept, 500):
            session.execute(update(Entry).where(Entry.id.in_(part)).values(batch_id=None))
    if not back:
        # Entries that an earlier undo kept belong to the step again, so that the next undo takes them too.
        kept_before = [*_created_range(change_set), Entry.created_in == change_set.id, Entry.batch_id.is_(None)]
        session.execute(update(Entry).where(*kept_before).values(batch_id=change_set.id))
    result.changed += change_set.created - len(kept)


def _edited_since_creation(session: Session, change_set: ChangeSet) -> list[int]:
    """Live entries of the batch of which some field differs from what it was when created."""
    first = (
        select(ChangeRow.entry_id, ChangeRow.field, func.min(ChangeRow.change_set_id).label("set_id"))
        .join(Entry, Entry.id == ChangeRow.entry_id)
        .where(*_batch(change_set), Entry.version > 1, Entry.deleted_in.is_(None))  # type: ignore[arg-type]
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
        .where(_field_value().is_distinct_from(ChangeRow.before))
        .distinct()
    )
    return list(session.execute(query).scalars())


def _field_value():  # type: ignore[no-untyped-def]
    """The entry's present value of the field that a change row names, in its stored form."""
    whens = [(ChangeRow.field == name, getattr(Entry, name)) for name in TEXT_FIELDS]
    return case(*whens, else_=case((Entry.deleted_in.is_(None), "1"), else_="0"))


def _swap_changed(session: Session, change_set: ChangeSet, result: Applied, *, back: bool, anyway: bool) -> None:
    expected, target = (ChangeRow.after, ChangeRow.before) if back else (ChangeRow.before, ChangeRow.after)
    mine = ChangeRow.change_set_id == change_set.id
    session.execute(update(ChangeRow).where(mine, ChangeRow.held == 1).values(held=0))
    if not anyway:
        _hold(session, change_set, expected, result)
    names = list(session.execute(select(ChangeRow.field).where(mine).distinct()).scalars())
    for name in names:
        _swap_field(session, change_set, name, target, bump=len(names) == 1)
    if len(names) > 1:
        touched = select(ChangeRow.entry_id).where(mine, ChangeRow.held == 0)
        session.execute(
            update(Entry)
            .where(Entry.id.in_(touched))
            .values(version=Entry.version + 1, updated_at=now())
            .execution_options(synchronize_session=None)
        )
    result.changed += change_set.changed - (result.skipped_count if not change_set.created else 0)


def _hold(session: Session, change_set: ChangeSet, expected, result: Applied) -> None:  # type: ignore[no-untyped-def]
    """Mark the rows of entries that were changed since; they stay as they are."""
    stale = (
        select(ChangeRow.entry_id, func.min(ChangeRow.field))
        .join(Entry, Entry.id == ChangeRow.entry_id)
        .where(ChangeRow.change_set_id == change_set.id, _field_value().is_distinct_from(expected))
        .group_by(ChangeRow.entry_id)
    )
    rows = session.execute(stale).all()
    for entry_id, name in rows:
        result.skip(entry_id, f"The {_word(name)} was changed since.")
    for part in chunks((row[0] for row in rows), 500):
        session.execute(
            update(ChangeRow)
            .where(ChangeRow.change_set_id == change_set.id, ChangeRow.entry_id.in_(part))
            .values(held=1)
        )


def _swap_field(session: Session, change_set: ChangeSet, name: str, target, *, bump: bool) -> None:  # type: ignore[no-untyped-def]
    value = case((target == "1", None), else_=change_set.id) if name == "live" else target
    values: dict[str, object] = {_column(name): value}
    if name in _HASHED:
        values["content_hash"] = None
    if bump:
        values.update(version=Entry.version + 1, updated_at=now())
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
    created = select(Entry.id).where(Entry.created_in == change_set.id, Entry.id.in_(entry_ids))
    found = [deletion(entry_id) for entry_id in session.execute(created).scalars()]
    rows = session.execute(
        select(ChangeRow).where(ChangeRow.change_set_id == change_set.id, ChangeRow.entry_id.in_(entry_ids))
    ).scalars()
    fields: dict[int, dict[str, tuple[Value, Value]]] = {}
    for row in rows:
        fields.setdefault(row.entry_id, {})[row.field] = (row.after, row.before)
    return found + [Change(entry_id, values) for entry_id, values in fields.items()]


# --- reading the history ----------------------------------------------------------------------------------------


def steps(dataset_id: int, *, before: int | None = None, size: int = 100) -> list[ChangeSet]:
    """The steps of a dataset, newest first; ``before`` is a step number to continue from."""
    query = select(ChangeSet).where(ChangeSet.dataset_id == dataset_id, ChangeSet.number.is_not(None))
    if before is not None:
        query = query.where(ChangeSet.number < before)
    return list(db.session.execute(query.order_by(ChangeSet.number.desc()).limit(size)).scalars())


def step(dataset_id: int, number: int) -> ChangeSet:
    """One step. Raises NotFound."""
    return _find(db.session(), dataset_id, number)


def next_undo(dataset_id: int, actor: str = ACTOR) -> ChangeSet | None:
    """The step that Undo would take back now."""
    return _newest(db.session(), dataset_id, actor)


def next_redo(dataset_id: int, actor: str = ACTOR) -> ChangeSet | None:
    """The step that Redo would do again now."""
    return _last_undone(db.session(), dataset_id, actor)


@dataclass(frozen=True, slots=True)
class Seen:
    """One entry as a step changed it. ``fields`` is empty for an entry that the step created."""

    entry: StoredEntry
    fields: dict[str, tuple[Value, Value]]


def changes_of(dataset_id: int, number: int, *, after_id: int = 0, size: int = 50) -> list[Seen]:
    """What a step did, entry by entry in id order, for paging."""
    change_set = step(dataset_id, number)
    created = change_set.created > 0
    if created:
        where = Entry.created_in == change_set.id
    else:
        where = Entry.id.in_(select(ChangeRow.entry_id).where(ChangeRow.change_set_id == change_set.id))
    query = select(*CONTENT).where(where, Entry.dataset_id == dataset_id, Entry.id > max(after_id, _floor(change_set)))
    entries = [StoredEntry(*row) for row in db.session.execute(query.order_by(Entry.id).limit(size))]
    fields = {} if created else _fields_of(change_set.id, [entry.id for entry in entries])
    return [Seen(entry, fields.get(entry.id, {})) for entry in entries]


def _floor(change_set: ChangeSet) -> int:
    return (change_set.first_id or 1) - 1


def _fields_of(change_set_id: int, ids: list[int]) -> dict[int, dict[str, tuple[Value, Value]]]:
    rows = db.session.execute(
        select(ChangeRow).where(ChangeRow.change_set_id == change_set_id, ChangeRow.entry_id.in_(ids))
    ).scalars()
    fields: dict[int, dict[str, tuple[Value, Value]]] = {}
    for row in rows:
        fields.setdefault(row.entry_id, {})[row.field] = (row.before, row.after)
    return fields

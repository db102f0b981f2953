"""Reading the history: the steps, and what each did."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from app.core.changes import Value
from app.core.stored import StoredEntry, as_entry
from app.models import ChangeRow, ChangeSet, Entry, db
from app.services.entries import COLUMNS, holds_text
from app.services.history.steps import ACTOR, Applied, Skipped, as_step, find_set, last_undone, newest_applied

# What users call edits and imports; all else is done in bulk.
MAX_COMPARED = 10_000
_SINGLE: dict[str, tuple[str, ...]] = {"edits": ("edit", "create"), "imports": ("import",)}
KINDS = ("edits", "bulk", "imports")


def steps(
    dataset_id: int, *, before: int | None = None, size: int = 100, text: str = "", kind: str = ""
) -> list[ChangeSet]:
    """The steps of a dataset, newest first; ``before`` is a step number to continue from.

    ``text`` is part of the sentence or of who did it, ``kind`` one of edits, imports and bulk.
    """
    query = select(ChangeSet).where(ChangeSet.dataset_id == dataset_id, ChangeSet.number.is_not(None))
    if text:
        query = query.where(or_(*(holds_text(c, text[:200]) for c in (ChangeSet.summary, ChangeSet.actor))))
    if kind in ("edits", "imports"):
        query = query.where(ChangeSet.kind.in_(_SINGLE[kind]))
    elif kind == "bulk":
        query = query.where(ChangeSet.kind.not_in([one for kinds in _SINGLE.values() for one in kinds]))
    if before is not None:
        query = query.where(ChangeSet.number < before)
    return list(db.session.execute(query.order_by(ChangeSet.number.desc()).limit(size)).scalars())


def step(dataset_id: int, number: int) -> ChangeSet:
    """One step. Raises NotFound."""
    return find_set(db.session(), dataset_id, number)


def newest_number(dataset_id: int) -> int:
    """The number of the newest step, 0 where there is none. After a restore, higher numbers were given out before."""
    query = select(func.max(ChangeSet.number)).where(ChangeSet.dataset_id == dataset_id)
    return db.session.execute(query).scalar() or 0


def applied_of(dataset_id: int, result: Mapping[str, Any]) -> Applied:
    """What a write did, from what programs see of it (``applied_dict``), with its step as it is now."""
    number = result.get("change_set")
    skipped = [Skipped(one["entry"], one["reason"]) for one in result.get("skipped", [])]
    made = as_step(step(dataset_id, number)) if number else None
    return Applied(made, made.changed if made else 0, result.get("skipped_count", 0), skipped)


def details_of(change_set: ChangeSet) -> dict[str, Any]:
    """What a step keeps about itself, such as the recipe that it ran; empty for most."""
    facts: dict[str, Any] = json.loads(change_set.details or "{}")
    return facts


def next_undo(dataset_id: int, actor: str = ACTOR) -> ChangeSet | None:
    """The step that Undo would take back now."""
    return newest_applied(db.session(), dataset_id, actor)


def next_redo(dataset_id: int, actor: str = ACTOR) -> ChangeSet | None:
    """The step that Redo would do again now."""
    return last_undone(db.session(), dataset_id, actor)


def count_later(dataset_id: int, number: int) -> int:
    """How many applied steps came after step ``number``."""
    later = select(func.count()).where(
        ChangeSet.dataset_id == dataset_id, ChangeSet.state == "applied", ChangeSet.number > number
    )
    return int(db.session.execute(later).scalar_one())


def count_touched_later(dataset_id: int, number: int) -> int | None:
    """How many of a step's pairs a later step changed: in the same field, or at all where this step added them.

    None where counting would take long.
    """
    change_set = step(dataset_id, number)
    if change_set.changed + change_set.created > MAX_COMPARED:
        return None
    later = (ChangeSet.state == "applied", ChangeSet.number > number)
    mine, theirs = aliased(ChangeRow), aliased(ChangeRow)
    again = (
        select(func.count(mine.entry_id.distinct()))
        .join(theirs, (theirs.entry_id == mine.entry_id) & (theirs.field == mine.field))
        .join(ChangeSet, ChangeSet.id == theirs.change_set_id)
        .where(mine.change_set_id == change_set.id, *later)
    )
    added = (
        select(func.count(Entry.id.distinct()))
        .join(theirs, theirs.entry_id == Entry.id)
        .join(ChangeSet, ChangeSet.id == theirs.change_set_id)
        .where(Entry.created_in == change_set.id, Entry.id >= (change_set.first_id or 0), *later)
    )
    queries = (again, added) if change_set.created else (again,)
    return sum(int(db.session.execute(query).scalar_one()) for query in queries)


@dataclass(frozen=True, slots=True)
class Seen:
    """One entry as a step changed it. ``fields`` is empty for an entry that the step created."""

    entry: StoredEntry
    fields: dict[str, tuple[Value, Value]]


def changes_of(dataset_id: int, number: int, *, after_id: int = 0, size: int = 50) -> list[Seen]:
    """What a step did, entry by entry in id order, for paging. Entries that it added are shown as they were then."""
    change_set = step(dataset_id, number)
    created = change_set.created > 0
    if created:
        where = Entry.created_in == change_set.id
    else:
        where = Entry.id.in_(select(ChangeRow.entry_id).where(ChangeRow.change_set_id == change_set.id))
    query = select(*COLUMNS).where(
        where, Entry.dataset_id == dataset_id, Entry.id > max(after_id, (change_set.first_id or 1) - 1)
    )
    entries = [as_entry(row) for row in db.session.execute(query.order_by(Entry.id).limit(size))]
    if created:
        entries = _as_added(entries)
    fields = {} if created else _fields_of(change_set.id, [entry.id for entry in entries])
    return [Seen(entry, fields.get(entry.id, {})) for entry in entries]


def _as_added(entries: list[StoredEntry]) -> list[StoredEntry]:
    """The entries with question and answer as they were before any change."""
    touched = (
        select(ChangeRow.entry_id, ChangeRow.field, func.min(ChangeRow.change_set_id).label("set_id"))
        .where(ChangeRow.entry_id.in_([entry.id for entry in entries]), ChangeRow.field.in_(("question", "answer")))
        .group_by(ChangeRow.entry_id, ChangeRow.field)
        .subquery()
    )
    first = select(ChangeRow.entry_id, ChangeRow.field, ChangeRow.before).join(
        touched,
        (touched.c.entry_id == ChangeRow.entry_id)
        & (touched.c.field == ChangeRow.field)
        & (touched.c.set_id == ChangeRow.change_set_id),
    )
    before: dict[int, dict[str, Any]] = {}
    for entry_id, name, text in db.session.execute(first):
        before.setdefault(entry_id, {})[name] = text or ""
    return [entry._replace(**before[entry.id]) if entry.id in before else entry for entry in entries]


def _fields_of(change_set_id: int, ids: list[int]) -> dict[int, dict[str, tuple[Value, Value]]]:
    rows = db.session.execute(
        select(ChangeRow).where(ChangeRow.change_set_id == change_set_id, ChangeRow.entry_id.in_(ids))
    ).scalars()
    fields: dict[int, dict[str, tuple[Value, Value]]] = {}
    for row in rows:
        fields.setdefault(row.entry_id, {})[row.field] = (row.before, row.after)
    return fields

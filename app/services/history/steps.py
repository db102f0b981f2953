"""Steps: what a write returns, and the change-set rows behind it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, select
from sqlalchemy.orm import Session

from app.core.changes import FIELDS
from app.core.errors import NotFound
from app.core.stored import CONTENT
from app.models import ChangeRow, ChangeSet, Dataset, Entry
from app.models.base import now
from app.models.entry import EntryColumns
from app.services import counts
from app.services.entries import require_revision

ACTOR = "you"
REPORTED = 100
TEXT_FIELDS = tuple(name for name in FIELDS if name != "live")
HASHED = frozenset(CONTENT)
REHASH_AT_ONCE = 5_000


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


def open_dataset(session: Session, dataset_id: int, revision: int | None = None) -> Dataset:
    """The dataset row for writing; until the transaction ends nobody else has it so.

    A snapshot is a point between writes: with two at a time it could hold half of one. Raises NotFound where the
    dataset does not exist or was deleted, Conflict where it was written to since ``revision``.
    """
    dataset = session.get(Dataset, dataset_id)
    if dataset is not None:
        # What this transaction has changed of it is written first, or it would be read back as it was before.
        session.flush()
        # In words of PostgreSQL FOR NO KEY UPDATE: rows that refer to the dataset can still be added.
        session.refresh(dataset, with_for_update={"key_share": True})
    if dataset is None or dataset.deleted_at is not None:
        raise NotFound(f"There is no dataset {dataset_id}.", dataset_id=dataset_id)
    require_revision(dataset, revision)
    return dataset


def new_set(session: Session, dataset: Dataset, *, kind: str, summary: str, actor: str, state: str) -> ChangeSet:
    change_set = ChangeSet(dataset_id=dataset.id, kind=kind, summary=summary, actor=actor, state=state)
    if state == "applied":
        give_number(dataset, change_set)
    session.add(change_set)
    session.flush()
    return change_set


def give_number(dataset: Dataset, change_set: ChangeSet) -> None:
    dataset.last_number += 1
    change_set.number = dataset.last_number


def drop_set(session: Session, dataset: Dataset, change_set: ChangeSet) -> None:
    """Take back a step that turned out to do nothing; its number was the last one given."""
    session.delete(change_set)
    dataset.last_number -= 1
    session.flush()


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a dataset was when its entries were read: how often it was written to, and its newest step."""

    revision: int
    number: int


def moment(dataset: Dataset) -> Moment:
    """The dataset's present moment."""
    return Moment(dataset.revision, dataset.last_number)


def time_of_write(dataset: Dataset) -> datetime:
    """Now, or just after the write before where the clock was set back: lists tell by it what is new to them."""
    return max(now(), dataset.changed_at + timedelta(microseconds=1))


def touch_dataset(dataset: Dataset) -> None:
    dataset.revision += 1
    dataset.changed_at = time_of_write(dataset)


def find_set(session: Session, dataset_id: int, number: int) -> ChangeSet:
    query = select(ChangeSet).where(ChangeSet.dataset_id == dataset_id, ChangeSet.number == number)
    change_set = session.execute(query).scalar_one_or_none()
    if change_set is None:
        raise NotFound(f"There is no step {number} in this dataset.", number=number)
    return change_set


def newest_applied(session: Session, dataset_id: int, actor: str) -> ChangeSet | None:
    query = select(ChangeSet).where(
        ChangeSet.dataset_id == dataset_id, ChangeSet.state == "applied", ChangeSet.actor == actor
    )
    return session.execute(query.order_by(ChangeSet.number.desc()).limit(1)).scalar_one_or_none()


def last_undone(session: Session, dataset_id: int, actor: str) -> ChangeSet | None:
    query = select(ChangeSet).where(
        ChangeSet.dataset_id == dataset_id, ChangeSet.state == "undone", ChangeSet.actor == actor
    )
    last = session.execute(query.order_by(ChangeSet.undone_order.desc()).limit(1)).scalar_one_or_none()
    newest = newest_applied(session, dataset_id, actor)
    if last is None or (newest is not None and last.undone_at is not None and newest.created_at > last.undone_at):
        return None
    return last


def created_range(change_set: ChangeSet) -> list[ColumnElement[bool]]:
    return [Entry.id >= change_set.first_id, Entry.id <= change_set.last_id]


def in_batch(change_set: ChangeSet) -> list[ColumnElement[bool]]:
    return [*created_range(change_set), Entry.batch_id == change_set.id]


def count_batch(session: Session, change_set: ChangeSet) -> dict[str, int]:
    return counts.by_status(session, *in_batch(change_set), Entry.deleted_in.is_(None))


def word_for(name: str) -> str:
    words = {"live": "pair", "system": "system prompt", "rejected_answer": "rejected answer"}
    return {**words, "turns": "conversation", "trace": "conversation"}.get(name, name)


def column_of(name: str) -> str:
    return "deleted_in" if name == "live" else name


def field_value(stored: type[EntryColumns]) -> ColumnElement[str | None]:
    """What is stored there of the field that a change row names, in the form of changes."""
    whens = [(ChangeRow.field == name, getattr(stored, name)) for name in TEXT_FIELDS]
    return case(*whens, else_=case((stored.deleted_in.is_(None), "1"), else_="0"))


def as_dict(change_set: ChangeSet | Step) -> dict[str, object]:
    """A step as programs see it."""
    return {
        "change_set": change_set.number,
        "kind": change_set.kind,
        "summary": change_set.summary,
        "actor": change_set.actor,
        "state": change_set.state,
        "created": change_set.created,
        "changed": change_set.changed,
    }


def applied_dict(result: Applied) -> dict[str, object]:
    """The result of a write as programs see it."""
    return {
        "change_set": result.step.number if result.step else None,
        "summary": result.step.summary if result.step else None,
        "changed": result.changed,
        "skipped_count": result.skipped_count,
        "skipped": [{"entry": one.entry_id, "reason": one.reason} for one in result.skipped],
    }

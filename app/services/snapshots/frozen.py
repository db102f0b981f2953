"""The pairs of a snapshot, read like those of a dataset: ``as_frozen`` turns queries of entries to what was frozen."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    cast,
    column,
    false,
    literal,
    null,
    or_,
    select,
    table,
    union_all,
)

from app.core.filters import EVERY, Filters
from app.models import Entry, EntryFacts, KeptEntry, Snapshot, SnapshotRange, db, reading
from app.models.entry import EntryColumns
from app.services import entries

_SHOWN = ("dataset_id", "created_in")
_HIDDEN = ("batch_id", "deleted_in")
_FIELDS = tuple(name for name in EntryColumns.__annotations__ if name not in (*_SHOWN, *_HIDDEN))
S = TypeVar("S", bound=Select[Any])


def is_whole(snapshot: Snapshot) -> bool:
    """Whether it holds all pairs that the dataset had."""
    return not snapshot.filters


def as_frozen(statement: S, snapshot: Snapshot | None) -> S:
    """A query of ``Entry`` that finds what the snapshot holds in place of the entries of now; None leaves it as it is.

    What it finds has its id and all of its columns, no hash of its content unless it was known, and the version 1.
    """
    # In SQL a common table hides the table of the same name.
    if snapshot is None:
        return statement
    # Facts are of pairs as they are now: of what was frozen they are made anew.
    facts = EntryFacts.__table__
    names = [column(one.name, one.type) for one in facts.columns]
    kept = table("entry_facts", *names, schema="main" if db.engine.dialect.name == "sqlite" else None)
    return statement.add_cte(_frozen_entries(snapshot), select(*kept.c).where(false()).cte("entry_facts"))


def stream(
    snapshot: Snapshot,
    filters: Filters = EVERY,
    *,
    columns: Sequence[Any] = entries.COLUMNS,
    size: int = 1000,
    where: Sequence[ColumnElement[bool]] = (),
    limit: int | None = None,
) -> Iterator[list[Any]]:
    """The rows that the snapshot holds, just as ``entries.stream`` gives those of a dataset. They never change."""
    with reading() as connection:
        held = entries.chosen(snapshot.dataset_id, filters, connection, lambda query: as_frozen(query, snapshot))
        ordered = select(*columns).where(*held, *where).order_by(Entry.id).limit(limit)
        yield from entries.fetch_chunks(connection, as_frozen(ordered, snapshot), size)


def _frozen_entries(snapshot: Snapshot) -> CTE:
    names = [column(one.name, one.type) for one in Entry.__table__.columns]
    schema = "main" if db.engine.dialect.name == "sqlite" else None
    present = table("entries", *names, schema=schema).alias("present")
    kept = KeptEntry.__table__.alias("kept")
    reaches = kept.c.upto >= snapshot.id, kept.c.since <= snapshot.id
    is_kept = select(literal(1)).where(kept.c.entry_id == present.c.id, *reaches).correlate(present).exists()
    as_they_are = _columns(present.c.id, present).where(~is_kept, *_is_held(snapshot, present.c.id, present))
    as_they_were = _columns(kept.c.entry_id, kept).where(*reaches, *_is_held(snapshot, kept.c.entry_id, kept))
    return union_all(as_they_are, as_they_were).cte("entries")


def _columns(entry_id: ColumnElement[int], stored: Any) -> Select[Any]:
    """All columns of the table of entries: what is held shows, whatever became of it or of its step."""
    nothing = [cast(null(), Entry.__table__.c[name].type).label(name) for name in (*_HIDDEN, "updated_at")]
    fields = [stored.c[name] for name in (*_SHOWN, *_FIELDS)]
    columns: list[ColumnElement[Any]] = [entry_id.label("id"), literal(1).label("version"), *nothing, *fields]
    return select(*columns)


def _is_held(snapshot: Snapshot, entry_id: ColumnElement[int], stored: Any) -> list[ColumnElement[bool]]:
    held = [
        stored.c.dataset_id == snapshot.dataset_id,
        stored.c.created_in <= snapshot.last_set,
        stored.c.deleted_in.is_(None),
    ]
    if snapshot.hidden:
        held.append(or_(stored.c.batch_id.is_(None), stored.c.batch_id.not_in(snapshot.hidden)))
    if snapshot.state == "ready" and not is_whole(snapshot):
        ranges = SnapshotRange.__table__
        last = select(ranges.c.last_id).where(ranges.c.snapshot_id == snapshot.id, ranges.c.first_id <= entry_id)
        held.append(last.order_by(ranges.c.first_id.desc()).limit(1).scalar_subquery() >= entry_id)
    return held

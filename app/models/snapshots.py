"""Snapshots: points at which a dataset was frozen, and the pairs as they were there that were written to since."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now
from app.models.entry import EntryColumns, Id


class Snapshot(Base):
    """A dataset at one point. ``state`` is freezing (its hash is not known yet) or ready.

    What it holds: of each entry the kept one whose range reaches over its id, else the entry as it is now; of these
    all that were created in a set up to ``last_set``, not deleted, and not of a batch that was ``hidden`` then. With
    ``filters``, only what its ranges name. ``system_prompt`` and ``title`` are the prompt and the name of the dataset.
    """

    __tablename__ = "snapshots"
    # The id says the order of points, so it must not come again.
    __table_args__ = (UniqueConstraint("dataset_id", "number"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    number: Mapped[int] = mapped_column(Integer)
    name: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, default="")
    actor: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="freezing")
    job_id: Mapped[int | None]
    filters: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    hash: Mapped[str | None] = mapped_column(String(64))
    records: Mapped[int] = mapped_column(default=0)
    splits: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    statuses: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    system_prompt: Mapped[str | None] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(BigInteger)
    last_number: Mapped[int] = mapped_column(Integer)
    last_set: Mapped[int] = mapped_column(Integer)
    hidden: Mapped[list[int]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class KeptEntry(EntryColumns, Base):
    """An entry as it was from the snapshot ``since`` to the snapshot ``upto``, before it was written to."""

    __tablename__ = "kept_entries"
    __table_args__ = (
        Index("ix_kept_entries_entry_id", "entry_id", "upto", "since", unique=True),
        Index("ix_kept_entries_dataset_id", "dataset_id", "upto", "since", "entry_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    entry_id: Mapped[int] = mapped_column(Id)
    since: Mapped[int] = mapped_column(Integer)
    upto: Mapped[int] = mapped_column(Integer)


class SnapshotRange(Base):
    """Ids that a snapshot of a part of a dataset holds, from the first to the last."""

    __tablename__ = "snapshot_ranges"
    __table_args__ = ({"sqlite_with_rowid": False},)

    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshots.id"), primary_key=True)
    first_id: Mapped[int] = mapped_column(Id, primary_key=True)
    last_id: Mapped[int] = mapped_column(Id)


class SnapshotUse(Base):
    """What was made of a snapshot, such as an export: its kind, what it is called, and its page."""

    __tablename__ = "snapshot_uses"
    __table_args__ = (Index("ix_snapshot_uses_snapshot_id", "snapshot_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshots.id"))
    kind: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

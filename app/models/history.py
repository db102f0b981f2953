"""Change sets and their changes: what was done, by whom, and how to take it back."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now
from app.models.entry import Id


class ChangeSet(Base):
    """All changes of one action. ``state`` is staging, applied or undone.

    A set that created entries lists none of them as changes: the entries carry its id as ``batch_id``, and their ids
    lie between ``first_id`` and ``last_id``. ``key`` tells a request that was sent twice.
    """

    __tablename__ = "change_sets"
    __table_args__ = (
        UniqueConstraint("dataset_id", "number"),
        Index("ix_change_sets_dataset_id_state", "dataset_id", "state"),
        Index("ix_change_sets_key", "key"),
        # The number of a discarded set must not come again: a run that was overtaken would write into another's.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    number: Mapped[int | None] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(20))
    summary: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text, default="you")
    state: Mapped[str] = mapped_column(String(10), default="applied")
    created: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    first_id: Mapped[int | None] = mapped_column(Id)
    last_id: Mapped[int | None] = mapped_column(Id)
    undo_of: Mapped[int | None] = mapped_column(Integer)
    undone_order: Mapped[int | None] = mapped_column(Integer)
    details: Mapped[str | None] = mapped_column(Text)
    key: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ChangeRow(Base):
    """One field of one entry, before and after. ``held`` marks what the last undo or redo left alone."""

    __tablename__ = "changes"
    __table_args__ = (
        Index("ix_changes_entry_id", "entry_id"),
        {"sqlite_with_rowid": False},
    )

    change_set_id: Mapped[int] = mapped_column(ForeignKey("change_sets.id"), primary_key=True)
    entry_id: Mapped[int] = mapped_column(Id, primary_key=True)
    field: Mapped[str] = mapped_column(String(16), primary_key=True)
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)
    held: Mapped[int] = mapped_column(Integer, default=0, server_default="0")

"""Entries: stored question-answer pairs, in the form in which changes compare them (text or NULL)."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, null, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core import stored
from app.models.base import Base, UtcDateTime

_LIVE: dict[str, Any] = {
    "sqlite_where": text("deleted_in IS NULL"),
    "postgresql_where": text("deleted_in IS NULL"),
}
_TAGGED: dict[str, Any] = {
    "sqlite_where": text("deleted_in IS NULL AND tags IS NOT NULL"),
    "postgresql_where": text("deleted_in IS NULL AND tags IS NOT NULL"),
}
_EDITED: dict[str, Any] = {
    "sqlite_where": text("updated_at IS NOT NULL"),
    "postgresql_where": text("updated_at IS NOT NULL"),
}
Id = BigInteger().with_variant(Integer, "sqlite")


class EntryColumns:
    """What an entry is made of, wherever it is stored.

    ``turns``, ``trace``, ``tags`` and ``extra`` hold JSON text, NULL when empty. ``content_hash`` is NULL while it
    waits to be computed again after a bulk change.
    """

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    created_in: Mapped[int] = mapped_column(Integer)
    batch_id: Mapped[int | None] = mapped_column(Integer)
    deleted_in: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(10))
    split: Mapped[str | None] = mapped_column(String(10))
    source: Mapped[str | None] = mapped_column(Text)
    family: Mapped[str | None] = mapped_column(Text)
    system: Mapped[str | None] = mapped_column(Text)
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text, default="")
    rejected_answer: Mapped[str | None] = mapped_column(Text)
    reasoning: Mapped[str | None] = mapped_column(Text)
    turns: Mapped[str | None] = mapped_column(Text)
    trace: Mapped[str | None] = mapped_column(Text)
    tags: Mapped[str | None] = mapped_column(Text)
    extra: Mapped[str | None] = mapped_column(Text)
    content_hash: Mapped[int | None] = mapped_column(BigInteger)
    import_id: Mapped[int | None] = mapped_column(Integer)
    source_row: Mapped[int | None] = mapped_column(Integer)


class Entry(EntryColumns, Base):
    """One pair. It is live while ``deleted_in`` is NULL and its batch, if any, is an applied change set."""

    __tablename__ = "entries"
    __table_args__ = (
        # With the batch: lists pass over the rows of a hidden import without reading them.
        Index("ix_entries_dataset_id", "dataset_id", "id", "batch_id", **_LIVE),
        Index("ix_entries_dataset_id_status", "dataset_id", "status", "id", "batch_id", **_LIVE),
        # Counts of tags for every page of pairs; untagged pairs, mostly all, are not in it.
        Index("ix_entries_dataset_id_tags", "dataset_id", "tags", "batch_id", **_TAGGED),
        # What was written to since a moment; imported pairs that nobody touched, mostly all, are not in it.
        Index("ix_entries_dataset_id_updated_at", "dataset_id", "updated_at", **_EDITED),
        # Without the dataset: an index that starts with it tempts the planner away from lookups by id.
        Index("ix_entries_content_hash", "content_hash"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    version: Mapped[int] = mapped_column(Id, default=1, server_default="1")
    updated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def entry_columns(names: Collection[str] = stored.COLUMNS) -> tuple[Any, ...]:
    """The columns of a StoredEntry, with NULL in place of those not named: what nobody reads is not fetched."""
    return tuple(getattr(Entry, name) if name in names else null().label(name) for name in stored.COLUMNS)

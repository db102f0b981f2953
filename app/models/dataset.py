"""Datasets: named collections of entries."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now


class Dataset(Base):
    """A named collection with a default system prompt. Counts are kept in the transaction of each write."""

    __tablename__ = "datasets"
    # The id of a dataset that is gone must not come again: who still holds it would write into another.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    system_prompt: Mapped[str | None] = mapped_column(Text)
    settings: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    last_number: Mapped[int] = mapped_column(default=0)
    last_snapshot: Mapped[int] = mapped_column(default=0, server_default="0")
    undo_count: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def entry_count(self) -> int:
        """How many live pairs the dataset holds."""
        return sum((self.counts or {}).values())

"""What an export would leave out, as it was counted: one row for each way to export, and the pairs that it names."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now
from app.models.entry import Id


class Ledger(Base):
    """One count of an export. ``key`` is a hash of its options.

    ``revision`` and ``last_number`` are those of the dataset when it was counted, ``last_set`` is the newest change set
    that it saw, ``hidden`` those that did not show then. ``summary`` is told in ``services/export/ledgers.py``.
    """

    __tablename__ = "ledgers"
    __table_args__ = (
        Index("ix_ledgers_dataset_id_key", "dataset_id", "key"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    key: Mapped[str] = mapped_column(String(64))
    job_id: Mapped[int | None]
    revision: Mapped[int] = mapped_column(BigInteger, default=0)
    last_number: Mapped[int] = mapped_column(default=0)
    last_set: Mapped[int] = mapped_column(default=0)
    hidden: Mapped[list[int]] = mapped_column(JSON, default=list)
    summary: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class LedgerRow(Base):
    """One pair that a count names under a code."""

    __tablename__ = "ledger_rows"
    __table_args__ = ({"sqlite_with_rowid": False},)

    ledger_id: Mapped[int] = mapped_column(ForeignKey("ledgers.id"), primary_key=True)
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    entry_id: Mapped[int] = mapped_column(Id, primary_key=True)

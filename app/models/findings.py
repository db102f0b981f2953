"""What the last check of a dataset found: one row for the whole of it, and its findings one by one, up to a limit."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now
from app.models.entry import Id


class Check(Base):
    """One check of all pairs. ``state`` is staging (hidden), current (one for each dataset) or old.

    ``last_set`` is the newest change set that it saw, ``hidden`` those before it that were staged or undone then.
    ``summary`` holds the exact counts; what it has beside them is told in ``services/validation/keeping.py``.
    """

    __tablename__ = "checks"
    __table_args__ = (
        Index("ix_checks_dataset_id_state", "dataset_id", "state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    profile: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="staging")
    job_id: Mapped[int | None]
    revision: Mapped[int] = mapped_column(BigInteger, default=0)
    last_set: Mapped[int] = mapped_column(default=0)
    hidden: Mapped[list[int]] = mapped_column(JSON, default=list)
    summary: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class FoundProblem(Base):
    """One finding in one pair, whose texts had the hash ``content_hash``. ``position`` tells those of a check apart."""

    __tablename__ = "findings"
    __table_args__ = ({"sqlite_with_rowid": False},)

    check_id: Mapped[int] = mapped_column(ForeignKey("checks.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(60), primary_key=True)
    entry_id: Mapped[int] = mapped_column(Id, primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    content_hash: Mapped[int | None] = mapped_column(BigInteger)
    profile: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    fix: Mapped[str | None] = mapped_column(Text)

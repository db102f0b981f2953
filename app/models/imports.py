"""Imports and their quarantined rows."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now


class Import(Base):
    """One file brought in: what it was, how it was read, and what became of each row.

    ``rows_in = imported + skipped + quarantined`` holds when ``state`` is done (``imported`` counts updated ones too).
    States: waiting (uploaded, settings being chosen), running, done, failed, cancelled.
    """

    __tablename__ = "imports"
    __table_args__ = (Index("ix_imports_dataset_id", "dataset_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    change_set_id: Mapped[int | None] = mapped_column(ForeignKey("change_sets.id"))
    job_id: Mapped[int | None]
    upload: Mapped[str | None] = mapped_column(String(64))
    file_name: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str | None] = mapped_column(String(64))
    settings: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    detected: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    message: Mapped[str | None] = mapped_column(Text)
    rows_in: Mapped[int] = mapped_column(default=0)
    imported: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    quarantined: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class QuarantinedRow(Base):
    """A row that could not become an entry, with its raw text and the reason: open, retried or dismissed."""

    __tablename__ = "quarantine"
    __table_args__ = (Index("ix_quarantine_import_id", "import_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(ForeignKey("imports.id"))
    row: Mapped[int]
    line: Mapped[int | None]
    code: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text)
    raw: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="open", server_default="open")

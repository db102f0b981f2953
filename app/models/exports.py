"""Exports that were made, and choices of exports that were kept under a name."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now


class Export(Base):
    """A file, or a set of files, that left: for whom, of which pairs, and what it was.

    ``options`` are those that differ from the usual ones. ``snapshot`` is the number of the snapshot that holds what
    was exported of, if there is one; ``state`` the hash of that snapshot, else of the pairs that went out where it is
    known; ``step`` the newest step of the history then. ``sha256`` is the file's; files in a folder have none here.
    """

    __tablename__ = "exports"
    __table_args__ = (Index("ix_exports_dataset_id", "dataset_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    way: Mapped[str] = mapped_column(String(10))
    target: Mapped[str] = mapped_column(Text)
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    records: Mapped[int] = mapped_column(Integer)
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    snapshot: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[str | None] = mapped_column(String(64))
    step: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ExportPreset(Base):
    """The choices of an export under a name of its dataset."""

    __tablename__ = "export_presets"
    __table_args__ = (UniqueConstraint("dataset_id", "name"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    name: Mapped[str] = mapped_column(Text)
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

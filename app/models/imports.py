"""Imports and their quarantined rows."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, func, select
from sqlalchemy.orm import Mapped, column_property, mapped_column

from app.models.base import Base, UtcDateTime, now
from app.models.history import ChangeSet


class QuarantinedRow(Base):
    """A row that could not become an entry, with its raw text and the reason: open, retried or dismissed.

    ``repaired_in`` is the id of the step that brought it in. Where that is undone, the row is open again.
    """

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
    repaired_in: Mapped[int | None]


_WAS_UNDONE = (
    select(ChangeSet.id).where(ChangeSet.id == QuarantinedRow.repaired_in, ChangeSet.state == "undone").exists()
)
_IS_REOPENED = (QuarantinedRow.state == "retried") & _WAS_UNDONE
# Whether a row waits to be repaired.
IS_OPEN = (QuarantinedRow.state == "open") | _IS_REOPENED


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
    # Rows that were repaired by a step that is undone.
    reopened: Mapped[int] = column_property(
        select(func.count())
        .where(QuarantinedRow.import_id == id, _IS_REOPENED)
        .correlate_except(QuarantinedRow, ChangeSet)
        .scalar_subquery()
    )

    @property
    def imported_now(self) -> int:
        """Rows whose pairs came in, but for repairs that were undone."""
        return self.imported - self.reopened

    @property
    def quarantined_now(self) -> int:
        """Rows that are kept in quarantine, with those whose repair was undone."""
        return self.quarantined + self.reopened

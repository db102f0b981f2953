"""What searches for duplicates found: scans, their groups with members and pairs, and what is no duplicate for ever."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, Integer, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now
from app.models.entry import Id


class DuplicateScan(Base):
    """One search through a dataset. ``state``: staging (hidden), current (one for each ``kind``) or old.

    ``kind`` says what the pairs were compared with: own, dataset, file or splits; ``scope`` names it. ``last_set`` is
    the newest change set that the scan knows, ``hidden`` those before it that were staged or undone then. A re-check
    moves both on; ``index_set`` stays at what the word index knows.
    """

    __tablename__ = "duplicate_scans"
    __table_args__ = (
        Index("ix_duplicate_scans_dataset_id_state", "dataset_id", "state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    side: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(10))
    scope: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(String(10), default="staging")
    job_id: Mapped[int | None]
    last_set: Mapped[int] = mapped_column(default=0)
    index_set: Mapped[int] = mapped_column(default=0)
    hidden: Mapped[list[int]] = mapped_column(JSON, default=list)
    entry_count: Mapped[int] = mapped_column(default=0)
    compared: Mapped[int] = mapped_column(BigInteger, default=0)
    seconds: Mapped[float] = mapped_column(Float, default=0.0)
    counts: Mapped[dict[str, dict[str, int]]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DuplicateGroup(Base):
    """Entries that belong together at the levels ``lowest`` to ``highest``. ``what`` is the list that shows it.

    ``state`` is open, dismissed or changed (open again, because a member changed). ``settled_in`` is the change set
    that settled it: the group is settled while that set is applied, and open again when it was undone.
    """

    __tablename__ = "duplicate_groups"
    __table_args__ = (
        Index("ix_duplicate_groups_order", "scan_id", "what", "size", "score", "id"),
        Index("ix_duplicate_groups_levels", "scan_id", "what", "lowest", "highest", "state", "settled_in"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("duplicate_scans.id"))
    what: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(10))
    lowest: Mapped[int] = mapped_column(SmallInteger)
    highest: Mapped[int] = mapped_column(SmallInteger)
    size: Mapped[int] = mapped_column(Integer)
    score: Mapped[float] = mapped_column(Float)
    differs: Mapped[list[str]] = mapped_column(JSON, default=list)
    frame: Mapped[str | None] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(10), default="open")
    settled_in: Mapped[int | None] = mapped_column(Integer)


class DuplicateMember(Base):
    """One entry of a group, or a row of the other side: its JSON text ``other`` then says what it is and from where."""

    __tablename__ = "duplicate_members"
    __table_args__ = (Index("ix_duplicate_members_entry_id", "entry_id"), {"sqlite_with_rowid": False})

    group_id: Mapped[int] = mapped_column(Id, ForeignKey("duplicate_groups.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    entry_id: Mapped[int | None] = mapped_column(Id)
    other: Mapped[str | None] = mapped_column(Text)


class DuplicatePair(Base):
    """Two entries found alike, by id; rows of the other side have negative numbers. See ``core.duplicates.Pairs``."""

    __tablename__ = "duplicate_pairs"
    __table_args__ = (
        Index("ix_duplicate_pairs_scan_id_right_id", "scan_id", "right_id"),
        {"sqlite_with_rowid": False},
    )

    scan_id: Mapped[int] = mapped_column(ForeignKey("duplicate_scans.id"), primary_key=True)
    left_id: Mapped[int] = mapped_column(Id, primary_key=True)
    right_id: Mapped[int] = mapped_column(Id, primary_key=True)
    level: Mapped[int] = mapped_column(SmallInteger)
    score: Mapped[float] = mapped_column(Float)
    differs: Mapped[int] = mapped_column(SmallInteger)
    answer_level: Mapped[int] = mapped_column(SmallInteger)
    answer_differs: Mapped[int] = mapped_column(SmallInteger)


class NotDuplicate(Base):
    """Two contents, by their hashes, that somebody said are no duplicates. It holds for all later scans."""

    __tablename__ = "not_duplicates"
    __table_args__ = (UniqueConstraint("dataset_id", "low_hash", "high_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    low_hash: Mapped[int] = mapped_column(BigInteger)
    high_hash: Mapped[int] = mapped_column(BigInteger)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

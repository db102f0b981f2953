"""Review: who decided what about which pair, who looks at which one now, what was remarked, and samples to audit."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now
from app.models.entry import Id


class Verdict(Base):
    """What a reviewer said of a pair. ``verdict`` is approved, rejected or skipped.

    ``version`` is the pair's after it: nothing has happened to the pair since then while both are equal.
    ``change_set_id`` is the step that gave the status, if one was needed; ``seconds`` how long the pair was looked at.
    ``key`` tells a request that was sent twice.
    """

    __tablename__ = "verdicts"
    __table_args__ = (
        Index("ix_verdicts_entry_id", "entry_id"),
        Index("ix_verdicts_dataset_id_reviewer", "dataset_id", "reviewer", "at"),
        Index("ix_verdicts_audit_id", "audit_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    entry_id: Mapped[int] = mapped_column(Id)
    reviewer: Mapped[str] = mapped_column(String(40))
    verdict: Mapped[str] = mapped_column(String(10))
    version: Mapped[int] = mapped_column(BigInteger)
    content_hash: Mapped[int | None] = mapped_column(BigInteger)
    change_set_id: Mapped[int | None] = mapped_column(Integer)
    audit_id: Mapped[int | None] = mapped_column(Integer)
    seconds: Mapped[int | None] = mapped_column(Integer)
    key: Mapped[str | None] = mapped_column(String(40), unique=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Claim(Base):
    """The pair that a reviewer looks at now; nobody else gets it until ``until``."""

    __tablename__ = "claims"
    __table_args__ = (Index("ix_claims_dataset_id_until", "dataset_id", "until"), {"sqlite_with_rowid": False})

    entry_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    reviewer: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(80))
    until: Mapped[datetime] = mapped_column(UtcDateTime)


class Comment(Base):
    """A remark on a pair, for those who work on it, not for exports. ``reviewer`` is the key of its author."""

    __tablename__ = "comments"
    __table_args__ = (Index("ix_comments_entry_id", "entry_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    entry_id: Mapped[int] = mapped_column(Id)
    reviewer: Mapped[str] = mapped_column(String(40))
    author: Mapped[str] = mapped_column(String(80))
    text: Mapped[str] = mapped_column(Text)
    key: Mapped[str | None] = mapped_column(String(40), unique=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Audit(Base):
    """A sample of pairs, drawn at random to learn how many of all are bad.

    ``sample`` has the ids, ascending; ``drawn_from`` is how many pairs matched ``filters``, an address's query.
    """

    __tablename__ = "audits"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    filters: Mapped[str] = mapped_column(Text)
    seed: Mapped[int] = mapped_column(BigInteger)
    sample: Mapped[list[Any]] = mapped_column(JSON)
    drawn_from: Mapped[int] = mapped_column(Integer)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

"""Connections to servers of models, what was sent to them, and what was found on this computer. No key is in here."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now


class Connection(Base):
    """A model at an address, with what it costs and how much may be asked of it.

    ``key_id`` is the name under which its key is kept elsewhere, ``test`` what the last test found, ``learned`` what
    the server turned out to take. One that was removed stays for the list of its calls.
    """

    __tablename__ = "connections"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    key_source: Mapped[str] = mapped_column(String(10))
    variable: Mapped[str] = mapped_column(Text, default="")
    key_id: Mapped[str | None] = mapped_column(String(32))
    allow_http: Mapped[bool] = mapped_column(Boolean, default=False)
    allow_private: Mapped[bool] = mapped_column(Boolean, default=False)
    price_in: Mapped[float | None] = mapped_column(Float)
    price_out: Mapped[float | None] = mapped_column(Float)
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    per_minute: Mapped[int | None] = mapped_column(Integer)
    parallel: Mapped[int] = mapped_column(Integer, default=1)
    cap: Mapped[float | None] = mapped_column(Float)
    learned: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    test: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    tested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ModelUse(Base):
    """Calls that one test, job or the like made of a connection: who started it on which page, how many, how much."""

    __tablename__ = "model_uses"
    __table_args__ = (Index("ix_model_uses_connection_id", "connection_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id"))
    address: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(Text)
    page: Mapped[str] = mapped_column(Text)
    dataset_id: Mapped[int | None] = mapped_column(Integer)
    job_id: Mapped[int | None] = mapped_column(Integer)
    calls: Mapped[int] = mapped_column(Integer, default=0)
    failed: Mapped[int] = mapped_column(Integer, default=0)
    sent_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    tokens_in: Mapped[int] = mapped_column(BigInteger, default=0)
    tokens_out: Mapped[int] = mapped_column(BigInteger, default=0)
    began_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class FoundServer(Base):
    """What the last look on this computer found of one program. ``models`` is None where nothing answered."""

    __tablename__ = "found_servers"

    program: Mapped[str] = mapped_column(String(20), primary_key=True)
    port: Mapped[int] = mapped_column(Integer)
    models: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    looked_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

"""Training runs: what was trained, where, and how it went. Their files lie in a folder each, outside the database."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now


class TrainingRun(Base):
    """One run, of one snapshot.

    ``state``: queued, running, pausing, paused, waiting (for metrics that somebody brings back), done, failed,
    cancelled, interrupted (it is taken up again). ``place`` is local, bundle or the id of a connection; ``handle`` is
    what the place calls the run. ``spec`` is what ``run.json`` holds and never changes. ``result`` is what is known of
    its outcome: best, step, steps, bytes, error, code. ``override`` says why it was started although something had to
    be fixed first, ``sweep`` joins the runs of one sweep.
    """

    __tablename__ = "training_runs"
    # The id names the folder of the run, so it must not come again.
    __table_args__ = (
        UniqueConstraint("dataset_id", "number"),
        Index("ix_training_runs_state", "state"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    number: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(Text, default="")
    note: Mapped[str] = mapped_column(Text, default="")
    place: Mapped[str] = mapped_column(String(40), default="local")
    snapshot_id: Mapped[int] = mapped_column(Integer)
    spec: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(String(12), default="queued")
    job_id: Mapped[int | None] = mapped_column(Integer)
    handle: Mapped[str] = mapped_column(Text, default="")
    result: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    override: Mapped[str] = mapped_column(Text, default="")
    sweep: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

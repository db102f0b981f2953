"""Recipes: named lists of cleaning steps, for every dataset."""

from datetime import datetime

from sqlalchemy import JSON, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now
from app.models.entry import Id


class SavedRecipe(Base):
    """A recipe that was kept. ``steps`` is the JSON of its steps, in the form of the recipe files.

    A deleted recipe keeps its row, so that it can be brought back.
    """

    __tablename__ = "recipes"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    steps: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)
    version: Mapped[int] = mapped_column(Id, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

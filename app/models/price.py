"""Prices that the user knows: of a million trained tokens, for a model of a target."""

from datetime import datetime

from sqlalchemy import Float, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, UtcDateTime, now


class Price(Base):
    """The price of a million trained tokens. ``model`` is empty where the target has one price for all."""

    __tablename__ = "prices"

    profile: Mapped[str] = mapped_column(Text, primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)
    price: Mapped[float] = mapped_column(Float)
    currency: Mapped[str] = mapped_column(String(3))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)

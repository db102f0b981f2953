"""Where models are trained. Each place does the same things behind one protocol."""

from app.providers.tuning.base import Obstacle, Place, PlaceState

__all__ = ["Obstacle", "Place", "PlaceState"]

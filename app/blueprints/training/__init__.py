"""Training: runs listed and compared, made, watched, and what came of them."""

from app.blueprints.training import new, one, runs
from app.blueprints.training.page import bp

__all__ = ["bp", "new", "one", "runs"]

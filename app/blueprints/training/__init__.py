"""Training: runs listed and compared, made, watched, and what came of them."""

from app.blueprints.training import bundles, new, one, runs
from app.blueprints.training.page import bp

__all__ = ["bp", "bundles", "new", "one", "runs"]

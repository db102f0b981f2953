"""Take-away bundles: all that another machine needs to train a run, with one command that does it."""

from app.core.bundles.training.base import Trainer, name_run
from app.core.bundles.training.files import write_files
from app.core.bundles.training.trainers import TRAINERS, find_trainer, list_trainers

__all__ = ["TRAINERS", "Trainer", "find_trainer", "list_trainers", "name_run", "write_files"]

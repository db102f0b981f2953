"""Cleaning in bulk: preview by one pass, choose row by row, apply as one step of the history, keep recipes.

Nothing is changed by looking. What a preview counts is what applying it changes, but for pairs edited in between.
"""

from app.services.cleaning.applying import Done, Order, run, run_at_once
from app.services.cleaning.outcomes import DELETED, DUPLICATE, EMPTIED, KEPT, SPLIT, Outcome, Washer
from app.services.cleaning.previews import Preview
from app.services.cleaning.recipes import named as saved
from app.services.cleaning.scanning import Scan, scan
from app.services.cleaning.showing import LONGEST_SECONDS, VIEWS, Shown, look, show
from app.services.cleaning.wishes import Cleaning, sentence

__all__ = [
    "DELETED",
    "DUPLICATE",
    "EMPTIED",
    "KEPT",
    "LONGEST_SECONDS",
    "SPLIT",
    "VIEWS",
    "Cleaning",
    "Done",
    "Order",
    "Outcome",
    "Preview",
    "Scan",
    "Shown",
    "Washer",
    "look",
    "run",
    "run_at_once",
    "saved",
    "scan",
    "sentence",
    "show",
]

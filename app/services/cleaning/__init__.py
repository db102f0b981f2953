"""Cleaning in bulk: preview by one pass, choose row by row, apply as one step of the history, keep recipes.

Nothing is changed by looking. What a preview counts is what applying it changes, but for pairs edited in between.
"""

from app.services.cleaning.applying import Done, Order, run
from app.services.cleaning.outcomes import DELETED, DUPLICATE, EMPTIED, KEPT, SPLIT, Outcome, Washer
from app.services.cleaning.previews import Preview
from app.services.cleaning.recipes import named as saved
from app.services.cleaning.scanning import Scan, scan
from app.services.cleaning.showing import LONGEST_SECONDS, VIEWS, Shown, look, show
from app.services.cleaning.tasks import CLEAN, PREVIEW, SUGGEST, CleaningRun, PreviewRun, SuggestRun
from app.services.cleaning.wishes import Cleaning, sentence

__all__ = [
    "CLEAN",
    "DELETED",
    "DUPLICATE",
    "EMPTIED",
    "KEPT",
    "LONGEST_SECONDS",
    "PREVIEW",
    "SPLIT",
    "SUGGEST",
    "VIEWS",
    "Cleaning",
    "CleaningRun",
    "Done",
    "Order",
    "Outcome",
    "Preview",
    "PreviewRun",
    "Scan",
    "Shown",
    "SuggestRun",
    "Washer",
    "look",
    "run",
    "saved",
    "scan",
    "sentence",
    "show",
]

"""Cleaning in bulk: preview by one pass, choose row by row, apply as one step of the history, keep recipes.

Nothing is changed by looking. What a preview counts is what applying it changes, but for pairs edited in between.
"""

from app.services.cleaning.applying import CleaningOrder, CleaningResult, run_cleaning
from app.services.cleaning.options import CleaningOptions, step_sentence
from app.services.cleaning.outcomes import DELETED, DUPLICATE, EMPTIED, KEPT, SPLIT, CleaningOutcome, EntryCleaner
from app.services.cleaning.previews import CleaningPreview
from app.services.cleaning.recipes import find_recipe as saved
from app.services.cleaning.scanning import CleaningScan, scan_dataset
from app.services.cleaning.showing import LONGEST_SECONDS, VIEWS, PreviewRow, preview_dataset, preview_rows
from app.services.cleaning.tasks import CLEAN, PREVIEW, SUGGEST, CleaningRun, PreviewRun, SuggestRun

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
    "CleaningOptions",
    "CleaningOrder",
    "CleaningOutcome",
    "CleaningPreview",
    "CleaningResult",
    "CleaningRun",
    "CleaningScan",
    "EntryCleaner",
    "PreviewRow",
    "PreviewRun",
    "SuggestRun",
    "preview_dataset",
    "preview_rows",
    "run_cleaning",
    "saved",
    "scan_dataset",
    "step_sentence",
]

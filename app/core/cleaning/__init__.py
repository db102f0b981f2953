"""Cleaning: operations on texts and pairs, registered by name, and recipes of them."""

from app.core.cleaning import replace as _replace  # noqa: F401  (registers its operations)
from app.core.cleaning.base import (
    GROUPS,
    OPERATIONS,
    TEXT_FIELDS,
    CleaningStopped,
    NoOptions,
    Operation,
    option_fields,
)
from app.core.cleaning.recipe import Cleaner, Recipe, Result, Step, clean_stream, compile_recipe

__all__ = [
    "GROUPS",
    "OPERATIONS",
    "TEXT_FIELDS",
    "Cleaner",
    "CleaningStopped",
    "NoOptions",
    "Operation",
    "Recipe",
    "Result",
    "Step",
    "clean_stream",
    "compile_recipe",
    "option_fields",
]
